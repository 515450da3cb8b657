-- Groups and locks (lua/moonrig/task.lua).
local rig = require "moonrig"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("a group", function()
  it("ends when all of its tasks have ended, also those that they start", function()
    local done = {}
    rig.group(function(g)
      g:spawn(function(name)
        rig.sleep(0.02)
        done[#done + 1] = name
        g:spawn(function() done[#done + 1] = "grandchild" end)
      end, "slow")
      g:spawn(function() done[#done + 1] = "fast" end)
    end)
    assert.same({ "fast", "slow", "grandchild" }, done)
  end)

  it("lets its tasks be joined for their results", function()
    local sum
    rig.group(function(g)
      local a, b = g:spawn(function() return 1 end), g:spawn(function() return 2, 3 end)
      sum = a:join() + select(2, b:join())
    end)
    assert.equal(4, sum)
  end)

  it("cancels the rest on the first error, waits until they have cleaned up, and raises it", function()
    local steps, object = {}, { code = "mine" }
    local err = fails(rig.group, function(g)
      for i = 1, 2 do
        g:spawn(function()
          local guard <close> = setmetatable({}, { __close = function(_, e) -- luacheck: ignore guard
            rig.sleep(0.01 * i)
            steps[i] = e.message
          end })
          rig.sleep(10)
        end)
      end
      g:spawn(function()
        rig.sleep(0)
        error(object)
      end)
    end)
    assert.equal(object, err)
    assert.same({ "another task of the group failed", "another task of the group failed" }, steps)
  end)

  it("also cancels them when its own function fails, and raises any error value", function()
    local told
    local err = fails(rig.group, function(g)
      g:spawn(function() told = fails(rig.sleep, 10).message end)
      rig.sleep(0)
      error "own"
    end)
    assert.matches("own$", err)
    assert.equal("the group's function failed", told)
    assert.is_nil(fails(rig.group, function(g) g:spawn(function() error() end) end))
  end)

  it("passes a cancel on to its tasks", function()
    local told
    local task = rig.spawn(rig.group, function(g)
      g:spawn(function() told = fails(rig.sleep, 10).message end)
    end)
    rig.sleep(0)
    rig.sleep(0)
    task:cancel "from outside"
    assert.equal("from outside", fails(task.join, task).message)
    assert.equal("the group was cancelled", told)
  end)

  it("goes on when one of its tasks is cancelled on purpose, but not when that one's teardown fails", function()
    local other
    rig.group(function(g)
      local task = g:spawn(rig.sleep, 10)
      g:spawn(function()
        rig.sleep(0.01)
        other = "went on"
      end)
      rig.sleep(0)
      task:cancel()
    end)
    assert.equal("went on", other)
    local err = fails(rig.group, function(g)
      local task = g:spawn(function()
        local guard <close> = setmetatable({}, { __close = function() error "stuck" end }) -- luacheck: ignore guard
        rig.sleep(10)
      end)
      rig.sleep(0)
      task:cancel()
    end)
    assert.matches("stuck", err)
  end)

  it("nests", function()
    local err = fails(rig.group, function(outer)
      outer:spawn(rig.sleep, 10)
      rig.group(function(inner)
        inner:spawn(rig.sleep, 10)
        inner:spawn(error, "deep", 0)
      end)
    end)
    assert.equal("deep", err)
  end)

  it("takes no more tasks after its end", function()
    local group
    rig.group(function(g) group = g end)
    assert.equal("closed", fails(group.spawn, group, print).code)
  end)
end)

describe("a lock", function()
  it("is released by <close>, also on an error and on a cancel", function()
    local lock = rig.lock()
    fails(lock.with, lock, error, "inside")
    local task = rig.spawn(function()
      local held <close> = lock:acquire() -- luacheck: ignore held
      rig.sleep(10)
    end)
    rig.sleep(0)
    assert.equal("timeout", fails(lock.acquire, lock, 0.01).code)
    task:cancel()
    fails(task.join, task)
    lock:acquire(0):release()
  end)

  it("is released once, and passes a with's results on", function()
    local lock = rig.lock()
    local held = lock:acquire()
    held:release()
    held:release()
    local a, b = lock:with(function(x) return x, 2 end, 1)
    assert.same({ 1, 2 }, { a, b })
    held = lock:acquire(0)
    assert.equal("timeout", fails(lock.acquire, lock, 0).code)
    held:release()
  end)

  it("is not lost when one that waits for it is cancelled", function()
    local lock = rig.lock()
    local held = lock:acquire()
    local first, second = rig.spawn(lock.acquire, lock), rig.spawn(lock.acquire, lock)
    rig.sleep(0)
    first:cancel()
    held:release()
    fails(first.join, first)
    assert.is_table(second:join(1))
  end)
end)
