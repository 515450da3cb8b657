local rig = require "moonrig"

local function seconds(fn, ...)
  local t0 = rig.now()
  fn(...)
  return rig.now() - t0
end

describe("what takes time on a port", function()
  local near, far
  before_each(function() near, far = rig.pair { timeout = 1 } end)
  after_each(function()
    near:close()
    far:close()
  end)

  it("is a break of the length asked for, also while the other end has unread bytes", function()
    near:write "unread"
    local task = rig.spawn(function() return seconds(near.send_break, near, 0.05) end)
    rig.sleep(0)
    assert.is_true(near.break_condition)
    assert.near(0.05, task:join(), 0.02)
    assert.is_false(near.break_condition)
    assert.same({ "unread\0", 1 }, { far:read(7), far.errors.breaks })
  end)

  it("is a pulse, which the other end sees begin and end", function()
    local seen = {}
    local task = rig.spawn(function()
      for i = 1, 2 do seen[i] = { level = far:wait_signals("cts").cts, time = rig.now() } end
    end)
    rig.sleep(0)
    assert.near(0.05, seconds(near.pulse, near, "rts", 0.05), 0.02)
    task:join()
    assert.same({ false, true, true }, { seen[1].level, seen[2].level, near.rts })
    assert.near(0.05, seen[2].time - seen[1].time, 0.02)
  end)

  it("ends in time also when the task that began it was cancelled", function()
    for _, begin in ipairs { function() near:pulse("rts", 0.02) end, function() near:send_break(0.02) end } do
      local task = rig.spawn(begin)
      rig.sleep(0)
      task:cancel()
      assert.equal("cancelled", select(2, pcall(task.join, task)).code)
      assert.is_true(near.break_condition or not near.rts)
      rig.sleep(0.03)
      assert.same({ false, true }, { near.break_condition, near.rts })
    end
  end)

  it("ends, when nobody waits for it any more, as another begins", function()
    local task = rig.spawn(function() near:pulse("dtr", 10) end)
    rig.sleep(0)
    task:cancel()
    near:pulse("rts", 0.01)
    assert.same({ true, true }, { near.dtr, near.rts })
    task = rig.spawn(function() near:pulse("rts", 10) end)
    rig.sleep(0)
    task:cancel()
    near:pulse("rts", 0.01)
    assert.is_true(near.rts)
  end)

  it("can be assigned to after the task that waited was cancelled", function()
    local task = rig.spawn(function() near:pulse("rts", 10) end)
    rig.sleep(0)
    task:cancel()
    near.baudrate = 19200
    assert.equal(19200, near.baudrate)
  end)

  it("is one thing at a time", function()
    local task = rig.spawn(near.send_break, near, 0.02)
    rig.sleep(0)
    assert.equal("busy", select(2, pcall(near.pulse, near, "rts", 0.01)).code)
    task:join()
  end)
end)
