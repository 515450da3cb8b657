-- Limits in a file of their own, and units.
local bench = require "support.bench"
local limitsfile = require "moonrig.limitsfile"
local units = require "moonrig.units"

local function write(path, text)
  local f <close> = assert(io.open(path, "w"))
  f:write(text)
end

describe("units", function()
  it("differ by an SI prefix, or not at all", function()
    for _, case in ipairs {
      { 5.02, "V", "V", 5.02 }, { 5020, "mV", "V", 5.02 }, { 5.02, "V", "mV", 5020 }, { 1.5, "MHz", "kHz", 1500 },
      { 330, "nF", "uF", 0.33 }, { 2, "µA", "uA", 2 }, { 4.7, "kOhm", "Ohm", 4700 }, { 3, "m", "m", 3 },
      { 20, "ms", "s", 0.02 }, { 2, "kΩ", "Ohm", 2000 }, { 5, "ohm", "Ω", 5 }, { 25, "°C", "degC", 25 },
    } do
      assert.equal(case[4], units.convert(case[1], case[2], case[3]))
    end
    local others = { { "V", "A" }, { "mV", "mA" }, { "degC", "K" }, { "m", "mm" }, { "V", "" }, { "dBm", "W" } }
    for _, case in ipairs(others) do
      assert.is_nil(units.convert(1, case[1], case[2]))
    end
  end)
end)

describe("a limits file", function()
  local b, folder
  before_each(function()
    b = bench.new()
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir " .. folder)
  end)
  after_each(function()
    b:close()
    os.execute("rm -r " .. folder)
  end)

  local function run(name, text, phases)
    write(folder .. "/" .. name, text)
    return b:run(('test.procedure { name = "P", limits = %q } %s'):format(folder .. "/" .. name, phases
      or [[test.phase("5 V rail", function(t) t:measure("v", 5210, { unit = "mV" }) end)]]))
  end

  it("as CSV gives limits, its version and its hash to the record, and units are converted", function()
    local text = "# version: 7\nphase,measurement,unit,min,max\n5 V rail,v,V,4.95,5.05\n"
    local result, as_recorded = run("limits.csv", text)
    assert.same({ "FAIL", "5 V rail: v = 5.21 V is above 5.05 V" }, { result.outcome, result.message })
    local m = as_recorded.phases[1].measurements[1]
    assert.same({ 5.21, "V", { min = 4.95, max = 5.05 } }, { m.value, m.unit, m.limits })
    local sha256 = limitsfile.read(folder .. "/limits.csv").sha256
    assert.same({ file = "limits.csv", version = "7", sha256 = sha256 }, as_recorded.config.limits)
    assert.equal("limits.csv", as_recorded.attachments[1].name)
    assert.equal(text, b.record:blob(as_recorded.attachments[1].sha256))
    assert.matches("limits: limits.csv version 7, sha256 " .. sha256, as_recorded.logs[1].message)
  end)

  it("as Lua gives the same", function()
    local result, as_recorded = run("limits.lua", [[
      local rail = { v = { unit = "V", within = { nominal = 5.2, percent = 1 } } }
      return { version = "8", limits = { ["5 V rail"] = rail } }
    ]])
    assert.equal("PASS", result.outcome)
    assert.equal("8", as_recorded.config.limits.version)
  end)

  it("fails what it declares and nobody measures, also in groups", function()
    local result, as_recorded = run("limits.csv", "phase,measurement,max\ng/a,x,1\n", [[
      test.group("g", function() test.phase("a", function() end) end)
    ]])
    assert.equal("FAIL", result.outcome)
    assert.equal("UNSET", as_recorded.phases[1].measurements[1].outcome)
  end)

  it("never mixes units", function()
    local result = run("limits.csv", "phase,measurement,unit,max\n5 V rail,v,A,5\n")
    assert.equal("ERROR", result.outcome)
    assert.matches("its value is in mV, its limits are in A", result.message)
  end)

  it("reads what spreadsheets write: quotes, line ends, marks", function()
    write(folder .. "/x.csv", '\239\187\191phase,measurement,equals,doc,matches\r\n'
      .. '"a, ""b""",m,"x\ny","say ""hi""",\r\n\r\nc,n,,,^v%d\r\n')
    assert.same({ ['a, "b"'] = { m = { equals = "x\ny", doc = 'say "hi"' } }, c = { n = { matches = "^v%d" } } },
      limitsfile.read(folder .. "/x.csv").limits)
  end)

  it("says what is wrong with it", function()
    for text, words in pairs {
      ["phase,measurement,mx\n"] = 'there is no column "mx"',
      ["phase,measurement,max\n5 V rail,v,5.o\n"] = 'row 2: max: "5.o" is not a number',
      ["phase,measurement,max\n5 V rail,,5\n"] = "row 2: phase and measurement have to be there",
      ["phase,measurement,max\n5 V rail,v,5\n5 V rail,v,6\n"] = "row 3: v has limits in 5 V rail already",
      ["phase,measurement,max\n6 V rail,v,5\n"] = 'the procedure has no phase "6 V rail"',
      ["phase,measurement,min,max\n5 V rail,v,6,5\n"] = "nothing could pass",
      ['phase,measurement,max\n"5 V rail,v,5\n'] = "a quotation mark has no end",
    } do
      local ok, err = pcall(run, "limits.csv", text)
      assert.is_false(ok)
      assert.matches(words, tostring(err), 1, true)
    end
    local ok, err = pcall(run, "limits.ods", "")
    assert.is_false(ok)
    assert.matches("a limits file is .lua or .csv", tostring(err), 1, true)
  end)
end)
