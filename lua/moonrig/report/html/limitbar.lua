-- SPDX-License-Identifier: MIT
-- report/html/limitbar.lua: a measured number drawn against its limits, as inline SVG: the band between the limits,
-- marginal zones in it, a mark where the value is; a triangle at the edge when it lies beyond the drawing.
-- The scale comes from the limits alone, so that bars of different units can be compared by eye.
-- The numbers stand beside it in the table, so it is hidden from screen readers.

local tag = require "moonrig.report.markup"

local WIDTH, MIDDLE, EDGE = 140, 11, 7

local function is_finite(x) return type(x) == "number" and x == x and x ~= math.huge and x ~= -math.huge end
local function finite(x) return is_finite(x) and x or nil end

-- The limits as two bounds, either of which may be missing.
local function bounds(limits)
  local low, high = finite(limits.min), finite(limits.max)
  if finite(limits.nominal) and finite(limits.within) then
    local reach = math.abs(limits.nominal * limits.within / 100)
    low, high = low or limits.nominal - reach, high or limits.nominal + reach
  end
  return low, high
end

-- How far the drawing reaches on the good side of a single bound.
local function reach_of(bound, marginal, value)
  local reach = math.max(math.abs(bound), marginal and 2 * math.abs(marginal - bound) or 0)
  if reach == 0 then reach = is_finite(value) and math.abs(value) * 1.5 or 0 end
  return reach > 0 and reach or 1
end

-- The ends of the drawing.
local function view(low, high, limits, value)
  if low and high then
    local span = high > low and high - low or math.max(math.abs(low), 1) * 0.1
    return low - 0.35 * span, high + 0.35 * span
  elseif low then
    local reach = reach_of(low, finite(limits.marginal_min), value)
    return low - reach / 3, low + reach
  end
  local reach = reach_of(high, finite(limits.marginal_max), value)
  return high - reach, high + reach / 3
end

local function point(x, y) return ("%.1f,%.1f"):format(x, y) end

-- The mark of the value: a circle when it passed, a diamond when not, a triangle when it is off the drawing.
local function mark(m, at)
  local class = m.outcome ~= "PASS" and "fail" or m.marginal and "marginal" or "pass"
  if at < 0 or at > WIDTH then
    local tip, back = at < 0 and -EDGE or WIDTH + EDGE, at < 0 and 4 or WIDTH - 4
    return tag.polygon { class = class, points = table.concat({ point(tip, MIDDLE), point(back, MIDDLE - 7),
      point(back, MIDDLE + 7) }, " ") }
  elseif class == "fail" then
    return tag.polygon { class = class, points = table.concat({ point(at, MIDDLE - 7), point(at + 6.5, MIDDLE),
      point(at, MIDDLE + 7), point(at - 6.5, MIDDLE) }, " ") }
  end
  return tag.circle { class = class, cx = ("%.1f"):format(at), cy = MIDDLE, r = 5.5 }
end

local function band(class, from, to)
  return to > from and tag.rect { class = class, x = ("%.1f"):format(from), width = ("%.1f"):format(to - from),
    y = MIDDLE - 4, height = 8 }
end

local function tick(at, reach, class)
  return at and tag.line { class = class, x1 = ("%.1f"):format(at), x2 = ("%.1f"):format(at), y1 = MIDDLE - reach,
    y2 = MIDDLE + reach }
end

--- The drawing for a measurement; false when it has no number or no bounds.
---@param m moonrig.Measurement
---@return table|false
return function(m)
  local limits = m.limits
  if type(m.value) ~= "number" or m.value ~= m.value or not limits then return false end
  local low, high = bounds(limits)
  if not (low or high) or (low and high and low > high) then return false end
  local left, right = view(low, high, limits, m.value)
  if not (right - left > 0 and is_finite(right - left)) then return false end
  local function x(v) return v and (v - left) / (right - left) * WIDTH end
  local function inside(at) return at and math.max(0, math.min(WIDTH, at)) end
  local from, to = inside(x(low)) or 0, inside(x(high)) or WIDTH
  local nominal = finite(limits.nominal) and x(limits.nominal)
  return tag.svg { class = "bar", width = WIDTH, height = 2 * MIDDLE, viewBox = ("%d 0 %d %d"):format(-EDGE,
      WIDTH + 2 * EDGE, 2 * MIDDLE), ["aria-hidden"] = "true",
    tag.rect { class = "beyond", x = 0, width = WIDTH, y = MIDDLE - 4, height = 8, rx = 3 },
    band("between", from, to),
    band("zone", from, math.min(to, inside(x(finite(limits.marginal_min))) or from)),
    band("zone", math.max(from, inside(x(finite(limits.marginal_max))) or to), to),
    tick(nominal and nominal >= 0 and nominal <= WIDTH and nominal, 4, "nominal"),
    tick(low and from, 9, "limit"), tick(high and to, 9, "limit"),
    mark(m, x(m.value)) }
end
