-- SPDX-License-Identifier: MIT
-- aggregate.lua: what the values of a series come to, by name: min, max, mean, stddev, and percentiles p0 to p100
-- ("p95", "p99.9").
local aggregate = {}

local functions = {}

local function extreme(y, pick)
  local best = y[1]
  for i = 2, #y do best = pick(best, y[i]) end
  return best
end

function functions.min(y) return extreme(y, math.min) end
function functions.max(y) return extreme(y, math.max) end

function functions.mean(y)
  local sum = 0.0
  for _, v in ipairs(y) do sum = sum + v end
  return sum / #y
end

-- Of a sample: divided by n - 1, so that one value has none (NaN).
function functions.stddev(y)
  local mean, squares = functions.mean(y), 0.0
  for _, v in ipairs(y) do squares = squares + (v - mean) ^ 2 end
  return math.sqrt(squares / (#y - 1))
end

-- Linear between the two values around it: PERCENTILE.INC of spreadsheets, the default of NumPy.
local function percentile(y, percent)
  local sorted = table.move(y, 1, #y, 1, {})
  table.sort(sorted)
  local at = 1 + (#sorted - 1) * percent / 100
  local below = math.floor(at)
  local low, high = sorted[below], sorted[math.min(below + 1, #sorted)]
  return low == high and low or low + (at - below) * (high - low)
end

local function percent_of(name)
  local percent = tonumber(name:match "^p(%d+%.?%d*)$")
  return percent and percent <= 100 and percent or nil
end

--- Whether a name is that of an aggregate.
---@param name any
---@return boolean
function aggregate.is_known(name) return type(name) == "string" and (functions[name] or percent_of(name)) ~= nil end

--- What values come to; NaN when one of them is, or when there are too few.
---@param name string
---@param y number[]   at least one
---@return number
function aggregate.of(name, y)
  for _, v in ipairs(y) do
    if v ~= v then return v end
  end
  if functions[name] then return functions[name](y) end
  return percentile(y, percent_of(name))
end

return aggregate
