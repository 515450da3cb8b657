-- SPDX-License-Identifier: MIT
-- test.lua: `moonrig test FILE.lua --dut SERIAL`: runs a test procedure on a unit, shows it, records it,
-- and writes reports.  The exit code is the verdict.
local cli = require "moonrig.cli"
local core = require "moonrig.core"
local duts = require "moonrig.duts"
local events = require "moonrig.events"
local live = require "moonrig.live"
local operator = require "moonrig.operator"
local outlet = require "moonrig.outlet"
local plan = require "moonrig.plan"
local report = require "moonrig.report"
local results = require "moonrig.results"
local rig = require "moonrig"
local runner = require "moonrig.runner"
local sites = require "moonrig.sites"
local station = require "moonrig.station"

local EXIT = { PASS = cli.PASS, FAIL = cli.FAIL, ERROR = cli.ERROR, TIMEOUT = cli.ERROR, ABORTED = cli.ABORTED }

local function parse(args)
  local parser = cli.parser("test", "Runs a test procedure on a unit, shows the result live and records it. "
    .. "Exit code: 0 PASS, 1 FAIL, 2 ERROR or TIMEOUT, 130 aborted.",
    "moonrig test psu_final.lua --dut PSU4711 --station station.lua --report html=psu4711.html")
  parser:argument("file", "the procedure"):argname "FILE.lua"
  parser:option("--dut", "serial number of the unit; without it, it is asked for (a barcode scanner types it). With "
    .. "--site all one for each site, in order, or SITE=SERIAL"):argname "SERIAL":count "*"
  parser:option("--part", "part number of the units, where the procedure does not say it"):argname "TEXT"
  parser:option("--subunit", "serial number of a part of the unit, such as radio=RB7 or "
    .. "radio=RB7,part=RB-100,revision=C; with --site all SITE:NAME=SERIAL. Those that the procedure declares are "
    .. "asked for"):argname "NAME=SERIAL":count "*"
  parser:option("--revision", "revision of the units"):argname "TEXT"
  parser:option("--batch", "batch or lot of the units"):argname "TEXT"
  parser:option("--meta", "what else the record shall say: customer=ACME, order=, fixture=, temperature=, ...; several "
    .. "are possible"):argname "NAME=TEXT":count "*"
  parser:option("--station", "station file: the instruments and where they are"):argname "FILE"
  parser:option("--results", "record to write to (default: the station's, else results.db)"):argname "URL"
  parser:flag("--simulate", "put the simulator of each instrument in its place; the run is marked")
  parser:flag("--traffic", "attach what passes between the run and its instruments to the run: a pcapng file for each")
  parser:option("--site", "which of the station's sites; all: a unit at each, at once"):argname "N"
  parser:option("--report", "also write a report: " .. table.concat(report.formats, ", ")
    .. "; without PATH a file named after the unit; - is the standard output"):argname("FORMAT[=PATH]"):count "*"
  parser:flag("--json-events", "write what happens as JSON, one object a line, for programs, and read commands so; all "
    .. "else goes to stderr")
  parser:option("--operator", "who tests"):argname "NAME"
  parser:option("--repeat", "how many runs, one after the other (default 1)"):target("times"):argname("N")
    :convert(function(text)
      local n = math.tointeger(tonumber(text))
      if n and n >= 1 then return n end
      return nil, ("--repeat %s: wants a number, 1 or more"):format(text)
    end)
  return parser:parse(args)
end

