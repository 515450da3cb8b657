-- SPDX-License-Identifier: MIT
-- report/wsjf.lua: one run as WATS Standard JSON (WSJF), for the drop folder or POST /api/report/wsjf of a WATS server,
-- and for importers that read it.  A phase is a SequenceCall, a measurement a step in it; each attempt is there, and
-- what failed the unit has causedUUTFailure.  WATS keeps our verdicts; it does not judge again.
-- WATS wants a part number, a process code that its server knows (from the option process_code, the run's `meta` or
-- `config`, else 10), and names of at most 100 characters.

local core = require "moonrig.core"
local escape = require "moonrig.report.escape"
local format = require "moonrig.report.format"
local json = require "moonrig.json"
local summary = require "moonrig.report.summary"
local time = require "moonrig.record.time"

local document = {}

local LONGEST <const> = 100        -- characters of a name or note
local PROCESS <const> = 10
local NONE <const> = "-"           -- where WATS wants a text and the record has none

local function fail(message, ...)
  error(core.error { code = "unsupported", message = "wsjf: " .. message:format(...) }, 0)
end

-- UTF-8 of 1 to `max` characters.
local function text(value, max)
  local s = escape.utf8(tostring(value or ""))
  if s == "" then return NONE end
  local stop = utf8.offset(s, (max or LONGEST) + 1)
  return stop and s:sub(1, stop - 1) or s
end

-- Such a text that names something, so that a shorter one would be another.
local function identity(run, what, value)
  local s = text(value, math.maxinteger - 1)
  if utf8.len(s) > LONGEST then
    fail("run %d: the %s has more than %d characters, which WATS does not take", run.num, what, LONGEST)
  end
  return s
end

-- Steps

local groups = { setup = "S", teardown = "C" }

local function new_step(state, phase, kind, name, status)
  state.count = state.count + 1
  return { id = state.count, group = groups[phase and phase.group] or "M", stepType = kind, name = text(name),
    status = status }
end

local verdicts = { PASS = "P", FAIL = "F", UNSET = "F", SKIPPED = "S" }

-- "ET_NLT" (number), "ET_PFT" (pass or fail), "ET_SVT" (text): by the value, or by the limits when there is none.
local function kind_of(m)
  local sample, limits = m.value, m.limits or {}
  if sample == nil then sample = limits.equals end
  if sample == nil and limits.one_of then sample = limits.one_of[1] end
  if type(sample) == "boolean" then return "ET_PFT" end
  if type(sample) == "string" or sample == nil and limits.matches then return "ET_SVT" end
  return "ET_NLT"
end

-- Whether compOp and limits of WATS say all that ours do is the second result. One limit stands in lowLimit.
local function comparison(limits)
  local low, high = limits.min, limits.max
  if not low and not high and limits.nominal and limits.within then
    local half = math.abs(limits.nominal) * limits.within / 100
    low, high = limits.nominal - half, limits.nominal + half
  end
  local is_all = not (limits.one_of or limits.matches or limits.text or limits.marginal_min or limits.marginal_max)
  if low and high then return "GELE", low, high, is_all and limits.equals == nil end
  if low or high then return low and "GE" or "LE", low or high, nil, is_all and limits.equals == nil end
  if type(limits.equals) == "number" then return "EQ", limits.equals, nil, is_all end
  return "LOG", nil, nil, next(limits) == nil
end

local measures = {}

function measures.ET_NLT(step, m)
  local op, low, high, is_all = comparison(m.limits or {})
  local value = m.value
  if value == nil then value = 0 / 0 end
  step.numericMeas = json.array { { compOp = op, name = step.name, status = step.status, unit = m.unit or "",
    value = value, lowLimit = low, highLimit = high } }
  return is_all
end

function measures.ET_SVT(step, m)
  local limit = m.limits and m.limits.equals
  local is_equal = type(limit) == "string"
  step.stringMeas = json.array { { compOp = is_equal and "CASESENSIT" or "LOG", name = step.name, status = step.status,
    value = format.value(m.value), limit = is_equal and limit or nil } }
  return is_equal and not next(m.limits, next(m.limits)) or not m.limits
