-- scripts/demo.sh and what it runs: examples/psu_final.lua against the simulated instruments.
local record = require "moonrig.record"
local rig = require "moonrig"
local shell = require "support.shell"

local function read_file(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read "a"
end

describe("the final test of a power supply", function()
  local out, demo
  before_each(function()
    out = os.tmpname()
    os.remove(out)
    os.execute("mkdir " .. out)
    demo = ("env NO_COLOR=1 MOONRIG=%s OUT=%s scripts/demo.sh"):format(shell.moonrig, out)
  end)
  after_each(function() os.execute("rm -r " .. out) end)

  local function runs()
    local rec <close> = record.open(out .. "/demo.db")
    local all = {}
    for i, head in ipairs(rec:runs()) do all[i] = rec:load(head.id) end
    return all
  end

  -- The simulators that a run met do not answer any more, nor does the bridge to one of them.
  local function simulators_are_gone(run)
    local schemes = {}
    for i, instrument in ipairs(run.instruments) do
      schemes[i] = instrument.url:match "^%w+"
      local port, err = rig.try_open(instrument.url)
      assert.is_nil(port, instrument.url)
      assert.equal("refused", err.code, err.message)
    end
    table.sort(schemes)
    assert.same({ "rfc2217", "socket", "socket" }, schemes)
  end

  it("passes in the demo, which says where record and reports are, and adds to the record", function()
    local output, code = shell.run(demo)
    assert.equal(0, code, output)
    assert.matches("PASS  unit PSU4711   16 of 16 measurements passed", output, 1, true)
    for _, name in ipairs { "demo.db", "demo.html", "demo.xml" } do
      assert.is_truthy(output:find(out .. "/" .. name, 1, true), name)
    end
    assert.matches("PSU4711", read_file(out .. "/demo.html"), 1, true)
    assert.equal(0, select(2, shell.run("xmllint --noout " .. out .. "/demo.xml")))
    assert.equal(0, select(2, shell.run(demo .. " PSU4712")))
    local all = runs()
    assert.same({ 2, "PSU4711", "PASS", "PSU4712", "PASS" },
      { #all, all[1].dut.serial, all[1].outcome, all[2].dut.serial, all[2].outcome })
    assert.is_true(all[1].simulated)
    simulators_are_gone(all[1])
    simulators_are_gone(all[2])
  end)

  it("leaves nothing behind when Ctrl-C ends the demo, and switches the supply off", function()
    local port = shell.start("echo $$; exec " .. demo)
    local group = port:read_line()
    port:expect "set points\n"
    os.execute("kill -INT -" .. group)
    local output, code = shell.finish(port)
    assert.equal(130, code, output)
    local run = runs()[1]
    assert.same({ "ABORTED", false }, { run.outcome, run.interrupted })
    local last = run.phases[#run.phases]
    assert.same({ "output off", "PASS", "safe state", "PASS" }, { run.phases[#run.phases - 1].name,
      run.phases[#run.phases - 1].outcome, last.name, last.outcome })
    simulators_are_gone(run)
  end)

  it("leaves nothing behind when the test cannot start", function()
    local output, code = shell.run(demo .. " XY1")
    assert.equal(64, code)
    assert.matches("does not match", output)
  end)

  local function simulate(station)
    return shell.run(("%s test examples/psu_final.lua --dut PSU1 --simulate --station %s --results %s/demo.db"):format(
      shell.moonrig, station, out))
  end

  it("runs with simulators in the same process", function()
    local output, code = simulate "examples/station.lua"
    assert.equal(0, code, output)
    local run = runs()[1]
    assert.same({ "PASS", true, "ST-01" }, { run.outcome, run.simulated, run.station })
  end)

  it("finds what is wrong with a unit", function()
    local station = read_file("examples/station.lua"):gsub('"sims/', ('"%s/examples/sims/'):format(os.getenv "PWD"))
      :gsub("dut.lua", "dut.lua?fail=flash")
    local path = out .. "/station.lua"
    local f <close> = assert(io.open(path, "w"))
    f:write(station)
    f:flush()
    local output, code = simulate(path)
    assert.equal(1, code, output)
    assert.matches("self-test: selftest = selftest: FAIL (1 of 4) is not selftest: PASS", output, 1, true)
  end)
end)
