local external = require "support.external"
local report = require "moonrig.report"
local samples = require "support.sample_runs"

-- What junitparser, another program's reader, makes of it: a line for each suite and case.
local READ = [[
import sys
from junitparser import JUnitXml
for suite in JUnitXml.fromfile(sys.argv[1]):
    print("suite|%s|%d|%d|%d|%d|%.3f" % (suite.name, suite.tests, suite.failures, suite.errors, suite.skipped,
                                         suite.time))
    for case in suite:
        result = ["%s:%s:%s" % (type(r).__name__, r.type, r.message) for r in case.result]
        print("case|%s|%s|%.3f|%s" % (case.classname, case.name, case.time, ";".join(result)))
]]

local function read(text)
  local lines = {}
  local output, code = external.python(READ, text)
  assert.equal(0, code, output)
  for line in output:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

local function validate(text)
  local output, code = external.run('xmllint --noout --schema spec/fixtures/junit.xsd "$1"', text)
  assert.equal(0, code, output)
end

describe("report junit", function()
  it("keeps the rules of Jenkins' schema", function()
    for _, name in ipairs { "pass", "fail", "aborted", "hostile" } do
      validate(report.render("junit", samples[name]()))
    end
    validate(report.render("junit", { samples.pass(), samples.fail(), samples.hostile() }))
    validate(report.render("junit", samples.run { duration = 1e-7, phases = {} }))
    validate(report.render("junit", samples.run { duration = 1e16, phases = {} }))
  end)

  it("is checked by rules that refuse something", function()
    local good = report.render("junit", samples.fail())
    for from, to in pairs { ['<testcase '] = '<testcase file="x" ', [' time="12.345"'] = ' time="1.2e1"',
        [' type="FAIL"'] = ' kind="FAIL"', ["<failure "] = "<failed " } do
      local _, code = external.run('xmllint --noout --schema spec/fixtures/junit.xsd "$1"', (good:gsub(from, to)))
      assert.not_equal(0, code)
    end
  end)

  it("makes a suite of a run and a case of every attempt", function()
    assert.same({
      "suite|PSU-100 final PSU4711|7|0|0|1|12.345",
      "case|PSU-100 final.setup|power on|0.812|",
      "case|PSU-100 final.main|identify|0.250|",
      "case|PSU-100 final.main|5 V rail|0.512|",
      "case|PSU-100 final.main|5 V rail #2|0.498|",
      "case|PSU-100 final.main|3.3 V rail|0.250|",
      "case|PSU-100 final.main|high voltage|0.250|Skipped:None:not for this variant",
      "case|PSU-100 final.teardown|power off|0.042|",
    }, read(report.render("junit", samples.pass())))
  end)

  it("says in the repeated attempt how it failed, without counting it", function()
    local text = report.render("junit", samples.pass())
    assert.is_truthy(text:find('<flakyFailure message="v_5v0 = 5.12 V, limits: 4.95 to 5.05 V" type="FAIL">', 1, true))
    assert.is_nil(text:find("<failure", 1, true))
  end)

  it("puts limits and value into failures", function()
    local text = report.render("junit", samples.fail())
    local lines = read(text)
    assert.equal("suite|PSU-100 final PSU4712|2|1|0|0|12.345", lines[1])
    assert.equal("case|PSU-100 final.main|5 V rail|0.250|Failure:FAIL:v_5v0 = 5.12 V, limits: 4.95 to 5.05 V", lines[3])
    assert.equal("v_5v0 = 5.12 V, limits: 4.95 to 5.05 V\nload step = NaN V, limits: &gt;= 4.8 V\n"
      .. "current = inf A, limits: &lt;= 1.5 A\nefficiency was not measured, limits: &gt;= 85 %",
      text:match "<failure[^>]*>(.-)</failure>")
  end)

  it("has errors for what is neither PASS nor FAIL", function()
    local lines = read(report.render("junit", samples.aborted()))
    assert.equal("suite|PSU-100 final PSU4711|3|0|1|0|12.345", lines[1])
    assert.equal("case|PSU-100 final.main|5 V rail|0.250|Error:cancelled:cancelled while waiting for a reply "
      .. "[cancelled]", lines[3])
  end)

  it("is red when a run did not pass and no phase says so", function()
    local lines = read(report.render("junit", samples.run { outcome = "ABORTED", message = "stopped",
      phases = { samples.phase { name = "a" } } }))
    assert.equal("suite|PSU-100 final PSU4711|2|0|1|0|12.345", lines[1])
    assert.equal("case|PSU-100 final.run|ABORTED|12.345|Error:ABORTED:stopped", lines[3])
    local going = samples.run { running = true }
    going.outcome = nil
    assert.equal("case|PSU-100 final.run|RUNNING|12.345|Error:RUNNING:the run has not ended",
      read(report.render("junit", going))[2])
  end)

  it("gives every case of a suite a name of its own", function()
    local function p(name, attempt) return samples.phase { name = name, attempt = attempt } end
    local names, count = {}, 0
    for _, line in ipairs(read(report.render("junit", samples.run { phases = { p("a"), p("a"), p("a", 2), p("a #2"),
        p("a", 2) } }))) do
      local name = line:match "^case|[^|]*|([^|]*)"
      if name then
        assert.is_nil(names[name])
        names[name], count = true, count + 1
      end
    end
    assert.equal(5, count)
  end)

  it("gives two runs of one unit classes of their own", function()
    local first, second = samples.pass(), samples.pass()
    second.num = 13
    local text = report.render("junit", { first, second })
    assert.is_truthy(text:find('classname="PSU-100 final PSU4711 run 12.main" name="identify"', 1, true))
    assert.is_truthy(text:find('classname="PSU-100 final PSU4711 run 13.main" name="identify"', 1, true))
    assert.is_truthy(text:find('<testsuites errors="0" failures="0" name="moonrig" tests="14" time="24.689"', 1, true))
  end)

  it("shows characters that XML refuses", function()
    local text = report.render("junit", samples.hostile())
    assert.is_truthy(text:find("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&amp;&#39;\\x1b]0;x\\x07]]&gt;\\x00\\xff", 1,
      true))
  end)
end)
