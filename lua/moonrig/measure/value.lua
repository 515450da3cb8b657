-- SPDX-License-Identifier: MIT
-- measure/value.lua: what is measured in a phase: t:measure, t:check, t:series. It judges and records.
local aggregate = require "moonrig.aggregate"
local format = require "moonrig.report.format"
local limits = require "moonrig.limits"
local series = require "moonrig.series"
local states = require "moonrig.measure.state"
local units = require "moonrig.units"

local refuse = states.refuse

local taking = { methods = {} }

local Test = taking.methods

-- What a measurement is judged by: declared with the phase (or in the limits file), or given in the call. Beside
-- declared limits the call may say the unit of its value, and who measured it.
local function limits_of(state, name, given)
  local declared = state.phase.limits[name]
  if declared and given == nil then return declared end
  local here = limits.new(given, ("measurement %q"):format(name))
  for field in pairs(declared and given or {}) do
    if field ~= "unit" and field ~= "instrument" and field ~= "uncertainty" and field ~= "x" then
      refuse("measurement %q: its limits were declared with the phase; leave them out here", name)
    end
  end
  return declared or here
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
  state:record("measurement", taken)
  state.measured[taken.name] = true
  state.run.values[taken.name] = taken.value
  if taken.outcome == "FAIL" then
    state.failed = state.failed or ("%s = %s %s"):format(taken.name, format.quantity(taken.value, taken.unit), why)
  end
  state:tell { event = "measurement", why = why, measurement = taken, points = points }
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
  state:leave_phase()
end

--- Records a number and judges it.
---@param name string     unique within the phase
---@param value number
---@param given? table    limits, unit and more: see moonrig.limits; none when they were declared with the phase
---@return boolean passed
---  Raises: unsupported (value is not a number, limits that cannot be)
function Test:measure(name, value, given)
  local state = states.of(self)
  state:check_going_on()
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
  local state = states.of(self)
  state:check_going_on()
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
  state:check_going_on()
  if #list == 0 then return true end
  local data, passed = points:add(list)
  if entry then state:record("points", data, entry) end
  state:tell { event = "series", points = points, added = #list }
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
  local state = states.of(self)
  state:check_going_on()
  check_name(state, name)
  if type(points) ~= "table" and type(points) ~= "function" then
    refuse("series %q: expected a list of points or a function(add), got %s", name, type(points))
  end
  local judge = limits_of(state, name, given)
  given = given or {}
  local growing, taken = series.new(name, judge, given), describe(name, judge, given)
  taken.series = state:record("series", growing:head())
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

--- Records what the phase declared and never measured, in the order of the names.
---@return string? first the name of the first, when that fails the phase
function taking.unset(state)
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
    state:tell { event = "measurement", measurement = taken }
  end
  return not state.skipped and missing[1] or nil
end

return taking
