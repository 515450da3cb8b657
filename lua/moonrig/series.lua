-- SPDX-License-Identifier: MIT
-- series.lua: a measurement of many points while it grows. Each point is judged when it is added; the measurement as a
-- whole by its worst point.  It computes, measure/value.lua records.
local aggregate = require "moonrig.aggregate"
local fields = require "moonrig.fields"
local units = require "moonrig.units"

local series = {}

---@class moonrig.Growing: moonrig.Series
---@field name string
---@field unit string?
---@field columns string     what a point is in the record: "x y", and "min", "max" when limits change along x
---@field worst? integer     the point that is farthest beyond a limit, or nearest to one; nil without limits of points
---@field marginal boolean   some point is in the marginal zone
local Growing = {}
Growing.__index = Growing

---@param name string
---@param judge moonrig.Limits
---@param given table        the unit of its values, when it is not that of the limits
---@return moonrig.Growing
---  Raises: unsupported (limits that say nothing of points)
function series.new(name, judge, given)
  judge:check_series()
  local axis, lines = given.x or judge.x or {}, judge.lines or {}
  for limit, line in pairs(axis.log and lines or {}) do
    if line[1][1] <= 0 then
      fields.refuse(("series %q"):format(name), "%s begins at x = %s, which has no place on a logarithmic axis", limit,
        line[1][1])
    end
  end
  return setmetatable({
    name = name, unit = judge.unit or given.unit, from = given.unit, judge = judge,
    x_name = axis.name, x_unit = axis.unit, x_log = axis.log or false, x = {}, y = {},
    min = lines.min and {}, max = lines.max and {},
    columns = "x y" .. (lines.min and " min" or "") .. (lines.max and " max" or ""),
    worst = nil, margin = math.huge, marginal = false,
  }, Growing)
end

--- What the record wants to know of it at its beginning.
function Growing:head()
  return { name = self.name, unit = self.unit, x_name = self.x_name, x_unit = self.x_unit, x_log = self.x_log,
    columns = self.columns }
end

local function is_finite(v) return type(v) == "number" and v == v and v ~= math.huge and v ~= -math.huge end

-- A point as people write it, {x, y} or y alone, which has its number as x.
local function coordinates(self, point)
  local x, y = #self.x + 1, point
  if type(point) == "table" then x, y = point[1], point[2] end
  local what = ("series %q: point %d"):format(self.name, #self.x + 1)
  if type(y) ~= "number" or not is_finite(x) then
    fields.refuse(what, "expected a value, or {x, value} with a finite x, got %s",
      type(point) == "table" and ("{%s, %s}"):format(tostring(x), tostring(y)) or tostring(point))
  elseif self.x_log and x <= 0 then
    fields.refuse(what, "x = %s has no place on a logarithmic axis", x)
  end
  if self.from and self.unit ~= self.from then
    local value = units.convert(y, self.from, self.unit)
    if not value then
      fields.refuse(what, "its values are in %s, its limits are in %s", self.from, self.unit)
    end
    y = value
  end
  return x + 0.0, y + 0.0
end

-- Takes in a point. Returns how far within the limits it is: below 0, NaN: it fails.
local function judge_point(self, x, y)
  local r, low, high = self.judge.recorded or {}, self.judge:bounds(x, self.x_log)
  local n = #self.x + 1
  self.x[n], self.y[n] = x, y
  if self.min then self.min[n] = low or -math.huge end
  if self.max then self.max[n] = high or math.huge end
  local margin = math.min(low and y - low or math.huge, high and high - y or math.huge)
  if y ~= y then margin = -math.huge end
  local is_judged = low or high or y ~= y
  if is_judged and (not self.worst or margin < self.margin) then self.worst, self.margin = n, margin end
  if r.marginal_min and y < r.marginal_min or r.marginal_max and y > r.marginal_max then self.marginal = true end
  return margin
end

--- Adds points.
---@param points (number|number[])[]   {x, y} each, or y alone
---@return string data       as the record keeps them
---@return boolean passed    whether these points are within their limits
---  Raises: unsupported
function Growing:add(points)
  local data, passed, first = {}, true, #self.x
  for i, point in ipairs(points) do
    local x, y = coordinates(self, point)
    passed = judge_point(self, x, y) >= 0 and passed
    data[i] = ("<dd"):pack(x, y)
    if self.min then data[i] = data[i] .. ("<d"):pack(self.min[first + i]) end
    if self.max then data[i] = data[i] .. ("<d"):pack(self.max[first + i]) end
  end
  return table.concat(data), passed
end

--- The verdict on the whole.
---@param earlier table<string, any>?   for a limit that is a function
---@return boolean passed
---@return boolean marginal
---@return string? why
---@return number? value      of the worst point
---@return table? given      as they go into the record: those at the worst point
function Growing:verdict(earlier)
  local n = self.worst
  return self.judge:judge_series(self, n and self.x[n], n and self.y[n], earlier)
end

--- What its values come to, for each of the aggregates given by name.
---@param given table<string, moonrig.Limits>   by the name of the aggregate
---@return { name: string, value: number, judge: moonrig.Limits }[]   in the order of the names
function Growing:aggregates(given)
  local list = {}
  for name, judge in pairs(given) do
    list[#list + 1] = { name = ("%s.%s"):format(self.name, name), value = aggregate.of(name, self.y), judge = judge }
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

return series
