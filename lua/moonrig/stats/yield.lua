-- SPDX-License-Identifier: MIT
-- stats/yield.lua: shares with their uncertainty, and the yields of one procedure from what the query counted.
-- Which run is a unit's first one, and what ERROR and ABORTED come to, is settled in query.lua and
-- docs/statistics.md.

local Z95 <const> = require("moonrig.stats.distribution").Z95

local yield = {}

---@class moonrig.Share
---@field count integer
---@field of integer
---@field share number?    nil when there is nothing to divide by
---@field low number?      95 % confidence interval after Wilson (1927)
---@field high number?

--- A share with its 95 % confidence interval after Wilson, without continuity correction.
---@param count integer
---@param of integer
---@return moonrig.Share
function yield.share(count, of)
  if of == 0 then return { count = count, of = of } end
  local p, zz = count / of, Z95 * Z95
  local middle = (p + zz / (2 * of)) / (1 + zz / of)
  local reach = Z95 * math.sqrt(p * (1 - p) / of + zz / (4 * of * of)) / (1 + zz / of)
  -- At the ends the formula gives exactly 0 and 1, but for rounding.
  return { count = count, of = of, share = p, low = count == 0 and 0 or math.max(0, middle - reach),
    high = count == of and 1 or math.min(1, middle + reach) }
end

local OUTCOMES <const> = { "PASS", "FAIL", "ERROR", "TIMEOUT", "ABORTED" }
yield.OUTCOMES = OUTCOMES

local COUNTS <const> = { "runs", "units", "passed_first", "passed_final", "retested", "recovered", "very_first",
  "passed_very_first", table.unpack(OUTCOMES) }

--- Adds counts (query.counts) to the sum that has this key; list.index finds it.
---@param list table
---@param key string
---@param row table
function yield.add(list, key, row)
  local sum = list.index[key]
  if not sum then
    sum = { key = key, since = row.since, last = row.last }
    for _, name in ipairs(COUNTS) do sum[name] = 0 end
    list.index[key], list[#list + 1] = sum, sum
  end
  if row.since < sum.since then sum.since = row.since end
  if row.last > sum.last then sum.last = row.last end
  for _, name in ipairs(COUNTS) do sum[name] = sum[name] + row[name] end
end

--- The yields of a group of runs.
---@param row table   their counts, summed
function yield.of(row)
  local outcomes = {}
  for _, name in ipairs(OUTCOMES) do outcomes[name] = row[name] end
  return {
    key = row.key, runs = row.runs, since = row.since, last = row.last, outcomes = outcomes, units = row.units,
    first_pass = yield.share(row.passed_first, row.units), final = yield.share(row.passed_final, row.units),
    strict_first_pass = yield.share(row.passed_very_first, row.very_first), retested = yield.share(row.retested,
      row.units),
    recovered = yield.share(row.recovered, row.units - row.passed_first),
  }
end

--- Rolled throughput yield: the product of the first-pass yields; nil when one of them is not known.
---@param procedures table[]
---@return number?
function yield.rolled(procedures)
  local product = 1
  for _, one in ipairs(procedures) do
    local share = one.yield.first_pass.share
    if not share then return nil end
    product = product * share
  end
  return product
end

return yield
