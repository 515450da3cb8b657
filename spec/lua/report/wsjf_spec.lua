local json = require "moonrig.json"
local report = require "moonrig.report"
local samples = require "support.sample_runs"

local m, phase = samples.measurement, samples.phase

-- The keys that WATS knows of each thing; the first list has to be there.
local function known(required, optional)
  local set = {}
  for word in (required .. " " .. optional):gmatch "%S+" do set[word] = true end
  return function(t)
    for key in pairs(t) do assert.is_truthy(set[key], key) end
    for word in required:gmatch "%S+" do assert.is_not_nil(t[word], word) end
  end
end
local check_report = known("type id pn sn rev processCode result machineName location purpose start startUTC root uut",
  "processName miscInfos subUnits")
local check_uut = known("user execTime", "testSocketIndex batchSN fixtureId comment errorCode errorMessage "
  .. "stepIdCausedUUTFailure")
local check_step = known("id group stepType name status", "totTime causedUUTFailure reportText errorCode errorMessage "
  .. "steps seqCall numericMeas stringMeas booleanMeas attachment chart")
local check_number = known("compOp name status unit value", "lowLimit highLimit")
local check_string = known("compOp name status value", "limit")
local check_note = known("description text", "")

local kinds = { SequenceCall = true, ET_NLT = true, ET_PFT = true, ET_SVT = true, WATS_AttachFile = true }
local limits_of = { LOG = 0, EQ = 1, GE = 1, LE = 1, GELE = 2 }

local function check_tree(step, ids)
  check_step(step)
  assert.is_nil(ids[step.id])
  ids[step.id] = step
  assert.is_truthy(kinds[step.stepType])
  assert.is_truthy(step.status:find "^[PFSETD]$" and step.group:find "^[SMC]$")
  assert.is_true(utf8.len(step.name) >= 1 and utf8.len(step.name) <= 100)
  for _, one in ipairs(step.numericMeas or {}) do
    check_number(one)
    assert.equal(limits_of[one.compOp], (one.lowLimit and 1 or 0) + (one.highLimit and 1 or 0))
  end
  for _, one in ipairs(step.stringMeas or {}) do check_string(one) end
  for _, child in ipairs(step.steps or {}) do check_tree(child, ids) end
end

local function read(run, options)
  if not run.dut.part then run.dut.part = "PSU-100" end
  local text = report.render("wsjf", run, options)
  assert.is_truthy(utf8.len(text))
  local tree, ids = json.decode(text), {}
  check_report(tree)
  check_uut(tree.uut)
  for _, note in ipairs(tree.miscInfos) do
    check_note(note)
    assert.is_true(utf8.len(note.text) <= 100)
  end
  check_tree(tree.root, ids)
  return tree, ids
end

local function find(step, name, n)
  for _, child in ipairs(step.steps or {}) do
    if child.name == name then
      n = (n or 1) - 1
      if n == 0 then return child end
    end
  end
end

local function step_of(given)
  return read(samples.run { phases = { phase { name = "p", measurements = { m(given) } } } }).root.steps[1].steps[1]
end

