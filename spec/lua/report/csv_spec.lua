local external = require "support.external"
local json = require "moonrig.json"
local report = require "moonrig.report"
local samples = require "support.sample_runs"

-- What Python's csv module, another program's reader, makes of it: a JSON array of objects.
local READ = [=[
import csv, json, sys
with open(sys.argv[1], encoding="utf-8", newline="") as f:
    rows = list(csv.reader(f, strict=True))
assert all(len(row) == len(rows[0]) for row in rows), "rows differ in length"
assert len(set(rows[0])) == len(rows[0]), "a column twice"
print(json.dumps([dict(zip(rows[0], row)) for row in rows[1:]]))
]=]

local function read(text)
  local output, code = external.python(READ, text)
  assert.equal(0, code, output)
  return json.decode(output)
end

local function find(rows, name, attempt)
  for _, row in ipairs(rows) do
    if row.measurement == name and (not attempt or row.attempt == attempt) then return row end
  end
end

local m, phase = samples.measurement, samples.phase

local function run_with(...)
  return samples.run { outcome = "FAIL", phases = { phase { name = "p", measurements = { ... } } } }
end

local function value_of(value) return read(report.render("csv", run_with(m { name = "x", value = value })))[1].value end

describe("report csv", function()
  it("has a row for each measurement of each attempt", function()
    local rows = read(report.render("csv", samples.pass()))
    assert.equal(14, #rows)
    local first, second = find(rows, "v_5v0", "1"), find(rows, "v_5v0", "2")
    assert.same({ "5.12", "FAIL", "true", "FAIL" }, { first.value, first.outcome, first.repeated,
      first.phase_outcome })
    assert.same({ "5.0412", "PASS", "false", "true" }, { second.value, second.outcome, second.repeated,
      second.marginal })
    assert.same({ "4.95", "5.05", "4.97", "5.03", "V", "dmm", "0.0004", "float" }, { second.min, second.max,
      second.marginal_min, second.marginal_max, second.unit, second.instrument, second.uncertainty, second.type })
    assert.same({ "PSU4711", "PSU-100", "B", "2026-27", "PSU-100 final", "1.4.0", "left", "M. Weber", "12", "PASS",
      "true", "12.344544" }, { first.serial, first.part, first.revision, first.batch, first.procedure, first.version,
      first.site, first.operator, first.run, first.run_outcome, first.run_marginal, first.duration_s })
    local hipot = find(rows, "hipot")
    assert.same({ "", "", "SKIPPED", "5", "" }, { hipot.value, hipot.type, hipot.outcome, hipot.max, hipot.min })
    assert.equal('["EU","US"]', find(rows, "variant").one_of)
    assert.equal("^1%.4%.", find(rows, "firmware").matches)
    assert.equal("2", find(rows, "boards").equals)
    assert.same({ "true", "boolean" }, { find(rows, "burned in").value, find(rows, "burned in").type })
    assert.same({ "3.3", "2" }, { find(rows, "v_3v3").nominal, find(rows, "v_3v3").within })
  end)

  it("is this, byte for byte", function()
    local run = run_with(m { name = "v", value = 5.0, unit = "V", limits = { min = 4.5 }, doc = 'a "b", c\nd' })
    assert.equal("run,run_id,serial,part,revision,batch,procedure,version,station,site,operator,mode,simulated,"
      .. "run_attempt,started_at,ended_at,duration_s,run_outcome,run_marginal,run_code,run_message,phase,group,attempt,"
      .. "repeated,phase_outcome,measurement,at_s,type,value,unit,outcome,marginal,min,max,marginal_min,marginal_max,"
      .. "nominal,within,equals,one_of,matches,limits,instrument,uncertainty,doc\r\n"
      .. "12,0197c2a0-5b7e-7c3d-8a41-5f6b7c8d9e0f,PSU4711,,,,PSU-100 final,1.4.0,bench-3,,,production,false,1,"
      .. "2026-07-01T12:00:00.123456Z,2026-07-01T12:00:12.468000Z,12.344544,FAIL,false,,,p,main,1,false,PASS,v,0.125,"
      .. 'float,5,V,PASS,false,4.5,,,,,,,,,>= 4.5 V,,,"a ""b"", c\nd"\r\n', report.render("csv", run))
  end)

  it("keeps numbers exact, and NaN and what was not measured empty", function()
    local rows = read(report.render("csv", samples.fail()))
    assert.same({ "", "float", "FAIL" }, { find(rows, "load step").value, find(rows, "load step").type,
      find(rows, "load step").outcome })
    assert.equal("inf", find(rows, "current").value)
    assert.same({ "", "", "UNSET" }, { find(rows, "efficiency").value, find(rows, "efficiency").type,
      find(rows, "efficiency").outcome })
    assert.equal("-inf", value_of(-math.huge))
    assert.equal("-0", value_of(-0.0))
    assert.equal("0.30000000000000004", value_of(0.1 + 0.2))
    assert.equal("9223372036854775807", value_of(math.maxinteger))
    assert.equal("-1.5", value_of(-1.5))
    assert.equal("1e300", value_of(1e300))
    assert.equal("false", value_of(false))
  end)

  it("lets no spreadsheet calculate a text", function()
    for text, expected in pairs { ["=1+1"] = "'=1+1", ["+1"] = "'+1", ["-1"] = "'-1", ["@SUM(A1)"] = "'@SUM(A1)",
        ["\t=1"] = "'\t=1", ["\r=1"] = "'\\r=1", ["\n=1"] = "'\n=1", ["a=1"] = "a=1", ["'x"] = "'x", [""] = "",
        [' "=1'] = ' "=1' } do
      assert.equal(expected, value_of(text))
    end
    local run = run_with(m { name = "=cmd|' /C calc'!A0", value = 1, unit = "@x" })
    run.dut.serial = "-4711"
    local row = read(report.render("csv", run))[1]
    assert.same({ "'=cmd|' /C calc'!A0", "'@x", "'-4711" }, { row.measurement, row.unit, row.serial })
    run.phases[1].name = "=p"
    assert.is_truthy(report.render("csv-wide", run):find(",'=p / =cmd|", 1, true))
  end)

  it("takes the worst text", function()
    local rows = read(report.render("csv", samples.hostile()))
    assert.equal(2, #rows)
    assert.equal("<script>alert(1)</script>\"&'\\x1b]0;x\\x07]]>\\x00\\xff\\u{202e}\\u{9b}\\r\n-->\\u{ffff}<\u{e9}",
      rows[1].value)
    assert.equal(1, #read(report.render("csv-wide", samples.hostile())))
  end)

  it("leaves out no run", function()
    local running = samples.run { running = true, phases = {} }
    running.outcome, running.ended_at = nil, nil
    local rows = read(report.render("csv", { samples.aborted(), running }))
    assert.same({ "ABORTED", "RUNNING" }, { rows[1].run_outcome, rows[2].run_outcome })
    assert.same({ "cancelled", "stopped by the operator (Ctrl-C)", "true", "debug", "" }, { rows[1].run_code,
      rows[1].run_message, rows[1].simulated, rows[1].mode, rows[1].measurement })
    assert.equal(2, #read(report.render("csv-wide", { samples.aborted(), running })))
  end)
end)

describe("report csv-wide", function()
  it("has a row for each run and a column for each measurement, of the last attempt", function()
    local rows = read(report.render("csv-wide", { samples.pass(), samples.fail() }))
    assert.same({ "main board: MB-17, part MB-100, revision C; fan: 0042", "" }, { rows[1].subunits, rows[2].subunits })
    assert.equal(2, #rows)
    assert.same({ "PSU4711", "PASS", "5.0412", "24.75", "", "" }, { rows[1].serial, rows[1].run_outcome,
      rows[1]["5 V rail / v_5v0 (V)"], rows[1]["3.3 V rail / temperature (\u{b0}C)"],
      rows[1]["high voltage / hipot (mA)"], rows[1]["5 V rail / current (A)"] })
    assert.same({ "PSU4712", "FAIL", "5.12", "", "inf", "PSU-100", "" }, { rows[2].serial, rows[2].run_outcome,
      rows[2]["5 V rail / v_5v0 (V)"], rows[2]["5 V rail / load step (V)"], rows[2]["5 V rail / current (A)"],
      rows[2]["identify / model"], rows[2]["identify / firmware"] })
  end)

  it("keeps measurements of one name apart", function()
    local run = samples.run { phases = {
      phase { name = "a", measurements = { m { name = "x", value = 1 } } },
      phase { name = "a", measurements = { m { name = "x", value = 2 } } },
      phase { name = "a", group = "setup", measurements = { m { name = "x", value = 3 } } },
      phase { name = "b", measurements = { m { name = "x", value = 4, unit = "V" } } } } }
    local row = read(report.render("csv-wide", run))[1]
    assert.same({ "1", "2", "3", "4" }, { row["a / x"], row["a / x #2"], row["setup: a / x"], row["b / x (V)"] })
  end)
end)