-- What can be wrong with the arguments and the files is told before a unit is touched, as exit code 64. The line
-- is that of the procedure; one of this file says nothing to its user.
local function usage(fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then return result end
  local code = type(result) == "table" and result.code
  if code and code ~= "unsupported" and code ~= "not_found" then error(result, 0) end
  cli.fail(cli.USAGE, "%s", (tostring(result):gsub("^scripts/test%.lua:%d+: ", "")))
end

local function wanted_reports(options)
  local reports = {}
  for _, text in ipairs(options.report) do
    local format, path = text:match "^([^=]*)=?(.*)$"
    usage(report.check_format, format, options.times)
    if path == "-" and report.is_binary(format) and core.is_terminal(1) then
      cli.fail(cli.USAGE, "--report %s: not on a terminal; name a file: %s=FILE", text, format)
    end
    reports[#reports + 1] = { format = format, path = path ~= "" and path or nil }
  end
  return reports
end

-- One report: to standard output, or to a file, whose name is told.
local function write_report(wanted, of, first, options, out)
  if wanted.path == "-" then return report.put(wanted.format, of, cli.write, options) end
  local path = wanted.path or ("%s-%d.%s"):format(first.dut.serial:gsub("[^%w._-]", "_"), first.num,
    report.extension(wanted.format))
  report.write(wanted.format, of, path, options)
  out:write(wanted.format, " report: ", path, "\n")
end

-- All of them, also when one fails: the code of the verdict, or that of an error.
local function write_reports(rec, ended, reports, out, code)
  if not reports[1] then return code end
  local runs = rec:all(ended)
  local of = #runs == 1 and runs[1] or runs
  local options = { blob = function(sha256) return rec:blob(sha256) end }
  for _, wanted in ipairs(reports) do
    local ok, e = pcall(write_report, wanted, of, runs[1], options, out)
    if not ok then
      if type(e) ~= "table" or not e.message or e.code == "cancelled" then error(e, 0) end
      io.stderr:write("moonrig test: ", wanted.format, " report: ", e.message, "\n")
      code = math.max(code, cli.ERROR)
    end
  end
  return code
end

local function is_to_stdout(reports)
  for _, wanted in ipairs(reports) do
    if wanted.path == "-" then return true end
  end
end

local function meta_of(options)
  local meta = {}
  for _, text in ipairs(options.meta) do
    local name, value = text:match "^([%w_.-]+)=(.*)$"
    if not name then cli.fail(cli.USAGE, "--meta %s: wants NAME=TEXT", text) end
    meta[name] = value
  end
  return next(meta) and meta or nil
end

-- What is to be run now: a job for each site that has a unit; nil when nobody answers.
-- left_out: sites that were stopped, unless the operator is asked there for the next unit anyway.
local function next_jobs(options, stations, ask, left_out)
  if left_out[stations[1]] and #stations == 1 then return nil end
  local units = usage(duts.identify, options, stations, usage(plan.load, options.file), ask)
  local jobs = {}
  for _, unit in ipairs(units or {}) do
    if not left_out[unit.station] then
      jobs[#jobs + 1] = { plan = usage(plan.load, options.file), opts = { serial = unit.serial,
        subunits = unit.subunits, station = unit.station } }
    end
  end
  return units and jobs
end

local function not_shown(lost) return ("[%d bytes are not shown: nobody read them]\n"):format(lost) end

-- Where people read what happens; where programs do is options.told.
local function outlet_for_people(options, reports)
  if options.json_events or is_to_stdout(reports) then return outlet.new(io.stderr, 2, not_shown) end
  return outlet.new(io.stdout, 1, not_shown)
end

local function is_terminal(out) return core.is_terminal(out.fd) end

local function has_colour(out)
  return is_terminal(out) and not os.getenv "NO_COLOR" and os.getenv "TERM" ~= "dumb"
end

-- Tells a program of a command that cannot be obeyed.
local function refuser(told)
  local tell = events.new(told)
  return function(line, why) tell { event = "refused", line = line, message = why } end
end

-- An observer for each job: live lines, those of several sites with the name of the site before them.
local function observer_of(job, options, person, width)
  local site = width and job.opts.station.site or nil
  if options.json_events then return events.new(options.told, site) end
  local out = person:output()
  if site then return live.new(sites.output(out, site .. (" "):rep(width - #site)), has_colour(person.out), true) end
  return live.new(out, has_colour(person.out))
end

-- Lets the operator know the run as soon as it is there.
local function introduce(job, listed)
  local observer = job.opts.observer
  job.opts.observer = function(event)
    observer(event)
    if event.event == "run_began" then operator.began(listed, event.run) end
  end
end

local function show_summary(jobs, ended, out)
  local all = {}
  for i, job in ipairs(jobs) do
    all[i] = { site = job.opts.station.site, serial = job.opts.serial, result = ended[i] }
  end
  live.summary(out, has_colour(out), all)
end

local function run_jobs(jobs, options, rec, person)
  local many, width = #jobs > 1, 0
  local asking, stations, listed = rig.lock(), {}, {}
  local function ask(...) return person:ask(...) end
  for i, job in ipairs(jobs) do
    stations[i] = job.opts.station
    width = math.max(width, #(stations[i].site or ""))
  end
  local shared = many and sites.share(stations, options.simulate) or nil
  for i, job in ipairs(jobs) do
    local opts = job.opts
    opts.record, opts.operator, opts.simulate, opts.shared = rec, options.operator, options.simulate, shared
    opts.traffic = options.traffic
    opts.part, opts.revision, opts.batch, opts.meta = options.part, options.revision, options.batch,
      meta_of(options)
    opts.observer = observer_of(job, options, person, many and width)
    opts.ask, opts.asking = many and operator.at(opts.station.site, ask) or ask, asking
    listed[i] = { site = opts.station.site }
    introduce(job, listed[i])
  end
  person:listen(listed)
  if many then
    local ended = sites.run(jobs)
    if not options.json_events then show_summary(jobs, ended, person.out) end
    return ended
  end
  return { runner.run(jobs[1].plan, jobs[1].opts) }
end

-- What a format cannot do without is told before a unit is touched.
local function check_parts(reports, procedure, given)
  local part = usage(plan.part, procedure, given)
  for _, wanted in ipairs(reports) do
    if report.wants_part(wanted.format) and not part then
      cli.fail(cli.USAGE, "--report %s wants a part number: part = ... in test.procedure, or --part", wanted.format)
    end
  end
end

-- A procedure that ended the program would leave the unit under power: no teardown, no safe state.
local function keep_running()
  os.exit = function() -- luacheck: ignore 122
    error("os.exit in a procedure would leave out teardown; t:fail(), t:skip() and error() end a phase", 2)
  end
end

return function(args)
  local options = parse(args)
  keep_running()
  meta_of(options)           -- a mistake in it is told now
  local reports = wanted_reports(options)
  local stations = usage(function()
    if not options.station then return { station.new({}, { site = options.site }) } end
    if options.site == "all" then return station.load_sites(options.station) end
    return { station.load(options.station, options.site) }
  end)
  check_parts(reports, usage(plan.load, options.file), options.part)
  if options.json_events and is_to_stdout(reports) then
    cli.fail(cli.USAGE, "--json-events and a report to - are both for the standard output")
  end
  local out = outlet_for_people(options, reports)
  options.told = options.json_events and outlet.new(io.stdout, 1, events.lost)
  local person = operator.new(out, is_terminal(out), options.told and refuser(options.told))
  local function ask(...) return person:ask(...) end
  local jobs = next_jobs(options, stations, ask, {})
  if not jobs then cli.fail(cli.USAGE, "say which unit: --dut SERIAL (nobody answers the question)") end

  local rec <close> = usage(results.open, options.results or stations[1].results or results.DEFAULT,
    { key = stations[1].key })
  local ended, code, left_out = {}, cli.PASS, {}
  for n = 1, options.times or 1 do
    if n > 1 then jobs = next_jobs(options, stations, ask, left_out) end
    if not jobs or not jobs[1] or core.cancelled() then break end
    for i, result in ipairs(run_jobs(jobs, options, rec, person)) do
      ended[#ended + 1] = result.id
      code = math.max(code, EXIT[result.outcome])
      left_out[jobs[i].opts.station] = result.outcome == "ABORTED" and (#stations == 1 or #options.dut > 0) or nil
    end
  end
  out:write("record: ", rec.path, "\n")
  code = write_reports(rec, ended, reports, out, code)
  out:finish()
  if options.told then options.told:finish() end
  return code
end
