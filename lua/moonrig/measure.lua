-- SPDX-License-Identifier: MIT
-- measure.lua: `t`, what a phase's function is given: measurements, checks, the log, ways to end the
-- phase early, and the station's instruments by name.
-- It judges and records; what the outcome of a phase means for the run is decided in runner.lua.
-- A method returns after what it says has been recorded.
local core = require "moonrig.core"
local format = require "moonrig.report.format"
local limits = require "moonrig.limits"
local prompt = require "moonrig.prompt"
local units = require "moonrig.units"

local measure = {}

local Test = {}

-- t -> its phase, so that t itself holds nothing but what the procedure may use.
local states = setmetatable({}, { __mode = "k" })

-- Raises for mistakes in the procedure.
local function refuse(message, ...)
  error(core.error { code = "unsupported", message = message:format(...) }, 0)
end

-- A phase that swallowed the error of Ctrl-C or of its timeout gets it again, as long as it goes on.
local function check_going_on(state)
  local reason = core.cancelled()
  if reason then error(core.error { code = "cancelled", message = reason }, 0) end
  if core.now() > state.ends then
    error(core.error { code = "timeout", message = "the time of the phase is over" }, 0)
  end
end

-- Records, and raises when the record cannot be written; but teardown goes on without it.
local function record(state, method, given)
  local run = state.run
  run:record(state.entry, method, given)
  if run.broken and state.phase.group ~= "teardown" then error(run.broken, 0) end
end

-- What a measurement is judged by: declared with the phase (or in the limits file), or given in the call. Beside
-- declared limits the call may say the unit of its value, and who measured it.
local function limits_of(state, name, given)
  local declared = state.phase.limits[name]
  for field in pairs(declared and given or {}) do
    if field ~= "unit" and field ~= "instrument" and field ~= "uncertainty" then
      refuse("measurement %q: its limits were declared with the phase; leave them out here", name)
    end
  end
  return declared or limits.new(given, ("measurement %q"):format(name))
end

-- The value in the unit of its limits.
local function converted(name, value, from, to)
  if not from or not to or from == to then return value end
  local result = type(value) == "number" and units.convert(value, from, to)
  if not result then refuse("measurement %q: its value is in %s, its limits are in %s", name, from, to) end
  return result
end

local function check_name(state, name)
  if type(name) ~= "string" or name == "" then refuse("a measurement wants a name, got %s", tostring(name)) end
  if state.measured[name] then
    refuse("measurement %q was taken already in this phase; give each a name of its own", name)
  end
end

local function take(state, name, value, judge, given)
  given = given or {}
  value = converted(name, value, given.unit, judge.unit)
  local unit = judge.unit or given.unit
  local passed, marginal, why = judge:judge(value, state.run.values)
  local taken = {
    name = name, value = value, unit = unit, outcome = passed and "PASS" or "FAIL", marginal = marginal,
    limits = judge.recorded, instrument = given.instrument or judge.instrument,
    uncertainty = given.uncertainty and converted(name, given.uncertainty, given.unit, judge.unit) or judge.uncertainty,
    doc = judge.doc,
  }
  record(state, "measurement", taken)
  state.measured[name] = true
  state.run.values[name] = value
  if not passed then
    state.failed = state.failed or ("%s = %s %s"):format(name, format.quantity(value, unit), why)
  end
  state.run:emit { event = "measurement", phase = state.phase.name, why = why, measurement = taken }
  if not passed and judge.stop_on_fail then
    state.stop = true
    error(state.leave, 0)
  end
  return passed
end

--- Records a number and judges it.
---@param name string     unique within the phase
---@param value number
---@param given? table    limits, unit and more: see moonrig.limits; none when they were declared with the phase
---@return boolean passed
---  Raises: unsupported (value is not a number, limits that cannot be)
function Test:measure(name, value, given)
  local state = states[self]
  check_going_on(state)
  check_name(state, name)
  if type(value) ~= "number" then
    refuse("measurement %q: expected a number, got %s; t:check takes strings and booleans", name,
      value == nil and "nil" or ("the %s %q"):format(type(value), tostring(value)))
  end
  return take(state, name, value, limits_of(state, name, given), given)
end

--- Records a value of any kind and judges it. Without limits it has to be the boolean true.
---@param name string     unique within the phase
---@param value boolean|number|string
---@param given? table    limits: { equals = "34465A" }, { matches = "^1%.4" }, ...
---@return boolean passed
---  Raises: unsupported
function Test:check(name, value, given)
  local state = states[self]
  check_going_on(state)
  check_name(state, name)
  local kind = type(value)
  if kind ~= "string" and kind ~= "boolean" and kind ~= "number" then
    refuse("check %q: expected a string, boolean or number, got %s", name, kind)
  end
  local declared = state.phase.limits[name]
  local has_limits = given or declared and declared.recorded
  if not has_limits and kind ~= "boolean" then
    refuse("check %q: a %s wants limits, such as {equals = ...}", name, kind)
  end
  return take(state, name, value, has_limits and limits_of(state, name, given) or limits.new({ equals = true }, name),
    given)
end

-- "psu_final.lua:12", the line of the procedure
local function where()
  for level = 3, 20 do
    local info = debug.getinfo(level, "Sl")
    if not info then return nil end
    if info.currentline > 0 and info.source:sub(1, 13) ~= "@lua/moonrig/" then
      return ("%s:%d"):format(info.short_src, info.currentline)
    end
  end
end

local LEVELS = { debug = true, info = true, warning = true, error = true }

