-- multimeter.lua: a driver for a multimeter. In a station file: dmm = { url = ..., driver = "drivers.multimeter" };
-- a procedure then says t:measure("v", (t.dmm:volts(4)), { unit = "V", min = 4.95, max = 5.05 }).
local rig = require "moonrig"

local Multimeter = {}
Multimeter.__index = Multimeter

-- The mean of n readings, and how far they are apart.
local function average(read, n)
  local sum, low, high = 0, math.huge, -math.huge
  for _ = 1, n do
    local value = read()
    sum, low, high = sum + value, math.min(low, value), math.max(high, value)
  end
  return sum / n, high - low
end

--- DC volts at the terminals: the mean of n readings (1 unless said), and their spread.
---@param n? integer
---@return number volts
---@return number spread
function Multimeter:volts(n)
  return average(function() return self.scpi:query_number "MEAS:VOLT:DC?" end, n or 1)
end

--- DC amperes.
---@param n? integer
---@return number amps
---@return number spread
function Multimeter:amps(n)
  return average(function() return self.scpi:query_number "MEAS:CURR:DC?" end, n or 1)
end

function Multimeter:idn() return self.scpi:idn() end

return { open = function(port) return setmetatable({ scpi = rig.scpi(port) }, Multimeter) end }
