-- SPDX-License-Identifier: MIT
-- stats/html.lua: the statistics as one HTML file with inline plots, in the frame and style of the reports: no
-- script, no network; all foreign text goes through report/markup.lua.

local document = require "moonrig.report.html.document"
local format = require "moonrig.report.format"
local normality = require "moonrig.stats.normality"
local report_style = require "moonrig.report.html.style"
local sample = require "moonrig.stats.sample"
local stats = require "moonrig.stats"
local style = require "moonrig.stats.style"
local svg = require "moonrig.stats.svg"
local tag = require "moonrig.report.markup"
local text = require "moonrig.stats.text"
local words = require "moonrig.stats.words"
local yield = require "moonrig.stats.yield"

local html = {}

local CHARTS <const> = 100   -- sets of values that get plots; the table has all
local CAUSES <const> = 20

local function grid(heads, rows, left)
  local cells, body = {}, {}
  for i, name in ipairs(heads) do cells[i] = tag.th { scope = "col", class = left and left[i] and "left", name } end
  for k, row in ipairs(rows) do
    local columns = {}
    for i, cell in ipairs(row) do columns[i] = tag.td { class = left and left[i] and "left", cell } end
    body[k] = tag.tr(columns)
  end
  return tag.div { class = "scroll", tag.table { class = "figures", tag.thead { tag.tr(cells) }, tag.tbody(body) } }
end

-- A plot that a narrow screen scrolls, as it does tables.
local function wide(plot) return tag.div { class = "scroll wide", plot } end

local function notes(list)
  if not list[1] then return false end
  local items = {}
  for i, note in ipairs(list) do items[i] = tag.li { note } end
  return tag.ul { class = "notes", items }
end

local function head(kind, title, what)
  return tag.header { class = "head", tag.div { tag.p { class = "kind", kind }, tag.h1 { title },
    what and tag.p { class = "what", what } } }
end

-- Yields

local function tile(share, name, noun, note)
  return tag.div { class = "tile", tag.p { name }, tag.strong { words.percent(share.share) },
    tag.p { class = "quiet", share.share and ("%d of %s"):format(share.count, format.count(share.of, noun))
      or "no " .. noun .. "s" },
    share.share and tag.p { class = "quiet", ("%.1f to %.1f %%"):format(100 * share.low, 100 * share.high) },
    note and tag.p { class = "quiet", note } }
end

local function tiles(y)
  return tag.div { class = "tiles", tile(y.first_pass, "First-pass yield", "unit"),
    tile(y.final, "Final yield", "unit"), tile(y.retested, "Retested", "unit"),
    tile(y.strict_first_pass, "First-pass yield, strict", "unit", "any other end counted as failed") }
end