--- Adds a line to the log of the run.
---@param message string
---@param level? "debug"|"info"|"warning"|"error"   "info" unless said
function Test:log(message, level)
  local state = states[self]
  check_going_on(state)
  level = level or "info"
  if not LEVELS[level] then
    refuse("log: there is no level %q (there are debug, info, warning, error)", tostring(level))
  end
  local line = { level = level, message = tostring(message), source = where() }
  record(state, "log", line)
  state.run:emit { event = "log", phase = state.phase.name, log = line }
end

--- Ends the phase as SKIP; what it declared and did not measure is SKIPPED.
---@param reason? string
function Test:skip(reason)
  local state = states[self]
  state.skipped = reason or "skipped by the procedure"
  error(state.leave, 0)
end

--- Ends the phase as FAIL.
---@param message? string  why, for a person
---@param code? string     the procedure's own failure code
function Test:fail(message, code)
  local state = states[self]
  state.failed = state.failed or message or "failed by the procedure"
  state.code = state.code or code
  error(state.leave, 0)
end

--- Ends the run as ABORTED; teardown follows.
---@param message? string  why, for a person
function Test:abort(message)
  local state = states[self]
  state.aborted = message or "aborted by the procedure"
  error(state.leave, 0)
end

--- Ends the attempt as FAIL and asks for another one: as many as the phase's option retry says, else three.
---@param message? string  why, for a person
function Test:retry(message)
  local state = states[self]
  state.failed = state.failed or message or "the procedure wants to try again"
  state.again = true
  error(state.leave, 0)
end

local MIME <const> = { csv = "text/csv", txt = "text/plain", log = "text/plain", json = "application/json",
  html = "text/html", png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg", svg = "image/svg+xml",
  pdf = "application/pdf", pcapng = "application/vnd.tcpdump.pcap" }

--- Adds a file to the record: its bytes, kept once however often they are attached.
---@param name string   with its extension, which says what it is: "scope.png"
---@param data string   the bytes
---@param mime? string  when the extension does not say it
---  Raises: unsupported, system
function Test:attach(name, data, mime)
  local state = states[self]
  check_going_on(state)
  if type(name) ~= "string" or name == "" then refuse("attach: expected a name such as \"scope.png\"") end
  if type(data) ~= "string" then refuse("attach %q: expected the bytes as a string, got %s", name, type(data)) end
  local extension = (name:match "%.(%w+)$" or ""):lower()
  local file = { name = name, data = data, mime = mime or MIME[extension] or "application/octet-stream" }
  record(state, "attachment", file)
  state.run:emit { event = "attachment", phase = state.phase.name, attachment = { name = name, mime = file.mime,
    size = #data } }
end

--- Asks the operator, and waits for the answer, which is recorded.
---@async
---@param message string
---@param opts? moonrig.PromptOptions
---@return boolean|number|string answer
---  Raises: timeout, closed (nobody is there), unsupported
function Test:prompt(message, opts)
  local state = states[self]
  check_going_on(state)
  local run, question = state.run, prompt.new(message, opts)
  if not run.ask then
    error(core.error { code = "closed", message = "nobody can be asked: this run has no operator" }, 0)
  end
  local held <close> = run.asking:acquire() -- luacheck: ignore held
  local entry = run:record(state.entry, "prompt", { kind = question.kind, message = message,
    options = question.options })
  run:emit { event = "prompt", phase = state.phase.name, prompt = question }
  local answer = prompt.ask(question, run.ask)
  run:record(entry, "answer", answer)
  run:emit { event = "answer", phase = state.phase.name, prompt = question, answer = answer }
  if run.broken and state.phase.group ~= "teardown" then error(run.broken, 0) end
  return answer
end

local Class = {
  __name = "moonrig.Test",
  __index = function(t, name)
    if Test[name] then return Test[name] end
    local state = states[t]
    local of = state.run.session
    if not state.give_back and of:is_shared(name) then state.give_back = of.shared:take(state.run) end
    return of:get(name)
  end,
}

--- Names that an instrument cannot have: those of t's own, and those that later versions will use.
measure.reserved = { dut = true, attempt = true, series = true, group = true, phase = true, run = true,
  station = true, site = true, operator = true }
for name in pairs(Test) do measure.reserved[name] = true end

--- The t of one attempt, and its state for the runner: failed, skipped, code, stop, leave (the error that
--- skip and fail raise), measured.
function measure.new(run, phase, entry, attempt)
  local t = setmetatable({ dut = run.dut, attempt = attempt }, Class)
  states[t] = {
    run = run, phase = phase, entry = entry, measured = {}, leave = {},
    ends = phase.timeout and core.now() + phase.timeout or math.huge,
  }
  return t, states[t]
end

--- Records what the phase declared and never measured, in the order of the names.
---@return string? first the name of the first, when that fails the phase
function measure.unset(state)
  local missing = {}
  for name in pairs(state.phase.limits) do
    if not state.measured[name] then missing[#missing + 1] = name end
  end
  table.sort(missing)
  for _, name in ipairs(missing) do
    local declared = state.phase.limits[name]
    local taken = { name = name, unit = declared.unit, limits = declared.recorded, doc = declared.doc,
      outcome = state.skipped and "SKIPPED" or "UNSET" }
    state.run:record(state.entry, "measurement", taken)
    state.run:emit { event = "measurement", phase = state.phase.name, measurement = taken }
  end
  return not state.skipped and missing[1] or nil
end

return measure
