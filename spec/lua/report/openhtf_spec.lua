local escape = require "moonrig.report.escape"
local external = require "support.external"
local json = require "moonrig.json"
local report = require "moonrig.report"
local samples = require "support.sample_runs"
local sha1 = require "moonrig.report.sha1"
local time = require "moonrig.record.time"
local unit_codes = require "moonrig.report.unit_codes"
local units = require "moonrig.units"

local m, phase = samples.measurement, samples.phase

-- The keys that OpenHTF 1.6.2 writes; those in the second list of a measurement may be missing.
local KEYS = {
  record = "branches code_info diagnosers diagnoses dut_id end_time_millis log_records marginal metadata outcome "
    .. "outcome_details phases start_time_millis station_id subtests",
  phase = "attachments codeinfo descriptor_id diagnosers diagnosis_results end_time_millis failure_diagnosis_results "
    .. "marginal measurements name options outcome result start_time_millis subtest_name",
  options = "force_repeat name phase_name_case repeat_limit repeat_on_measurement_fail repeat_on_timeout "
    .. "requires_state run_if run_under_pdb stop_on_measurement_fail timeout_s",
  code_info = "docstring name sourcecode", log = "level lineno logger_name message source timestamp_millis",
  detail = "code description", attachment = "data mimetype sha1", units = "code name suffix",
}

