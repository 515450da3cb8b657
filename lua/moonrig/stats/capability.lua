-- SPDX-License-Identifier: MIT
-- stats/capability.lua: mean, both sigmas and the capability indices, from values that come one by one.
-- within: mean moving range of two successive values / 1.128; overall: the usual one, with n - 1.  Cp and Cpk are
-- made from the first, Pp and Ppk from the second.

local Z95 <const> = require("moonrig.stats.distribution").Z95

local capability = {}

--- The mean range of two values from a normal distribution, in sigmas.
capability.D2 = 1.128

---@class moonrig.Moments
---@field n integer
---@field mean number
---@field squares number      sum of the squared distances from the mean
---@field ranges number       sum of the distances between successive values
---@field last number?
---@field min number
---@field max number

---@return moonrig.Moments
function capability.start() return { n = 0, mean = 0, squares = 0, ranges = 0, min = math.huge, max = -math.huge } end

--- Takes in the next value (Welford 1962: one pass, no cancellation).
---@param m moonrig.Moments
---@param x number   finite
function capability.add(m, x)
  local n = m.n + 1
  local off = x - m.mean
  local mean = m.mean + off / n
  m.n, m.mean, m.squares = n, mean, m.squares + off * (x - mean)
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
  s.mean, s.min, s.max = finite(m.mean), m.min, m.max
  if m.n < 2 then return s end
  s.moving_range = finite(m.ranges / (m.n - 1))
  s.sigma_within = s.moving_range and s.moving_range / capability.D2
  s.sigma_overall = finite(math.sqrt(m.squares / (m.n - 1)))
  return s
end

-- Tolerance over spread, and the distance of the nearer limit; nil without spread. One limit has no first.
local function indices(mean, sigma, low, high)
  if not mean or not sigma or sigma <= 0 then return nil, nil end
  local below, above = low and (mean - low) / (3 * sigma), high and (high - mean) / (3 * sigma)
  local near = below and above and math.min(below, above) or below or above
  return low and high and finite((high - low) / (6 * sigma)), near and finite(near)
end

---@class moonrig.Capability
---@field cp number?         nil with one limit, no limits, or without spread
---@field cpk number?        with one limit: of that limit
---@field pp number?
---@field ppk number?
---@field ppk_low number?    95 % confidence interval of ppk (normal approximation)
---@field ppk_high number?

---@param s moonrig.Spread
---@param low number?   limits; nil or infinite: there is none
---@param high number?
---@return moonrig.Capability
function capability.indices(s, low, high)
  low, high = low and finite(low), high and finite(high)
  local c = {}
  c.cp, c.cpk = indices(s.mean, s.sigma_within, low, high)
  c.pp, c.ppk = indices(s.mean, s.sigma_overall, low, high)
  if c.ppk then
    local reach = Z95 * math.sqrt(1 / (9 * s.n) + c.ppk ^ 2 / (2 * (s.n - 1)))
    c.ppk_low, c.ppk_high = c.ppk - reach, c.ppk + reach
  end
  return c
end

return capability
