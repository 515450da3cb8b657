-- SPDX-License-Identifier: MIT
-- test.lua: `moonrig test FILE.lua --dut SERIAL`: runs a test procedure on a unit, shows it, records it,
-- and writes reports.  The exit code is the verdict.
local cli = require "moonrig.cli"
local core = require "moonrig.core"
local live = require "moonrig.live"
local operator = require "moonrig.operator"
local plan = require "moonrig.plan"
local results = require "moonrig.results"
local runner = require "moonrig.runner"
local station = require "moonrig.station"

local EXTENSION = { text = "txt", junit = "xml" }
local EXIT = { PASS = cli.PASS, FAIL = cli.FAIL, ERROR = cli.ERROR, TIMEOUT = cli.ERROR, ABORTED = cli.ABORTED }

local function parse(args)
  local parser = cli.parser("test", "Runs a test procedure on a unit, shows the result live and records it. "
    .. "Exit code: 0 PASS, 1 FAIL, 2 ERROR or TIMEOUT, 130 aborted.",
    "moonrig test psu_final.lua --dut PSU4711 --station station.lua --report html=psu4711.html")
  parser:argument("file", "the procedure"):argname "FILE.lua"
  parser:option("--dut", "serial number of the unit; without it, it is asked for (a barcode scanner types it)")
    :argname "SERIAL"
  parser:option("--station", "station file: the instruments and where they are"):argname "FILE"
  parser:option("--results", "record to write to (default: the station's, else results.db)"):argname "URL"
  parser:flag("--simulate", "put the simulator of each instrument in its place; the run is marked")
  parser:option("--site", "which of the station's sites"):argname "N"
  parser:option("--report", "also write a report: text, json, junit, html; without PATH a file named after the unit; "
    .. "- is the standard output"):argname("FORMAT[=PATH]"):count "*"
  parser:flag("--json-events", "write what happens as JSON, one object a line, for programs; all else goes to stderr")
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
  if #options.report == 0 then return reports end
  local check_format = require("moonrig.report").check_format
  for _, text in ipairs(options.report) do
    local format, path = text:match "^([^=]*)=?(.*)$"
    usage(check_format, format)
    reports[#reports + 1] = { format = format, path = path ~= "" and path or nil }
  end
  return reports
end

local function write_reports(rec, ended, reports, out)
  local runs = {}
  for i, result in ipairs(ended) do runs[i] = rec:load(result.id) end
  local of = #runs == 1 and runs[1] or runs
  local options = { blob = function(sha256) return rec:blob(sha256) end }
  for _, wanted in ipairs(reports) do
    local report = require "moonrig.report"
    if wanted.path == "-" then
      cli.write(report.render(wanted.format, of, options))
    else
      local path = wanted.path or ("%s-%d.%s"):format(runs[1].dut.serial:gsub("[^%w._-]", "_"), runs[1].num,
        EXTENSION[wanted.format] or wanted.format)
      report.write(wanted.format, of, path, options)
      out:write(wanted.format, " report: ", path, "\n")
    end
  end
end

local function is_to_stdout(reports)
  for _, wanted in ipairs(reports) do
    if wanted.path == "-" then return true end
  end
end

-- The serial number: as given, or asked for until it fits; nil when nobody answers.
local function identify(options, procedure, ask)
  if options.dut then
    local problem = plan.check_serial(procedure, options.dut)
    if problem then cli.fail(cli.USAGE, "--dut: %s", problem) end
    return options.dut
  end
  local text = "Serial number: "
  while true do
    local ok, line = pcall(ask, text, math.huge)
    if not ok and type(line) == "table" and line.code == "closed" then return nil end
    if not ok then error(line, 0) end
    local serial = line:match "^%s*(.-)%s*$"
    local problem = plan.check_serial(procedure, serial)
    if not problem then return serial end
    text = problem .. "; serial number: "
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
  local reports = wanted_reports(options)
  local of = usage(function()
    return options.station and station.load(options.station, options.site) or station.new({}, { site = options.site })
  end)
  local procedure = usage(plan.load, options.file)
  if options.json_events and is_to_stdout(reports) then
    cli.fail(cli.USAGE, "--json-events and a report to - are both for the standard output")
  end
  local out = (options.json_events or is_to_stdout(reports)) and io.stderr or io.stdout
  local ask = operator.new(out)
  local serial = identify(options, procedure, ask)
  if not serial then cli.fail(cli.USAGE, "say which unit: --dut SERIAL (nobody answers the question)") end

  local rec <close> = usage(results.open, options.results or of.results or results.DEFAULT)
  local is_terminal = core.is_terminal(out == io.stdout and 1 or 2) and not os.getenv "NO_COLOR"
    and os.getenv "TERM" ~= "dumb"
  local observer = options.json_events and require "moonrig.events".new(io.stdout) or live.new(out, is_terminal)
  local ended, code = {}, cli.PASS
  for n = 1, options.times or 1 do
    if n > 1 then
      procedure = plan.load(options.file)
      serial = identify(options, procedure, ask)
    end
    if not serial then break end
    local result = runner.run(procedure, { serial = serial, record = rec, station = of,
      operator = options.operator, simulate = options.simulate, observer = observer, ask = ask })
    ended[n] = result
    code = math.max(code, EXIT[result.outcome])
    if result.outcome == "ABORTED" then break end
  end
  out:write("record: ", rec.path, "\n")
  write_reports(rec, ended, reports, out)
  return code
end
