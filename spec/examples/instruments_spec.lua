-- Runs the examples that bring their own simulators.
local shell = require "support.shell"

describe("examples/", function()
  it("instruments.lua sets a supply and reads a meter", function()
    local output, status = shell.finish(shell.example "instruments.lua")
    assert.equal(0, status, output)
    assert.matches("^PSU%-3205\tSIM320501\t1.4.0\nDMM%-6500\tSIM650001\t2.0.1\n", output)
    assert.matches("\n 5.0 V: 4.99%d V at the load, 0.49%d A\n%-222\tData out of range\n$", output)
  end)

  it("simulator.lua makes an instrument and breaks it", function()
    local output, status = shell.finish(shell.example "simulator.lua")
    assert.same({ "85;CLOSED;hello operator\n85\ntimeout\nCLOSED\n85\n", 0 }, { output, status })
  end)

  it("scheme.lua makes schemes", function()
    assert.same({ "PSU-3205\nHELLO\nAGAIN\n", 0 }, { shell.finish(shell.example "scheme.lua") })
  end)

  it("boot.lua watches a device boot and tests it", function()
    local output, status = shell.finish(shell.example "boot.lua")
    assert.equal("firmware\t2.1.0\nloader\t1.2\nram\tok\nflash\tok\nrtc\tok\nadc\tok\nPASS\t\n", output)
    assert.equal(0, status)
  end)
end)
