-- SPDX-License-Identifier: MIT
-- stats/study.lua: gage R&R studies out of the record: the units are the parts, operators, sites or stations the
-- appraisers, runs of one unit by one appraiser the trials.  A study has all of that for every unit; when trials are
-- missing, as many are taken of each as all have, the first ones.

local core = require "moonrig.core"
local grr = require "moonrig.stats.grr"
local json = require "moonrig.json"
local query = require "moonrig.stats.query"
local stats = require "moonrig.stats"

local study = {}

--- What --appraiser takes.
study.APPRAISERS = { "operator", "site", "station" }

local MOST <const> = 200000  -- values that are held; a study has some hundred

-- list: the keys in order, and their places by key, in `places`.
local function place_of(list, key)
  local place = list.places[key]
  if not place then
    place = #list + 1
    list.places[key], list[place] = place, key
  end
  return place
end

local function start(row, run)
  return { procedure = run.procedure, name = row.name, unit = row.unit, low = row.low, high = row.high,
    parts = { places = {} }, appraisers = { places = {} }, cells = {}, nobody = 0, not_finite = 0 }
end

local function take(one, row, run, appraiser)
  if row.low ~= one.low or row.high ~= one.high then one.mixed = true end
  if row.unit ~= one.unit then one.mixed_unit = true end
  local x, who = row.num, run[appraiser]
  if not who then
    one.nobody = one.nobody + 1
  elseif not x or x ~= x or math.abs(x) == math.huge then
    one.not_finite = one.not_finite + 1
  else
    local p, a = place_of(one.parts, run.unit), place_of(one.appraisers, who)
    one.cells[p] = one.cells[p] or {}
    local cell = one.cells[p][a] or {}
    one.cells[p][a] = cell
    cell[#cell + 1] = x
  end
end

local function collect(db, filter, appraiser)
  local found, count = {}, 0
  query.measured(db, filter.measurement, true, function(row, run)
    local key = run.procedure .. "\0" .. row.name
    local one = found[key]
    if not one then
      one = start(row, run)
      found[key], found[#found + 1] = one, one
    end
    take(one, row, run, appraiser)
    count = count + 1
    if count > MOST then
      error(core.error { code = "unsupported", message = ("--grr: more than %d values are selected; a study has some "
        .. "hundred: select it with --procedure, --since, --until, --measurement"):format(MOST) }, 0)
    end
  end)
  return found
end

local function serial_of(db, unit) return db:value("SELECT serial FROM unit WHERE id = ?", unit) end

-- The least and the greatest number of trials, and the first cell that is empty.
local function trials_of(one)
  local least, most, missing = math.huge, 0, nil
  for p = 1, #one.parts do
    for a = 1, #one.appraisers do
      local n = #(one.cells[p][a] or {})
      if n == 0 then missing = missing or { p, a } end
      least, most = math.min(least, n), math.max(most, n)
    end
  end
  return least, most, missing
end

-- Why there is no study in these values; nil when there is.
local function problem_of(db, one, appraiser, least, missing)
  if one.mixed_unit then return "its values have different units" end
  if one.nobody > 0 and #one.appraisers == 0 then return ("no run has its %s recorded"):format(appraiser) end
  if #one.parts < 2 then return ("a study wants two units or more (ten are usual), there is %d"):format(#one.parts) end
  if #one.appraisers < 2 then
    return ("a study wants two %ss or more, there is %d%s"):format(appraiser, #one.appraisers,
      one.appraisers[1] and ": " .. one.appraisers[1] or "")
  end
  if missing then
    return ("every unit has to be measured by every %s: %s was not by %s"):format(appraiser,
      serial_of(db, one.parts[missing[1]]), one.appraisers[missing[2]])
  end
  if least < 2 then return ("every unit has to be measured twice or more by every %s"):format(appraiser) end
end

local function cut_to(one, trials)
  local cells, left_out = {}, 0
  for p, row in ipairs(one.cells) do
    cells[p] = json.array {}
    for a, values in ipairs(row) do
      cells[p][a] = table.move(values, 1, trials, 1, json.array {})
      left_out = left_out + #values - trials
    end
  end
  return json.array(cells), left_out
end

local function result_of(db, one, appraiser)
  local result = { procedure = one.procedure, name = one.name, unit = one.unit, appraiser = appraiser,
    not_finite = one.not_finite, nobody = one.nobody, mixed_limits = one.mixed or nil,
    low = not one.mixed and one.low or nil, high = not one.mixed and one.high or nil }
  local least, _, missing = trials_of(one)
  result.problem = problem_of(db, one, appraiser, least, missing)
  if result.problem then return result end
  result.cells, result.left_out = cut_to(one, least)
  result.serials, result.names = json.array {}, json.array {}
  for p, unit in ipairs(one.parts) do result.serials[p] = serial_of(db, unit) end
  for a, who in ipairs(one.appraisers) do result.names[a] = who end
  result.grr = grr.study(result.cells, result.low and result.high and result.high - result.low)
  return result
end

--- The studies of all measurements that a filter selects, in the order in which they were measured.
---@param rec moonrig.Record
---@param filter moonrig.StatsFilter
---@param appraiser "operator"|"site"|"station"
---@return table   studies[i].grr is a moonrig.Grr; else .problem says why there is none
function study.collect(rec, filter, appraiser)
  return stats.with_runs(rec, filter, function(db)
    local tree = { format = "moonrig-grr/1", record = rec.path, filter = filter, left_out = query.left_out(db, filter),
      studies = json.array {} }
    for i, one in ipairs(collect(db, filter, appraiser)) do tree.studies[i] = result_of(db, one, appraiser) end
    return tree
  end)
end

return study
