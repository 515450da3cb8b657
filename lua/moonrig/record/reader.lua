-- SPDX-License-Identifier: MIT
-- record/reader.lua: runs read back as the tables described in record.lua, and the end of those whose
-- process went away.

local core = require "moonrig.core"
local check = require "moonrig.record.check"
local json = require "moonrig.json"
local process = require "moonrig.record.process"
local schema = require "moonrig.record.schema"
local seal = require "moonrig.record.seal"
local time = require "moonrig.record.time"

local reader = {}

local EXACT = { nonfinite = "literal", invalid = "escape" }
local function from_json(text) return text and json.decode(text, EXACT) end
local function not_empty(text) return text ~= "" and text or nil end
local function seconds(us) return us and us / 1e6 end

-- Heads

local HEAD = [[
SELECT run.*, station.name AS station_name, unit.part, unit.serial, procedure.name AS procedure_name,
  procedure.version, procedure.script_sha256,
  run_end.ended_at, run_end.duration_us, run_end.outcome, run_end.marginal, run_end.interrupted, run_end.code,
  run_end.message
FROM run
  JOIN station ON station.id = run.station
  JOIN unit ON unit.id = run.unit
  JOIN procedure ON procedure.id = run.procedure
  LEFT JOIN run_end ON run_end.run = run.num
]]

local function last_us(db, num)
  return db:value([[SELECT max(coalesce(at_us, 0)) FROM (
    SELECT max(at_us) AS at_us FROM phase WHERE run = ?1 UNION ALL SELECT max(at_us) FROM phase_end WHERE run = ?1
    UNION ALL SELECT max(at_us) FROM measurement WHERE run = ?1 UNION ALL SELECT max(at_us) FROM log WHERE run = ?1
    UNION ALL SELECT max(at_us) FROM series_data WHERE run = ?1
    UNION ALL SELECT max(at_us) FROM attachment WHERE run = ?1 UNION ALL SELECT max(at_us) FROM prompt WHERE run = ?1
    UNION ALL SELECT max(at_us) FROM prompt_answer WHERE run = ?1
    UNION ALL SELECT max(at_us) FROM subunit WHERE run = ?1)]], num)
end

local function why_interrupted(row)
  return ("interrupted: process %d on %s ended without finishing the run"):format(row.pid, row.host)
end

-- Fills in the end of a run that has none: it goes on, or its process went away.
local function without_end(db, row)
  row.duration_us = last_us(db, row.num)
  row.running = process.is_alive(row)
  if not row.running then
    row.outcome, row.interrupted, row.code, row.message = "ABORTED", 1, "interrupted", why_interrupted(row)
  end
end

local function to_head(db, row)
  if not row.outcome then without_end(db, row) end
  return {
    id = row.id, num = row.num, outcome = row.outcome, running = row.running or false,
    interrupted = row.interrupted == 1, marginal = row.marginal == 1, code = row.code, message = row.message,
    started_at = row.started_at, ended_at = row.ended_at, duration = seconds(row.duration_us),
    station = row.station_name, site = row.site, operator = row.operator,
    dut = { serial = row.serial, part = not_empty(row.part), revision = row.revision, batch = row.batch },
    procedure = { name = row.procedure_name, version = not_empty(row.version),
      script_sha256 = not_empty(row.script_sha256) },
    mode = row.mode, simulated = row.simulated == 1, attempt = row.attempt, runtime = row.runtime, host = row.host,
    config = from_json(row.config), meta = from_json(row.meta),
  }
end

