-- SPDX-License-Identifier: MIT
-- report/openhtf.lua: one run as the JSON that OpenHTF's OutputToJSON writes of a TestRecord: its keys and no others,
-- its words, its texts for limits.  OpenHTF tools and importers such as TofuPilot's read it.
-- What OpenHTF has no key for is in `metadata`, questions to the operator are log lines.  A repeated attempt is a phase
-- of its own, REPEAT and SKIP, as OpenHTF has it.  Files without a phase belong to `trigger_phase`, which is always
-- the first one there.  The JSON report (json.lua) is the one that loses nothing.

local escape = require "moonrig.report.escape"
local format = require "moonrig.report.format"
local json = require "moonrig.json"
local sha1 = require "moonrig.report.sha1"
local summary = require "moonrig.report.summary"
local time = require "moonrig.record.time"
local unit_codes = require "moonrig.report.unit_codes"

local document = {}

local null = json.null
local function or_null(v) if v == nil then return null end return v end

local function millis(run, at) return (time.us(run.started_at) + math.floor(at * 1e6 + 0.5)) // 1000 end

-- Limits as texts

-- What Python's re takes for the text itself.
local function literal(text) return (text:gsub("[^%w_\128-\255]", "\\%0")) end

local classes = { a = "[A-Za-z]", c = "[\\x00-\\x1f\\x7f]", d = "[0-9]", g = "[!-~]", l = "[a-z]", p = "[!-/:-@[-`{-~]",
  s = "[ \\t-\\r]", u = "[A-Z]", w = "[0-9A-Za-z]", x = "[0-9A-Fa-f]" }

