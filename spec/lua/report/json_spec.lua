local external = require "support.external"
local json = require "moonrig.json"
local report = require "moonrig.report"
local samples = require "support.sample_runs"

local function read(path)
  local f <close> = assert(io.open(path))
  return f:read "a"
end

local SCHEMA = read "docs/report-json.schema.json"
local VALIDATE = [==[
import json, sys
from jsonschema import Draft202012Validator as Validator
schema = json.load(open(sys.argv[1]))
Validator.check_schema(schema)
for error in Validator(schema).iter_errors(json.load(open(sys.argv[2]))):
    print(list(error.path), error.message, [c.message for c in error.context or []])
]==]

local function validate(text) return (external.python(VALIDATE, SCHEMA, text)) end

describe("report json", function()
  it("is what its JSON Schema says", function()
    for _, name in ipairs { "pass", "fail", "aborted", "hostile", "curves" } do
      assert.equal("", validate(report.render("json", samples[name]())))
    end
    assert.equal("", validate(report.render("json", { samples.pass(), samples.fail() })))
    local going = samples.run { running = true, phases = { samples.phase { name = "a" } } }
    going.outcome, going.ended_at, going.phases[1].outcome, going.phases[1].duration = nil, nil, nil, nil
    assert.equal("", validate(report.render("json", going)))
  end)

  it("has a JSON Schema that refuses other things", function()
    local good = report.render("json", samples.pass())
    for from, to in pairs { ['"outcome": "PASS"'] = '"outcome": "GOOD"', ['"simulated"'] = '"simulate"',
        ['"type": "float"'] = '"type": "string"', ['"min": 4.95'] = '"min": "4.95"' } do
      local bad, n = good:gsub(from, to, 1)
      assert.equal(1, n)
      assert.not_equal("", validate(bad))
    end
  end)

  it("loses no number", function()
    local values = { 5.0, 5, 0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, math.maxinteger, 9007199254740993,
      math.huge, -math.huge }
    local list = {}
    for i, v in ipairs(values) do list[i] = samples.measurement { name = "m", value = v, limits = { min = v } } end
    list[#list + 1] = samples.measurement { name = "m", value = 0 / 0 }
    list[#list + 1] = samples.measurement { name = "m", value = "nan" }
    local text = report.render("json", samples.run { phases = { samples.phase { name = "p", measurements = list } } })
    local back = json.decode(text).phases[1].measurements
    for i, v in ipairs(values) do
      local m = back[i]
      local got = m.type == "float" and tonumber(m.value) or m.value
      if m.value == "inf" then got = math.huge elseif m.value == "-inf" then got = -math.huge end
      assert.equal(v, got)
      assert.equal(math.type(v), m.type)
      assert.equal(m.value, m.limits.min)
    end
    assert.equal("-0.0", text:match '"value": (%-0[^\n]*)')
    assert.same({ "float", "nan" }, { back[#back - 1].type, back[#back - 1].value })
    assert.same({ "string", "nan" }, { back[#back].type, back[#back].value })
  end)

  it("is read by Python to the same numbers and the same bytes", function()
    local run = samples.run { phases = { samples.phase { name = "p", measurements = {
      samples.measurement { name = "a", value = 0.1 + 0.2 },
      samples.measurement { name = "b", value = 9007199254740993 },
      samples.measurement { name = "c", value = "\xff\0\u{e9}" } } } } }
    local output = external.python([==[
import json, sys
for m in json.load(open(sys.argv[1]))["phases"][0]["measurements"]:
    v = m["value"]
    print(v.hex() if isinstance(v, float) else v if isinstance(v, int) else v.encode("utf-8", "surrogateescape").hex())
]==], report.render("json", run))
    assert.equal("0x1.3333333333334p-2\n9007199254740993\nff00c3a9\n", output)
  end)

  it("has every key, null where there is nothing, and its keys in order", function()
    local text = report.render("json", samples.aborted())
    local run = json.decode(text)
    for _, key in ipairs { "site", "operator" } do assert.equal(json.null, run[key]) end
    assert.equal(json.null, run.dut.batch)
    assert.equal("moonrig-run/1", run.schema)
    assert.same({}, run.config)
    assert.is_truthy(text:find('"config": {}', 1, true))
    assert.is_truthy(text:find('"instruments": []', 1, true))
    local last = ""
    for key in text:gmatch '\n  "([%w_]+)": ' do
      assert.is_true(last < key)
      last = key
    end
    assert.equal(text, report.render("json", samples.aborted()))
  end)

  it("keeps limits as numbers, and null for a value that was not limited", function()
    local run = json.decode(report.render("json", samples.pass()))
    assert.same({ min = 4.95, max = 5.05, marginal_min = 4.97, marginal_max = 5.03 },
      run.phases[3].measurements[1].limits)
    assert.equal(json.null, run.phases[5].measurements[4].limits)
    assert.same({ "EU", "US" }, run.phases[2].measurements[3].limits.one_of)
  end)

  it("is an array for a list of runs, also of one", function()
    assert.equal(1, #json.decode(report.render("json", { samples.pass() })))
    assert.equal("FAIL", json.decode(report.render("json", { samples.pass(), samples.fail() }))[2].outcome)
  end)

  it("is documented as it is", function()
    local example = json.decode(read "docs/report-json.md":match "```json\n(.-)```")
    local m = json.decode(report.render("json", samples.pass())).phases[4].measurements[1]
    example.seq, example.at = m.seq, m.at
    assert.same(m, example)
  end)
end)
