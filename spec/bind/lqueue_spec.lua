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

  it("makes who pushes wait while it is full, and serves those in order too", function()
    local queue, seen = rig.queue(2), {}
    queue:push("a"):push("b")
    local ok, err = pcall(queue.push, queue, "x", 0.01)
    assert.same({ false, "timeout", "push: the queue stayed full" }, { ok, err.code, err.message })
    local waiting = rig.spawn(function() queue:push("c") end)
    rig.sleep(0)
    seen[1] = queue:pop()
    ok, err = pcall(queue.push, queue, "overtakes", 0)
    assert.same({ false, "timeout" }, { ok, err.code })
    waiting:join()
    for i = 2, 3 do seen[i] = queue:pop(0) end
    assert.same({ "a", "b", "c" }, seen)
    assert.equal(0, #queue)
  end)

  it("carries any value but nil, and says so", function()
    local queue = rig.queue()
    queue:push(false)
    assert.is_false(queue:pop())
    local ok, err = pcall(queue.push, queue, nil)
    assert.is_false(ok)
    assert.equal("unsupported", err.code)
    assert.matches("expected a value %(not nil%)", err.message)
    ok, err = pcall(rig.queue, 0)
    assert.is_false(ok)
    assert.matches("limit of 1 or more", err.message)
  end)

  it("frees what it no longer holds", function()
    local queue, weak = rig.queue(), setmetatable({}, { __mode = "v" })
    for i = 1, 10 do
      weak[i] = {}
      queue:push(weak[i])
    end
    for _ = 1, 9 do queue:pop() end
    collectgarbage()
    assert.same({ 10 }, { next(weak) and (next(weak)) })
    assert.equal(1, #queue)
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