local function keys(t)
  local list = {}
  for key in pairs(t) do list[#list + 1] = key end
  table.sort(list)
  return table.concat(list, " ")
end

local words = {
  run = { PASS = 1, FAIL = 1, ERROR = 1, TIMEOUT = 1, ABORTED = 1 },
  phase = { PASS = 1, FAIL = 1, SKIP = 1, ERROR = 1 },
  measurement = { PASS = 1, FAIL = 1, UNSET = 1, SKIPPED = 1 },
  result = { CONTINUE = 1, FAIL_AND_CONTINUE = 1, REPEAT = 1, SKIP = 1 },
}
local optional = { dimensions = 1, docstring = 1, measured_value = 1, units = 1, validators = 1 }

local function check_measurement(name, measured)
  assert.equal(name, measured.name)
  assert.is_truthy(words.measurement[measured.outcome])
  for key in pairs(measured) do
    assert.is_truthy(key == "name" or key == "outcome" or optional[key], key)
  end
  if measured.units then assert.equal(KEYS.units, keys(measured.units)) end
end

local function check_phase(record)
  assert.equal(KEYS.phase, keys(record))
  assert.equal(KEYS.options, keys(record.options))
  assert.equal(KEYS.code_info, keys(record.codeinfo))
  assert.is_truthy(words.phase[record.outcome])
  assert.equal("integer", math.type(record.start_time_millis))
  assert.is_true(record.end_time_millis >= record.start_time_millis)
  local result = record.result.phase_result
  if type(result) == "table" and result ~= json.null then
    assert.equal("exc_tb exc_type exc_val", keys(result))
  elseif result ~= json.null then
    assert.is_truthy(words.result[result])
  end
  for name, measured in pairs(record.measurements) do check_measurement(name, measured) end
  for _, file in pairs(record.attachments) do assert.equal(KEYS.attachment, keys(file)) end
end

local function read(run, options)
  local text = report.render("openhtf", run, options)
  assert.is_truthy(utf8.len(text))
  local record = json.decode(text)
  assert.equal(KEYS.record, keys(record))
  assert.equal(KEYS.code_info, keys(record.code_info))
  assert.is_truthy(words.run[record.outcome])
  for _, log in ipairs(record.log_records) do assert.equal(KEYS.log, keys(log)) end
  for _, detail in ipairs(record.outcome_details) do assert.equal(KEYS.detail, keys(detail)) end
  for _, one in ipairs(record.phases) do check_phase(one) end
  return record
end

local function validators(limits, value)
  local run = samples.run { phases = { phase { name = "p", measurements = { m { name = "x", value = value or 1,
    limits = limits } } } } }
  return read(run).phases[2].measurements.x.validators
end

describe("report openhtf", function()
  it("has the keys and words of OpenHTF, whatever happened", function()
    for _, name in ipairs { "pass", "fail", "aborted", "hostile" } do read(samples[name]()) end
    read(samples.run { phases = {} })
  end)

  it("maps the run", function()
    local record = read(samples.pass())
    assert.same({ "PSU4711", "PASS", true, "bench-3", 1782907200123, 1782907212468 }, { record.dut_id, record.outcome,
      record.marginal, record.station_id, record.start_time_millis, record.end_time_millis })
    local meta = record.metadata
    assert.same({ "PSU-100 final", "1.4.0", "PSU-100", "B", "2026-27", "M. Weber", "FX-7", "bench-3.lua" },
      { meta.test_name, meta.test_version, meta.part_number, meta.revision, meta.batch_number, meta.operator_name,
        meta.fixture, meta.config.station })
    assert.equal("2027-03-31", meta.instruments[1].cal_due)
    assert.same({ name = "main board", serial = "MB-17", part = "MB-100", revision = "C" }, meta.subunits[1])
    assert.same({ level = 20, lineno = 8, logger_name = "moonrig", message = "station ready", source = "station.lua",
      timestamp_millis = 1782907200185 }, record.log_records[1])
    assert.equal("asked: Is the green LED on?, answered: yes", record.log_records[2].message)
  end)

  it("maps phases, with every attempt", function()
    local names = {}
    for i, one in ipairs(read(samples.pass()).phases) do
      names[i] = ("%d %s %s %s"):format(one.descriptor_id, one.name, one.result.phase_result, one.outcome)
    end
    assert.same({ "0 trigger_phase CONTINUE PASS", "1 power on CONTINUE PASS", "2 identify CONTINUE PASS",
      "3 5 V rail REPEAT SKIP", "3 5 V rail CONTINUE PASS", "4 3.3 V rail CONTINUE PASS",
      "5 high voltage SKIP SKIP", "6 power off CONTINUE PASS" }, names)
    local record = read(samples.aborted())
    assert.same({ exc_type = "cancelled", exc_val = "cancelled while waiting for a reply", exc_tb = "" },
      record.phases[3].result.phase_result)
    assert.same({ code = "cancelled", description = "stopped by the operator (Ctrl-C) [cancelled]" },
      record.outcome_details[1])
    local late = samples.run { outcome = "TIMEOUT", phases = {
      phase { name = "a", outcome = "ERROR", code = "timeout" },
      phase { name = "b", outcome = "FAIL", message = "no" } } }
    assert.equal(json.null, read(late).phases[2].result.phase_result)
    assert.equal("FAIL_AND_CONTINUE", read(late).phases[3].result.phase_result)
  end)

  it("maps measurements", function()
    local record = read(samples.pass())
    assert.same({ name = "v_5v0", outcome = "PASS", measured_value = 5.0412,
      units = { name = "volt", code = "VLT", suffix = "V" },
      validators = { "4.95 <= Marginal:4.97 <= x <= Marginal:5.03 <= 5.05" } }, record.phases[5].measurements.v_5v0)
    assert.same({ name = "hipot", outcome = "SKIPPED", units = { name = "milliampere", code = "4K", suffix = "mA" },
      validators = { "x <= 5" } }, record.phases[7].measurements.hipot)
    assert.equal("CEL", record.phases[6].measurements.temperature.units.code)
    assert.is_nil(record.phases[6].measurements.temperature.validators)
    assert.is_true(record.phases[3].measurements["burned in"].measured_value)
    local failed = read(samples.fail()).phases[3].measurements
    assert.same({ "nan", "inf" }, { failed["load step"].measured_value, failed.current.measured_value })
    assert.same({ "UNSET", nil }, { failed.efficiency.outcome, failed.efficiency.measured_value })
    local text = report.render("openhtf", samples.run { phases = { phase { name = "p", measurements = {
      m { name = "a", value = math.mininteger }, m { name = "a", value = -0.0, unit = "furlong" } } } } })
    assert.is_truthy(text:find('"measured_value": -9223372036854775808,', 1, true))
    assert.is_truthy(text:find('"measured_value": %-0%.0,\n%s+"name": "a #2"'))
    assert.is_truthy(text:find('"code": "",', 1, true))
  end)

  it("gives series a dimension", function()
    local measured = read(samples.curves()).phases[2].measurements
    assert.same({ { 10, -1 }, { 100, -3 }, { 1000, -9 }, { 20000, -40 } }, measured.gain.measured_value)
    assert.same({ { code = "HTZ", description = "frequency", name = "hertz", suffix = "Hz" } },
      measured.gain.dimensions)
    assert.same({ "UNSET", nil }, { measured.cut.outcome, measured.cut.measured_value })
    assert.same({ -13.25, nil }, { measured["gain.mean"].measured_value, measured["gain.mean"].dimensions })
    assert.same({ { 0, 0.1 }, { 0.5, "nan" } }, measured.noise.measured_value)
  end)

  it("says limits as OpenHTF does", function()
    assert.same({ "3 <= x <= 3.6" }, validators { min = 3.0, max = 3.6 })
    assert.same({ "0 <= x" }, validators { min = 0 })
    assert.same({ "x <= 5" }, validators { max = 5 })
    assert.same({ "x == 5" }, validators { min = 5, max = 5 })
    assert.same({ "3 <= Marginal:3.1 <= x" }, validators { min = 3, marginal_min = 3.1 })
    assert.same({ "'x' is within 2% of 3.3" }, validators { nominal = 3.3, within = 2 })
    assert.same({ "3.2 <= x <= 3.4" }, validators { nominal = 3.3, within = 2, min = 3.2, max = 3.4 })
    assert.same({ "x == 2" }, validators { equals = 2 })
    assert.same({ "x == True" }, validators({ equals = true }, true))
    assert.same({ [['x' matches /^a\.b\ 1$/]] }, validators({ equals = "a.b 1" }, "a.b 1"))
    assert.same({ "'x' matches /^(?:EU|US)$/" }, validators({ one_of = { "EU", "US" } }, "EU"))
    assert.same({ "'x' is one of 1, 2.5" }, validators({ one_of = { 1, 2.5 } }, 1))
    assert.same({ "between the neighbours" }, validators { text = "between the neighbours" })
  end)

  it("turns patterns into regular expressions that match the same, or says that they are Lua's", function()
    for pattern, texts in pairs { ["^1%.4%."] = { "1.4.2", "124.2" }, ["%d+"] = { "a7", "a" },
        ["^a-b$"] = { "aab", "ac" },
        ["^v.?%x%x$"] = { "v-fF", "v-fg" }, ["100%%$"] = { "100%", "100%%x" }, ["a/b"] = { "xa/b", "ab" } } do
      local regex = validators({ matches = pattern }, "x")[1]:match "^'x' matches /(.*)/$"
      for i, text in ipairs(texts) do
        local output = external.python("import re,sys; print(bool(re.search(open(sys.argv[1]).read(), "
          .. "open(sys.argv[2]).read())))", regex, text)
        assert.equal(text:find(pattern) and "True\n" or "False\n", output, pattern)
        assert.equal(i == 1, text:find(pattern) ~= nil)
      end
    end
    for _, pattern in ipairs { "[ab]", "(a)", "%bxy", "%f[%w]a", "%D" } do
      assert.same({ "'x' matches the Lua pattern " .. pattern }, validators({ matches = pattern }, "x"))
    end
  end)

  it("holds files, with their SHA-1", function()
    local run = samples.pass()
    run.phases[2].attachments[1] = { name = "a.bin", mime = "x/y", size = 3, sha256 = "aa", seq = 90, at = 1 }
    local record = read(run, { blob = function(sha256) return sha256 == "aa" and "abc" or "\0" end })
    assert.same({ mimetype = "x/y", sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d", data = "YWJj" },
      record.phases[3].attachments["a.bin"])
    assert.equal("AA==", record.phases[1].attachments["scope.txt"].data)
    assert.same({}, read(samples.pass()).phases[1].attachments)
  end)

  it("shows bytes that are no UTF-8", function()
    local run = samples.run { phases = { phase { name = "p\xff", measurements = {
      m { name = "x", value = "\xfe\u{e9}" } } } } }
    local one = read(run).phases[2]
    assert.same({ "p\\xff", "\\xfe\u{e9}" }, { one.name, one.measurements.x.measured_value })
  end)

  it("holds one run that has ended", function()
    local function refused(message, run)
      local ok, e = pcall(report.render, "openhtf", run)
      assert.is_false(ok)
      assert.same({ "unsupported", message }, { e.code, e.message })
    end
    refused("openhtf holds one run in a file, not 2; write a file for each", { samples.pass(), samples.fail() })
    local run = samples.run { running = true }
    run.outcome = nil
    refused("openhtf: run 12 has not ended yet", run)
    assert.equal(report.render("openhtf", samples.pass()), report.render("openhtf", { samples.pass() }))
  end)
end)

describe("report.sha1", function()
  it("is what sha1sum says", function()
    for _, length in ipairs { 0, 1, 55, 56, 63, 64, 65, 1000 } do
      local data = ("\xa5z\0"):rep(400):sub(1, length)
      assert.equal(external.run('sha1sum <"$1"', data):sub(1, 40), sha1(data))
    end
  end)
end)

describe("report.unit_codes", function()
  it("knows the usual ones, also by other signs", function()
    assert.same({ "B84", "microampere" }, { unit_codes.find "\u{b5}A" })
    assert.same({ "B49", "kiloohm" }, { unit_codes.find "k\u{2126}" })
    assert.same({}, { unit_codes.find "parsec" })
    assert.equal("degC", units.ascii "\u{b0}C")
  end)
end)

describe("record.time", function()
  it("reads what it writes", function()
    for _, us in ipairs { 0, 1, 951782399999999, 951782400000000, 1709164800000000, 1782907200123456,
        4102444799999999 } do
      assert.equal(us, time.us(time.text(us)))
    end
    assert.equal(1782907200100000, time.us "2026-07-01T12:00:00.1Z")
    assert.equal(1782907200000000, time.us "2026-07-01T12:00:00Z")
    assert.is_nil(time.us "yesterday")
    assert.equal("a\\xff\u{e9}\n", escape.utf8 "a\xff\u{e9}\n")
  end)
end)
