-- SPDX-License-Identifier: MIT
-- report/plot.lua: what plots are made of, as inline SVG: scales with round numbers, lines, texts.  Colours come from
-- the style sheet; what is drawn also stands in tables or in the record.

local tag = require "moonrig.report.markup"

local plot = {}

local function coordinate(x) return ("%.1f"):format(x) end

--- A drawing that is as wide as its place.
local function drawing(width, height, label, parts)
  return tag.svg { class = "plot", viewBox = ("0 0 %d %d"):format(width, height), role = "img", ["aria-label"] = label,
    parts }
end

local function text(x, y, class, content)
  return tag.text { x = coordinate(x), y = coordinate(y), class = class, content }
end

local function line(class, x1, y1, x2, y2)
  return tag.line { class = class, x1 = coordinate(x1), y1 = coordinate(y1), x2 = coordinate(x2), y2 = coordinate(y2) }
end

-- A mapping of values to coordinates; of equal values, to the middle.
local function scale(low, high, from, to)
  local span = high - low
  if span <= 0 or span == math.huge then return function() return (from + to) / 2 end end
  return function(x) return from + (x - low) / span * (to - from) end
end

-- Round numbers between low and high, about `count` of them.
local function ticks(low, high, count)
  local list, span = {}, high - low
  if span <= 0 or span == math.huge then return { low } end
  local step = 10 ^ math.floor(math.log(span / count, 10))
  for _, factor in ipairs { 5, 2 } do
    if span / (step * factor) >= count - 1e-9 then
      step = step * factor
      break
    end
  end
  local first = math.ceil(low / step)
  for i = first, math.min(math.floor(high / step), first + 3 * count) do list[#list + 1] = i * step end
  return list
end

local function tick_text(x) return ("%.6g"):format(x == 0 and 0 or x) end

-- Powers of ten, with 2 and 5 between them when there are few.
local function log_ticks(low, high)
  local list, first, last = {}, math.floor(math.log(low, 10)), math.ceil(math.log(high, 10))
  local step = (last - first) // 8 + 1
  for power = first, last, step do
    for _, factor in ipairs(last - first <= 2 and { 1, 2, 5 } or { 1 }) do
      local at = factor * 10.0 ^ power
      if at >= low and at <= high then list[#list + 1] = at end
    end
  end
  return list
end

-- The same as scale() for a logarithmic axis.
local function log_scale(low, high, from, to)
  local linear = scale(math.log(low), math.log(high), from, to)
  return function(x) return linear(math.log(x)) end
end

plot.coordinate, plot.drawing, plot.text, plot.line = coordinate, drawing, text, line
plot.scale, plot.ticks, plot.tick_text = scale, ticks, tick_text
plot.log_scale, plot.log_ticks = log_scale, log_ticks

return plot
