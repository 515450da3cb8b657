-- STDF as a reader sees it that was written from the specification alone (stdf_read.py).
local external = require "support.external"
local json = require "moonrig.json"
local report = require "moonrig.report"
local samples = require "support.sample_runs"

local m, phase = samples.measurement, samples.phase

local function read(runs)
  local output, code = external.run('/usr/bin/python3 spec/interop/stdf_read.py "$1"', report.render("stdf", runs))
  assert.equal(0, code, output)
  return json.decode(output)
end

local function all(records, name)
  local list = {}
  for _, r in ipairs(records) do
    if r.REC == name then list[#list + 1] = r end
  end
  return list
end

local function pick(r, ...)
  local list = {}
  for i, key in ipairs { ... } do list[i] = r[key] end
  return list
end

local function test(records, text, n)
  for _, r in ipairs(all(records, "PTR")) do
    if r.TEST_TXT == text then
      n = (n or 1) - 1
      if n == 0 then return r end
    end
  end
end

-- The PTR of one measurement.
local function ptr(given)
  local records = read(samples.run { phases = { phase { name = "p", measurements = { m(given) } } } })
  return all(records, "PTR")[1], records
end

local function near(expected, value) assert.is_true(math.abs(expected - value) <= math.abs(expected) * 6e-8, value) end

describe("report stdf", function()
  it("has a head that says lot, part, job and station", function()
    local records = read(samples.pass())
    assert.same({ REC = "FAR", CPU_TYPE = 2, STDF_VER = 4 }, records[1])
    local mir = records[2]
    assert.same({ 1782907200, 1782907200, "P", 65535, "2026-27", "PSU-100", "bench-3", "moonrig", "PSU-100 final",
      "1.4.0", "M. Weber", "moonrig", "0.1.0", "B", "" }, pick(mir, "SETUP_T", "START_T", "MODE_COD", "BURN_TIM",
      "LOT_ID", "PART_TYP", "NODE_NAM", "TSTR_TYP", "JOB_NAM", "JOB_REV", "OPER_NAM", "EXEC_TYP", "EXEC_VER",
      "DSGN_REV", "USER_TXT"))
    assert.same({ 1, { 1 } }, pick(all(records, "SDR")[1], "SITE_CNT", "SITE_NUM"))
    assert.equal(1782907212, records[#records].FINISH_T)
    local aborted = read(samples.aborted())[2]
    assert.same({ "D", "simulated", "", "" }, pick(aborted, "MODE_COD", "USER_TXT", "LOT_ID", "PART_TYP"))
  end)

  it("has limits, unit and flags of a measurement, each attempt", function()
    local records = read(samples.pass())
    local first, second = test(records, "5 V rail / v_5v0"), test(records, "5 V rail / v_5v0", 2)
    near(5.12, first.RESULT)
    near(5.0412, second.RESULT)
    near(4.95, first.LO_LIMIT)
    near(5.05, first.HI_LIMIT)
    assert.same({ "V", 0x80, 0xc8, 0x0e }, pick(first, "UNITS", "TEST_FLG", "PARM_FLG", "OPT_FLAG"))
    assert.same({ 0, 0xc0, first.TEST_NUM }, pick(second, "TEST_FLG", "PARM_FLG", "TEST_NUM"))
    assert.same({ 0x4e, 0 }, pick(test(records, "5 V rail / ripple"), "OPT_FLAG", "LO_LIMIT"))
    assert.same({ 0x8e, 0 }, pick(test(records, "3.3 V rail / insulation"), "OPT_FLAG", "HI_LIMIT"))
    assert.same({ 0xce, "degC" }, pick(test(records, "3.3 V rail / temperature"), "OPT_FLAG", "UNITS"))
    local nominal = test(records, "3.3 V rail / v_3v3")
    near(3.234, nominal.LO_LIMIT)
    near(3.366, nominal.HI_LIMIT)
    assert.same({ 0x52, 0 }, pick(test(records, "high voltage / hipot"), "TEST_FLG", "RESULT"))
  end)

  it("has booleans and texts as 1 and 0, and says texts in a DTR", function()
    local records = read(samples.pass())
    assert.same({ 1, 1, 1, 0x0e }, pick(test(records, "identify / burned in"), "RESULT", "LO_LIMIT", "HI_LIMIT",
      "OPT_FLAG"))
    local model = test(records, "identify / model")
    assert.same({ 1, 1, 1, 0 }, pick(model, "RESULT", "LO_LIMIT", "HI_LIMIT", "TEST_FLG"))
    assert.equal(("%d identify / model = PSU-100"):format(model.TEST_NUM), all(records, "DTR")[1].TEXT_DAT)
    assert.same({ 0, 0x80, 0xd0 }, pick(ptr { name = "x", value = "no", outcome = "FAIL", limits = { equals = "y" } },
      "RESULT", "TEST_FLG", "PARM_FLG"))
    assert.same({ 0, 0, 0, 0 }, pick(ptr { name = "x", value = false, limits = { equals = false } }, "RESULT",
      "LO_LIMIT", "HI_LIMIT", "TEST_FLG"))
    assert.same({ 2, 2, 2 }, pick(test(records, "identify / boards"), "RESULT", "LO_LIMIT", "HI_LIMIT"))
  end)

  it("marks what is no number of 32 bits", function()
    local records = read(samples.fail())
    assert.same({ 0x82, 0 }, pick(test(records, "5 V rail / load step"), "TEST_FLG", "RESULT"))
    assert.same({ 0x82, 0 }, pick(test(records, "5 V rail / current"), "TEST_FLG", "RESULT"))
    assert.same({ 0x92, 0 }, pick(test(records, "5 V rail / efficiency"), "TEST_FLG", "RESULT"))
    for text, value in pairs { ["1e39"] = 1e39, ["-inf"] = -math.huge, ["NaN"] = 0 / 0 } do
      local r, list = ptr { name = "x", value = value, unit = "V" }
      assert.same({ 2, 0 }, pick(r, "TEST_FLG", "RESULT"))
      assert.equal(("%d p / x = %s V"):format(r.TEST_NUM, text), all(list, "DTR")[1].TEXT_DAT)
    end
    assert.equal(0, #all(select(2, ptr { name = "x" }), "DTR"))
    near(9.91e37, ptr { name = "x", value = 9.91e37 }.RESULT)
    near(2.0 ^ 63, ptr { name = "x", value = math.maxinteger }.RESULT)
    assert.equal(0xce, ptr { name = "x", value = 1, limits = { min = -math.huge, max = 1e300 } }.OPT_FLAG)
    assert.equal(1e-45, tonumber(("%.0e"):format(ptr { name = "x", value = 1.4e-45 }.RESULT)))
  end)

  it("keeps the number of a test, whatever else there is", function()
    local number = test(read(samples.pass()), "5 V rail / v_5v0").TEST_NUM
    assert.equal(1169952614, number)  -- a change of this one breaks the history of every user
    assert.equal(number, test(read(samples.fail()), "5 V rail / v_5v0").TEST_NUM)
    local used = {}
    for _, r in ipairs(all(read(samples.pass()), "TSR")) do
      assert.is_nil(used[r.TEST_NUM])
      used[r.TEST_NUM] = true
    end
  end)

  it("has a part for each run, with bins and counts", function()
    local function run(num, serial, outcome, attempt, site)
      return samples.run { num = num, dut = { serial = serial }, outcome = outcome, attempt = attempt, site = site,
        phases = { phase { name = "p", measurements = {
          m { name = "x", value = num, outcome = outcome == "FAIL" and "FAIL" or "PASS" } } } } }
    end
    local records = read { run(1, "A", "FAIL"), run(2, "A", "PASS"), run(3, "B", "ERROR"), run(4, "C", "ABORTED"),
      run(5, "D", "PASS", 3), run(6, "E", "TIMEOUT") }
    local parts = {}
    for i, r in ipairs(all(records, "PRR")) do
      parts[i] = ("%s %02x %d %d %d"):format(r.PART_ID, r.PART_FLG, r.HARD_BIN, r.SOFT_BIN, r.TEST_T)
    end
    assert.same({ "A 08 2 2 12344", "A 01 1 1 12344", "B 0c 3 3 12344", "C 0c 5 5 12344", "D 01 1 1 12344",
      "E 0c 4 4 12344" }, parts)
    assert.same({ 255, 6, 2, 3, 2 }, pick(all(records, "PCR")[1], "HEAD_NUM", "PART_CNT", "RTST_CNT", "ABRT_CNT",
      "GOOD_CNT"))
    local hard = {}
    for i, r in ipairs(all(records, "HBR")) do
      hard[i] = ("%d %s %s %d"):format(r.HBIN_NUM, r.HBIN_PF, r.HBIN_NAM, r.HBIN_CNT)
    end
    assert.same({ "1 P PASS 2", "2 F FAIL 1", "3 F ERROR 1", "4 F TIMEOUT 1", "5 F ABORTED 1" }, hard)
    assert.equal(5, #all(records, "SBR"))
    assert.same({ 6, 1, 1, 6, 21, 91, 0xcc }, pick(all(records, "TSR")[1], "EXEC_CNT", "FAIL_CNT", "TEST_MIN",
      "TEST_MAX", "TST_SUMS", "TST_SQRS", "OPT_FLAG"))
    records = read { run(1, "A", "PASS", 1, "right"), run(2, "B", "PASS", 1, "left") }
    assert.same({ 2, { 1, 2 } }, pick(all(records, "SDR")[1], "SITE_CNT", "SITE_NUM"))
    assert.equal(2, all(records, "PRR")[1].SITE_NUM)
    assert.equal(7, all(read { run(1, "A", "PASS", 1, "7") }, "PRR")[1].SITE_NUM)
  end)

  it("takes a run without measurements, and the worst text", function()
    assert.same({ "ABORTED: stopped by the operator (Ctrl-C)", 0 }, pick(all(read(samples.aborted()), "PRR")[1],
      "PART_TXT", "NUM_TEST"))
    local records = read(samples.hostile())
    assert.equal("<script>alert(1)</script>\"&'\\x1b]0;x\\x07]]>\\x00\\xff\\u{202e}\\u{9b}\\r\\n-->\\u{ffff}<?",
      all(records, "PRR")[1].PART_ID)
    assert.equal(255, #ptr { name = ("n"):rep(300), value = 1 }.TEST_TXT)
  end)

  it("refuses what is not one lot of one job, and runs that go on", function()
    local start = "stdf: a file holds one lot of one job, but run 12 has the "
    for message, change in pairs {
      [start .. 'batch "2026-27" and run 13 ""; write a file for each'] = function(run) run.dut.batch = nil end,
      [start .. 'station "bench-3" and run 13 "x"; write a file for each'] = function(run) run.station = "x" end,
      ["stdf: run 13 has not ended yet"] = function(run) run.outcome = nil end,
    } do
      local second = samples.pass()
      second.num = 13
      change(second)
      local ok, e = pcall(report.render, "stdf", { samples.pass(), second })
      assert.is_false(ok)
      assert.same({ "unsupported", message }, { e.code, e.message })
    end
  end)
end)