-- A Lua pattern of plain characters, classes, dots and repetitions as a regular expression; nil when it has more
-- ([sets], captures, %b, %f, complements).
local function to_regex(pattern)
  local start = pattern:match "^%^" or ""
  local body, out, at = pattern:sub(#start + 1), {}, 1
  while at <= #body do
    local c = body:sub(at, at)
    if c == "%" then
      at = at + 1
      c = body:sub(at, at)
      local class = classes[c]
      if not class and c:find "^%w?$" then return nil end
      out[#out + 1] = class or literal(c)
    elseif c:find "[%[%]()]" then
      return nil
    elseif c == "$" and at == #body then
      out[#out + 1] = c
    else
      out[#out + 1] = c == "." and "[\\s\\S]" or literal(c)
    end
    at = at + 1
    local again = body:match("^[*+?-]", at)
    if again then
      out[#out], at = out[#out] .. (again == "-" and "*?" or again), at + 1
    end
  end
  return start .. table.concat(out)
end

local function range(limits)
  local low, high = limits.min, limits.max
  local below, above = limits.marginal_min, limits.marginal_max
  if not (low or high or below or above) then return nil end
  if low and low == high then return "x == " .. format.number(low) end
  return (low and format.number(low) .. " <= " or "")
    .. (below and ("Marginal:%s <= "):format(format.number(below)) or "") .. "x"
    .. (above and " <= Marginal:" .. format.number(above) or "") .. (high and " <= " .. format.number(high) or "")
end

local function equality(value)
  if type(value) == "string" then return ("'x' matches /^%s$/"):format(literal(value)) end
  return "x == " .. (value == true and "True" or value == false and "False" or format.number(value))
end

local function choice(list)
  local words = {}
  for i, v in ipairs(list) do
    if type(v) ~= "string" then return "'x' is " .. format.limits { one_of = list } end
    words[i] = literal(v)
  end
  return ("'x' matches /^(?:%s)$/"):format(table.concat(words, "|"))
end

local function matching(pattern)
  local regex = to_regex(pattern)
  return regex and ("'x' matches /%s/"):format(regex) or "'x' matches the Lua pattern " .. pattern
end

local function validators(limits)
  local list = json.array()
  local function add(text) list[#list + 1] = text end
  local by_range = range(limits)
  add(by_range)
  if not by_range and limits.nominal and limits.within then
    add(("'x' is within %s%% of %s"):format(format.number(limits.within), format.number(limits.nominal)))
  end
  if limits.equals ~= nil then add(equality(limits.equals)) end
  if limits.one_of then add(choice(limits.one_of)) end
  if limits.matches then add(matching(limits.matches)) end
  add(limits.text)
  return list
end

-- Phases

local function unit_of(unit)
  if not unit or unit == "" then return nil end
  local code, name = unit_codes.find(unit)
  return { name = name or unit, code = code or "", suffix = unit }
end

-- A series is a measurement with a dimension: rows of coordinate and value.
local function rows_of(series)
  local rows = json.array()
  for i, x in ipairs(series.x) do rows[i] = json.array { x, series.y[i] } end
  return rows
end

local function dimensions_of(series)
  local unit = unit_of(series.x_unit) or { name = "", code = "", suffix = "" }
  return json.array { { code = unit.code, description = series.x_name or unit.name, name = unit.name,
    suffix = unit.suffix } }
end

local function unique(used, name)
  local candidate, n = name, 1
  while used[candidate] do
    n = n + 1
    candidate = ("%s #%d"):format(name, n)
  end
  return candidate
end

local function measurements(phase)
  local all = json.object()
  for _, m in ipairs(phase.measurements) do
    local name = unique(all, m.name)
    local has_limits = m.limits and next(m.limits)
    all[name] = { name = name, outcome = m.outcome, units = unit_of(m.unit), docstring = m.doc,
      measured_value = m.value, validators = has_limits and validators(m.limits) or nil }
    if m.series and m.outcome ~= "UNSET" then
      all[name].measured_value, all[name].dimensions = rows_of(m.series), dimensions_of(m.series)
    end
  end
  return all
end

local function attachments(part, blob)
  local all = json.object()
  for _, file in ipairs(part.attachments) do
    local data = blob(file.sha256)
    if data then
      all[unique(all, file.name)] = { mimetype = file.mime, sha1 = sha1(data), data = escape.base64(data) }
    end
  end
  return all
end

-- phase_result and outcome, as OpenHTF pairs them.
local function result_of(phase, is_repeated)
  if is_repeated then return "REPEAT", "SKIP" end
  if phase.outcome == "PASS" then return "CONTINUE", "PASS" end
  if phase.outcome == "SKIP" then return "SKIP", "SKIP" end
  if phase.outcome == "FAIL" then return phase.message and "FAIL_AND_CONTINUE" or "CONTINUE", "FAIL" end
  if phase.code == "timeout" then return null, "ERROR" end
  return { exc_type = phase.code or "error", exc_val = phase.message or "", exc_tb = "" }, "ERROR"
end

local function code_info(name) return { name = name, docstring = null, sourcecode = "" } end

local function options(is_retried)
  return { name = null, timeout_s = null, run_if = null, requires_state = false, force_repeat = false,
    repeat_on_measurement_fail = is_retried, repeat_on_timeout = false, repeat_limit = null, run_under_pdb = false,
    phase_name_case = "KEEP", stop_on_measurement_fail = false }
end

local function phase_record(given)
  given.options = options(given.is_retried or false)
  given.is_retried = nil
  given.diagnosers, given.diagnosis_results, given.failure_diagnosis_results = json.array(), json.array(), json.array()
  given.subtest_name, given.codeinfo = null, code_info(given.name)
  return given
end

local function trigger_phase(run, blob)
  local start = millis(run, 0)
  return phase_record { name = "trigger_phase", descriptor_id = 0, start_time_millis = start, end_time_millis = start,
    measurements = json.object(), attachments = attachments(run, blob), result = { phase_result = "CONTINUE" },
    outcome = "PASS", marginal = false }
end

local function phases(run, sum, blob)
  local list, ids, count = json.array { trigger_phase(run, blob) }, {}, 0
  for i, phase in ipairs(run.phases) do
    local key = phase.group .. "\0" .. phase.name
    if not ids[key] then count = count + 1 end
    ids[key] = ids[key] or count
    local result, outcome = result_of(phase, sum.superseded[phase])
    list[i + 1] = phase_record { name = phase.name, descriptor_id = ids[key],
      start_time_millis = millis(run, phase.at),
      end_time_millis = millis(run, phase.duration and phase.at + phase.duration or math.max(phase.at, run.duration)),
      measurements = measurements(phase), attachments = attachments(phase, blob), result = { phase_result = result },
      outcome = outcome, marginal = phase.marginal, is_retried = sum.superseded[phase] or phase.attempt > 1 }
  end
  return list
end

-- The run

local LEVELS = { debug = 10, info = 20, warning = 30, error = 40 }

local function log_records(run)
  local all = json.array()
  local function add(entry, level, message, source)
    local file, line = (source or ""):match "^(.*):(%d+)$"
    all[#all + 1] = { level = level, logger_name = entry.phase and "moonrig.phase." .. entry.phase.name or "moonrig",
      source = file or source or "", lineno = math.tointeger(line) or 0, message = message, seq = entry.item.seq,
      timestamp_millis = millis(run, entry.item.at) }
  end
  for _, entry in ipairs(summary.collect(run, "logs")) do
    add(entry, LEVELS[entry.item.level] or 20, entry.item.message, entry.item.source)
  end
  for _, entry in ipairs(summary.collect(run, "prompts")) do
    add(entry, 20, ("asked: %s, answered: %s"):format(entry.item.message, format.answer(entry.item)))
  end
  table.sort(all, function(a, b) return a.seq < b.seq end)
  for _, record in ipairs(all) do record.seq = nil end
  return all
end

local function details(run, sum)
  local list = json.array()
  for i, reason in ipairs(run.outcome == "PASS" and {} or sum.reasons) do
    list[i] = { code = reason.measurement and reason.measurement.name or run.code or run.outcome,
      description = (reason.phase and reason.phase .. ": " or "") .. reason.text }
  end
  return list
end

local function metadata(run)
  local all = {}
  for name, value in pairs(run.meta or {}) do all[tostring(name)] = value end
  local dut, procedure = run.dut, run.procedure
  for name, value in pairs { test_name = procedure.name, test_version = or_null(procedure.version),
      test_description = null, config = next(run.config or {}) and run.config or json.object(),
      procedure_name = procedure.name, part_number = or_null(dut.part), revision = or_null(dut.revision),
      batch_number = or_null(dut.batch), operator_name = or_null(run.operator), site = or_null(run.site),
      mode = run.mode, simulated = run.simulated, attempt = run.attempt, run_id = run.id, runtime = run.runtime,
      script_sha256 = or_null(procedure.script_sha256), instruments = run.instruments,
      subunits = dut.subunits or json.array() } do
    all[name] = value
  end
  return all
end

-- All texts in a tree made UTF-8: readers refuse a file with anything else.
local function in_utf8(value)
  if type(value) == "string" then return escape.utf8(value) end
  if type(value) ~= "table" or value == null then return value end
  local out = setmetatable({}, getmetatable(value))
  for key, item in pairs(value) do out[in_utf8(key)] = in_utf8(item) end
  return out
end

---@param runs moonrig.Run[]  one
---@param context { blob: fun(sha256: string): string? }
---@param put fun(text: string)
function document.render(runs, context, put)
  local run = runs[1]
  local sum = summary.of(run)
  local record = { dut_id = run.dut.serial, start_time_millis = millis(run, 0),
    end_time_millis = millis(run, run.duration), outcome = run.outcome, outcome_details = details(run, sum),
    marginal = run.marginal, metadata = metadata(run), phases = phases(run, sum, context.blob), subtests = json.array(),
    branches = json.array(), diagnosers = json.array(), diagnoses = json.array(), log_records = log_records(run),
    station_id = run.station, code_info = code_info(run.procedure.name) }
  put(json.encode(in_utf8(record), { indent = 2, nonfinite = "string" }) .. "\n")
end

return document
