local record = require "moonrig.record"
local core = require "moonrig.core"
local json = require "moonrig.json"

local function fails(code, message, fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal(code, e.code)
  assert.matches(message, e.message, 1, true)
end

local function shell(command)
  local p = assert(io.popen(command .. " 2>&1"))
  local output = p:read("a")
  p:close()
  return output
end

describe("record", function()
  local path, rec

  before_each(function()
    path = os.tmpname()
    rec = record.open(path)
  end)

  after_each(function()
    rec:close()
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end)

  local function start(serial, procedure, more)
    local given = { station = "ST1", dut = { serial = serial or "0001", part = "PSU-100" },
      procedure = { name = procedure or "final", version = "1.0" } }
    for key, value in pairs(more or {}) do given[key] = value end
    return rec:start_run(given)
  end

  it("gives a whole run back as it was given", function()
    local run = rec:start_run {
      station = "ST1", site = "2", operator = "Müller", mode = "debug", simulated = true,
      dut = { serial = "0001", part = "PSU-100", revision = "B", batch = "2026-27" },
      procedure = { name = "final", version = "1.4.0", script = "return 1" },
      config = { timeout = math.huge, name = "a\0\xff", list = {} }, meta = { order = 4711 },
    }
    run:instrument { role = "psu", url = "socket://10.0.0.5:5025", maker = "Rigol", model = "DP832", serial = "DP8",
      firmware = "01.14", cal_due = "2027-01-31", cal_certificate = "C-1" }
    run:instrument { role = "dmm", simulated = true }
    run:log { level = "info", message = "begin", source = "final.lua:3" }
    local first = run:phase { name = "identify", group = "setup" }
    first:measurement { name = "model", value = "DP832", outcome = "PASS", limits = { equals = "DP832" } }
    first:finish { outcome = "PASS" }
    local second = run:phase { name = "5 V", attempt = 2 }
    second:measurement { name = "v", value = 5.04, unit = "V", outcome = "PASS", marginal = true, instrument = "dmm",
      uncertainty = 0.001, doc = "at the connector",
      limits = { min = 4.95, max = 5.05, marginal_min = 4.97, marginal_max = 5.03, text = "4.95 V to 5.05 V" } }
    second:log { level = "warning", message = "near the limit" }
    second:attachment { name = "scope.bin", mime = "application/octet-stream", data = "\0\1\2" }
    local question = second:prompt { message = "LED green?", kind = "choice", options = { "yes", "no" } }
    question:answer "yes"
    second:finish { outcome = "FAIL", code = "vendor.7", message = "late" }
    run:finish { outcome = "FAIL", message = "one phase failed" }

    local back = rec:load(run.id)
    assert.equal(run.id, back.id)
    assert.equal("FAIL", back.outcome)
    assert.same({ false, false, false }, { back.running, back.interrupted, back.marginal })
    assert.equal("one phase failed", back.message)
    assert.same({ "ST1", "2", "Müller", "debug", true, 1 },
      { back.station, back.site, back.operator, back.mode, back.simulated, back.attempt })
    assert.same({ serial = "0001", part = "PSU-100", revision = "B", batch = "2026-27", subunits = {} }, back.dut)
    assert.same({ name = "final", version = "1.4.0", script_sha256 = core.store.sha256 "return 1" }, back.procedure)
    assert.equal("return 1", rec:blob(back.procedure.script_sha256))
    assert.same({ timeout = math.huge, name = "a\0\xff", list = {} }, back.config)
    assert.same({ order = 4711 }, back.meta)
    assert.equal("moonrig " .. core.version, back.runtime)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%dZ$", back.started_at)
    assert.is_true(back.ended_at >= back.started_at)
    assert.same({
      { role = "dmm", simulated = true },
      { role = "psu", url = "socket://10.0.0.5:5025", maker = "Rigol", model = "DP832", serial = "DP8",
        firmware = "01.14", simulated = false, cal_due = "2027-01-31", cal_certificate = "C-1" },
    }, back.instruments)

    -- times, in their order, then out of the way
    local last = 0
    for _, at in ipairs { back.logs[1].at, back.phases[1].at, back.phases[1].measurements[1].at, back.phases[2].at,
      back.phases[2].measurements[1].at, back.phases[2].logs[1].at, back.phases[2].attachments[1].at,
      back.phases[2].prompts[1].at, back.phases[2].at + back.phases[2].duration, back.duration } do
      assert.is_true(at >= last)
      last = at
    end
    local function without_times(t)
      t.at, t.duration, t.seq = nil, nil, nil
      for _, v in pairs(t) do
        if type(v) == "table" then without_times(v) end
      end
      return t
    end
    without_times(back)
    assert.same({ { level = "info", message = "begin", source = "final.lua:3" } }, back.logs)
    assert.same({
      { name = "identify", group = "setup", attempt = 1, outcome = "PASS", marginal = false, logs = {}, prompts = {},
        attachments = {}, measurements = {
          { name = "model", value = "DP832", outcome = "PASS", marginal = false, limits = { equals = "DP832" } } } },
      { name = "5 V", group = "main", attempt = 2, outcome = "FAIL", marginal = false, code = "vendor.7",
        message = "late",
        logs = { { level = "warning", message = "near the limit" } },
        prompts = { { kind = "choice", message = "LED green?", options = { "yes", "no" }, answer = "yes" } },
        attachments = { { name = "scope.bin", mime = "application/octet-stream", size = 3,
          sha256 = core.store.sha256 "\0\1\2" } },
        measurements = { { name = "v", value = 5.04, unit = "V", outcome = "PASS", marginal = true,
          instrument = "dmm", uncertainty = 0.001, doc = "at the connector", limits = { min = 4.95, max = 5.05,
            marginal_min = 4.97, marginal_max = 5.03, text = "4.95 V to 5.05 V" } } } },
    }, back.phases)
  end)

  it("keeps every kind of value exactly", function()
    local values = { 0, 1, -1, 2 ^ 53 | 0, (2 ^ 53 | 0) + 1, math.maxinteger, math.mininteger, 0.0, -0.0, 5.0, 0.1,
      1 / 3, 5e-324, 1.7976931348623157e308, math.huge, -math.huge, true, false, "", "a\0b", "\xff\xfe", "nan", "5.0" }
    local run = start()
    local phase = run:phase { name = "values" }
    for i, v in ipairs(values) do phase:measurement { name = "v" .. i, value = v, outcome = "PASS" } end
    phase:measurement { name = "nan", value = 0 / 0, outcome = "FAIL" }
    phase:measurement { name = "unset", outcome = "UNSET" }
    local back = rec:load(run.id).phases[1].measurements
    for i, v in ipairs(values) do
      assert.equal(v, back[i].value)
      assert.equal(math.type(v), math.type(back[i].value))
      if v == 0 then assert.equal(1 / v, 1 / back[i].value) end
    end
    local nan = back[#values + 1].value
    assert.is_true(math.type(nan) == "float" and nan ~= nan)
    assert.is_nil(back[#values + 2].value)
    assert.equal(#values + 2, #back)
  end)

  it("keeps every kind of limit", function()
    local run = start()
    local phase = run:phase { name = "limits" }
    local cases = {
      { min = -math.huge, max = 1.5 }, { nominal = 3.3, within = 5.0 }, { equals = 5 }, { equals = 5.0 },
      { equals = false }, { equals = "a\0\xff" }, { equals = math.maxinteger }, { one_of = { 1, 2.5, "x", true } },
      { one_of = {} }, { matches = "^%d+$" }, { text = "is prime" },
    }
    for i, limits in ipairs(cases) do
      phase:measurement { name = "m" .. i, value = 1, outcome = "PASS", limits = limits }
    end
    local back = rec:load(run.id).phases[1].measurements
    for i, limits in ipairs(cases) do
      assert.same(limits, back[i].limits)
      assert.equal(math.type(limits.equals), math.type(back[i].limits.equals))
    end
  end)

  it("says that a run or phase was marginal when it passed and a measurement was", function()
    local run = start()
    local phase = run:phase { name = "a" }
    phase:measurement { name = "v", value = 1, outcome = "PASS", marginal = true }
    phase:finish { outcome = "PASS" }
    run:phase({ name = "b" }):finish { outcome = "PASS" }
    run:finish { outcome = "PASS" }
    local back = rec:load(run.id)
    assert.same({ true, true, false }, { back.marginal, back.phases[1].marginal, back.phases[2].marginal })
  end)

  it("gives lists that are JSON arrays also when empty", function()
    local run = start()
    run:phase { name = "a" }
    local text = json.encode(rec:load(run.id))
    for _, list in ipairs { "logs", "prompts", "attachments", "instruments", "measurements" } do
      assert.matches('"' .. list .. '":[]', text, 1, true)
      assert.is_nil(text:find('"' .. list .. '":{}', 1, true))
    end
  end)

  it("stores the same bytes once", function()
    local run = start()
    for i = 1, 3 do run:attachment { name = "a" .. i, mime = "text/plain", data = ("x"):rep(100000) } end
    assert.equal(1, rec.db:value "SELECT count(*) FROM blob")
    assert.equal(("x"):rep(100000), rec:blob(rec:load(run.id).attachments[3].sha256))
    assert.is_nil(rec:blob "no such")
  end)

  it("tells an unanswered prompt from an answered one, which takes one answer", function()
    local run = start()
    local asked = run:prompt { message = "ready?", kind = "yesno" }
    assert.is_nil(rec:load(run.id).prompts[1].answer)
    asked:answer(false)
    assert.equal(false, rec:load(run.id).prompts[1].answer)
    fails("refused", "append-only", asked.answer, asked, true)
    fails("unsupported", "got a nil", asked.answer, asked, nil)
  end)

  it("gives all log lines in order", function()
    local run = start()
    run:log { level = "info", message = "1" }
    local a, b = run:phase { name = "a" }, run:phase { name = "b" }
    b:log { level = "debug", message = "2" }
    a:log { level = "error", message = "3" }
    run:log { level = "info", message = "4" }
    local seen = {}
    for _, log in ipairs(record.logs(rec:load(run.id))) do seen[#seen + 1] = log.message .. (log.phase or "") end
    assert.same({ "1", "2b", "3a", "4" }, seen)
  end)

  it("counts the attempts of a unit at a procedure", function()
    local function attempt(...) return rec:load(start(...).id).attempt end
    assert.same({ 1, 2, 1, 1, 3, 9 }, { attempt("1", "final"), attempt("1", "final"), attempt("2", "final"),
      attempt("1", "burn-in"), attempt("1", "final"), attempt("1", "final", { attempt = 9 }) })
  end)

  describe("runs", function()
    before_each(function()
      for i, outcome in ipairs { "PASS", "FAIL", "ERROR", "PASS", "TIMEOUT" } do
        start(i % 2 == 0 and "even" or "odd", i < 4 and "final" or "burn-in", { operator = "op" .. i })
          :finish { outcome = outcome }
      end
    end)

    local function nums(filter)
      local list = {}
      for _, run in ipairs(rec:runs(filter)) do list[#list + 1] = run.num end
      return list
    end

    it("lists the oldest first", function() assert.same({ 1, 2, 3, 4, 5 }, nums()) end)

    it("takes filters, also together", function()
      assert.same({ 1, 3, 5 }, nums { serial = "odd" })
      assert.same({ 4, 5 }, nums { procedure = "burn-in" })
      assert.same({ 1, 4 }, nums { outcome = "PASS" })
      assert.same({ 4 }, nums { outcome = "PASS", last = 1 })
      assert.same({ 4, 5 }, nums { last = 2 })
      assert.same({ 1, 3 }, nums { serial = "odd", procedure = "final", station = "ST1", part = "PSU-100" })
      assert.same({ 3 }, nums { operator = "op3" })
      assert.same({}, nums { station = "elsewhere" })
      assert.same({}, nums { last = 0 })
    end)

    it("takes times", function()
      local third = rec:load(3).started_at
      assert.same({ 3, 4, 5 }, nums { since = third })
      assert.same({ 1, 2 }, nums { before = third })
      assert.same({ 1, 2, 3, 4, 5 }, nums { since = third:sub(1, 10) })
      assert.same({}, nums { since = "2999-01-01" })
    end)

    it("gives their numbers, and reads each when it is asked for", function()
      assert.same({ 1, 3, 5 }, rec:numbers { serial = "odd" })
      assert.same({ 4, 5 }, rec:numbers { last = 2 })
      assert.same({ 1, 2, 3, 4, 5 }, rec:numbers())
      fails("unsupported", "no filter by outcome", rec.numbers, rec, { outcome = "PASS" })
      local all, outcomes = rec:all { 2, 99, 1 }, {}
      assert.equal(3, #all)
      assert.same({ "FAIL", "PASS" }, { all[1].outcome, all[3].outcome })
      assert.is_nil(all[4])
      fails("not_found", "no run 99", function() return all[2] end)
      for i, run in ipairs(rec:all(rec:numbers())) do outcomes[i] = run.outcome end
      assert.same({ "PASS", "FAIL", "ERROR", "PASS", "TIMEOUT" }, outcomes)
      local kept = setmetatable({ all[1] }, { __mode = "v" })
      collectgarbage()
      assert.is_nil(kept[1])
    end)

    it("refuses what it does not know", function()
      fails("unsupported", "there is no field serail", rec.runs, rec, { serail = "1" })
      fails("unsupported", "last = 1.5: wants an integer", rec.runs, rec, { last = 1.5 })
      fails("unsupported", "outcome = GOOD: wants PASS, FAIL", rec.runs, rec, { outcome = "GOOD" })
    end)
  end)

  it("loads by id or number and says when there is no such run", function()
    local run = start()
    assert.equal(run.id, rec:load(1).id)
    fails("not_found", path .. " has no run 2", rec.load, rec, 2)
    fails("not_found", "has no run nothing", rec.load, rec, "nothing")
    fails("unsupported", "wants the id or number of a run, got nil", rec.load, rec)
    assert.equal(run.id, rec:load(run.id).id)
  end)

  it("shows a run that goes on", function()
    local run = start()
    local phase = run:phase { name = "a" }
    phase:measurement { name = "v", value = 1, outcome = "PASS" }
    local back = rec:load(run.id)
    assert.is_nil(back.outcome)
    assert.is_true(back.running)
    assert.is_nil(back.phases[1].outcome)
    assert.equal(back.phases[1].measurements[1].at, back.duration)
    local again <close> = record.open(path)
    assert.is_true(again:load(run.id).running)
  end)

  it("refuses wrong, unknown and missing fields", function()
    local run = start()
    local phase = run:phase { name = "a" }
    local function measurement(given) return phase:measurement(given) end
    fails("unsupported", "the field serial is missing", rec.start_run, rec,
      { station = "S", dut = {}, procedure = { name = "p" } })
    fails("unsupported", "dut = 0001: wants a table", start, "1", "p", { dut = "0001" })
    fails("unsupported", "wants a table, got a nil", rec.start_run, rec)
    fails("unsupported", "phase:measurement: the field outcome is missing", measurement, { name = "v" })
    fails("unsupported", "there is no field vlaue", measurement, { name = "v", outcome = "PASS", vlaue = 1 })
    fails("unsupported", "value = table", measurement, { name = "v", outcome = "PASS", value = {} })
    fails("unsupported", "outcome = pass: wants PASS, FAIL, UNSET, SKIPPED", measurement,
      { name = "v", outcome = "pass" })
    fails("unsupported", "limits: min = nan: wants a number", measurement,
      { name = "v", outcome = "PASS", value = 1, limits = { min = math.abs(0 / 0) } })
    fails("unsupported", "no integer beyond a double", measurement,
      { name = "v", outcome = "PASS", value = 1, limits = { max = math.maxinteger } })
    fails("unsupported", "level = loud", run.log, run, { level = "loud", message = "x" })
    assert.equal(0, #rec:load(run.id).phases[1].measurements)
  end)

  it("takes nothing after finish", function()
    local run = start()
    local phase = run:phase { name = "a" }
    phase:finish { outcome = "PASS" }
    fails("closed", 'the phase "a" has been finished', phase.measurement, phase, { name = "v", outcome = "PASS" })
    fails("closed", 'the phase "a" has been finished', phase.finish, phase, { outcome = "FAIL" })
    run:finish { outcome = "PASS" }
    fails("closed", "the run has been finished", run.phase, run, { name = "b" })
    fails("closed", "the run has been finished", run.finish, run, { outcome = "FAIL" })
  end)

  it("gives runs ids that are UUIDs of version 7 and sort by time", function()
    local last = ""
    for _ = 1, 20 do
      local id = start().id
      assert.matches("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-7%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$", id)
      assert.is_true(id > last)
      last = id
    end
    local ms = tonumber((last:sub(1, 8) .. last:sub(10, 13)), 16)
    assert.is_true(math.abs(ms / 1000 - os.time()) < 2)
  end)

  it("keeps the sub-units of a unit, and finds the runs in which one was", function()
    local board = { name = "main board", serial = "MB1", part = "MB-100", revision = "C" }
    local run = start("0001", nil, { dut = { serial = "0001", subunits = { board } } })
    local radio = { name = "radio", serial = "RB7" }
    run:subunit(radio)
    fails("refused", "append-only: subunit is there already", run.subunit, run, { name = "radio", serial = "RB8" })
    fails("unsupported", "run:subunit: the field serial is missing", run.subunit, run, { name = "fan" })
    fails("unsupported", "start_run: dut: subunits: there is no field place", start, "1", nil,
      { dut = { serial = "1", subunits = { { name = "a", serial = "b", place = "c" } } } })
    run:finish { outcome = "PASS" }
    assert.same({ board, radio }, rec:load(run.num).dut.subunits)
    start("MB1", "board test", { dut = { serial = "MB1", part = "MB-100" } }):finish { outcome = "PASS" }
    start("0002"):finish { outcome = "PASS" }
    local function found(serial)
      local list = {}
      for i, head in ipairs(rec:runs { serial = serial }) do list[i] = head.dut.serial end
      return list
    end
    assert.same({ { "0001", "MB1" }, { "0001" }, { "0001" }, {} },
      { found "MB1", found "RB7", found "0001", found "RB8" })
    assert.equal(1, rec.db:value "SELECT count(*) FROM unit WHERE serial = 'MB1'")
  end)

  it("refuses to be changed, from any program", function()
    local run = start(nil, nil, { procedure = { name = "final", script = "x" } })
    run:instrument { role = "psu" }
    run:subunit { name = "radio", serial = "RB7" }
    local phase = run:phase { name = "a" }
    phase:measurement { name = "v", value = 1, outcome = "FAIL" }
    phase:log { level = "info", message = "x" }
    phase:series({ name = "curve", columns = "x y" }):points(("<dd"):pack(1, 2))
    phase:attachment { name = "x", mime = "text/plain", data = "x" }
    phase:prompt({ message = "x" }):answer "y"
    phase:finish { outcome = "FAIL" }
    run:finish { outcome = "FAIL" }
    local tables = {}
    for row in rec.db:rows "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'" do
      tables[#tables + 1] = row.name
    end
    assert.equal(19, #tables)
    for _, name in ipairs(tables) do
      assert.is_true(rec.db:value("SELECT count(*) FROM " .. name) > 0)
      local column = rec.db:value("SELECT name FROM pragma_table_info(?)", name)
      for _, sql in ipairs { "DELETE FROM T", "UPDATE T SET C = C", "INSERT OR REPLACE INTO T SELECT * FROM T" } do
        local command = sql:gsub("%f[%w]T%f[%W]", name):gsub("%f[%w]C%f[%W]", column)
        fails("refused", "append-only: " .. name, rec.db.exec, rec.db, command)
        assert.matches("append-only: " .. name, shell(("sqlite3 '%s' '%s'"):format(path, command)), 1, true)
      end
    end
    assert.equal("FAIL", rec:load(run.id).outcome)
  end)

  it("is read by the sqlite3 program", function()
    local run = start()
    local phase = run:phase { name = "5 V" }
    phase:measurement { name = "v", value = 5.01, unit = "V", outcome = "PASS", limits = { min = 4.95, max = 5.05 } }
    run:finish { outcome = "PASS" }
    local query = [[
      SELECT serial, procedure.name, phase.name, measurement.name, measurement.num, measurement.unit, limit_min,
        limit_max, measurement.outcome, run_end.outcome
      FROM measurement JOIN phase ON (phase.run, phase.seq) = (measurement.run, measurement.phase)
        JOIN run ON run.num = phase.run JOIN unit ON unit.id = run.unit
        JOIN procedure ON procedure.id = run.procedure JOIN run_end ON run_end.run = run.num;
      PRAGMA integrity_check]]
    assert.equal("0001|final|5 V|v|5.01|V|4.95|5.05|PASS|PASS\nok\n",
      shell(("sqlite3 '%s' '%s'"):format(path, query)))
  end)

  it("opens for reading without changing anything", function()
    local run = start()
    rec:close()
    local reader <close> = record.open(path, { readonly = true })
    assert.equal(run.id, reader:load(1).id)
    fails("permission", "open it for writing", reader.start_run, reader,
      { station = "S", dut = { serial = "1" }, procedure = { name = "p" } })
  end)
end)
