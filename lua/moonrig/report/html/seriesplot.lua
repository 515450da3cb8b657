-- SPDX-License-Identifier: MIT
-- report/html/seriesplot.lua: the points of a series as inline SVG: a line, its limits, a mark at each point beyond
-- them.  Of very many points each column of the drawing has the first, least, greatest and last.

local format = require "moonrig.report.format"
local plot = require "moonrig.report.plot"
local tag = require "moonrig.report.markup"

local WIDTH <const>, HEIGHT <const> = 900, 210
local LEFT <const>, RIGHT <const>, TOP <const>, BOTTOM <const> = 70, 16, 12, 40
local COLUMNS <const> = WIDTH - LEFT - RIGHT
local MOST_MARKS <const> = 200

local function is_finite(v) return v == v and v ~= math.huge and v ~= -math.huge end

-- The limits of a point.
local function limits_at(m, i)
  local series, limits = m.series, m.limits or {}
  return series.min and series.min[i] or limits.min or -math.huge,
    series.max and series.max[i] or limits.max or math.huge
end

local function is_beyond(m, i)
  local low, high = limits_at(m, i)
  local y = m.series.y[i]
  return not (y >= low and y <= high)
end

-- The ends of both axes: all that is finite, with limits unless they are so far off that the values would be a line.
local function view(m)
  local series = m.series
  local left, right, low, high = math.huge, -math.huge, math.huge, -math.huge
  for i, y in ipairs(series.y) do
    local x = series.x[i]
    if not (series.x_log and x <= 0) then left, right = math.min(left, x), math.max(right, x) end
    if is_finite(y) then low, high = math.min(low, y), math.max(high, y) end
  end
  if left > right or low > high then return nil end
  local reach = math.max(20 * (high - low), 0.2 * math.max(math.abs(low), math.abs(high)))
  if reach == 0 then reach = math.huge end
  local bottom, top = low, high
  for i in ipairs(series.y) do
    local min, max = limits_at(m, i)
    if is_finite(min) and low - min < reach then bottom = math.min(bottom, min) end
    if is_finite(max) and max - high < reach then top = math.max(top, max) end
  end
  local margin = (top - bottom) * 0.08
  if margin == 0 then margin = top == 0 and 1 or math.abs(top) * 0.1 end
  return left, right, bottom - margin, top + margin
end

-- The points that are drawn of those in one column.
local function thin(points)
  if #points <= 4 * COLUMNS then return points end
  local kept, at = {}, 1
  while at <= #points do
    local column, last = math.floor(points[at][1]), at
    local least, greatest = at, at
    while last < #points and math.floor(points[last + 1][1]) == column do
      last = last + 1
      if points[last][2] < points[least][2] then least = last end
      if points[last][2] > points[greatest][2] then greatest = last end
    end
    local previous
    local chosen = { at, math.min(least, greatest), math.max(least, greatest), last }
    for _, i in ipairs(chosen) do
      if i ~= previous then kept[#kept + 1] = points[i] end
      previous = i
    end
    at = last + 1
  end
  return kept
end

-- Lines through what is finite: a gap is a gap.
local function add_curve(parts, class, xs, ys, x, y)
  local run = {}
  local function flush()
    local points = {}
    for i, point in ipairs(thin(run)) do
      points[i] = plot.coordinate(point[1]) .. "," .. plot.coordinate(point[2])
    end
    if #points > 1 then parts[#parts + 1] = tag.polyline { class = class, points = table.concat(points, " ") } end
    if #points == 1 and class == "series" then
      parts[#parts + 1] = tag.circle { class = "dot", cx = plot.coordinate(run[1][1]), cy = plot.coordinate(run[1][2]),
        r = 2.2 }
    end
    run = {}
  end
  for i, value in ipairs(ys) do
    local at = x(xs[i])
    if is_finite(value) and is_finite(at) then run[#run + 1] = { at, y(value) } else flush() end
  end
  flush()
end

local function add_axes(parts, series, x_ticks, y_ticks, x, y)
  for _, at in ipairs(y_ticks) do
    parts[#parts + 1] = plot.text(LEFT - 6, y(at) + 4, "end", plot.tick_text(at))
    parts[#parts + 1] = plot.line("grid", LEFT, y(at), WIDTH - RIGHT, y(at))
  end
  for _, at in ipairs(x_ticks) do
    parts[#parts + 1] = plot.line("tick", x(at), HEIGHT - BOTTOM, x(at), HEIGHT - BOTTOM + 4)
    parts[#parts + 1] = plot.text(x(at), HEIGHT - BOTTOM + 16, "middle", plot.tick_text(at))
  end
  parts[#parts + 1] = plot.line("axis", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM)
  local name = series.x_name or (series.x_unit and "x" or "point")
  parts[#parts + 1] = plot.text(LEFT + COLUMNS / 2, HEIGHT - 6, "middle",
    series.x_unit and ("%s, %s"):format(name, series.x_unit) or name)
end

local function inside(v, low, high) return v >= low and v <= high end

local function add_limits(parts, m, x, y, low, high)
  local series, limits = m.series, m.limits or {}
  for _, name in ipairs { "min", "max" } do
    if series[name] then
      add_curve(parts, "limit-line", series.x, series[name], x, y)
    elseif limits[name] and inside(limits[name], low, high) then
      parts[#parts + 1] = plot.line("limit", LEFT, y(limits[name]), WIDTH - RIGHT, y(limits[name]))
    end
  end
end

local function add_marks(parts, m, x, y, low, high)
  local marks = 0
  for i, value in ipairs(m.series.y) do
    local at = x(m.series.x[i])
    if marks < MOST_MARKS and is_finite(at) and is_beyond(m, i) then
      marks = marks + 1
      local height = value ~= value and low or math.max(low, math.min(high, value))
      parts[#parts + 1] = tag.circle { class = "signal", cx = plot.coordinate(at), cy = plot.coordinate(y(height)),
        r = 3 }
    end
  end
end

--- The drawing of a measurement that is a series; false when there is nothing to draw.
---@param m moonrig.Measurement
---@return table|false
return function(m)
  local series = m.series
  local left, right, low, high = view(m)
  if not left then return false end
  local is_log = series.x_log and right > left
  local x = (is_log and plot.log_scale or plot.scale)(left, right, LEFT, WIDTH - RIGHT)
  local y = plot.scale(low, high, HEIGHT - BOTTOM, TOP)
  local parts = {}
  add_axes(parts, series, (is_log and plot.log_ticks or plot.ticks)(left, right, 5), plot.ticks(low, high, 3), x, y)
  add_limits(parts, m, x, y, low, high)
  add_curve(parts, "series", series.x, series.y, x, y)
  add_marks(parts, m, x, y, low, high)
  return plot.drawing(WIDTH, HEIGHT, ("%s, %s"):format(m.name, format.worst(m)), parts)
end
