-- SPDX-License-Identifier: MIT
-- report.lua: moonrig report: runs out of the record, in any of the formats of lua/moonrig/report; and files that were
-- attached to them.
local cli = require "moonrig.cli"
local core = require "moonrig.core"
local dates = require "moonrig.dates"
local file = require "moonrig.report.file"
local report = require "moonrig.report"
local results = require "moonrig.results"

local function parse(args)
  local parser = cli.parser("report",
    "Writes a report of the last run, of the runs named, or of those that --dut and --since select.",
    "moonrig report --dut PSU4711 --format html -o PSU4711.html")
  parser:argument("run", "Number or id of a run."):args "*"
  parser:option("--last", "Only the last run, or the last N."):argname "N":args "?":convert(math.tointeger)
  parser:option("--dut", "Runs of the unit with this serial number."):argname "SN"
  parser:option("--since", "Runs that started on this day (UTC) or later."):argname "DATE"
  parser:option("--format", table.concat(report.formats, ", ") .. "."):argname "FORMAT":default "text"
  parser:option("--attachment", "Instead of a report: the file attached under this name, or with this SHA-256.")
    :argname "NAME"
  parser:option("-o --output", "File to write instead of standard output."):argname "FILE"
  parser:option("--process-code", "wsjf: the number of the process on the WATS server; 10 unless the run says one.")
    :argname "N":convert(math.tointeger)
  parser:option("--results", "The record: a file, or sqlite:FILE."):argname "URL":default(results.DEFAULT)
  return parser, parser:parse(args)
end

-- Checks what the command line says before anything is opened.
local function check(parser, given)
  local ok, e = pcall(report.check_format, given.format)
  if not ok then parser:error(e.message) end
  if report.is_binary(given.format) and not given.output and core.is_terminal(1) then
    parser:error(("--format %s: not on a terminal; name a file with -o"):format(given.format))
  end
  if given.run[1] and (given.last or given.dut or given.since) then
    parser:error "name runs, or select them with --last, --dut and --since, not both"
  end
  local last = given.last and (given.last[1] or 1)
  if last and last < 1 then parser:error "--last: wants a number above 0" end
  local since = given.since and dates.parse(given.since)
  if given.since and not since then
    parser:error(('--since "%s": wants a day such as 2026-07-01, or a day and time, 2026-07-01T08:00')
      :format(given.since))
  end
  if not (last or given.dut or since) then last = 1 end
  return { serial = given.dut, since = since, last = last }
end

local function named(names)
  local refs = {}
  for i, name in ipairs(names) do refs[i] = math.tointeger(name) or name end
  return refs
end

local function selected(rec, filter, given)
  local refs = rec:numbers(filter)
  if refs[1] then return refs end
  cli.fail(cli.ERROR, "%s has no run%s%s", given.results, filter.serial and " of unit " .. filter.serial or "",
    filter.since and " since " .. given.since or "")
end

-- All attachments of a run, those of its phases too.
local function attachments_of(run)
  local all = table.move(run.attachments, 1, #run.attachments, 1, {})
  for _, phase in ipairs(run.phases) do table.move(phase.attachments, 1, #phase.attachments, #all + 1, all) end
  return all
end

-- The one that is called so. Of several with one name, as of a phase that was tried again, each has to be told apart.
local function find_attachment(run, name)
  local all, found, names = attachments_of(run), {}, {}
  for _, one in ipairs(all) do
    if one.sha256 == name then return one end
    if one.name == name and not found[one.sha256] then
      found[#found + 1], found[one.sha256] = one, true
    end
    names[#names + 1] = one.name
  end
  if #found == 1 then return found[1] end
  if not found[1] then
    cli.fail(cli.ERROR, "run %d has no attachment %s%s", run.num, name,
      names[1] and " (there are " .. table.concat(names, ", ") .. ")" or "")
  end
  for i, one in ipairs(found) do names[i] = one.sha256 end
  cli.fail(cli.ERROR, "run %d has %d attachments %s; say which by its SHA-256: %s", run.num, #found, name,
    table.concat(names, ", ", 1, #found))
end

local function write_attachment(rec, run, given)
  local found = find_attachment(run, given.attachment)
  if not given.output and core.is_terminal(1) and not found.mime:find "^text/" then
    cli.fail(cli.USAGE, "--attachment %s: %s, not on a terminal; name a file with -o", given.attachment, found.mime)
  end
  local data = rec:blob(found.sha256)
  if not data then cli.fail(cli.ERROR, "the bytes of %s are gone from the record", found.name) end
  if not given.output then return cli.write(data) end
  file.write(given.output, function(put) put(data) end)
end

return function(args)
  local parser, given = parse(args)
  local filter = check(parser, given)
  local rec <close> = results.open(given.results, { readonly = true })
  local runs = rec:all(given.run[1] and named(given.run) or selected(rec, filter, given))
  -- One run asked for is a document about it; a selection is a list, however many it found.
  local is_one = #given.run == 1 or not given.run[1] and filter.last == 1
  local options = { blob = function(sha256) return rec:blob(sha256) end, process_code = given.process_code }
  if given.attachment then
    if not is_one then cli.fail(cli.USAGE, "--attachment: name one run, or select the last one with --last") end
    write_attachment(rec, runs[1], given)
    return cli.PASS
  end
  local what = is_one and runs[1] or runs
  if given.output then
    report.write(given.format, what, given.output, options)
  else
    report.put(given.format, what, cli.write, options)
  end
  return cli.PASS
end
