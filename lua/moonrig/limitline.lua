-- SPDX-License-Identifier: MIT
-- limitline.lua: a limit that changes along the axis of a series: points { x, limit } with straight lines between them.
-- Two points of the same x are a step, at which the tighter one holds; before the first point and after the last one
-- there is no limit.
local fields = require "moonrig.fields"

local limitline = {}

local function is_finite(v) return fields.number[1](v) and v > -math.huge and v < math.huge end

local function is_line(v)
  if type(v) ~= "table" or #v < 2 then return false end
  for i, point in ipairs(v) do
    if type(point) ~= "table" or #point ~= 2 or not is_finite(point[1]) or not is_finite(point[2]) then return false end
    if i > 1 and point[1] < v[i - 1][1] then return false end
  end
  return true
end

--- The kind of a field that is a number or, for a series, such a list.
limitline.kind = { function(v) return fields.number[1](v) or is_line(v) end,
  "a number, or for a series a list of points {x, limit} with rising x" }

local function place(x, is_log) return is_log and math.log(x) or x end

--- The limit at x; nil where there is none.
---@param line number[][]
---@param x number
---@param tighter fun(a: number, b: number): number  math.max for a low limit
---@param is_log boolean   the lines are straight on a logarithmic axis
---@return number?
function limitline.at(line, x, tighter, is_log)
  local found
  for i = 2, #line do
    local a, b = line[i - 1], line[i]
    if x >= a[1] and x <= b[1] then
      local limit
      if a[1] == b[1] then
        limit = tighter(a[2], b[2])
      else
        local share = (place(x, is_log) - place(a[1], is_log)) / (place(b[1], is_log) - place(a[1], is_log))
        limit = x == a[1] and a[2] or x == b[1] and b[2] or a[2] + share * (b[2] - a[2])
      end
      found = found and tighter(found, limit) or limit
    end
  end
  return found
end

--- What it is called in the record, which has its value at each point: "min along a line of 3 points".
---@param name string
---@param line number[][]
---@return string
function limitline.words(name, line) return ("%s along a line of %d points"):format(name, #line) end

return limitline
