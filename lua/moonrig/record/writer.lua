-- SPDX-License-Identifier: MIT
-- record/writer.lua: a run while it goes on: Run, Phase and Prompt objects whose methods insert rows.
-- Each method returns after its commit.  Once finish() was called, the object takes no more.

local core = require "moonrig.core"
local json = require "moonrig.json"
local check = require "moonrig.record.check"
local process = require "moonrig.record.process"
local schema = require "moonrig.record.schema"
local seal = require "moonrig.record.seal"
local time = require "moonrig.record.time"

local writer = {}

local EXACT = { nonfinite = "literal", invalid = "escape" }
local function to_json(v) return v ~= nil and json.encode(v, EXACT) or nil end

--- A run that is being recorded.
---@class moonrig.RecordRun
---@field id string            UUIDv7
---@field num integer          short number, good in this database only
---@field started_at string    UTC
local Run = {}
Run.__index = Run

--- A phase that is being recorded. Its methods log, attachment and prompt are those of the run.
---@class moonrig.RecordPhase
---@field name string
local Phase = {}
Phase.__index = Phase

--- A series that grows.
---@class moonrig.RecordSeries
local Series = {}
Series.__index = Series

--- A question that was asked.
---@class moonrig.RecordPrompt
local Prompt = {}
Prompt.__index = Prompt

-- Where the run has come to: place and time of the next row.
local function advance(run, op)
  if run.ended then check.fail("closed", "%s: the run has been finished already", op) end
  local _, now = core.store.time()
  run.seq = run.seq + 1
  return run.seq, now - run.started_us
end

local function advance_phase(phase, op)
  if phase.ended then
    check.fail("closed", '%s: the phase "%s" has been finished already', op, phase.name)
  end
  return advance(phase.run, op)
end

-- The id of the row of a table of names that has these values, made when it is new.
local function lookup(db, name, columns, ...)
  local places = columns:gsub("[%w_]+", "?")
  local id = db:value(("SELECT id FROM %s WHERE (%s) = (%s)"):format(name, columns, places), ...)
  if id then return id end
  local _, new = db:exec(("INSERT INTO %s (%s) VALUES (%s)"):format(name, columns, places), ...)
  return new
end

