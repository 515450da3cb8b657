-- SPDX-License-Identifier: MIT
-- stats/histogram.lua: a histogram of values that come one by one, in bounded memory: the first values set the bins,
-- later ones may make them up to eight times as wide; what lies still further out is counted at the ends.

local histogram = {}

local FIRST <const> = 256     -- values that are looked at before bins are made
local BINS <const> = 256      -- fine ones; show() puts them together
local DOUBLINGS <const> = 3

---@class moonrig.Histogram
---@field low number?    where the first bin begins
---@field width number?
---@field [integer] integer

---@return moonrig.Histogram
function histogram.start() return { first = {}, below = 0, above = 0, doublings = 0 } end

-- Twice as wide, on the side where the value is.
local function double(h, down)
  local merged = {}
  local shift = down and BINS // 2 or 0
  for i = 1, BINS do merged[i] = 0 end
  for i = 1, BINS do
    local at = (i + 1) // 2 + shift
    merged[at] = merged[at] + h[i]
  end
  for i = 1, BINS do h[i] = merged[i] end
  if down then h.low = h.low - BINS * h.width end
  h.width, h.doublings = h.width * 2, h.doublings + 1
end

-- The side on which a value is out of reach for all doublings that are left; nil: it is not.
local function far_side(h, x)
  local span, factor = BINS * h.width, 2 ^ (DOUBLINGS - h.doublings)
  if x < h.low - (factor - 1) * span then return "below" end
  if x >= h.low + factor * span then return "above" end
end

local function count(h, x)
  local side = far_side(h, x)
  if side then
    h[side] = h[side] + 1
    return
  end
  while x < h.low or x >= h.low + BINS * h.width do double(h, x < h.low) end
  local at = math.min(BINS, math.floor((x - h.low) / h.width) + 1)
  h[at] = h[at] + 1
end

-- Makes the bins: they reach over the middle half of the first values four times, so that one stray value does not
-- decide, and at least over values that are all the same.
local function settle(h)
  local first = h.first
  h.first = nil
  local sorted = table.move(first, 1, #first, 1, {})
  table.sort(sorted)
  local q1, q3 = sorted[(#sorted + 3) // 4], sorted[(3 * #sorted + 1) // 4]
  local span = 4 * (q3 - q1)
  if span <= 0 then span = sorted[#sorted] - sorted[1] end
  if span <= 0 then span = math.max(math.abs(q1) * 1e-3, 1e-12) end
  span = math.min(span, 1e300)  -- or the ends would overflow
  h.width = span / BINS
  h.low = q1 / 2 + q3 / 2 - span / 2
  for i = 1, BINS do h[i] = 0 end
  for _, x in ipairs(first) do count(h, x) end
end

---@param h moonrig.Histogram
---@param x number   finite
function histogram.add(h, x)
  local first = h.first
  if not first then return count(h, x) end
  first[#first + 1] = x
  if #first == FIRST then settle(h) end
end

--- The bins from the first to the last that has something in it, at most `most` of them.
---@param h moonrig.Histogram
---@param most integer
---@return { low: number, width: number, counts: integer[], below: integer, above: integer }?  nil: no values
function histogram.show(h, most)
  if h.first then
    if not h.first[1] then return nil end
    settle(h)
  end
  local from, to
  for i = 1, BINS do
    if h[i] > 0 then from, to = from or i, i end
  end
  if not from then from, to = 1, 1 end
  local step = (to - from) // most + 1
  local counts = {}
  for i = from, to do
    local at = (i - from) // step + 1
    counts[at] = (counts[at] or 0) + h[i]
  end
  return { low = h.low + (from - 1) * h.width, width = step * h.width, counts = counts, below = h.below,
    above = h.above }
end

return histogram