local function outcomes(y)
  local parts = {}
  for _, name in ipairs(yield.OUTCOMES) do
    if y.outcomes[name] > 0 then parts[#parts + 1] = ("%d %s"):format(y.outcomes[name], name) end
  end
  return table.concat(parts, ", ")
end

local HEADS <const> = { "Runs", "Units", "First pass", "95 % (Wilson)", "Final", "Retested", "ERROR", "TIMEOUT",
  "ABORTED" }

local function groups(title, list)
  local rows = {}
  for i, y in ipairs(list) do
    local first = y.first_pass
    rows[i] = { words.key(y.key), y.runs, y.units, words.percent(first.share), first.share and ("%.1f to %.1f %%")
      :format(100 * first.low, 100 * first.high) or "-", words.percent(y.final.share), words.percent(y.retested.share),
      y.outcomes.ERROR, y.outcomes.TIMEOUT, y.outcomes.ABORTED }
  end
  return { tag.h3 { title }, grid({ title:gsub("^By ", ""):gsub("^%l", string.upper), table.unpack(HEADS) }, rows) }
end

local function yields(one)
  local parts = {}
  for _, key in ipairs(stats.KEYS) do
    if #one.groups[key] > 1 then parts[#parts + 1] = groups("By " .. key, one.groups[key]) end
  end
  local time = one.time.list
  if #time > 1 then
    table.insert(parts, 1, { tag.h3 { "First-pass yield by " .. one.time.unit .. ", with its interval" },
      wide(svg.trend(time)) })
    parts[#parts + 1] = groups("By " .. one.time.unit, time)
  end
  return parts[1] and tag.section { tag.h2 { "Yield" }, parts }
end

-- Failures

local function failures(one)
  local causes, rows = one.failures.causes, {}
  if not causes[1] then return false end
  for i, cause in ipairs(causes) do
    rows[i] = { words.cause(cause), cause.first, words.percent(cause.share), words.percent(cause.cumulative),
      cause.all }
  end
  return tag.section { tag.h2 { "What failed" },
    tag.p { class = "quiet", ("%s did not pass. The bars count what each failed in first; the line is their sum.")
      :format(format.count(one.failures.runs, "run")) },
    wide(svg.pareto(causes, CAUSES)),
    grid({ "Cause", "First", "Share", "Sum", "In all" }, rows) }
end

-- Measurements

-- An index with its interval below it.
local function index(x, low, high)
  return { words.index(x), low and tag.div { class = "small quiet", words.interval(low, high) } }
end

local function set_row(set)
  local s, c = set.spread, set.capability
  return { words.set(set), words.limits(set), s.n, words.figure(s.mean), words.figure(s.sigma_within),
    words.figure(s.sigma_overall), words.index(c.cp), index(c.cpk, c.cpk_low, c.cpk_high),
    words.index(c.pp), index(c.ppk, c.ppk_low, c.ppk_high), words.probability(set.normality and set.normality.p),
    set.chart and #set.chart.violations or "-" }
end

local function facts(list)
  local parts = {}
  for _, fact in ipairs(list) do
    parts[#parts + 1] = tag.dt { fact[1] }
    parts[#parts + 1] = tag.dd { fact[2] }
  end
  return tag.dl(parts)
end

local function set_facts(set)
  local s, c, p, test = set.spread, set.capability, set.percentiles, set.normality
  return facts { { "Values", tostring(s.n) }, { "Mean", words.figure(s.mean, set.unit) },
    { "Least, greatest", ("%s, %s"):format(words.figure(s.min), words.figure(s.max)) },
    { "Sigma within (MR / 1.128)", words.figure(s.sigma_within, set.unit) },
    { "Sigma overall (n - 1)", words.figure(s.sigma_overall, set.unit) },
    { "Cp, Cpk (within)", words.index(c.cp) .. ", " .. words.index(c.cpk) },
    { "Pp, Ppk (overall)", words.index(c.pp) .. ", " .. words.index(c.ppk) },
    { "95 % of Cpk, of Ppk", ("%s, %s"):format(words.interval(c.cpk_low, c.cpk_high),
      words.interval(c.ppk_low, c.ppk_high)) },
    { "Normal (Anderson-Darling)", test and ("%sp %s"):format(test.p < normality.ALPHA and "no, " or "",
      words.probability(test.p)) or "-" },
    { "P0.135, median, P99.865", p and ("%s, %s, %s"):format(words.figure(p.low), words.figure(p.median),
      words.figure(p.high)) or "-" },
    { "Pp, Ppk by percentiles", words.index(c.pp_percentile) .. ", " .. words.index(c.ppk_percentile) },
    { "Version", table.concat(set.versions, ", ") }, { "Runs", format.time(set.since):sub(1, 10) .. " to "
      .. format.time(set.last):sub(1, 10) } }
end

local function set_section(set)
  local list = words.notes(set)
  if set.chart then
    list[#list + 1] = ("Control chart of the newest %s; rules broken: %s"):format(format.count(#set.chart.values,
      "value"), words.violations(set.chart.violations))
  end
  return tag.section { class = "one", tag.h3 { words.set(set), ", ", words.limits(set) },
    tag.div { class = "set", set.histogram and svg.histogram(set) or tag.p { "no values" }, set_facts(set) },
    set.chart and wide(svg.control(set)), notes(list) }
end

local function measurements(one)
  if not one.measurements[1] then return false end
  local rows, sections, left_out = {}, {}, {}
  for i, set in ipairs(one.measurements) do
    rows[i] = set_row(set)
    if i <= CHARTS then sections[i] = set_section(set) end
  end
  for i, left in ipairs(one.left_out) do
    left_out[i] = ("%s: more than %d sets of limits; %s of others left out"):format(left.name, left.sets,
      format.count(left.values, "value"))
  end
  if #rows > CHARTS then left_out[#left_out + 1] = ("Plots of the first %d only"):format(CHARTS) end
  return tag.section { tag.h2 { "Measurements" }, grid({ "Measurement", "Limits", "n", "Mean", "s within", "s overall",
    "Cp", "Cpk, 95 %", "Pp", "Ppk, 95 %", "Normal p", "Signals" }, rows, { [2] = true }), notes(left_out),
    sections }
end

-- Pages

local function title_of(one) return one.name == "" and "(no name)" or one.name end

local function foot(tree)
  local list = words.left_out(tree)
  list[#list + 1] = "Yields are of units: a unit's first run is the first that ended PASS or FAIL; the strict yield "
    .. "takes the first of all. Intervals are 95 %: Wilson's for shares, Bissell's for Cpk and Ppk."
  list[#list + 1] = "Values are those of first runs, in the order of time; different limits are never put together. "
    .. "Cp and Cpk are by sigma within, Pp and Ppk by sigma overall; they mean what they say for normal values only. "
    .. "Normal p is of the Anderson-Darling test; below 0.05 the values are not normal, and the indices by percentiles "
    .. "(ISO 22514-2: P0.135, median and P99.865 in place of mean and 3 sigma) are the ones to look at. Both are of a "
    .. "random sample of " .. sample.MOST .. " where there are more values."
  list[#list + 1] = "Signals are points that break a rule of the Western Electric handbook: 1 beyond 3 sigma, 2 of 3 "
    .. "beyond 2, 4 of 5 beyond 1, 8 on one side; MR: moving range above its limit. Dashed lines are control limits, "
    .. "from the values; the limits of the test are in the histogram."
  return tag.footer { class = "foot small", notes(list), tag.p { class = "quiet end", "Record ",
    tag.span { class = "mono", tree.record } } }
end

local function page(name, content) return tag.article { id = name, content } end

local function css(pages, what)
  local sheets = {}
  for i, name in ipairs(pages) do sheets[i] = { name = name, foot = what } end
  return report_style.css(sheets) .. style
end

---@param tree table   as stats.collect gives it
---@return string
function html.render(tree)
  local articles, pages = {}, {}
  for i, one in ipairs(tree.procedures) do
    local y = one.yield
    pages[i] = "procedure-" .. i
    articles[i] = page(pages[i], { head("Test statistics", title_of(one), ("%s, %s to %s: %s"):format(
        format.count(y.runs, "run"), format.time(y.since):sub(1, 10), format.time(y.last):sub(1, 10), outcomes(y))),
      words.selection(tree.filter) and tag.p { class = "quiet", "Selected: ", words.selection(tree.filter) },
      tiles(y), tree.rolled and tag.p { class = "quiet", "Rolled throughput yield of all procedures: ",
        words.percent(tree.rolled) },
      yields(one), failures(one), measurements(one), foot(tree) })
  end
  return document("Test statistics", css(pages, "Test statistics"), articles)
end

-- Studies

local function source_rows(one)
  local rows = {}
  for i, source in ipairs(text.SOURCES) do
    local s = one.grr.sources[source[1]]
    rows[i] = { source[2]:gsub("^ +", function(spaces) return ("\u{2003}"):rep(#spaces // 2) end), words.figure(s.sigma,
      one.unit), words.percent(s.study), words.percent(s.contribution), words.percent(s.tolerance) }
    rows[i][1] = tostring(rows[i][1])
  end
  return rows
end

local ANOVA <const> = { { "parts", "part" }, { "appraisers", "appraiser" }, { "interaction", "appraiser x part" },
  { "repeatability", "repeatability" }, { "pooled", "repeatability with interaction" } }

local function anova_rows(one)
  local rows = {}
  for _, source in ipairs(ANOVA) do
    local t = one.grr.anova[source[1]]
    if t then
      rows[#rows + 1] = { source[2], t.freedom, words.figure(t.squares), words.figure(t.mean), words.figure(t.f),
        words.probability(t.p) }
    end
  end
  return rows
end

local function study_section(one)
  local title = tag.h2 { one.name, ", ", words.limits(one) }
  if one.problem then return tag.section { title, tag.p { class = "quiet", "No study: " .. one.problem } } end
  local g, list = one.grr, {}
  list[1] = words.interaction(g)
  list[2] = ("Distinct categories: %s (5 or more are wanted)."):format(g.ndc or "-")
  if one.mixed_limits then list[#list + 1] = "The limits differ: no share of the tolerance." end
  local left_out = one.left_out + one.not_finite + one.nobody
  if left_out > 0 then list[#list + 1] = format.count(left_out, "value") .. " left out." end
  return tag.section { title,
    tag.p { class = "quiet", ("%s, %s, %s each; the gage has %s of the total: %s."):format(
      format.count(g.parts, "unit"), format.count(g.appraisers, one.appraiser), format.count(g.trials, "trial"),
      words.percent(g.sources.grr.study), words.verdict(g.sources.grr.study) or "no verdict") },
    wide(svg.study(one)),
    grid({ "Source", "Sigma", "% of total", "% contribution", "% of tolerance" }, source_rows(one)),
    tag.h3 { "Analysis of variance" },
    grid({ "Source", "Freedom", "Squares", "Mean square", "F", "p" }, anova_rows(one)), notes(list) }
end

---@param tree table   as study.collect gives it
---@return string
function html.render_grr(tree)
  local sections = {}
  for i, one in ipairs(tree.studies) do
    if i <= CHARTS then sections[i] = study_section(one) end
  end
  local list = words.left_out(tree)
  list[#list + 1] = "Analysis of variance of a crossed study (AIAG, Measurement Systems Analysis, 4th edition): below "
    .. "10 % of the total sigma acceptable, to 30 % perhaps, above not. The interaction is joined to the repeatability "
    .. "when its p is above 0.05. Shares of the tolerance are 6 sigma over the distance of the limits."
  return document("Gage R&R", css({ "studies" }, "Gage R&R"), { page("studies", { head("Measurement system",
    "Gage R&R", words.selection(tree.filter)), sections,
    tag.footer { class = "foot small", notes(list), tag.p { class = "quiet end", "Record ",
      tag.span { class = "mono", tree.record } } } }) })
end

return html