local function keep_blob(db, data)
  local sha256 = core.store.sha256(data)
  if not db:value("SELECT 1 FROM blob WHERE sha256 = ?", sha256) then
    db:exec("INSERT INTO blob VALUES (?, ?, ?)", sha256, #data, core.store.blob(data))
  end
  return sha256
end

-- Starting a run

local START = {
  fields = {
    "station", "dut", "procedure",
    station = "string", dut = "table", procedure = "table", site = "string", operator = "string", mode = "string",
    simulated = "boolean", attempt = "integer", runtime = "string", config = "table", meta = "table",
  },
  dut = { "serial", serial = "string", part = "string", revision = "string", batch = "string", subunits = "table" },
  procedure = { "name", name = "string", version = "string", script = "string" },
}

local SUBUNIT = { "name", "serial", name = "string", serial = "string", part = "string", revision = "string" }

local function insert_subunit(db, num, given, seq, at)
  local unit = lookup(db, "unit", "part, serial", given.part or "", given.serial)
  db:exec("INSERT INTO subunit (name, unit, revision, run, seq, at_us) VALUES (?, ?, ?, ?, ?, ?)", given.name, unit,
    given.revision, num, seq, at)
end

local function insert_run(db, run, given)
  local dut, procedure, me = given.dut, given.procedure, process.this()
  local script = procedure.script and keep_blob(db, procedure.script) or ""
  local station = lookup(db, "station", "name", given.station)
  seal.check_signer(db, station, run.signer)
  local unit = lookup(db, "unit", "part, serial", dut.part or "", dut.serial)
  local procedure_id = lookup(db, "procedure", "name, version, script_sha256", procedure.name,
    procedure.version or "", script)
  local attempt = given.attempt or 1 + db:value([[SELECT count(*) FROM run JOIN procedure ON procedure.id = procedure
    WHERE unit = ? AND procedure.name = ?]], unit, procedure.name)
  local _, num = db:exec([[INSERT INTO run (id, station, unit, procedure, site, operator, revision, batch, mode,
      simulated, attempt, started_at, runtime, host, boot, pid, pid_start, config, meta)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]],
    run.id, station, unit, procedure_id, given.site, given.operator, dut.revision, dut.batch,
    given.mode or "production", given.simulated or false, attempt, run.started_at,
    given.runtime or "moonrig " .. core.version, me.host, me.boot, me.pid, me.pid_start,
    to_json(given.config or {}), to_json(given.meta or {}))
  for i, subunit in ipairs(dut.subunits or {}) do insert_subunit(db, num, subunit, i, 0) end
  return num
end

function writer.start_run(db, given, signer)
  check.fields("start_run", given, START.fields)
  check.fields("start_run: dut", given.dut, START.dut)
  check.fields("start_run: procedure", given.procedure, START.procedure)
  local subunits = given.dut.subunits or {}
  for _, subunit in ipairs(subunits) do check.fields("start_run: dut: subunits", subunit, SUBUNIT) end
  local utc, monotonic = core.store.time()
  local run = setmetatable({ db = db, signer = signer, id = time.uuid7(utc), started_at = time.text(utc),
    started_us = monotonic, seq = #subunits, marginal = false, ended = false }, Run)
  run.num = schema.atomic(db, insert_run, db, run, given)
  return run
end

-- What a run and a phase both take. `at` is their place: the row's run, seq, phase, at_us.

local LOG = {
  "level", "message", message = "string", source = "string",
  level = check.one_of { "debug", "info", "warning", "error" },
}
local ATTACHMENT = { "name", "mime", "data", name = "string", mime = "string", data = "string" }
local PROMPT = {
  "message", message = "string", options = "table",
  kind = check.one_of { "text", "number", "choice", "yesno", "image" },
}

local function insert_log(db, given, ...)
  db:exec("INSERT INTO log (level, message, source, run, phase, seq, at_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
    given.level, given.message, given.source, ...)
end

local function insert_attachment(db, given, ...)
  db:exec("INSERT INTO attachment (name, mime, sha256, run, phase, seq, at_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
    given.name, given.mime, keep_blob(db, given.data), ...)
end

local function insert_prompt(db, given, run, phase, seq, at)
  db:exec("INSERT INTO prompt (kind, message, options, run, phase, seq, at_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
    given.kind or "text", given.message, to_json(given.options), run.num, phase, seq, at)
  return setmetatable({ run = run, seq = seq }, Prompt)
end

--- A line of the run's log, outside of any phase.
---@param given { level: "debug"|"info"|"warning"|"error", message: string, source: string? }
function Run:log(given)
  check.fields("run:log", given, LOG)
  insert_log(self.db, given, self.num, nil, advance(self, "run:log"))
end

--- A file. Its bytes are kept once, however often they are attached.
---@param given { name: string, mime: string, data: string }
function Run:attachment(given)
  check.fields("run:attachment", given, ATTACHMENT)
  schema.atomic(self.db, insert_attachment, self.db, given, self.num, nil, advance(self, "run:attachment"))
end

--- A question to the operator; the answer is recorded by its answer().
---@param given { kind: string?, message: string, options: string[]? }  kind: "text" unless said
---@return moonrig.RecordPrompt
function Run:prompt(given)
  check.fields("run:prompt", given, PROMPT)
  return insert_prompt(self.db, given, self, nil, advance(self, "run:prompt"))
end

function Phase:log(given)
  check.fields("phase:log", given, LOG)
  insert_log(self.run.db, given, self.run.num, self.seq, advance_phase(self, "phase:log"))
end

function Phase:attachment(given)
  check.fields("phase:attachment", given, ATTACHMENT)
  schema.atomic(self.run.db, insert_attachment, self.run.db, given, self.run.num, self.seq,
    advance_phase(self, "phase:attachment"))
end

function Phase:prompt(given)
  check.fields("phase:prompt", given, PROMPT)
  return insert_prompt(self.run.db, given, self.run, self.seq, advance_phase(self, "phase:prompt"))
end

--- Records the answer, once.
---@param answer boolean|number|string
function Prompt:answer(answer)
  if answer == nil or type(answer) == "table" then
    check.fail("unsupported", "prompt:answer: wants a boolean, number or string, got a %s", type(answer))
  end
  local _, at = advance(self.run, "prompt:answer")
  self.run.db:exec("INSERT INTO prompt_answer VALUES (?, ?, ?, ?)", self.run.num, self.seq, at, to_json(answer))
end

-- Run

local INSTRUMENT = {
  "role", role = "string", url = "string", maker = "string", model = "string", serial = "string",
  firmware = "string", simulated = "boolean", cal_due = "string", cal_certificate = "string",
}

--- An instrument that the run uses, under the name that the procedure knows it by.
---@param given moonrig.RunInstrument  all but `role` may be missing
function Run:instrument(given)
  check.fields("run:instrument", given, INSTRUMENT)
  advance(self, "run:instrument")
  schema.atomic(self.db, function()
    local id = lookup(self.db, "instrument", "maker, model, serial, firmware", given.maker or "", given.model or "",
      given.serial or "", given.firmware or "")
    self.db:exec("INSERT INTO run_instrument VALUES (?, ?, ?, ?, ?, ?, ?)", self.num, given.role, id, given.url,
      given.simulated or false, given.cal_due, given.cal_certificate)
  end)
end

--- A part of the unit with a serial number of its own. start_run takes those that are known at the beginning.
---@param given moonrig.Subunit
function Run:subunit(given)
  check.fields("run:subunit", given, SUBUNIT)
  schema.atomic(self.db, insert_subunit, self.db, self.num, given, advance(self, "run:subunit"))
end

local PHASE = { "name", name = "string", group = "string", attempt = "integer" }

--- Starts a phase. Each attempt of a retried phase is a phase.
---@param given { name: string, group: string?, attempt: integer? }  group "main", attempt 1 unless said
---@return moonrig.RecordPhase
function Run:phase(given)
  check.fields("run:phase", given, PHASE)
  local seq, at = advance(self, "run:phase")
  self.db:exec("INSERT INTO phase (run, seq, at_us, name, grp, attempt) VALUES (?, ?, ?, ?, ?, ?)", self.num, seq, at,
    given.name, given.group or "main", given.attempt or 1)
  return setmetatable({ run = self, seq = seq, name = given.name, marginal = false, ended = false }, Phase)
end

local RUN_END = {
  "outcome", outcome = check.one_of { "PASS", "FAIL", "ERROR", "TIMEOUT", "ABORTED" }, marginal = "boolean",
  code = "string", message = "string",
}

--- Ends the run, and seals it.
---@param given { outcome: moonrig.RunOutcome, code: string?, message: string?, marginal: boolean? }  marginal:
---  unless said, whether it passed with a marginal measurement
function Run:finish(given)
  check.fields("run:finish", given, RUN_END)
  local _, at = advance(self, "run:finish")
  local marginal = given.marginal
  if marginal == nil then marginal = self.marginal and given.outcome == "PASS" end
  local ended = { ended_at = time.text((core.store.time())), duration_us = at, outcome = given.outcome,
    marginal = marginal and 1 or 0, interrupted = 0, code = given.code, message = given.message }
  local doc = seal.doc(self.db, self.num, ended)
  schema.atomic(self.db, function()
    self.db:exec([[INSERT INTO run_end (run, ended_at, duration_us, outcome, marginal, interrupted, code, message)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)]], self.num, ended.ended_at, ended.duration_us, ended.outcome, ended.marginal,
      ended.interrupted, ended.code, ended.message)
    seal.add(self.db, self.num, self.signer, nil, doc)
  end)
  self.ended = true
end

-- Phase

local MEASUREMENT = {
  "name", "outcome", name = "string", value = "scalar", unit = "string", marginal = "boolean", limits = "table",
  outcome = check.one_of { "PASS", "FAIL", "UNSET", "SKIPPED" }, instrument = "string", uncertainty = "real",
  doc = "string", series = "table",
}
local LIMITS = {
  min = "real", max = "real", marginal_min = "real", marginal_max = "real", nominal = "real", within = "real",
  equals = "scalar", one_of = "table", matches = "string", text = "string",
}
local NO_LIMITS = {}
local INSERT_MEASUREMENT = [[INSERT INTO measurement (run, seq, phase, at_us, name, type, num, text, unit, outcome,
    marginal, limit_min, limit_max, marginal_min, marginal_max, nominal, within, equals, one_of, matches, limit_text,
    instrument, uncertainty, doc, series)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]]

-- The columns type, num, text of a value; see schema.lua.
local function columns(v)
  local kind = math.type(v) or type(v)
  if kind == "float" then
    if v ~= v then return kind, nil, "nan" end
    return kind, v, v == 0 and 1 / v < 0 and "-0.0" or nil
  elseif kind == "integer" then
    return kind, v + 0.0, (v > 2 ^ 53 or v < -2 ^ 53) and tostring(v) or nil
  elseif kind == "boolean" then
    return kind, v and 1.0 or 0.0, nil
  elseif kind == "string" then
    return kind, nil, v
  end
end

--- Records a measurement with the limits that it was judged by. When this returns, it is on the disk.
---@param given { name: string, value: any, unit: string?, outcome: moonrig.MeasurementOutcome, marginal: boolean?,
---  limits: moonrig.RecordedLimits?, instrument: string?, uncertainty: number?, doc: string?,
---  series: moonrig.RecordSeries? }   series: of which it is the verdict
function Phase:measurement(given)
  check.fields("phase:measurement", given, MEASUREMENT)
  local limits, run = given.limits or NO_LIMITS, self.run
  check.fields("phase:measurement: limits", limits, LIMITS)
  local seq, at = advance_phase(self, "phase:measurement")
  local kind, num, text = columns(given.value)
  run.db:exec(INSERT_MEASUREMENT, run.num, seq, self.seq, at, given.name, kind, num, text, given.unit, given.outcome,
    given.marginal or false, limits.min, limits.max, limits.marginal_min, limits.marginal_max, limits.nominal,
    limits.within, to_json(limits.equals), to_json(limits.one_of), limits.matches, limits.text, given.instrument,
    given.uncertainty, given.doc, given.series and given.series.seq)
  if given.marginal then self.marginal, run.marginal = true, true end
end

local SERIES = {
  "name", "columns", name = "string", unit = "string", x_name = "string", x_unit = "string", x_log = "boolean",
  columns = check.one_of { "x y", "x y min", "x y max", "x y min max" },
}

--- Starts a series. A measurement that is given it says what it came to.
---@param given { name: string, unit: string?, x_name: string?, x_unit: string?, x_log: boolean?, columns: string }
---  columns: what a point is: "x y", and "min", "max" when limits change along x; x_log: its axis is logarithmic
---@return moonrig.RecordSeries
function Phase:series(given)
  check.fields("phase:series", given, SERIES)
  local seq, at = advance_phase(self, "phase:series")
  self.run.db:exec("INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self.run.num, seq, self.seq, at,
    given.name, given.unit, given.x_name, given.x_unit, given.x_log or false, given.columns)
  return setmetatable({ phase = self, seq = seq, parts = 0 }, Series)
end

--- Adds points to it.
---@param data string   little-endian doubles, the columns of one point after the other
function Series:points(data)
  local _, at = advance_phase(self.phase, "series:points")
  local run = self.phase.run
  run.db:exec("INSERT INTO series_data VALUES (?, ?, ?, ?, ?)", run.num, self.seq, self.parts + 1, at,
    core.store.blob(data))
  self.parts = self.parts + 1
end

local PHASE_END = {
  "outcome", outcome = check.one_of { "PASS", "FAIL", "SKIP", "ERROR" }, marginal = "boolean", code = "string",
  message = "string",
}

--- Ends the phase.
---@param given { outcome: moonrig.PhaseOutcome, code: string?, message: string?, marginal: boolean? }  marginal: as
---  in run:finish
function Phase:finish(given)
  check.fields("phase:finish", given, PHASE_END)
  local _, at = advance_phase(self, "phase:finish")
  local marginal = given.marginal
  if marginal == nil then marginal = self.marginal and given.outcome == "PASS" end
  self.run.db:exec([[INSERT INTO phase_end (run, phase, at_us, outcome, marginal, code, message)
    VALUES (?, ?, ?, ?, ?, ?, ?)]], self.run.num, self.seq, at, given.outcome, marginal, given.code, given.message)
  self.ended = true
end

return writer
