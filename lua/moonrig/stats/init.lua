-- SPDX-License-Identifier: MIT
-- stats/init.lua: the statistics of a record as one tree, from which text, JSON and HTML are made.  One pass over the
-- measurements; what is kept grows with the number of different measurements and limits, not with that of the runs.

local capability = require "moonrig.stats.capability"
local control = require "moonrig.stats.control"
local histogram = require "moonrig.stats.histogram"
local json = require "moonrig.json"
local normality = require "moonrig.stats.normality"
local query = require "moonrig.stats.query"
local sample = require "moonrig.stats.sample"
local yield = require "moonrig.stats.yield"

local stats = {}

local POINTS <const> = 200      -- the newest ones, which a chart shows and the rules are applied to
local BINS <const> = 32         -- of a histogram that is shown
local SETS <const> = 50         -- of limits and units that one measurement may have before the rest is only counted
local DAYS <const> = 62         -- the yield is told by day up to so many, then by month
local CAUSES <const> = 1000     -- of failures that are told apart

--- What --by takes.
stats.KEYS = { "version", "station", "site", "operator" }

-- Measurements

local function start_set(row, run, key)
  return { procedure = run.procedure, name = row.name, unit = row.unit, low = row.low, high = row.high,
    by = key and { key = key, value = run[key] or "" } or nil, versions = {}, since = run.at,
    moments = capability.start(), sample = sample.start(), histogram = histogram.start(), not_finite = 0, values = {},
    runs = {}, taken = 0 }
end

local function same(set, row, split)
  return set.low == row.low and set.high == row.high and set.unit == row.unit and (not split or set.by.value == split)
end