describe("report wsjf", function()
  it("names the sub-units", function()
    assert.same({ { partType = "main board", pn = "MB-100", sn = "MB-17", rev = "C" },
      { partType = "fan", pn = "-", sn = "0042" } }, read(samples.pass()).subUnits)
  end)

  it("has the keys and words of WATS, whatever happened", function()
    for _, name in ipairs { "pass", "fail", "aborted" } do read(samples[name]()) end
    local hostile = samples.hostile()
    read(hostile)
    assert.is_nil(report.render("wsjf", hostile):find "[%z\1-\9\11-\31]")
  end)

  it("maps the head", function()
    local tree = read(samples.pass())
    assert.same({ "T", "0197c2a0-5b7e-7c3d-8a41-5f6b7c8d9e0f", "PSU-100", "PSU4711", "B", 10, "P", "bench-3", "-",
      "production", "2026-07-01T12:00:00.123+00:00", "2026-07-01T12:00:00.123Z" }, { tree.type, tree.id, tree.pn,
      tree.sn, tree.rev, tree.processCode, tree.result, tree.machineName, tree.location, tree.purpose, tree.start,
      tree.startUTC })
    assert.same({ user = "M. Weber", execTime = 12.344544, batchSN = "2026-27" }, tree.uut)
    local notes = {}
    for _, note in ipairs(tree.miscInfos) do notes[note.description] = note.text end
    assert.same({ "yes", "Keysight 34465A MY60012345 A.03.02", "2027-03-31", "yes" }, { notes.marginal,
      notes["instrument dmm"], notes["calibration due dmm"], notes["Is the green LED on?"] })
    for outcome, word in pairs { FAIL = "F", ERROR = "E", TIMEOUT = "E", ABORTED = "T" } do
      assert.equal(word, read(samples.run { outcome = outcome, phases = {} }).result)
    end
  end)

  it("takes the process code from an option, meta, config", function()
    local run = samples.pass()
    run.config.process_code = 50
    assert.equal(50, read(run).processCode)
    run.meta.process_code, run.meta.location = 60, "Hall 2"
    assert.same({ 60, "Hall 2" }, { read(run).processCode, read(run).location })
    assert.equal(70, read(run, { process_code = 70 }).processCode)
  end)

  it("maps phases and measurements, each attempt", function()
    local root = read(samples.pass()).root
    assert.same({ "S", "M", "C" }, { find(root, "power on").group, find(root, "identify").group,
      find(root, "power off").group })
    local first, second = find(root, "5 V rail"), find(root, "5 V rail", 2)
    assert.same({ "F", "attempt 1, repeated", "P", "attempt 2" }, { first.status, first.reportText, second.status,
      second.reportText })
    assert.same({ "SequenceCall", 0.498, { name = "5 V rail", path = "PSU-100 final", version = "1.4.0" } },
      { second.stepType, second.totTime, second.seqCall })
    assert.is_nil(find(first, "v_5v0").causedUUTFailure)
    assert.same({ { compOp = "GELE", name = "v_5v0", status = "P", unit = "V", value = 5.0412, lowLimit = 4.95,
      highLimit = 5.05 } }, find(second, "v_5v0").numericMeas)
    assert.equal("v_5v0 = 5.0412 V, limits: 4.95 to 5.05 V; marginal below 4.97 V, above 5.03 V; marginal; "
      .. "uncertainty 0.0004 V; by dmm", find(second, "v_5v0").reportText)
    local identify = find(root, "identify")
    assert.same({ { compOp = "CASESENSIT", limit = "PSU-100", name = "model", status = "P", value = "PSU-100" } },
      find(identify, "model").stringMeas)
    assert.equal("LOG", find(identify, "firmware").stringMeas[1].compOp)
    assert.equal('firmware = 1.4.2, limits: matches ^1%.4%.', find(identify, "firmware").reportText)
    assert.same({ { name = "burned in", status = "P" } }, find(identify, "burned in").booleanMeas)
    assert.equal("burned in = true, limits: equals true", find(identify, "burned in").reportText)
    local hipot = find(find(root, "high voltage"), "hipot")
    assert.same({ "S", "NaN", "LE", 5 }, { hipot.status, hipot.numericMeas[1].value, hipot.numericMeas[1].compOp,
      hipot.numericMeas[1].lowLimit })
  end)

  it("has a chart of a series beside its worst point", function()
    local gain = read(samples.curves()).root.steps[1].steps[1]
    assert.same({ { compOp = "GELE", name = "gain", status = "F", unit = "dB", value = -9, lowLimit = -6,
      highLimit = 0 } }, gain.numericMeas)
    assert.same({ chartType = "LineLogX", label = "gain", xLabel = "frequency", xUnit = "Hz", yLabel = "gain",
      yUnit = "dB", series = { { dataType = "XYG", name = "gain", xdata = "10;100;1000;20000", ydata = "-1;-3;-9;-40" },
        { dataType = "XYG", name = "low limit", xdata = "10;100;1000;20000", ydata = "-2;-4;-6;-inf" } } }, gain.chart)
  end)

  it("says what failed the unit", function()
    local tree, ids = read(samples.fail())
    local rail = find(tree.root, "5 V rail")
    assert.equal("v_5v0", ids[tree.uut.stepIdCausedUUTFailure].name)
    assert.same({ true, "NaN", "Infinity", "F", "NaN" }, { find(rail, "load step").causedUUTFailure,
      find(rail, "load step").numericMeas[1].value, find(rail, "current").numericMeas[1].value,
      find(rail, "efficiency").status, find(rail, "efficiency").numericMeas[1].value })
    assert.equal("efficiency was not measured, limits: >= 85 %", find(rail, "efficiency").reportText)
    tree, ids = read(samples.aborted())
    assert.same({ "T", "5 V rail", "cancelled", "stopped by the operator (Ctrl-C)" }, {
      find(tree.root, "5 V rail").status, ids[tree.uut.stepIdCausedUUTFailure].name, tree.uut.errorCode,
      tree.uut.errorMessage })
    assert.equal("E", read(samples.run { outcome = "ERROR", phases = { phase { name = "a", outcome = "ERROR",
      message = "no reply" } } }).root.steps[1].status)
  end)

  it("maps limits to operators", function()
    local function op(limits)
      local one = step_of { name = "x", value = 1, limits = limits }.numericMeas[1]
      return { one.compOp, one.lowLimit, one.highLimit }
    end
    assert.same({ "GE", 0.5 }, op { min = 0.5 })
    assert.same({ "EQ", 1 }, op { equals = 1 })
    assert.same({ "LOG" }, op { one_of = { 1, 2 } })
    assert.same({ "LOG" }, op(nil))
    assert.same({ "GELE", 0.9, 1.1 }, op { min = 0.9, max = 1.1, nominal = 1, within = 10 })
    assert.is_nil(step_of { name = "x", value = 1, limits = { min = 0, max = 2 } }.reportText)
    assert.equal("ET_SVT", step_of { name = "x", outcome = "UNSET", limits = { matches = "a" } }.stepType)
    assert.equal("ET_PFT", step_of { name = "x", outcome = "UNSET", limits = { equals = true } }.stepType)
    assert.equal(math.maxinteger, step_of { name = "x", value = math.maxinteger }.numericMeas[1].value)
    assert.equal(100, utf8.len(step_of { name = ("\u{e9}"):rep(200), value = 1 }.name))
  end)

  it("holds files", function()
    local tree = read(samples.pass(), { blob = function() return "abc" end })
    local file = tree.root.steps[#tree.root.steps]
    assert.same({ "WATS_AttachFile", { name = "scope.txt", contentType = "text/plain", data = "YWJj" } },
      { file.stepType, file.attachment })
  end)

  it("refuses what WATS does", function()
    for message, run in pairs {
      ["wsjf: run 12 has no part number, which WATS wants: part = ... in test.procedure"] = samples.run { phases = {} },
      ["wsjf: run 12: the part number has more than 100 characters, which WATS does not take"] = samples.run {
        phases = {}, dut = { serial = "1", part = ("x"):rep(101) } },
      ["wsjf holds one run in a file, not 2; write a file for each"] = { samples.pass(), samples.fail() },
    } do
      local ok, e = pcall(report.render, "wsjf", run)
      assert.is_false(ok)
      assert.same({ "unsupported", message }, { e.code, e.message })
    end
  end)
end)
