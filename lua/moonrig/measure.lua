-- SPDX-License-Identifier: MIT
-- measure.lua: `t`, what a phase's function is given: measurements, checks, the log, ways to end the
-- phase early, and the station's instruments by name.
-- It judges and records; what the outcome of a phase means for the run is decided in runner.lua.
-- A method returns after what it says has been recorded.
local aggregate = require "moonrig.aggregate"
local core = require "moonrig.core"
local format = require "moonrig.report.format"
local limits = require "moonrig.limits"
local prompt = require "moonrig.prompt"
local series = require "moonrig.series"
local subunits = require "moonrig.subunits"
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

-- Records (with the phase, unless another object is given), and raises when the record cannot be written; but teardown
-- goes on without it.
local function record(state, method, given, object)
  local run = state.run
  if state.phase.group ~= "teardown" then run:check_space() end
  local entry = run:record(object or state.entry, method, given)
  if run.broken and state.phase.group ~= "teardown" then error(run.broken, 0) end
  return entry
end

-- What a measurement is judged by: declared with the phase (or in the limits file), or given in the call. Beside
-- declared limits the call may say the unit of its value, and who measured it.
local function limits_of(state, name, given)
  local declared = state.phase.limits[name]
  for field in pairs(declared and given or {}) do
    if field ~= "unit" and field ~= "instrument" and field ~= "uncertainty" and field ~= "x" then
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

-- What is recorded of a measurement beside its value and verdict.
local function describe(name, judge, given)
  local uncertainty = given.uncertainty
  return {
    name = name, unit = judge.unit or given.unit, limits = judge.recorded,
    instrument = given.instrument or judge.instrument, doc = judge.doc,
    uncertainty = uncertainty and converted(name, uncertainty, given.unit, judge.unit) or judge.uncertainty,
  }
end

-- Records a measurement whose verdict is known. More for observers: why it failed, the points of a series.
local function keep(state, taken, why, points)
  record(state, "measurement", taken)
  state.measured[taken.name] = true
  state.run.values[taken.name] = taken.value
  if taken.outcome == "FAIL" then
    state.failed = state.failed or ("%s = %s %s"):format(taken.name, format.quantity(taken.value, taken.unit), why)
  end
  state.run:emit { event = "measurement", phase = state.phase.name, why = why, measurement = taken, points = points }
end

local function take(state, name, value, judge, given)
  local taken = describe(name, judge, given)
  taken.value = converted(name, value, given.unit, judge.unit)
  local passed, marginal, why = judge:judge(taken.value, state.run.values)
  taken.outcome, taken.marginal = passed and "PASS" or "FAIL", marginal
  keep(state, taken, why)
  return passed
end

-- A measurement with this option that failed is the end of phase and run.
local function leave_when(state, judge, passed)
  if passed or not judge.stop_on_fail then return end
  state.stop = true
  error(state.leave, 0)
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
  local judge = limits_of(state, name, given)
  local passed = take(state, name, value, judge, given or {})
  leave_when(state, judge, passed)
  return passed
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
  local judge = has_limits and limits_of(state, name, given) or limits.new({ equals = true }, name)
  local passed = take(state, name, value, judge, given or {})
  leave_when(state, judge, passed)
  return passed
end

-- Series

-- Adds points to what is recorded of a series; the observers see it grow.
local function grow(state, entry, points, list)
  check_going_on(state)
  local data, passed = points:add(list)
  if entry then record(state, "points", data, entry) end
  state.run:emit { event = "series", phase = state.phase.name, points = points, added = #list }
  return passed
end

-- Limits of what the series comes to: given with it, or declared under names of their own ("gain.mean").
local function aggregates_of(state, name, judge)
  local all = {}
  for of, its in pairs(judge.aggregate or {}) do all[of] = its end
  for declared, its in pairs(state.phase.limits) do
    local of = declared:sub(1, #name + 1) == name .. "." and declared:sub(#name + 2)
    if of and aggregate.is_known(of) then all[of] = its end
  end
  return all
end

-- The end of a series that got to its end: the verdict on its points, and on what they come to.
local function judge_series(state, points, taken, judge, given)
  local passed, marginal, why, value, recorded = points:verdict(state.run.values)
  taken.outcome, taken.marginal, taken.value, taken.limits = passed and "PASS" or "FAIL", marginal, value, recorded
  keep(state, taken, why, points)
  for _, one in ipairs(points:aggregates(aggregates_of(state, points.name, judge))) do
    check_name(state, one.name)
    local of = { unit = points.unit, instrument = given.instrument }
    passed = take(state, one.name, one.value, one.judge, of) and passed
    leave_when(state, one.judge, passed)
  end
  return passed
end

--- Records a series of points (a frequency response, a burn-in) and judges it: each point, and what they come to. Each
--- point is in the record when `add` returns, whatever happens then.
---@async
---@param name string
---@param points (number|number[])[]|fun(add: fun(x: number, y?: number): boolean)   {x, y} each, or y alone; or a
---  function that measures and calls add(x, y) or add(y), which says whether the point is within its limits
---@param given? table      limits; beside them x = { name, unit, log }, aggregate = { mean = { min = ... }, p95 = ... }
---@return boolean passed
---  Raises: unsupported, and what the function raises; what it has measured until then is kept
function Test:series(name, points, given)
  local state = states[self]
  check_going_on(state)
  check_name(state, name)
  if type(points) ~= "table" and type(points) ~= "function" then
    refuse("series %q: expected a list of points or a function(add), got %s", name, type(points))
  end
  local judge = limits_of(state, name, given)
  given = given or {}
  local growing, taken = series.new(name, judge, given), describe(name, judge, given)
  taken.series = record(state, "series", growing:head())
  local ended
  local function finish()
    ended = true
    local passed = judge_series(state, growing, taken, judge, given)
    leave_when(state, judge, passed)
    return passed
  end
  local cut <close> = setmetatable({}, { __close = function() -- luacheck: ignore cut
    if ended then return end
    taken.outcome = "UNSET"
    keep(state, taken, nil, growing)
  end })
  local function add(list)
    if ended then refuse("series %q: it has ended already", name) end
    local passed = grow(state, taken.series, growing, list)
    if not passed and judge.stop_on_fail then finish() end
    return passed
  end
  if type(points) == "table" then
    add(points)
  else
    points(function(x, y) return add { y == nil and x or { x, y } } end)
  end
  if #growing.y > 0 then return finish() end
  state.failed = state.failed or name .. " has no points"
  return false
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

--- Says that the unit has a part with a serial number of its own, as it was read from it. Said again it does no harm.
---@param name string    its place in the unit: "radio"
---@param serial string
---@param more? { part: string?, revision: string? }
---  Raises: unsupported (another one was named before), system
function Test:subunit(name, serial, more)
  local state = states[self]
  check_going_on(state)
  local run, subunit = state.run, subunits.new(state.run.plan, name, serial, more)
  for _, known in ipairs(run.dut.subunits) do
    if known.name == name then
      if known.serial == serial then return end
      refuse("sub-unit %q: it is %s, and now %s", name, known.serial, serial)
    end
  end
  record(state, "subunit", subunit, run.entry)
  table.insert(run.dut.subunits, subunit)
  run:emit { event = "subunit", phase = state.phase.name, subunit = subunit }
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
measure.reserved = { dut = true, attempt = true, group = true, phase = true, run = true,
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