end

function measures.ET_PFT(step)
  step.booleanMeas = json.array { { name = step.name, status = step.status } }
  return false
end

local function joined(list)
  local words = {}
  for i, v in ipairs(list) do words[i] = format.number(v) end
  return table.concat(words, ";")
end

-- The points of a series, which stand beside its worst value.
local function chart(m)
  local series, lines = m.series, json.array()
  for _, one in ipairs { { m.name, series.y }, { "low limit", series.min }, { "high limit", series.max } } do
    if one[2] then
      lines[#lines + 1] = { dataType = "XYG", name = text(one[1]), xdata = joined(series.x), ydata = joined(one[2]) }
    end
  end
  return { chartType = series.x_log and "LineLogX" or "Line", label = text(m.name), xLabel = text(series.x_name or "x"),
    xUnit = series.x_unit or "", yLabel = text(m.name), yUnit = m.unit or "", series = lines }
end

local function measurement(state, phase, m)
  local kind = kind_of(m)
  local step = new_step(state, phase, kind, m.name, verdicts[m.outcome])
  local is_all = measures[kind](step, m)
  if m.series and m.series.y[1] then step.chart = chart(m) end
  local notes = {}
  if not is_all or m.outcome == "UNSET" then notes[1] = format.measurement(m) end
  notes[#notes + 1] = format.marginal(m.limits, m.unit)
  if m.marginal then notes[#notes + 1] = "marginal" end
  if is_all then notes[#notes + 1] = format.worst(m) end
  if m.uncertainty then notes[#notes + 1] = "uncertainty " .. format.quantity(m.uncertainty, m.unit) end
  if m.instrument then notes[#notes + 1] = "by " .. m.instrument end
  notes[#notes + 1] = m.doc
  step.reportText = notes[1] and table.concat(notes, "; ")
  return step
end

local function add_files(state, steps, phase, list)
  for _, file in ipairs(list) do
    local data = state.blob(file.sha256)
    if data then
      local step = new_step(state, phase, "WATS_AttachFile", file.name, "D")
      step.attachment = { name = file.name, contentType = file.mime, data = escape.base64(data) }
      steps[#steps + 1] = step
    end
  end
end

local stopped = { timeout = true, cancelled = true, interrupted = true }

local function phase_status(phase)
  if phase.outcome == "ERROR" then return stopped[phase.code] and "T" or "E" end
  return phase.outcome == "SKIP" and "S" or phase.outcome == "PASS" and "P" or "F"
end

local function sequence(run, phase_name)
  return { path = text(run.procedure.name, 500), name = text(phase_name, 200),
    version = text(run.procedure.version, 30) }
end

local function is_bad(status) return status == "F" or status == "E" or status == "T" end

-- The first step that failed the unit is named in the report; all that did so are marked.
local function blame(state, step)
  step.causedUUTFailure = true
  state.culprit = state.culprit or step.id
end

local function phase_step(state, run, phase, is_repeated)
  local step = new_step(state, phase, "SequenceCall", phase.name, phase_status(phase))
  local counts = not is_repeated and run.outcome ~= "PASS" and is_bad(step.status)
  local has_culprit = false
  step.totTime, step.steps, step.seqCall = phase.duration or 0.0, json.array(), sequence(run, phase.name)
  for i, m in ipairs(phase.measurements) do
    step.steps[i] = measurement(state, phase, m)
    if counts and is_bad(step.steps[i].status) then
      blame(state, step.steps[i])
      has_culprit = true
    end
  end
  if counts and not has_culprit then blame(state, step) end
  add_files(state, step.steps, phase, phase.attachments)
  if phase.message then step.errorMessage, step.errorCode = phase.message, phase.code end
  if is_repeated or phase.attempt > 1 then
    step.reportText = ("attempt %d%s"):format(phase.attempt, is_repeated and ", repeated" or "")
  end
  return step
end

-- The report

local results = { PASS = "P", FAIL = "F", ERROR = "E", TIMEOUT = "E", ABORTED = "T" }

local function notes(run)
  local list = json.array()
  local function add(name, value)
    if value ~= nil then list[#list + 1] = { description = text(name), text = text(value) } end
  end
  add("run", run.num)
  add("attempt", run.attempt)
  add("site", run.site)
  add("simulated", run.simulated and "yes" or nil)
  add("marginal", run.marginal and "yes" or nil)
  add("script SHA-256", run.procedure.script_sha256)
  add("software", run.runtime)
  for _, unit in ipairs(run.instruments) do
    local words = {}
    for _, name in ipairs { "maker", "model", "serial", "firmware" } do words[#words + 1] = unit[name] end
    add("instrument " .. unit.role, words[1] and table.concat(words, " "))
    add("calibration due " .. unit.role, unit.cal_due)
  end
  for _, entry in ipairs(summary.collect(run, "prompts")) do add(entry.item.message, format.answer(entry.item)) end
  return list
end

local function process_code(run, context)
  return context.process_code or math.tointeger(run.meta and run.meta.process_code)
    or math.tointeger(run.config and run.config.process_code) or PROCESS
end

local function subunits(run)
  local list = json.array()
  for i, part in ipairs(run.dut.subunits or {}) do
    list[i] = { partType = text(part.name, 50), pn = identity(run, "part number of a sub-unit", part.part),
      sn = identity(run, "serial number of a sub-unit", part.serial), rev = part.revision and text(part.revision) }
  end
  return list
end

local function root_step(state, run)
  local sum = summary.of(run)
  local root = new_step(state, nil, "SequenceCall", "MainSequence Callback", results[run.outcome])
  root.totTime, root.steps, root.seqCall = run.duration, json.array(), sequence(run, run.procedure.name)
  for i, phase in ipairs(run.phases) do root.steps[i] = phase_step(state, run, phase, sum.superseded[phase]) end
  add_files(state, root.steps, nil, run.attachments)
  return root
end

-- NaN and infinities as WATS writes them, texts in UTF-8.
local function plain(value)
  if type(value) == "string" then return escape.utf8(value) end
  if type(value) == "number" and (value ~= value or value == math.huge or value == -math.huge) then
    return value ~= value and "NaN" or value > 0 and "Infinity" or "-Infinity"
  end
  if type(value) ~= "table" then return value end
  local out = setmetatable({}, getmetatable(value))
  for key, item in pairs(value) do out[key] = plain(item) end
  return out
end

---@param runs moonrig.Run[]  one
---@param context { blob: (fun(sha256: string): string?), process_code: integer? }
---@param put fun(text: string)
function document.render(runs, context, put)
  local run = runs[1]
  if not run.dut.part or run.dut.part == "" then
    fail("run %d has no part number, which WATS wants: part = ... in test.procedure", run.num)
  end
  local us = time.us(run.started_at)
  local start = time.text(us):sub(1, 23)
  local state = { blob = context.blob, count = -1 }
  local root = root_step(state, run)
  local report = { type = "T", id = run.id, pn = identity(run, "part number", run.dut.part),
    sn = identity(run, "serial number", run.dut.serial), rev = identity(run, "revision", run.dut.revision),
    processCode = process_code(run, context), processName = text(run.procedure.name), result = results[run.outcome],
    machineName = text(run.station), location = text(run.meta and run.meta.location), purpose = text(run.mode),
    start = start .. "+00:00", startUTC = start .. "Z", root = root, miscInfos = notes(run), subUnits = subunits(run),
    uut = { user = run.operator and text(run.operator) or "", execTime = run.duration,
      testSocketIndex = math.tointeger(run.site) or nil, batchSN = run.dut.batch and text(run.dut.batch),
      errorCode = run.code and text(run.code), errorMessage = run.message, stepIdCausedUUTFailure = state.culprit } }
  put(json.encode(plain(report), { indent = 2 }) .. "\n")
end

return document
