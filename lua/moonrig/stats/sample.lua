-- SPDX-License-Identifier: MIT
-- stats/sample.lua: values that are kept for what wants them sorted, in bounded memory: all of them up to a number,
-- of more a random sample of that size (Vitter's algorithm R), every value being as likely to be in it.  Its dice are
-- its own and begin alike, so that the same record gives the same figures.

local sample = {}

--- So many are kept.
sample.MOST = 5000

---@class moonrig.Sample
---@field n integer      how many values came
---@field seed integer
---@field [integer] number

---@return moonrig.Sample
function sample.start() return { n = 0, seed = 1 } end

---@param s moonrig.Sample
---@param x number   finite
function sample.add(s, x)
  s.n = s.n + 1
  if s.n <= sample.MOST then
    s[s.n] = x
    return
  end
  s.seed = s.seed * 6364136223846793005 + 1442695040888963407  -- Knuth's MMIX; the upper bits are the good ones
  local at = (s.seed >> 33) % s.n + 1
  if at <= sample.MOST then s[at] = x end
end

--- What was kept, the least first.
---@param s moonrig.Sample
---@return number[]
function sample.sorted(s)
  local list = table.move(s, 1, #s, 1, {})
  table.sort(list)
  return list
end

return sample
