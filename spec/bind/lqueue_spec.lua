local rig = require "moonrig"

describe("a queue", function()
  it("serves those who wait in order: nobody overtakes them", function()
    local queue, order = rig.queue(), {}
    local waiter = rig.spawn(function() order[#order + 1] = "waiter " .. queue:pop() end)
    rig.sleep(0)
    queue:push("one")
    local late = rig.spawn(function() order[#order + 1] = "late " .. queue:pop() end)
    local ok, err = pcall(queue.pop, queue, 0)
    assert.same({ false, "timeout" }, { ok, err.code })
    waiter:join()
    queue:push("two")
    late:join()
    assert.same({ "waiter one", "late two" }, order)
  end)

  it("keeps a value for the next one when a waiter is cancelled", function()
    local queue = rig.queue()
    local first = rig.spawn(function() return queue:pop() end)
    local second = rig.spawn(function() return queue:pop() end)
    rig.sleep(0)
    first:cancel()
    queue:push("mine")
    assert.equal("mine", second:join())
    assert.equal("cancelled", select(2, pcall(first.join, first)).code)
  end)
end)

describe("a lock", function()
  it("is taken in turn, also by tasks that come back at once", function()
    local lock, turns = rig.lock(), {}
    local function worker(name)
      return rig.spawn(function()
        for _ = 1, 3 do
          local held <close> = lock:acquire() -- luacheck: ignore held
          turns[#turns + 1] = name
          rig.sleep(0)
        end
      end)
    end
    local a, b = worker "a", worker "b"
    a:join()
    b:join()
    assert.equal("ababab", table.concat(turns))
  end)
end)
