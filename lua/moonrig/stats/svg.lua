-- SPDX-License-Identifier: MIT
-- stats/svg.lua: the plots of the statistics as inline SVG: histogram against the limits, I-MR chart, Pareto, yield
-- over time, a gage study.  Colours come from the style sheet; what is drawn also stands in tables.

local plot = require "moonrig.report.plot"
local tag = require "moonrig.report.markup"
local words = require "moonrig.stats.words"

local svg = {}

local LEFT <const>, RIGHT <const> = 74, 112  -- room for the scale and for the names of lines

local coordinate, drawing, text, line = plot.coordinate, plot.drawing, plot.text, plot.line
local scale, ticks, tick_text = plot.scale, plot.ticks, plot.tick_text

-- Names at the right that would overlap are moved apart.
local function names_at(parts, list, x)
  table.sort(list, function(a, b) return a.y < b.y end)
  local last = -math.huge
  for _, one in ipairs(list) do
    last = math.max(one.y, last + 12)
    parts[#parts + 1] = text(x, last + 4, "name " .. (one.class or ""), one.text)
  end
end

-- Histogram

local HISTOGRAM <const> = { width = 470, height = 190, top = 18, bottom = 34 }

local function add_bars(parts, h, x, y)
  for i, count in ipairs(h.counts) do
    if count > 0 then
      local left, right = x(h.low + (i - 1) * h.width), x(h.low + i * h.width)
      parts[#parts + 1] = tag.rect { class = "bin", x = coordinate(left), y = coordinate(y(count)),
        width = coordinate(math.max(0.8, right - left - 0.6)), height = coordinate(y(0) - y(count)) }
    end
  end
end

local function add_limit(parts, at, name, x, size)
  if not at then return end
  parts[#parts + 1] = line("limit", x(at), size.top, x(at), size.height - size.bottom)
  parts[#parts + 1] = text(x(at), size.top - 5, "middle limit-name", name)
end

-- Where the drawing ends: all bins, both limits unless they are so far off that the bins would be one bar.
local function ends_of(h, set)
  local low, high = h.low, h.low + #h.counts * h.width
  local reach = 12 * (high - low)
  if set.low and set.low < low and low - set.low < reach then low = set.low end
  if set.high and set.high > high and set.high - high < reach then high = set.high end
  local margin = (high - low) * 0.05
  return low - margin, high + margin
end

local function within(at, low, high) return at and at >= low and at <= high and at or nil end

local function add_scale(parts, low, high, x, size)
  for _, at in ipairs(ticks(low, high, 3)) do
    parts[#parts + 1] = line("tick", x(at), size.height - size.bottom, x(at), size.height - size.bottom + 4)
    parts[#parts + 1] = text(x(at), size.height - size.bottom + 16, "middle", tick_text(at))
  end
end

--- The values of a set against its limits.
function svg.histogram(set)
  local h, size, parts = set.histogram, HISTOGRAM, {}
  local low, high = ends_of(h, set)
  local most = 1
  for _, count in ipairs(h.counts) do most = math.max(most, count) end
  local x = scale(low, high, 12, size.width - 12)
  local y = scale(0, most, size.height - size.bottom, size.top)
  local shown_low, shown_high = within(set.low, low, high), within(set.high, low, high)
  if set.low or set.high then
    local from, to = x(shown_low or low), x(shown_high or high)
    parts[1] = tag.rect { class = "between", x = coordinate(from), y = coordinate(size.top),
      width = coordinate(math.max(0, to - from)), height = coordinate(y(0) - size.top) }
  end
  add_bars(parts, h, x, y)
  parts[#parts + 1] = line("axis", 12, y(0), size.width - 12, y(0))
  add_limit(parts, shown_low, "low limit", x, size)
  add_limit(parts, shown_high, "high limit", x, size)
  local mean = set.spread.mean
  if mean then parts[#parts + 1] = line("mean", x(mean), size.top, x(mean), y(0)) end
  add_scale(parts, low, high, x, size)
  if h.below > 0 then parts[#parts + 1] = text(12, size.height - 4, "", ("%d further below"):format(h.below)) end
  if h.above > 0 then
    parts[#parts + 1] = text(size.width - 12, size.height - 4, "end", ("%d further above"):format(h.above))
  end
  return drawing(size.width, size.height, "Histogram of " .. set.name, parts)
end

-- I-MR

local WIDTH <const> = 950
local PANEL <const> = { individual = { top = 14, bottom = 190 }, range = { top = 220, bottom = 300 }, height = 322 }

local function range_of(values, low, high)
  for _, v in ipairs(values) do low, high = math.min(low, v), math.max(high, v) end
  local margin = (high - low) * 0.06
  if margin == 0 then margin = math.max(math.abs(low) * 1e-6, 1e-12) end
  return low - margin, high + margin
end

local function add_grid(parts, low, high, y, count)
  for _, at in ipairs(ticks(low, high, count)) do
    parts[#parts + 1] = text(LEFT - 6, y(at) + 4, "end", tick_text(at))
    parts[#parts + 1] = line("grid", LEFT, y(at), WIDTH - RIGHT, y(at))
  end
end

-- The lines of a chart, { value, class, name } each.
local function add_lines(parts, list, y)
  local names = {}
  for i, one in ipairs(list) do
    parts[#parts + 1] = line(one[2], LEFT, y(one[1]), WIDTH - RIGHT, y(one[1]))
    if one[3] then names[#names + 1] = { y = y(one[1]), text = one[3], class = i } end
  end
  for _, one in ipairs(names) do one.class = nil end
  names_at(parts, names, WIDTH - RIGHT + 6)
end

local function curve(values, first, x, y)
  local points = {}
  for i = first, #values do points[#points + 1] = coordinate(x(i)) .. "," .. coordinate(y(values[i])) end
  return tag.polyline { class = "curve", points = table.concat(points, " ") }
end

local LETTER <const> = 6.5  -- how wide one is, about

-- The points of a chart, those that break rules with their numbers where these change and have room. The last ones
-- stand at the left of their points: at the right are the names of the lines.
local function add_points(parts, values, first, rules, x, y)
  local free = LEFT
  for i = first, #values do
    local at, broken = x(i), rules[i]
    parts[#parts + 1] = tag.circle { class = broken and "signal" or "dot", cx = coordinate(at), r = broken and 4 or 1.8,
      cy = coordinate(y(values[i])) }
    local width = broken and broken ~= rules[i - 1] and LETTER * #broken
    local is_last = width and at + 6 + width > WIDTH - RIGHT
    if width and (is_last and at - 6 - width or at) >= free then
      parts[#parts + 1] = text(is_last and at - 6 or at + 6, y(values[i]) - 6, is_last and "rule end" or "rule", broken)
      free = at + 6 + width
    end
  end
end

-- point -> "1 4": the rules it breaks, on the chart of values or of ranges
local function rules_at(violations, ranges)
  local at = {}
  for _, one in ipairs(violations) do
    if (one.rule == "MR") == ranges then
      at[one.point] = at[one.point] and at[one.point] .. " " .. one.rule or tostring(one.rule)
    end
  end
  return at
end

local function add_individuals(parts, chart, x, unit)
  local l, panel = chart.limits, PANEL.individual
  local low, high = range_of(chart.values, l.low, l.high)
  local y = scale(low, high, panel.bottom, panel.top)
  add_grid(parts, low, high, y, 4)
  add_lines(parts, { { l.low, "control", "LCL " .. words.figure(l.low) }, { l.center, "center",
      "mean " .. words.figure(l.center) }, { l.high, "control", "UCL " .. words.figure(l.high) },
    { l.center - 2 * l.sigma, "sigma" }, { l.center - l.sigma, "sigma" }, { l.center + l.sigma, "sigma" },
    { l.center + 2 * l.sigma, "sigma" } }, y)
  parts[#parts + 1] = curve(chart.values, 1, x, y)
  add_points(parts, chart.values, 1, rules_at(chart.violations, false), x, y)
  parts[#parts + 1] = text(LEFT, 10, "", "value" .. (unit and unit ~= "" and ", " .. unit or ""))
end

local function add_ranges(parts, chart, x)
  local l, panel, ranges = chart.limits, PANEL.range, { 0 }
  for i = 2, #chart.values do ranges[i] = math.abs(chart.values[i] - chart.values[i - 1]) end
  local _, high = range_of(ranges, 0, l.range_high)
  local y = scale(0, high, panel.bottom, panel.top)
  add_grid(parts, 0, high, y, 2)
  add_lines(parts, { { l.range_center, "center", "mean " .. words.figure(l.range_center) },
    { l.range_high, "control", "UCL " .. words.figure(l.range_high) } }, y)
  parts[#parts + 1] = curve(ranges, 2, x, y)
  add_points(parts, ranges, 2, rules_at(chart.violations, true), x, y)
  parts[#parts + 1] = text(LEFT, panel.top - 4, "", "moving range")
end

--- The chart of individual values and moving ranges of a set.
function svg.control(set)
  local chart, parts = set.chart, {}
  local x = scale(1, #chart.values, LEFT + 6, WIDTH - RIGHT - 6)
  add_individuals(parts, chart, x, set.unit)
  add_ranges(parts, chart, x)
  parts[#parts + 1] = text(LEFT, PANEL.height - 6, "", ("run %d"):format(chart.runs[1]))
  parts[#parts + 1] = text(WIDTH - RIGHT, PANEL.height - 6, "end", ("run %d"):format(chart.runs[#chart.runs]))
  return drawing(WIDTH, PANEL.height, "Control chart of " .. set.name, parts)
end

-- Pareto

--- The most frequent causes of failure, with their sum.
function svg.pareto(causes, most)
  local parts, count, top, height = {}, math.min(#causes, most), 8, 22
  local name_width = 330
  local x = scale(0, 1, name_width, WIDTH - 90)
  local points = {}
  for i = 1, count do
    local cause, y = causes[i], top + (i - 1) * height
    local name = words.cause(cause)
    if (utf8.len(name) or #name) > 48 then name = name:sub(1, (utf8.offset(name, 46) or 46) - 1) .. "..." end
    parts[#parts + 1] = text(name_width - 8, y + 15, "end", name)
    parts[#parts + 1] = tag.rect { class = "cause", x = name_width, y = coordinate(y + 3),
      width = coordinate(math.max(1, x(cause.share) - name_width)), height = height - 6 }
    parts[#parts + 1] = text(x(1) + 8, y + 15, "", ("%d, %s"):format(cause.first, words.percent(cause.share)))
    points[i] = coordinate(x(cause.cumulative)) .. "," .. coordinate(y + height / 2)
  end
  local bottom = top + count * height
  for _, share in ipairs { 0, 0.25, 0.5, 0.75, 1 } do
    table.insert(parts, 1, line("grid", x(share), top, x(share), bottom))
    parts[#parts + 1] = text(x(share), bottom + 14, "middle", ("%.0f %%"):format(100 * share))
  end
  parts[#parts + 1] = tag.polyline { class = "sum", points = table.concat(points, " ") }
  return drawing(WIDTH, bottom + 20, "Failures by cause", parts)
end

-- Yield over time

--- First-pass yield with its interval, a point for each day or month.
function svg.trend(list)
  local parts, top, bottom = {}, 14, 150
  local low = 1
  for _, y in ipairs(list) do low = math.min(low, y.first_pass.low or 1) end
  low = math.max(0, math.floor(low * 10) / 10)
  local y = scale(low, 1, bottom, top)
  local x = scale(1, #list, LEFT + 20, WIDTH - RIGHT - 20)
  for _, at in ipairs(ticks(low, 1, 4)) do
    parts[#parts + 1] = text(LEFT - 6, y(at) + 4, "end", ("%g %%"):format(100 * at))
    parts[#parts + 1] = line("grid", LEFT, y(at), WIDTH - RIGHT, y(at))
  end
  local points, step = {}, (#list - 1) // 8 + 1
  for i, one in ipairs(list) do
    local first = one.first_pass
    if first.share then
      parts[#parts + 1] = line("whisker", x(i), y(first.low), x(i), y(first.high))
      parts[#parts + 1] = tag.circle { class = "dot", cx = coordinate(x(i)), cy = coordinate(y(first.share)), r = 3 }
      points[#points + 1] = coordinate(x(i)) .. "," .. coordinate(y(first.share))
    end
    if (i - 1) % step == 0 then parts[#parts + 1] = text(x(i), bottom + 16, "middle", one.key) end
  end
  table.insert(parts, 1, tag.polyline { class = "curve", points = table.concat(points, " ") })
  return drawing(WIDTH, bottom + 22, "First-pass yield over time", parts)
end

-- Gage study

local function each_cell(one, fn)
  for p = 1, #one.serials do
    for a = 1, #one.names do fn(p, a, one.cells[p][a]) end
  end
end

--- The values of a study: a column for each unit, in it one for each appraiser, with their means.
function svg.study(one)
  local parts, all, top, bottom = {}, {}, 14, 230
  each_cell(one, function(_, _, cell) table.move(cell, 1, #cell, #all + 1, all) end)
  local low, high = range_of(all, all[1], all[1])
  local y = scale(low, high, bottom, top)
  local column = (WIDTH - LEFT - RIGHT) / #one.serials
  add_grid(parts, low, high, y, 5)
  each_cell(one, function(p, a, cell)
    local x, sum = LEFT + column * (p - 1 + a / (#one.names + 1)), 0
    for _, value in ipairs(cell) do
      sum = sum + value
      parts[#parts + 1] = tag.circle { class = "appraiser a" .. (a - 1) % 6, cx = coordinate(x),
        cy = coordinate(y(value)), r = 2.4 }
    end
    local mean = y(sum / #cell)
    parts[#parts + 1] = line("appraiser a" .. (a - 1) % 6, x - 6, mean, x + 6, mean)
  end)
  local step = #one.serials // 12 + 1
  for p, serial in ipairs(one.serials) do
    if p > 1 then parts[#parts + 1] = line("grid", LEFT + column * (p - 1), top, LEFT + column * (p - 1), bottom) end
    if (p - 1) % step == 0 then
      local name = #serial > 12 and "..." .. serial:sub(-9) or serial
      parts[#parts + 1] = text(LEFT + column * (p - 0.5), bottom + 16, "middle", name)
    end
  end
  for a, name in ipairs(one.names) do
    if a <= 12 then
      local shown = (utf8.len(name) or #name) > 12 and name:sub(1, (utf8.offset(name, 11) or 11) - 1) .. "..." or name
      parts[#parts + 1] = tag.circle { class = "appraiser a" .. (a - 1) % 6, cx = WIDTH - RIGHT + 12,
        cy = 12 + 16 * a, r = 3 }
      parts[#parts + 1] = text(WIDTH - RIGHT + 20, 16 + 16 * a, "", shown)
    end
  end
  return drawing(WIDTH, bottom + 22, "Values of the study", parts)
end

return svg
