local rig = require "moonrig"

describe("an error object", function()
  local _, err = pcall(rig.open, "/dev/not-there")

  it("joins with text as its own text", function()
    assert.equal("failed: " .. tostring(err) .. "!", "failed: " .. err .. "!")
  end)

  it("goes through error, xpcall and coroutines as it is", function()
    local routine = coroutine.create(error)
    for _, again in ipairs {
      (select(2, pcall(error, err))), (select(2, xpcall(error, debug.traceback, err))),
      (select(2, coroutine.resume(routine, err))),
    } do
      assert.equal(err, again)
    end
    local task = rig.spawn(error, err)
    assert.equal(err, select(2, pcall(task.join, task)))
  end)
end)
