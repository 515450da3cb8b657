-- SPDX-License-Identifier: MIT
-- stats/control.lua: the chart of individual values and moving ranges (I-MR): its limits, and the points that break
-- the rules of the Western Electric handbook (1956).  These limits come from the values; those that a unit has to
-- keep do not belong on this chart.

local D2 <const> = require("moonrig.stats.capability").D2

local control = {}

local D4 <const> = 3.267    -- of ranges of two values

---@class moonrig.ControlLimits
---@field center number
---@field sigma number
---@field low number
---@field high number
---@field range_center number
---@field range_high number

--- The limits; nil with fewer than two values.
---@param mean number?
---@param moving_range number?
---@return moonrig.ControlLimits?
function control.limits(mean, moving_range)
  if not mean or not moving_range then return nil end
  local sigma = moving_range / D2
  return { center = mean, sigma = sigma, low = mean - 3 * sigma, high = mean + 3 * sigma,
    range_center = moving_range, range_high = D4 * moving_range }
end

-- How many of the `of` values up to i lie beyond `sigmas` on one side.
local function beyond(values, i, of, side, limits, sigmas)
  local count = 0
  for k = math.max(1, i - of + 1), i do
    if side * (values[k] - limits.center) > sigmas * limits.sigma then count = count + 1 end
  end
  return count
end

--- The rules: the last of the points that break one carries its number.
control.RULES = {
  "one point beyond 3 sigma", "2 of 3 points beyond 2 sigma on one side", "4 of 5 points beyond 1 sigma on one side",
  "8 points in a row on one side",
}
local WINDOWS <const> = { { 1, 1, 3 }, { 2, 3, 2 }, { 4, 5, 1 }, { 8, 8, 0 } }

local function breaks(values, i, limits, window)
  local count, of, sigmas = table.unpack(window)
  for _, side in ipairs { 1, -1 } do
    -- The point itself has to lie there, or one that has come back would be marked.
    if side * (values[i] - limits.center) > sigmas * limits.sigma
      and beyond(values, i, of, side, limits, sigmas) >= count then return true end
  end
  return false
end

---@class moonrig.Violation
---@field point integer     place in the list of values
---@field rule integer|"MR"

--- The points that break a rule, and the moving ranges above their limit ("MR"), in order.
---@param values number[]
---@param limits moonrig.ControlLimits
---@return moonrig.Violation[]
function control.violations(values, limits)
  local found = {}
  if limits.sigma <= 0 then return found end
  for i = 1, #values do
    for rule, window in ipairs(WINDOWS) do
      if breaks(values, i, limits, window) then found[#found + 1] = { point = i, rule = rule } end
    end
    if i > 1 and math.abs(values[i] - values[i - 1]) > limits.range_high then
      found[#found + 1] = { point = i, rule = "MR" }
    end
  end
  return found
end

return control
