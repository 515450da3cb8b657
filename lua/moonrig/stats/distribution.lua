-- SPDX-License-Identifier: MIT
-- stats/distribution.lua: the few quantiles and tails that the statistics need.

local distribution = {}

--- Both tails of the normal distribution beyond +- this have 5 %.
distribution.Z95 = 1.959963984540054

-- ln of the gamma function for x > 0 (Lanczos, g = 7, 9 terms; about 15 digits).
local LANCZOS = { 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7 }

local function ln_gamma(x)
  if x < 0.5 then return math.log(math.pi / math.sin(math.pi * x)) - ln_gamma(1 - x) end
  x = x - 1
  local sum, t = 0.99999999999980993, x + 7.5
  for i, c in ipairs(LANCZOS) do sum = sum + c / (x + i) end
  return 0.5 * math.log(2 * math.pi) + (x + 0.5) * math.log(t) - t + math.log(sum)
end

local TINY <const> = 1e-300
local function not_zero(x) return math.abs(x) < TINY and TINY or x end

-- The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method.
local function beta_fraction(a, b, x)
  local c, d = 1, 1 / not_zero(1 - (a + b) * x / (a + 1))
  local h = d
  for m = 1, 500 do
    local even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
    d, c = 1 / not_zero(1 + even * d), not_zero(1 + even / c)
    h = h * d * c
    local odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    d, c = 1 / not_zero(1 + odd * d), not_zero(1 + odd / c)
    h = h * d * c
    if math.abs(d * c - 1) < 1e-15 then break end
  end
  return h
end

-- The regularised incomplete beta function.
local function beta(a, b, x)
  if x <= 0 then return 0 elseif x >= 1 then return 1 end
  local front = math.exp(ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * math.log(x) + b * math.log(1 - x))
  if x < (a + 1) / (a + b + 2) then return front * beta_fraction(a, b, x) / a end
  return 1 - front * beta_fraction(b, a, 1 - x) / b
end

--- How probable an F of at least this is by chance, with these degrees of freedom.
---@param f number
---@param above integer   of the numerator
---@param below integer
---@return number
function distribution.f_tail(f, above, below)
  if f == math.huge then return 0 end
  return f <= 0 and 1 or beta(below / 2, above / 2, below / (below + above * f))
end

local LN_ROOT <const> = 0.5 * math.log(2 * math.pi)

-- P(0 < Z < z) for small z (DLMF 7.6.2).
local function half_between(z)
  local term, sum, k = z, z, 1
  while term > sum * 1e-17 do
    k = k + 2
    term = term * z * z / k
    sum = sum + term
  end
  return sum * math.exp(-z * z / 2 - LN_ROOT)
end

-- ln P(Z > z) for large z, by Laplace's continued fraction (DLMF 7.9.1).
local function ln_far_tail(z)
  local rest = z
  for k = 60, 1, -1 do rest = z + k / rest end
  return -z * z / 2 - LN_ROOT - math.log(rest)
end

--- The logarithms of both parts of the normal distribution, right also where a part is too small for a number.
---@param z number   finite
---@return number below   ln P(Z <= z)
---@return number above   ln P(Z > z)
function distribution.ln_normal(z)
  if z > 0 then
    local below, above = distribution.ln_normal(-z)
    return above, below
  end
  if z > -3 then
    local middle = half_between(-z)
    return math.log(0.5 - middle), math.log(0.5 + middle)
  end
  local small = ln_far_tail(-z)
  return small, math.log(1 - math.exp(small))
end

return distribution