-- The set of values that this one belongs to: never two limits in one. Nil: there are too many.
local function set_of(found, row, run, key)
  local of_procedure = found.index[run.procedure]
  if not of_procedure then
    of_procedure = {}
    found.index[run.procedure] = of_procedure
  end
  local sets = of_procedure[row.name]
  if not sets then
    sets = { left_out = 0 }
    of_procedure[row.name] = sets
  end
  local split = key and (run[key] or "")
  for i = #sets, 1, -1 do
    if same(sets[i], row, split) then return sets[i] end
  end
  if #sets == SETS then
    sets.left_out = sets.left_out + 1
    return nil
  end
  local set = start_set(row, run, key)
  sets[#sets + 1] = set
  found[#found + 1] = set
  return set
end

local function take(set, x, run)
  set.last, set.versions[run.version] = run.at, true
  if not x or x ~= x or x == math.huge or x == -math.huge then
    set.not_finite = set.not_finite + 1
    return
  end
  capability.add(set.moments, x)
  sample.add(set.sample, x)
  histogram.add(set.histogram, x)
  local at = set.taken % POINTS + 1
  set.values[at], set.runs[at], set.taken = x, run.num, set.taken + 1
end

-- The ring of the newest values, the oldest of them first.
local function in_order(list, taken)
  if taken <= POINTS then return json.array(list) end
  local start, out = taken % POINTS, json.array {}
  for i = 1, POINTS do out[i] = list[(start + i - 1) % POINTS + 1] end
  return out
end

local function chart_of(set, spread)
  local limits = control.limits(spread.mean, spread.moving_range)
  if not limits then return nil end
  local chart = { limits = limits, values = in_order(set.values, set.taken), runs = in_order(set.runs, set.taken) }
  chart.violations = json.array(control.violations(chart.values, limits))
  return chart
end

local function sorted_keys(set)
  local list = json.array {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function measurement_of(set)
  local spread, sorted = capability.spread(set.moments), sample.sorted(set.sample)
  local percentiles = capability.percentiles(sorted)
  return { name = set.name, unit = set.unit, low = set.low, high = set.high, by = set.by, since = set.since,
    last = set.last, versions = sorted_keys(set.versions), not_finite = set.not_finite, spread = spread,
    percentiles = percentiles, normality = normality.test(sorted),
    capability = capability.indices(spread, set.low, set.high, percentiles),
    histogram = histogram.show(set.histogram, BINS),
    chart = chart_of(set, spread) }
end

-- All sets of values in the order in which they were met.
local function collect(db, filter, key)
  local found = { index = {} }
  query.measured(db, filter.measurement, false, function(row, run)
    local set = set_of(found, row, run, key)
    if set then take(set, row.num, run) end
  end)
  return found
end

local function measurements_of(found, procedure)
  local list, left_out = json.array {}, json.array {}
  for _, set in ipairs(found) do
    if set.procedure == procedure then list[#list + 1] = measurement_of(set) end
  end
  for name, sets in pairs(found.index[procedure] or {}) do
    if sets.left_out > 0 then left_out[#left_out + 1] = { name = name, values = sets.left_out, sets = #sets } end
  end
  table.sort(left_out, function(a, b) return a.name < b.name end)
  return list, left_out
end

-- Failures

local function cause_of(row)
  if row.measurement then return row.phase, row.measurement, "" end
  if row.phase then return row.phase, "", row.phase_code or row.phase_outcome end
  return "", "", row.code or row.outcome
end

local function count_cause(causes, row, is_first)
  local phase, measurement, code = cause_of(row)
  local key = ("%s\0%s\0%s"):format(phase, measurement, code)
  local cause = causes[key]
  if not cause then
    if #causes == CAUSES then
      key, phase, measurement, code = "", "", "", "all others"
      cause = causes[key]
    end
    if not cause then
      cause = { phase = phase, measurement = measurement, code = code, first = 0, all = 0 }
      causes[key], causes[#causes + 1] = cause, cause
    end
  end
  if is_first then cause.first = cause.first + 1 end
  if cause.run ~= row.run then cause.all = cause.all + 1 end
  cause.run = row.run
end

-- What the runs failed in first, and how many failed in it at all; the most frequent first.
local function pareto(db, procedure)
  local causes, runs, last = {}, 0, nil
  for row in query.failures(db, procedure) do
    local is_first = row.run ~= last
    if is_first then runs, last = runs + 1, row.run end
    count_cause(causes, row, is_first)
  end
  local list = json.array {}
  for i, cause in ipairs(causes) do
    cause.run = nil
    list[i] = cause
  end
  table.sort(list, function(a, b)
    if a.first ~= b.first then return a.first > b.first end
    if a.all ~= b.all then return a.all > b.all end
    return a.phase .. "\0" .. a.measurement .. "\0" .. a.code < b.phase .. "\0" .. b.measurement .. "\0" .. b.code
  end)
  local sum = 0
  for _, cause in ipairs(list) do
    sum = sum + cause.first
    cause.share, cause.cumulative = cause.first / runs, sum / runs
  end
  return { runs = runs, causes = list }
end

-- Yields

-- The sums of a procedure's counts by each key: sums[key] is a list in the order of time.
local function count(db, procedure)
  local sums = {}
  for _, key in ipairs { "all", "day", "month", table.unpack(stats.KEYS) } do sums[key] = { index = {} } end
  for row in query.counts(db, procedure) do
    row.all, row.month = "", row.day:sub(1, 7)
    for key, list in pairs(sums) do yield.add(list, row[key], row) end
  end
  for _, list in pairs(sums) do
    table.sort(list, function(a, b)
      if a.since ~= b.since then return a.since < b.since end
      return a.key < b.key
    end)
  end
  return sums
end

local function yields(list)
  local out = json.array {}
  for i, sum in ipairs(list) do out[i] = yield.of(sum) end
  return out
end

local function procedure_of(db, name, found)
  local sums = count(db, name)
  local unit = #sums.day <= DAYS and "day" or "month"
  local one = { name = name, yield = yield.of(sums.all[1]), groups = {}, time = { unit = unit,
    list = yields(sums[unit]) }, failures = pareto(db, name) }
  for _, key in ipairs(stats.KEYS) do one.groups[key] = yields(sums[key]) end
  one.measurements, one.left_out = measurements_of(found, name)
  return one
end

--- Runs fn while the record stands still for this connection, on the runs that a filter selects.
---@param rec moonrig.Record
---@param filter moonrig.StatsFilter
---@param fn fun(db: userdata): any
function stats.with_runs(rec, filter, fn)
  local db = rec.db
  db:script "BEGIN"
  local ok, result = pcall(function()
    query.select(db, filter)
    return fn(db)
  end)
  db:script "COMMIT"
  if not ok then error(result, 0) end
  return result
end

--- The statistics of the runs that a filter selects.
---@param rec moonrig.Record
---@param filter moonrig.StatsFilter
---@param key "version"|"station"|"site"|"operator"|nil   also keep the values of these apart
---@return table   as docs/statistics.md describes it
function stats.collect(rec, filter, key)
  return stats.with_runs(rec, filter, function(db)
    local tree = { format = "moonrig-stats/1", record = rec.path, filter = filter,
      left_out = query.left_out(db, filter), procedures = json.array {} }
    local found = collect(db, filter, key)
    for i, name in ipairs(query.procedures(db)) do tree.procedures[i] = procedure_of(db, name, found) end
    tree.rolled = #tree.procedures > 1 and yield.rolled(tree.procedures) or nil
    return tree
  end)
end

return stats
