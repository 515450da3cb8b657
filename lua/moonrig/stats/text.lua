-- SPDX-License-Identifier: MIT
-- stats/text.lua: the statistics as plain text for a terminal; foreign text is escaped.

local escape = require "moonrig.report.escape"
local format = require "moonrig.report.format"
local sample = require "moonrig.stats.sample"
local stats = require "moonrig.stats"
local words = require "moonrig.stats.words"
local yield = require "moonrig.stats.yield"

local text = {}

local LONGEST <const> = 60    -- bytes of a name
local CAUSES <const> = 15     -- of failures that are shown; JSON and HTML have more

local function clean(s) return escape.terminal(format.cut(s, LONGEST)) end

-- Rows as columns; the first is aligned left, as are those in `left`.
local function align(rows, left)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, utf8.len(cell) or #cell) end
  end
  for k, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      local fill = (" "):rep(widths[i] - (utf8.len(cell) or #cell))
      cells[i] = (i == 1 or left[i]) and cell .. fill or fill .. cell
    end
    lines[k] = "  " .. table.concat(cells, "  "):gsub(" +$", "")
  end
  return table.concat(lines, "\n")
end

local function outcomes(y)
  local parts = {}
  for i, name in ipairs(yield.OUTCOMES) do parts[i] = ("%d %s"):format(y.outcomes[name], name) end
  return table.concat(parts, ", ")
end

local function add_yield(out, one)
  local y = one.yield
  out(one.name == "" and "(no name)" or clean(one.name))
  out("  %s, %s to %s: %s", format.count(y.runs, "run"), format.time(y.since), format.time(y.last), outcomes(y))
  out(align({
    { "first-pass yield", words.share(y.first_pass, "units") },
    { "final yield", words.share(y.final, "units") },
    { "retested", words.share(y.retested, "units") },
    { "passed after a first FAIL", words.share(y.recovered, "units") },
    { "first-pass yield, strict", words.share(y.strict_first_pass, "units") .. ", any other end counted as failed" },
  }, { [2] = true }))
end

local function group_rows(name, list)
  local rows = { { name, "runs", "units", "first pass", "95 % (Wilson)", "final", "retested" } }
  for i, y in ipairs(list) do
    local first = y.first_pass
    rows[i + 1] = { clean(words.key(y.key)), tostring(y.runs), tostring(y.units), words.percent(first.share),
      first.share and ("%.1f to %.1f %%"):format(100 * first.low, 100 * first.high) or "-",
      words.percent(y.final.share), words.percent(y.retested.share) }
  end
  return rows
end

local function add_groups(out, one)
  for _, key in ipairs(stats.KEYS) do
    if #one.groups[key] > 1 then
      out ""
      out(align(group_rows(key, one.groups[key]), {}))
    end
  end
  if #one.time.list > 1 then
    out ""
    out(align(group_rows(one.time.unit, one.time.list), {}))
  end
end

local function add_failures(out, one)
  local causes = one.failures.causes
  if not causes[1] then return end
  local rows = { { "failed in", "first", "share", "sum", "in all" } }
  for i, cause in ipairs(causes) do
    if i > CAUSES then break end
    rows[i + 1] = { clean(words.cause(cause)), tostring(cause.first), words.percent(cause.share),
      words.percent(cause.cumulative), tostring(cause.all) }
  end
  out ""
  out(align(rows, {}))
  if #causes > CAUSES then out("  and %s more", format.count(#causes - CAUSES, "cause")) end
end

local function set_row(set)
  local s, c = set.spread, set.capability
  return { clean(words.set(set)), clean(words.limits(set)), tostring(s.n), words.figure(s.mean),
    words.figure(s.sigma_within), words.figure(s.sigma_overall), words.index(c.cp), words.index(c.cpk),
    words.interval(c.cpk_low, c.cpk_high), words.index(c.pp), words.index(c.ppk),
    words.interval(c.ppk_low, c.ppk_high), words.probability(set.normality and set.normality.p),
    set.chart and tostring(#set.chart.violations) or "-" }
end

local function add_measurements(out, one)
  if not one.measurements[1] then return end
  local rows = { { "measurement", "limits", "n", "mean", "s within", "s overall", "Cp", "Cpk", "Cpk 95 %", "Pp", "Ppk",
    "Ppk 95 %", "normal p", "signals" } }
  for i, set in ipairs(one.measurements) do rows[i + 1] = set_row(set) end
  out ""
  out(align(rows, { [2] = true }))
  for _, set in ipairs(one.measurements) do
    local notes = words.notes(set)
    if set.chart and set.chart.violations[1] then notes[#notes + 1] = words.violations(set.chart.violations) end
    if notes[1] then out("  %s, %s: %s", clean(words.set(set)), clean(words.limits(set)), table.concat(notes, "; ")) end
  end
  for _, left in ipairs(one.left_out) do
    out("  %s: more than %d sets of limits; %s of others left out", clean(left.name), left.sets,
      format.count(left.values, "value"))
  end
end

local function lines_of(fill)
  local lines = {}
  fill(function(pattern, ...) lines[#lines + 1] = select("#", ...) > 0 and pattern:format(...) or pattern end)
  return table.concat(lines, "\n") .. "\n"
end

---@param tree table  as stats.collect gives it
---@return string
function text.render(tree)
  return lines_of(function(out)
    for i, one in ipairs(tree.procedures) do
      if i > 1 then out "" end
      add_yield(out, one)
      add_groups(out, one)
      add_failures(out, one)
      add_measurements(out, one)
    end
    out ""
    if tree.rolled then out("rolled throughput yield: %s", words.percent(tree.rolled)) end
    for _, note in ipairs(words.left_out(tree)) do out("%s", escape.terminal(note)) end
    out "Intervals are 95 %: Wilson's for shares, Bissell's for Cpk and Ppk. Values are those of first runs."
    out "Cp and Cpk are by s within (mean moving range / 1.128), Pp and Ppk by s overall (n - 1)."
    out "normal p: of the Anderson-Darling test; below 0.05 the values are not normal, and Cpk and Ppk say little."
    out("Normality and percentiles of more than %d values are those of a random sample of so many.", sample.MOST)
    out "Signals are points of the newest 200 that break a Western Electric rule of the I-MR chart (--html draws it)."
  end)
end

local SOURCES <const> = { { "grr", "gage R&R" }, { "repeatability", "  repeatability" },
  { "reproducibility", "  reproducibility" }, { "appraisers", "    appraiser" },
  { "interaction", "    appraiser x part" }, { "parts", "part to part" }, { "total", "total" } }
text.SOURCES = SOURCES

local function add_study(out, one)
  out("%s: %s, %s", clean(one.procedure), clean(one.name), clean(words.limits(one)))
  if one.problem then return out("  no study: %s", escape.terminal(one.problem)) end
  local g = one.grr
  out("  %s, %s (%s), %s each, analysis of variance", format.count(g.parts, "unit"),
    format.count(g.appraisers, one.appraiser), clean(table.concat(one.names, ", ")), format.count(g.trials, "trial"))
  local rows = { { "source", "sigma", "% of total", "% contribution", "% of tolerance" } }
  for i, source in ipairs(SOURCES) do
    local s = g.sources[source[1]]
    rows[i + 1] = { source[2], words.figure(s.sigma), words.percent(s.study), words.percent(s.contribution),
      words.percent(s.tolerance) }
  end
  out(align(rows, {}))
  out("  %s", words.interaction(g))
  out("  distinct categories: %s; %s by the share of the total (AIAG: below 10 %% acceptable, to 30 %% perhaps)",
    g.ndc and tostring(g.ndc) or "-", words.verdict(g.sources.grr.study) or "no verdict")
  if one.mixed_limits then out "  the limits differ: no share of the tolerance" end
  for key, why in pairs { left_out = "more trials than of others", not_finite = "not a finite number" } do
    if one[key] > 0 then out("  %s left out: %s", format.count(one[key], "value"), why) end
  end
  if one.nobody > 0 then out("  %s left out: no %s recorded", format.count(one.nobody, "value"), one.appraiser) end
end

---@param tree table  as study.collect gives it
---@return string
function text.render_grr(tree)
  return lines_of(function(out)
    for i, one in ipairs(tree.studies) do
      if i > 1 then out "" end
      add_study(out, one)
    end
    for _, note in ipairs(words.left_out(tree)) do out("%s", escape.terminal(note)) end
  end)
end

return text
