-- SPDX-License-Identifier: MIT
-- stats/words.lua: the figures of the statistics in words, the same on the terminal and in HTML.  Nothing is escaped
-- here.

local format = require "moonrig.report.format"
local normality = require "moonrig.stats.normality"

local words = {}

local function short(x, digits) return (("%%.%dg"):format(digits or 5)):format(x) end

--- A figure that was calculated: five digits; nil is "-".
---@param x number?
---@param unit string?
function words.figure(x, unit)
  if not x then return "-" end
  return short(x) .. (unit and unit ~= "" and " " .. unit or "")
end

--- A capability index; nil is "-".
---@param x number?
function words.index(x) return x and ("%.2f"):format(x) or "-" end

--- "1.12 to 1.45": the interval of an index.
---@param low number?
---@param high number?
function words.interval(low, high) return low and ("%.2f to %.2f"):format(low, high) or "-" end

--- 0.974, < 0.001; nil is "-".
---@param p number?
function words.probability(p) return p and (p < 0.0005 and "< 0.001" or ("%.3f"):format(p)) or "-" end

--- What became of the interaction of a study.
---@param g moonrig.Grr
function words.interaction(g)
  return ("appraiser x part: p %s, %s"):format(words.probability(g.anova.interaction.p),
    g.pooled and "joined to the repeatability" or "kept apart")
end

--- 0.95123 -> "95.1 %"; only all of them are 100 %, only none 0 %.
---@param x number?
function words.percent(x)
  if not x then return "-" end
  local text = ("%.1f"):format(100 * x)
  if text == "100.0" and x < 1 then text = "99.9" .. (x > 0.9999 and "9" or "") end
  if text == "0.0" and x > 0 then text = "< 0.1" end
  return text .. " %"
end

--- "95.0 % (19 of 20; 76.4 to 99.1 %)"
---@param share moonrig.Share
---@param noun string
function words.share(share, noun)
  if not share.share then return "- (no " .. noun .. ")" end
  return ("%s (%d of %s; %.1f to %.1f %%)"):format(words.percent(share.share), share.count,
    format.count(share.of, noun:gsub("s$", "")), 100 * share.low, 100 * share.high)
end

--- The limits of a set of values.
function words.limits(set) return format.limits({ min = set.low, max = set.high }, set.unit) or "no limits" end

--- The name of a set of values, told from others of the same name.
function words.set(set)
  return set.by and ("%s (%s %s)"):format(set.name, set.by.key, words.key(set.by.value)) or set.name
end

--- A version, station, ... by which runs are told apart.
function words.key(value) return value == "" and "(none)" or value end

--- What a run failed in.
function words.cause(cause)
  if cause.measurement ~= "" then return ("%s: %s"):format(cause.phase, cause.measurement) end
  if cause.phase ~= "" then return ("%s [%s]"):format(cause.phase, cause.code) end
  return ("[%s]"):format(cause.code)
end

local RULES <const> = { "1 (beyond 3 sigma)", "2 (2 of 3 beyond 2 sigma)", "3 (4 of 5 beyond 1 sigma)",
  "4 (8 on one side)", MR = "MR (moving range)" }

--- "none", "rule 1 (beyond 3 sigma): 2, rule MR (moving range): 1"
---@param violations moonrig.Violation[]
function words.violations(violations)
  local counts, parts = {}, {}
  for _, one in ipairs(violations) do counts[one.rule] = (counts[one.rule] or 0) + 1 end
  for _, rule in ipairs { 1, 2, 3, 4, "MR" } do
    if counts[rule] then parts[#parts + 1] = ("rule %s: %d"):format(RULES[rule], counts[rule]) end
  end
  return parts[1] and table.concat(parts, ", ") or "none"
end

-- So many values have one below the lower percentile and one above the upper.
local ENOUGH <const> = math.ceil(1 / 0.00135)

--- Whether the values look normal, with the indices that do not want them to be: "not normal (Anderson-Darling 2.31,
--- p < 0.001): by percentiles Pp 1.21, Ppk 0.98"; nil when they do, or were not tested.
function words.not_normal(set)
  local test, c = set.normality, set.capability
  if not test or test.p >= normality.ALPHA then return nil end
  local p = words.probability(test.p)
  local note = ("not normal (Anderson-Darling %.2f, p %s)"):format(test.a_squared, p)
  if not c.ppk_percentile then return note end
  return ("%s: by percentiles %sPpk %s%s"):format(note,
    c.pp_percentile and "Pp " .. words.index(c.pp_percentile) .. ", " or "", words.index(c.ppk_percentile),
    test.n < ENOUGH and (" (too good with fewer than %d values)"):format(ENOUGH) or "")
end

--- What one should know before trusting the figures of a set; may be empty.
---@return string[]
function words.notes(set)
  local notes, n = {}, set.spread.n
  local function add(...) notes[#notes + 1] = string.format(...) end
  if set.not_finite > 0 then add("%s not a finite number, left out", format.count(set.not_finite, "value")) end
  if n == 0 then
    add "no values"
  elseif n == 1 then
    add "one value: no sigma"
  elseif set.spread.sigma_overall == 0 then
    add "all values are equal: no index"
  elseif n < 30 then
    add("only %d values: wide intervals%s", n, n < normality.LEAST and ", no test of normality" or "")
  end
  notes[#notes + 1] = words.not_normal(set)
  if not (set.low or set.high) then
    add "no limits: no index"
  elseif not (set.low and set.high) and n > 1 then
    add("one limit: no Cp and Pp")
  end
  return notes
end

-- Whether a measurement was asked for that no procedure has.
local function is_missing(tree)
  if not tree.filter.measurement or not tree.procedures then return false end
  for _, one in ipairs(tree.procedures) do
    if one.measurements[1] then return false end
  end
  return true
end

--- What of the record is not in the figures; may be empty.
---@return string[]
function words.left_out(tree)
  local notes, out = {}, tree.left_out
  if is_missing(tree) then
    notes[1] = ("no numbers of a measurement %s in first runs"):format(tree.filter.measurement)
  end
  if out.simulated > 0 and not tree.filter.simulated then
    notes[#notes + 1] = format.count(out.simulated, "simulated run") .. " left out (--simulated counts them)"
  end
  if out.modes > 0 then
    notes[#notes + 1] = ("%s of another mode than %s left out"):format(format.count(out.modes, "run"), tree.filter.mode)
  end
  if out.open > 0 then notes[#notes + 1] = format.count(out.open, "run") .. " without an end left out" end
  return notes
end

--- What the figures are about: "since 2026-07-01, station line 1"; nil: everything.
function words.selection(filter)
  local parts = {}
  for _, key in ipairs { "procedure", "part", "station", "measurement", "since" } do
    if filter[key] then parts[#parts + 1] = key .. " " .. filter[key] end
  end
  if filter["until"] then parts[#parts + 1] = "until " .. filter["until"] end
  if filter.mode and filter.mode ~= "production" then parts[#parts + 1] = "mode " .. filter.mode end
  if filter.simulated then parts[#parts + 1] = "with simulated runs" end
  return parts[1] and table.concat(parts, ", ")
end

--- AIAG's words for a share of the total or of the tolerance.
---@param x number?
function words.verdict(x)
  if not x then return nil end
  return x < 0.1 and "acceptable" or x <= 0.3 and "may be acceptable" or "not acceptable"
end

return words