local FILTER = {
  serial = "string", part = "string", procedure = "string", station = "string", operator = "string",
  since = "string", before = "string", last = "integer",
  outcome = check.one_of { "PASS", "FAIL", "ERROR", "TIMEOUT", "ABORTED" },
}
-- The + keeps SQLite from sorting all runs of a procedure or station: their newest are found sooner by time.
local CONDITIONS = {
  serial = "(run.unit IN (SELECT id FROM unit WHERE serial = ?) "
    .. "OR run.num IN (SELECT run FROM subunit JOIN unit ON id = unit WHERE serial = ?))",
  part = "run.unit IN (SELECT id FROM unit WHERE part = ?)",
  procedure = "+run.procedure IN (SELECT id FROM procedure WHERE name = ?)",
  station = "+run.station IN (SELECT id FROM station WHERE name = ?)",
  operator = "run.operator = ?", since = "run.started_at >= ?", before = "run.started_at < ?",
  outcome = "coalesce(run_end.outcome, ?) = ?",  -- one without end may turn out to be ABORTED
}

-- What follows FROM in a query for the runs that are wanted, the newest first, and its values.
local function conditions(filter)
  check.fields("runs", filter, FILTER)
  local where, values = {}, {}
  for key, condition in pairs(CONDITIONS) do
    if filter[key] then
      values[#values + 1] = filter[key]
      where[#where + 1] = condition:gsub("%?", "?" .. #values)
    end
  end
  return (where[1] and "WHERE " .. table.concat(where, " AND ") or "")
    .. " ORDER BY run.started_at DESC, run.num DESC", table.unpack(values)
end

local function reverse(list)
  for i = 1, #list // 2 do list[i], list[#list + 1 - i] = list[#list + 1 - i], list[i] end
  return list
end

--- See record.lua, Record:runs.
function reader.runs(db, filter)
  local found, clauses = {}, table.pack(conditions(filter))
  for row in db:rows(HEAD .. clauses[1], table.unpack(clauses, 2, clauses.n)) do
    if filter.last and #found >= filter.last then break end
    local head = to_head(db, row)
    if not filter.outcome or head.outcome == filter.outcome then found[#found + 1] = head end
  end
  return reverse(found)
end

--- See record.lua, Record:numbers.
function reader.numbers(db, filter)
  if filter.outcome then
    check.fail("unsupported", "numbers: there is no filter by outcome (it takes more than a look at a run that has no "
      .. "end); runs has one")
  end
  local found, clauses = {}, table.pack(conditions(filter))
  for row in db:rows("SELECT run.num FROM run " .. clauses[1], table.unpack(clauses, 2, clauses.n)) do
    if filter.last and #found >= filter.last then break end
    found[#found + 1] = row.num
  end
  return reverse(found)
end

-- Whole runs

local function to_value(row)
  if row.type == "float" then
    return row.text and (row.text == "nan" and 0 / 0 or tonumber(row.text)) or row.num
  elseif row.type == "integer" then
    return math.tointeger(row.text and tonumber(row.text) or row.num)
  elseif row.type == "boolean" then
    return row.num ~= 0
  end
  return row.text
end

local function to_limits(row)
  local limits = {
    min = row.limit_min, max = row.limit_max, marginal_min = row.marginal_min, marginal_max = row.marginal_max,
    nominal = row.nominal, within = row.within, equals = from_json(row.equals), one_of = from_json(row.one_of),
    matches = row.matches, text = row.limit_text,
  }
  return next(limits) ~= nil and limits or nil
end

local function load_phases(db, run)
  local by_seq = {}
  for row in db:rows([[SELECT phase.*, phase_end.at_us AS end_us, outcome, marginal, code, message
      FROM phase LEFT JOIN phase_end ON phase_end.run = phase.run AND phase_end.phase = phase.seq
      WHERE phase.run = ? ORDER BY phase.seq]], run.num) do
    local phase = {
      seq = row.seq, name = row.name, group = row.grp, parent = row.parent, attempt = row.attempt,
      at = seconds(row.at_us),
      duration = row.end_us and seconds(row.end_us - row.at_us), outcome = row.outcome, marginal = row.marginal == 1,
      code = row.code, message = row.message, measurements = json.array(),
      logs = json.array(), attachments = json.array(), prompts = json.array(),
    }
    if not row.outcome and not run.running then
      phase.outcome, phase.code, phase.message = "ERROR", "interrupted", "the run ended in this phase"
    end
    run.phases[#run.phases + 1] = phase
    by_seq[row.seq] = phase
  end
  return by_seq
end

-- The points of a series, column by column.
local function load_points(db, run, row)
  local names, columns = {}, {}
  for name in row.columns:gmatch "%S+" do
    names[#names + 1], columns[name] = name, json.array()
  end
  local n = 0
  for part in db:rows("SELECT data FROM series_data WHERE run = ? AND series = ? ORDER BY part", run.num, row.seq) do
    for at = 1, #part.data - 8 * #names + 1, 8 * #names do
      n = n + 1
      for i, name in ipairs(names) do columns[name][n] = (("<d"):unpack(part.data, at + 8 * (i - 1))) end
    end
  end
  return columns
end

-- The series of the run by their seq, each with `of`, what a measurement of it would be that has no row.
local function load_series(db, run)
  local by_seq, of = {}, {}
  for row in db:rows("SELECT * FROM series WHERE run = ? ORDER BY seq", run.num) do
    local series = load_points(db, run, row)
    series.x_name, series.x_unit, series.x_log = row.x_name, row.x_unit, row.x_log == 1
    by_seq[row.seq] = series
    of[row.seq] = { seq = row.seq, name = row.name, at = seconds(row.at_us), unit = row.unit, outcome = "UNSET",
      marginal = false, series = series, phase = row.phase }
  end
  return by_seq, of
end

local function by_seq(a, b) return a.seq < b.seq end

-- A series without a measurement is one that the end of its process cut short: it counts as one that was not taken.
local function add_cut_short(of, phases)
  for _, m in pairs(of) do
    local phase = phases[m.phase]
    m.phase = nil
    table.insert(phase.measurements, m)
    table.sort(phase.measurements, by_seq)
  end
end

local function load_measurements(db, run, phases)
  local series, without = load_series(db, run)
  for row in db:rows("SELECT * FROM measurement WHERE run = ? ORDER BY seq", run.num) do
    local list = phases[row.phase].measurements
    list[#list + 1] = {
      seq = row.seq, name = row.name, at = seconds(row.at_us), value = to_value(row), unit = row.unit,
      outcome = row.outcome, marginal = row.marginal == 1, limits = to_limits(row), instrument = row.instrument,
      uncertainty = row.uncertainty, doc = row.doc, series = series[row.series],
    }
    if row.series then without[row.series] = nil end
  end
  add_cut_short(without, phases)
end

-- Puts what a query gives into the list of that name, of its phase or of the run.
local function load_into(db, run, phases, list_name, sql, convert)
  for row in db:rows(sql, run.num) do
    local list = (row.phase and phases[row.phase] or run)[list_name]
    local item = convert(row)
    item.seq, item.at = row.seq, seconds(row.at_us)
    list[#list + 1] = item
  end
end

local function load_logs(db, run, phases)
  load_into(db, run, phases, "logs", "SELECT * FROM log WHERE run = ? ORDER BY seq", function(row)
    return { level = row.level, message = row.message, source = row.source }
  end)
end

local function load_attachments(db, run, phases)
  load_into(db, run, phases, "attachments", [[SELECT attachment.*, size FROM attachment JOIN blob USING (sha256)
      WHERE run = ? ORDER BY seq]], function(row)
    return { name = row.name, mime = row.mime, size = row.size, sha256 = row.sha256 }
  end)
end

local function load_prompts(db, run, phases)
  load_into(db, run, phases, "prompts", [[SELECT prompt.*, answer, prompt_answer.at_us - prompt.at_us AS took_us
      FROM prompt LEFT JOIN prompt_answer ON prompt_answer.run = prompt.run AND prompt_answer.prompt = prompt.seq
      WHERE prompt.run = ? ORDER BY prompt.seq]], function(row)
    return { kind = row.kind, message = row.message, options = from_json(row.options), answer = from_json(row.answer),
      duration = seconds(row.took_us) }
  end)
end

local function load_subunits(db, run)
  for row in db:rows([[SELECT name, part, serial, revision FROM subunit JOIN unit ON id = unit
      WHERE run = ? ORDER BY seq]], run.num) do
    row.part = not_empty(row.part)
    run.dut.subunits[#run.dut.subunits + 1] = row
  end
end

local function load_instruments(db, run)
  for row in db:rows([[SELECT run_instrument.*, maker, model, serial, firmware FROM run_instrument
      JOIN instrument ON instrument.id = instrument WHERE run = ? ORDER BY role]], run.num) do
    run.instruments[#run.instruments + 1] = {
      role = row.role, url = row.url, maker = not_empty(row.maker), model = not_empty(row.model),
      serial = not_empty(row.serial), firmware = not_empty(row.firmware), simulated = row.simulated == 1,
      cal_due = row.cal_due, cal_certificate = row.cal_certificate,
    }
  end
end

-- The seal of a run that has ended, and the newest one of its station now.
local function load_seal(db, num)
  local row = db:row("SELECT * FROM seal WHERE run = ?", num)
  if not row then return nil end
  local newest = seal.newest(db, row.station)
  return { seq = row.seq, prev = row.prev, doc = row.doc, hash = row.hash, key = row.key, signature = row.signature,
    note = row.note, head = { seq = newest.seq, hash = newest.hash } }
end

--- See record.lua, Record:load.
function reader.load(db, path, ref)
  local column = type(ref) == "string" and "run.id" or math.type(ref) == "integer" and "run.num"
  if not column then check.fail("unsupported", "load: wants the id or number of a run, got %s", tostring(ref)) end
  db:exec "BEGIN"  -- all of it as it is now, although others may be writing
  local ok, run = pcall(function()
    local row = db:row(HEAD .. "WHERE " .. column .. " = ?", ref)
    if not row then check.fail("not_found", "%s has no run %s", path, ref) end
    local run = to_head(db, row)
    for _, name in ipairs { "phases", "instruments", "logs", "attachments", "prompts" } do run[name] = json.array() end
    run.dut.subunits = json.array()
    local phases = load_phases(db, run)
    load_measurements(db, run, phases)
    load_logs(db, run, phases)
    load_attachments(db, run, phases)
    load_prompts(db, run, phases)
    load_instruments(db, run)
    load_subunits(db, run)
    run.seal = load_seal(db, run.num)
    return run
  end)
  db:exec "COMMIT"
  if not ok then error(run, 0) end
  return run
end

-- Ends the run of a process that went away, unless another program was first.
local function end_one(db, row, now, signer)
  signer = seal.signer_of_other(db, row.station, signer)
  if signer == false then return end
  local added = db:exec([[
      INSERT INTO run_end (run, ended_at, duration_us, outcome, marginal, interrupted, code, message)
      SELECT ?1, ?2, ?3, 'ABORTED', 0, 1, 'interrupted', ?4
      WHERE NOT EXISTS (SELECT 1 FROM run_end WHERE run = ?1)]],
    row.num, now, last_us(db, row.num), why_interrupted(row))
  if added == 1 then seal.add(db, row.num, signer) end
end

--- Ends the runs whose process went away, and seals them.
---@param signer moonrig.RecordSigner?
function reader.end_interrupted(db, signer)
  if db:value "SELECT (SELECT count(*) FROM run) = (SELECT count(*) FROM run_end)" == 1 then return end
  local gone = {}
  for row in db:rows "SELECT * FROM run WHERE num NOT IN (SELECT run FROM run_end)" do
    if not process.is_alive(row) then gone[#gone + 1] = row end
  end
  if not gone[1] then return end
  local now = time.text((core.store.time()))
  schema.atomic(db, function()
    for _, row in ipairs(gone) do end_one(db, row, now, signer) end
  end)
end

return reader
