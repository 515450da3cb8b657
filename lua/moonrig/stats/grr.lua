-- SPDX-License-Identifier: MIT
-- stats/grr.lua: gage repeatability and reproducibility: the analysis of variance of a crossed study, parts x
-- appraisers x trials (AIAG, Measurement Systems Analysis, 4th edition, chapter III B).

local distribution = require "moonrig.stats.distribution"

local grr = {}

--- Above this probability the interaction is taken for chance and joined to the repeatability.
grr.ALPHA = 0.05

local function mean_of(list)
  local sum = 0
  for _, x in ipairs(list) do sum = sum + x end
  return sum / #list
end

local function squares_about(list, mean)
  local sum = 0
  for _, x in ipairs(list) do sum = sum + (x - mean) ^ 2 end
  return sum
end

-- Means of the cells [part][appraiser], of the parts, of the appraisers, of all; and the squares within the cells.
local function means(cells)
  local m = { cells = {}, parts = {}, appraisers = {}, within = 0 }
  for p, row in ipairs(cells) do
    m.cells[p] = {}
    for a, trials in ipairs(row) do
      m.cells[p][a] = mean_of(trials)
      m.within = m.within + squares_about(trials, m.cells[p][a])
    end
    m.parts[p] = mean_of(m.cells[p])
  end
  for a = 1, #cells[1] do
    local column = {}
    for p = 1, #cells do column[p] = m.cells[p][a] end
    m.appraisers[a] = mean_of(column)
  end
  m.all = mean_of(m.parts)
  return m
end

local function line(squares, freedom) return { squares = squares, freedom = freedom, mean = squares / freedom } end

local function compare(above, below)
  above.f = below.mean > 0 and above.mean / below.mean or above.mean > 0 and math.huge or 0
  above.p = distribution.f_tail(above.f, above.freedom, below.freedom)
end

-- The table of the analysis of variance.
local function analyse(cells)
  local p, a, r = #cells, #cells[1], #cells[1][1]
  local m = means(cells)
  local interaction = 0
  for i = 1, p do
    for k = 1, a do interaction = interaction + (m.cells[i][k] - m.parts[i] - m.appraisers[k] + m.all) ^ 2 end
  end
  local t = { parts = line(a * r * squares_about(m.parts, m.all), p - 1),
    appraisers = line(p * r * squares_about(m.appraisers, m.all), a - 1),
    interaction = line(r * interaction, (p - 1) * (a - 1)), repeatability = line(m.within, p * a * (r - 1)) }
  compare(t.interaction, t.repeatability)
  return t
end

-- Variances of the sources. Those that come out below zero are zero.
local function components(t, p, a, r, pooled)
  local error_mean, v = t.repeatability.mean, {}
  if pooled then
    error_mean = (t.interaction.squares + t.repeatability.squares) / (t.interaction.freedom + t.repeatability.freedom)
  end
  local base = pooled and error_mean or t.interaction.mean
  v.repeatability = error_mean
  v.interaction = pooled and 0 or math.max(0, (t.interaction.mean - error_mean) / r)
  v.appraisers = math.max(0, (t.appraisers.mean - base) / (p * r))
  v.reproducibility = v.appraisers + v.interaction
  v.grr = v.repeatability + v.reproducibility
  v.parts = math.max(0, (t.parts.mean - base) / (a * r))
  v.total = v.grr + v.parts
  return v
end

---@class moonrig.GrrSource
---@field variance number
---@field sigma number
---@field contribution number?   share of the total variance; nil when that is zero
---@field study number?          share of the total sigma
---@field tolerance number?      6 sigma as a share of the tolerance; nil without two limits

---@class moonrig.Grr
---@field parts integer
---@field appraisers integer
---@field trials integer
---@field anova table            squares, freedom, mean, f, p of parts, appraisers, interaction, repeatability
---@field pooled boolean         the interaction was joined to the repeatability
---@field sources table<string, moonrig.GrrSource>
---@field ndc integer?           number of distinct categories; nil when the gage varies nothing

--- Analyses a study.
---@param cells number[][][]     cells[part][appraiser][trial], the same number of trials in each, at least two of all
---@param tolerance number?      high limit - low limit
---@return moonrig.Grr
function grr.study(cells, tolerance)
  local p, a, r = #cells, #cells[1], #cells[1][1]
  local t = analyse(cells)
  local pooled = t.interaction.p > grr.ALPHA
  local v = components(t, p, a, r, pooled)
  local below = t.interaction
  if pooled then
    below = line(t.interaction.squares + t.repeatability.squares, t.interaction.freedom + t.repeatability.freedom)
    t.pooled = below
  end
  compare(t.parts, below)
  compare(t.appraisers, below)
  local sources = {}
  for name, variance in pairs(v) do
    local sigma = math.sqrt(variance)
    sources[name] = { variance = variance, sigma = sigma, contribution = v.total > 0 and variance / v.total or nil,
      study = v.total > 0 and math.sqrt(variance / v.total) or nil,
      tolerance = tolerance and tolerance > 0 and 6 * sigma / tolerance or nil }
  end
  return { parts = p, appraisers = a, trials = r, anova = t, pooled = pooled, sources = sources,
    ndc = v.grr > 0 and math.floor(1.41 * sources.parts.sigma / sources.grr.sigma) or nil }
end

return grr
