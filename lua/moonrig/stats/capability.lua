-- SPDX-License-Identifier: MIT
-- stats/capability.lua: mean, both sigmas and the capability indices, from values that come one by one.
-- within: mean moving range of two successive values / 1.128; overall: the usual one, with n - 1.  Cp and Cpk are
-- made from the first, Pp and Ppk from the second.  For values that are not normal there are Pp and Ppk by percentiles
-- (ISO 22514-2), which take the place of the mean and of three sigmas on either side.

local Z95 <const> = require("moonrig.stats.distribution").Z95

local capability = {}

--- The mean range of two values from a normal distribution, in sigmas.
capability.D2 = 1.128

---@class moonrig.Moments
---@field n integer
---@field first number?       from which mean is counted
---@field mean number
---@field squares number      sum of the squared distances from the mean
---@field ranges number       sum of the distances between successive values
---@field last number?
---@field min number
---@field max number

---@return moonrig.Moments
function capability.start() return { n = 0, mean = 0, squares = 0, ranges = 0, min = math.huge, max = -math.huge } end

--- Takes in the next value (Welford 1962: one pass, no cancellation). Counted from the first one, a mean far from zero
--- has its digits where the values differ.
---@param m moonrig.Moments
---@param x number   finite
function capability.add(m, x)
  m.first = m.first or x
  local n, away = m.n + 1, x - m.first
  local off = away - m.mean
  local mean = m.mean + off / n
  m.n, m.mean, m.squares = n, mean, m.squares + off * (away - mean)
  if m.last then m.ranges = m.ranges + math.abs(x - m.last) end
  m.last = x
  if x < m.min then m.min = x end
  if x > m.max then m.max = x end
end

local function finite(x) return x == x and x ~= math.huge and x ~= -math.huge and x or nil end

---@class moonrig.Spread
---@field n integer
---@field mean number?
---@field min number?
---@field max number?
---@field moving_range number?     mean of the moving ranges
---@field sigma_within number?
---@field sigma_overall number?    nil: fewer than two values

---@param m moonrig.Moments
---@return moonrig.Spread
function capability.spread(m)
  local s = { n = m.n }
  if m.n == 0 then return s end
  s.mean, s.min, s.max = finite(m.first + m.mean), m.min, m.max
  if m.n < 2 then return s end
  s.moving_range = finite(m.ranges / (m.n - 1))
  s.sigma_within = s.moving_range and s.moving_range / capability.D2
  s.sigma_overall = finite(math.sqrt(m.squares / (m.n - 1)))
  return s
end

-- Tolerance over spread, and the distance of the nearer limit over the spread on its side; nil without spread. One
-- limit has no first.
local function over_spread(middle, down, up, low, high)
  if not (down > 0 and up > 0) then return nil, nil end
  local below, above = low and (middle - low) / down, high and (high - middle) / up
  local near = below and above and math.min(below, above) or below or above
  return low and high and finite((high - low) / (down + up)), near and finite(near)
end

local function indices(mean, sigma, low, high)
  if not mean or not sigma then return nil, nil end
  return over_spread(mean, 3 * sigma, 3 * sigma, low, high)
end

local function percentile_indices(p, low, high)
  return over_spread(p.median, p.median - p.low, p.high - p.median, low, high)
end

-- The 95 % confidence interval of an index (normal approximation; Bissell 1990), from the degrees of freedom that its
-- sigma has.
local function interval(index, n, freedom)
  if not index then return nil, nil end
  local reach = Z95 * math.sqrt(1 / (9 * n) + index ^ 2 / (2 * freedom))
  return index - reach, index + reach
end

-- Those of a mean moving range: its variance for normal values is (0.8264 n - 1.0821) / (n - 1)^2 sigmas squared, the
-- ranges overlapping (Cryer and Ryan 1990), where that of the usual sigma is about 1 / (2 (n - 1)).
local function range_freedom(n)
  local between = 2 * math.sqrt(3) + math.pi / 3 - 4  -- of ranges that have a value in common
  return (n - 1) ^ 2 / ((math.pi - 2) * (n - 1) + between * (n - 2))
end

---@class moonrig.Capability
---@field cp number?         nil with one limit, no limits, or without spread
---@field cpk number?        with one limit: of that limit
---@field cpk_low number?    95 % confidence interval
---@field cpk_high number?
---@field pp number?
---@field ppk number?
---@field ppk_low number?
---@field ppk_high number?
---@field pp_percentile number?    by percentiles, for values that are not normal
---@field ppk_percentile number?

---@param s moonrig.Spread
---@param low number?   limits; nil or infinite: there is none
---@param high number?
---@param percentiles moonrig.Percentiles?
---@return moonrig.Capability
function capability.indices(s, low, high, percentiles)
  low, high = low and finite(low), high and finite(high)
  local c = {}
  c.cp, c.cpk = indices(s.mean, s.sigma_within, low, high)
  c.pp, c.ppk = indices(s.mean, s.sigma_overall, low, high)
  c.cpk_low, c.cpk_high = interval(c.cpk, s.n, range_freedom(s.n))
  c.ppk_low, c.ppk_high = interval(c.ppk, s.n, s.n - 1)
  if percentiles then c.pp_percentile, c.ppk_percentile = percentile_indices(percentiles, low, high) end
  return c
end

---@class moonrig.Percentiles
---@field n integer      of so many values
---@field low number     0.135 % of the values are below it, as below mean - 3 sigma of a normal distribution
---@field median number
---@field high number    99.865 %

-- Between the two values at either side of the place p (n - 1) + 1 (type 7 of Hyndman and Fan 1996).
local function percentile(sorted, p)
  local place = p * (#sorted - 1) + 1
  local i = math.floor(place)
  local x, part = sorted[i], place - i
  return part > 0 and x * (1 - part) + sorted[i + 1] * part or x
end

--- The percentiles that stand for mean and mean +- 3 sigma; nil: no values.
---@param sorted number[]   the least first
---@return moonrig.Percentiles?
function capability.percentiles(sorted)
  if not sorted[1] then return nil end
  return { n = #sorted, low = percentile(sorted, 0.00135), median = percentile(sorted, 0.5),
    high = percentile(sorted, 0.99865) }
end

return capability
