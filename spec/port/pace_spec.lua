local rig = require "moonrig"

-- Seconds between the first byte and the last, as they arrive at the other end.
local function time_of(near, far, text)
  local began
  local writer = rig.spawn(function() near:write(text) end)
  local got = {}
  for i = 1, #text do
    got[i] = far:read(1)
    began = began or rig.now()
  end
  writer:join()
  assert.equal(text, table.concat(got))
  return rig.now() - began
end

describe("writing slowly", function()
  it("pauses after each byte", function()
    local near <close>, far = rig.pair { timeout = 5 }
    near.output_delay = 0.01
    assert.is_true(time_of(near, far, "0123456789") >= 0.085)
    near.output_delay = 0
    assert.is_true(time_of(near, far, "0123456789") < 0.08)
  end)

  it("pauses after each line, and a line goes at once", function()
    local near <close>, far = rig.pair { timeout = 5, eol = "\r\n" }
    near.output_line_delay = 0.03
    assert.is_true(time_of(near, far, "one\r\ntwo\r\nthree\r\nx") >= 0.085)
    assert.equal(0.03, near.output_line_delay)
  end)

  it("holds across writes, and counts against the timeout", function()
    local near <close>, far = rig.pair { timeout = 5, output_delay = 0.02 }
    near:write "a"
    local began = rig.now()
    near:write("b"):write "c"
    assert.is_true(rig.now() - began >= 0.035)
    assert.equal("abc", far:read(3))
    local ok, err = pcall(near.write, near, ("x"):rep(1000), 0.05)
    assert.same({ false, "timeout" }, { ok, err.code })
    assert.is_true(err.written < 10)
  end)

  it("takes seconds, finite ones", function()
    local ok, err = pcall(rig.open, "loop://?output_delay=inf")
    assert.same({ false, "unsupported" }, { ok, err.code })
    ok, err = pcall(rig.open, "loop://", { output_line_delay = -1 })
    assert.same({ false, "unsupported" }, { ok, err.code })
  end)
end)
