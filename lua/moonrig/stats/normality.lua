-- SPDX-License-Identifier: MIT
-- stats/normality.lua: whether values look as if they came from a normal distribution: the test of Anderson and
-- Darling with mean and sigma taken from the values themselves, and its p-value by D'Agostino and Stephens,
-- Goodness-of-Fit Techniques (1986), section 4.8.5, table 4.9.

local distribution = require "moonrig.stats.distribution"

local normality = {}

--- Below this probability the values are called not normal.
normality.ALPHA = 0.05

--- Fewer values are not tested: the p-value is for eight or more.
normality.LEAST = 8

-- Counted from the median, as values far from zero lose digits otherwise.
local function standardized(sorted)
  local n, z, mean, squares = #sorted, {}, 0, 0
  local median = sorted[(n + 1) // 2]
  for i, x in ipairs(sorted) do
    z[i] = x - median
    mean = mean + z[i] / n
  end
  for i = 1, n do squares = squares + (z[i] - mean) ^ 2 end
  local sigma = math.sqrt(squares / (n - 1))
  if not (sigma > 0 and sigma < math.huge) then return nil end
  for i = 1, n do z[i] = (z[i] - mean) / sigma end
  return z
end

-- How probable a statistic of at least this is for normal values; `a` is the one corrected for their number.
local function probability(a)
  if a < 0.2 then return 1 - math.exp(-13.436 + 101.14 * a - 223.73 * a * a) end
  if a < 0.34 then return 1 - math.exp(-8.318 + 42.796 * a - 59.938 * a * a) end
  if a < 0.6 then return math.exp(0.9177 - 4.279 * a - 1.38 * a * a) end
  if a < 13 then return math.exp(1.2937 - 5.709 * a + 0.0186 * a * a) end
  return 0  -- the formula is not for these
end

---@class moonrig.Normality
---@field n integer
---@field a_squared number   the statistic
---@field p number

--- The test; nil for fewer than eight values and for those that do not differ.
---@param sorted number[]   the least first
---@return moonrig.Normality?
function normality.test(sorted)
  local n = #sorted
  local z = n >= normality.LEAST and standardized(sorted)
  if not z then return nil end
  local below, above = {}, {}
  for i = 1, n do below[i], above[i] = distribution.ln_normal(z[i]) end
  local sum = 0
  for i = 1, n do sum = sum + (2 * i - 1) * (below[i] + above[n + 1 - i]) end
  local a = -n - sum / n
  return { n = n, a_squared = a, p = probability(a * (1 + 0.75 / n + 2.25 / (n * n))) }
end

return normality
