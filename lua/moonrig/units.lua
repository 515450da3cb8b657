-- SPDX-License-Identifier: MIT
-- units.lua: values from one unit into another that differs from it by an SI prefix only: mV into V. Anything else is
-- refused: moonrig does not know that 1 inch is 25.4 mm, or whether "m" is a metre or a milli.
local units = {}

-- Signs beside ASCII: micro (two of them), ohm (two of them), degree.
local ASCII <const> = { ["\u{b5}"] = "u", ["\u{3bc}"] = "u", ["\u{3a9}"] = "Ohm", ["\u{2126}"] = "Ohm",
  ["\u{b0}"] = "deg" }

-- Powers of ten.
local PREFIXES <const> = { p = -12, n = -9, u = -6, m = -3, [""] = 0, k = 3, M = 6, G = 9, T = 12 }

-- Units that take prefixes; their symbols begin with none of them in a way that could be mistaken.
local BASES <const> = { "Ohm", "V", "A", "W", "Hz", "F", "H", "s", "g", "Pa", "N", "J", "C", "S", "K",
  "bit/s", "B", "Wh", "Ah", "VA", "Vpp", "Vrms", "bar" }

local function exponent(unit)
  for _, base in ipairs(BASES) do
    if unit:sub(-#base) == base then
      local power = PREFIXES[unit:sub(1, #unit - #base)]
      if power then return power, base end
    end
  end
end

--- A unit, or a text with units in it, in ASCII: "uA", "kOhm", "degC".
---@param unit string
---@return string
function units.ascii(unit)
  for sign, word in pairs(ASCII) do unit = unit:gsub(sign, word) end
  return unit
end

--- A value in another unit; nil when the two are not the same but for a prefix.
---@param value number
---@param from string
---@param to string
---@return number?
function units.convert(value, from, to)
  from, to = units.ascii(from):gsub("ohm$", "Ohm"), units.ascii(to):gsub("ohm$", "Ohm")
  if from == to then return value end
  local power, base = exponent(from)
  local target, other = exponent(to)
  if not power or base ~= other then return nil end
  local shift = power - target
  -- dividing by a power of ten is exact where multiplying by its inverse is not
  return shift >= 0 and value * 10.0 ^ shift or value / 10.0 ^ -shift
end

return units
