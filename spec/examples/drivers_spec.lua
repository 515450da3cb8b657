-- The drivers in examples/drivers, with the simulators of examples/sims.
package.path = "examples/?.lua;" .. package.path
local rig = require "moonrig"

describe("examples/drivers/", function()
  local function open(name, url, options)
    local port = rig.open(url, options)
    return require("drivers." .. name).open(port), port
  end

  it("supply.lua sets, measures, raises the supply's own errors, and switches off at its end", function()
    local psu, port = open("supply", "sim:examples/sims/psu.lua?load=10")
    assert.equal("PSU-3205", psu:idn().model)
    psu:on { volts = 5, amps = 1 }
    assert.is_true(math.abs(psu:volts() - 5) < 0.1)
    assert.is_true(psu:amps() > 0.4)
    local ok, err = pcall(psu.on, psu, { volts = 99, amps = 1 })
    assert.is_false(ok)
    assert.matches("Data out of range", tostring(err))
    psu:close()
    assert.equal("0", port:query "OUTP?")
    port:close()
  end)

  it("multimeter.lua averages", function()
    local dmm, port <close> = open("multimeter", "sim:examples/sims/dmm.lua")
    assert.equal("DMM-6500", dmm:idn().model)
    local volts, spread = dmm:volts(5)
    assert.is_true(math.abs(volts) < 1 and spread >= 0)
    assert.equal(0, select(2, dmm:amps()))
    port:close()
  end)

  it("board.lua runs commands, and enters and leaves the boot loader", function()
    local board, port <close> = open("board", "sim:examples/sims/dut.lua", { timeout = 5, eol = "\r" })
    port:expect "mr1# "
    assert.matches("fw %d", board:command "version")
    board:enter_loader()
    assert.matches("boot loader", board:command "version")
    board:boot()
    assert.matches("selftest: PASS", board:command("selftest", 10))
    board:reset()
    assert.matches("fw %d", board:command "version")
    port:close()
  end)
end)
