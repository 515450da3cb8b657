-- SPDX-License-Identifier: MIT
-- stats.lua: moonrig stats: yields, failures, capability, control charts and gage studies from the record.
local cli = require "moonrig.cli"
local dates = require "moonrig.dates"
local json = require "moonrig.json"
local results = require "moonrig.results"
local stats = require "moonrig.stats"
local study = require "moonrig.stats.study"

local function parse(args)
  local parser = cli.parser("stats", "Statistics of the runs in a record: yields with their confidence intervals, what "
    .. "failed most, capability and control charts of each measurement; with --grr, gage R&R studies.",
    "moonrig stats results.db --procedure \"PSU-100 final\" --since 2026-07-01 --html stats.html")
  parser:argument("record", "The record: a file, or sqlite:FILE."):args "?"
  parser:option("--procedure", "Only runs of this procedure."):argname "NAME"
  parser:option("--part", "Only runs of units with this part number."):argname "PART"
  parser:option("--station", "Only runs at this station."):argname "NAME"
  parser:option("--since", "Runs that started on this day (UTC) or later."):argname "DATE"
  parser:option("--until", "Runs that started on this day (UTC) or before it."):argname "DATE"
  parser:option("--measurement", "Only this measurement."):argname "NAME"
  parser:option("--by", "Keep the values of these apart: version, station, site, operator."):argname "KEY"
    :choices(stats.KEYS)
  parser:option("--mode", "Only runs of this mode; all for every mode."):argname "MODE":default "production"
  parser:flag("--simulated", "Count simulated runs too.")
  parser:flag("--grr", "Gage R&R studies: units x appraisers x trials.")
  parser:option("--appraiser", "Of a study: operator, site, station (default operator)."):argname "KEY"
    :choices(study.APPRAISERS)
  parser:flag("--json", "Write JSON.")
  parser:option("--html", "Write one HTML file with plots."):argname "FILE"
  local given = parser:parse(args)
  given.record = given.record or results.DEFAULT
  return parser, given
end

local function check_date(parser, name, text)
  if not text then return nil end
  local date = dates.parse(text)
  if date then return date end
  parser:error(('--%s "%s": wants a day such as 2026-07-01, or a day and time, 2026-07-01T08:00'):format(name, text))
end

local function filter_of(parser, given)
  if given.json and given.html then parser:error "--json and --html: one of them" end
  if given.appraiser and not given.grr then parser:error "--appraiser belongs to --grr" end
  if given.grr and given.by then parser:error "--by: a study is not split; see --appraiser" end
  local before = check_date(parser, "until", given["until"])
  return { procedure = given.procedure, part = given.part, station = given.station, measurement = given.measurement,
    since = check_date(parser, "since", given.since), ["until"] = before, before = before and dates.after(before),
    mode = given.mode ~= "all" and given.mode or nil, simulated = given.simulated or false }
end

-- Why nothing was found, in one line.
local function nothing(given, filter, tree)
  local words = require "moonrig.stats.words"
  if tree.left_out.runs == 0 then cli.fail(cli.ERROR, "%s holds no runs yet", given.record) end
  if tree.left_out.chosen > 0 then
    cli.fail(cli.ERROR, "%s: the runs selected have no measured numbers%s", given.record, filter.measurement
      and " of " .. filter.measurement or "")
  end
  local selection, left_out = words.selection(filter), words.left_out(tree)
  cli.fail(cli.ERROR, "%s has no finished run%s%s", given.record, selection and " with " .. selection or " to count",
    left_out[1] and ": " .. table.concat(left_out, ", ") or "")
end

local function render(given, tree, kind)
  if given.json then return json.encode(tree, { indent = 2, invalid = "escape", nonfinite = "literal" }) .. "\n" end
  local module = require("moonrig.stats." .. (given.html and "html" or "text"))
  return module[kind](tree)
end

return function(args)
  local parser, given = parse(args)
  local filter = filter_of(parser, given)
  local rec <close> = results.open(given.record, { readonly = true })
  local tree, kind
  if given.grr then
    tree, kind = study.collect(rec, filter, given.appraiser or "operator"), "render_grr"
    if not tree.studies[1] then nothing(given, filter, tree) end
  else
    tree, kind = stats.collect(rec, filter, given.by), "render"
    if not tree.procedures[1] then nothing(given, filter, tree) end
  end
  local text = render(given, tree, kind)
  if given.html then
    require("moonrig.report.file").write(given.html, function(put) put(text) end)
  else
    cli.write(text)
  end
  return cli.PASS
end
