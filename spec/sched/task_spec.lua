-- Tasks as seen from inside one program; what happens at its end is in loop_spec.lua.
local rig = require "moonrig"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("a task", function()
  it("gets its arguments and gives its results to every joiner, also later", function()
    local task = rig.spawn(function(...) return select("#", ...), ... end, nil, "b", nil)
    local again = rig.spawn(function() return task:join() end)
    assert.same({ n = 4, 3, nil, "b", nil }, table.pack(task:join()))
    assert.same({ n = 4, 3, nil, "b", nil }, table.pack(again:join()))
    assert.same({ n = 4, 3, nil, "b", nil }, table.pack(task:join()))
    assert.equal("done", task:status())
  end)

  it("starts only when the one that made it waits, in the order of making", function()
    local seen = {}
    for i = 1, 3 do rig.spawn(function() seen[#seen + 1] = i end) end
    assert.same({}, seen)
    rig.sleep(0)
    assert.same({ 1, 2, 3 }, seen)
  end)

  it("raises its error, of any type, in whoever joins", function()
    local object = { code = "mine" }
    local task = rig.spawn(function() error(object) end)
    assert.equal(object, fails(task.join, task))
    assert.equal(object, fails(task.join, task))
    assert.equal("failed", task:status())
    assert.matches("expected a task", fails(task.join).message)
    task = rig.spawn(function() error "plain" end)
    assert.matches("task_spec.lua:%d+: plain$", fails(task.join, task))
    task = rig.spawn(function() error() end)
    assert.is_nil(fails(task.join, task))
  end)

  it("can be joined within a time, and again after that", function()
    local go = rig.queue()
    local task = rig.spawn(function() return go:pop() end)
    local err = fails(task.join, task, 0.01)
    assert.equal("timeout", err.code)
    assert.equal("waiting", task:status())
    go:push "done"
    assert.equal("done", task:join())
  end)

  it("cannot wait for its own end", function()
    local task
    task = rig.spawn(function() return task:join() end)
    assert.equal("unsupported", fails(task.join, task).code)
  end)

  it("returns many values", function()
    local list = {}
    for i = 1, 5000 do list[i] = i end
    local task = rig.spawn(function() return table.unpack(list) end)
    assert.equal(5000, select("#", task:join()))
    assert.same(list, { task:join() })
  end)

  it("gives way to the others with coroutine.yield, as with sleep(0)", function()
    local seen = {}
    local function count(name)
      for i = 1, 3 do
        seen[#seen + 1] = name .. i
        coroutine.yield()
      end
    end
    local a, b = rig.spawn(count, "a"), rig.spawn(count, "b")
    a:join()
    b:join()
    assert.same({ "a1", "b1", "a2", "b2", "a3", "b3" }, seen)
  end)

  it("is freed with all it holds once it has ended and nobody keeps it", function()
    local weak = setmetatable({}, { __mode = "k" })
    local ended = rig.queue()
    local function start()
      local big = {}
      weak[big] = true
      weak[rig.spawn(function()
        rig.sleep(0)
        ended:push(true)
        return big
      end)] = true
    end
    for _ = 1, 100 do start() end
    for _ = 1, 100 do ended:pop() end
    collectgarbage()
    collectgarbage()
    assert.is_nil((next(weak)))
  end)

  it("is cheap: ten thousand of them wait at once", function()
    collectgarbage()
    local before, go, tasks = collectgarbage "count", false, {}
    for i = 1, 10000 do tasks[i] = rig.spawn(function() while not go do rig.sleep(0.02) end return i end) end
    rig.sleep(0)
    assert.is_true((collectgarbage "count" - before) / 10000 < 3, "KiB a task")
    go = true
    local sum = 0
    for i = 1, 10000 do sum = sum + tasks[i]:join() end
    assert.equal(50005000, sum)
  end)
end)

describe("cancel", function()
  it("raises at the wait point, with the reason", function()
    local task = rig.spawn(function() rig.sleep(10) end)
    rig.sleep(0)
    task:cancel "enough"
    local err = fails(task.join, task)
    assert.same({ "cancelled", "enough" }, { err.code, err.message })
    assert.matches("task_spec.lua:%d+: enough", tostring(err))
  end)

  it("reaches a task that has not waited yet at its first wait", function()
    local reached = {}
    local task = rig.spawn(function()
      reached[1] = "began"
      rig.sleep(0)
      reached[2] = "went on"
    end)
    task:cancel()
    assert.equal("cancelled", fails(task.join, task).code)
    assert.same({ "began" }, reached)
  end)

  it("leaves <close> handlers free to wait and to do I/O", function()
    local near, far = rig.pair()
    local task = rig.spawn(function()
      local output <close> = setmetatable({}, { __close = function(_, err) -- luacheck: ignore output
        assert(err.code == "cancelled")
        near:write_line "OUTP OFF"
        rig.sleep(0.01)
        near:write_line(near:read_line())
      end })
      near:read(1)
    end)
    rig.sleep(0)
    task:cancel()
    assert.equal("OUTP OFF", far:read_line())
    far:write_line "ok"
    assert.equal("ok", far:read_line())
    assert.equal("cancelled", fails(task.join, task).code)
    near:close()
    far:close()
  end)

  it("takes effect once: teardown is not cancelled again", function()
    local steps = {}
    local task
    task = rig.spawn(function()
      local ok, err = pcall(rig.sleep, 10)
      steps[1] = not ok and err.message
      task:cancel "again"
      rig.sleep(0.01)
      steps[2] = "cleaned up"
      return "result"
    end)
    rig.sleep(0)
    task:cancel "first"
    task:cancel "second"
    assert.equal("result", task:join())
    assert.same({ "first", "cleaned up" }, steps)
    task:cancel "too late"
    assert.equal("result", task:join())
  end)

  it("does not take what had already been given to the task", function()
    local queue = rig.queue()
    local got
    local task = rig.spawn(function()
      got = queue:pop()
      rig.sleep(0)
    end)
    rig.sleep(0)
    queue:push "value"
    task:cancel()
    assert.equal("cancelled", fails(task.join, task).code)
    assert.equal("value", got)
    assert.equal(0, #queue)
  end)

  it("of the running task itself comes at its next wait", function()
    local task
    task = rig.spawn(function()
      task:cancel "me"
      return fails(rig.sleep, 0).message
    end)
    assert.equal("me", task:join())
  end)

  it("passes through join: the one that waits is cancelled, not the other", function()
    local go = rig.queue()
    local other = rig.spawn(function() return go:pop() end)
    local waiting = rig.spawn(function() return other:join() end)
    rig.sleep(0)
    waiting:cancel()
    assert.equal("cancelled", fails(waiting.join, waiting).code)
    go:push "alive"
    assert.equal("alive", other:join())
  end)
end)

describe("rig.deadline", function()
  it("returns what the function returns", function()
    assert.same({ n = 3, 1, nil, 3 }, table.pack(rig.deadline(1, function(...) return ... end, 1, nil, 3)))
  end)

  it("raises timeout at the wait point once the time is over, whatever the wait's own timeout", function()
    local began = rig.now()
    local err = fails(rig.deadline, 0.03, function() rig.sleep(10) end)
    assert.same({ "timeout", "the deadline has passed" }, { err.code, err.message })
    assert.is_true(math.abs(rig.now() - began - 0.03) < 0.02)
  end)

  it("raises once, so that the function can clean up", function()
    local cleaned
    fails(rig.deadline, 0.01, function()
      local guard <close> = setmetatable({}, { __close = function() -- luacheck: ignore guard
        rig.sleep(0.01)
        cleaned = true
      end })
      rig.sleep(10)
    end)
    assert.is_true(cleaned)
  end)

  it("passes errors on and ends with the function", function()
    assert.equal("mine", fails(rig.deadline, 0.01, error, "mine"))
    rig.deadline(0.01, function() end)
    rig.sleep(0.02)
  end)

  it("nests: the earlier one holds", function()
    local began = rig.now()
    local err = fails(rig.deadline, 0.03, rig.deadline, 10, rig.sleep, 10)
    assert.equal("timeout", err.code)
    assert.is_true(rig.now() - began < 1)
    local ok = rig.deadline(10, function()
      fails(rig.deadline, 0.01, rig.sleep, 10)
      rig.sleep(0.02)
      return "the outer one goes on"
    end)
    assert.equal("the outer one goes on", ok)
  end)

  it("lets the outer one clean up when it passes inside an inner one", function()
    local cleaned
    fails(rig.deadline, 0.01, function()
      local guard <close> = setmetatable({}, { __close = function() -- luacheck: ignore guard
        rig.sleep(0.01)
        cleaned = true
      end })
      rig.deadline(10, rig.sleep, 10)
    end)
    assert.is_true(cleaned)
  end)

  it("holds for joins, queues and ports as well", function()
    local near, far = rig.pair()
    local queue, task = rig.queue(), rig.spawn(function() rig.sleep(0.1) end)
    for _, wait in ipairs { function() queue:pop() end, function() task:join() end, function() near:read(1) end } do
      assert.equal("timeout", fails(rig.deadline, 0.005, wait).code)
    end
    near:close()
    far:close()
  end)
end)
