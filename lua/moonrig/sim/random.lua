-- SPDX-License-Identifier: MIT
-- random.lua: reproducible random numbers for a simulator, its own and nobody else's (math.random is
-- shared by the whole program).  SplitMix64 by Steele, Lea and Flood.
local Random = {}
Random.__index = Random

--- A number from 0 up to, not including, 1.
---@return number
function Random:uniform()
  self.state = self.state + 0x9E3779B97F4A7C15
  local z = self.state
  z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
  z = (z ~ (z >> 27)) * 0x94D049BB133111EB
  z = z ~ (z >> 31)
  return (z >> 11) / (1 << 53)
end

--- A normally distributed number with mean 0 (Box and Muller).
---@param sigma? number standard deviation, 1
---@return number
function Random:normal(sigma)
  local radius = math.sqrt(-2 * math.log(1 - self:uniform()))
  return (sigma or 1) * radius * math.cos(2 * math.pi * self:uniform())
end

--- A whole number from low to high.
function Random:integer(low, high) return low + math.floor(self:uniform() * (high - low + 1)) end

---@param seed integer the same seed gives the same numbers
return function(seed) return setmetatable({ state = seed }, Random) end
