-- SPDX-License-Identifier: MIT
-- doctor.lua: moonrig doctor: is a station ready? Exit code: 0 it is, 1 something is wrong.
local cli = require "moonrig.cli"
local core = require "moonrig.core"
local doctor = require "moonrig.doctor"
local station = require "moonrig.station"

local function parse(args)
  local parser = cli.parser("doctor", "Looks whether a station is ready: opens and identifies each instrument, looks "
    .. "at calibration dates and at the record, and says what is wrong and how to put it right. Nothing is switched "
    .. "or set. Exit code 1: something is wrong.", "moonrig doctor --station station.lua")
  parser:option("--station", "station file"):argname "FILE":default "station.lua"
  parser:option("--site", "which of the station's sites"):argname "N"
  parser:flag("--simulate", "look at the simulators instead of the instruments")
  return parser:parse(args)
end

return function(args)
  local options = parse(args)
  local ok, of = pcall(station.load, options.station, options.site)
  if not ok then cli.fail(cli.USAGE, "%s", of.message or tostring(of)) end
  local wrong = 0
  local clean = core.codec.escape_terminal
  for _, finding in ipairs(doctor.examine(of, options.simulate)) do
    print(("%-8s %s: %s"):format(finding.state, finding.what, clean(finding.words)))
    if finding.advice then print(("%-8s   %s"):format("", clean(finding.advice))) end
    if finding.state == "error" then wrong = wrong + 1 end
  end
  print(wrong == 0 and "the station is ready" or ("%d thing%s wrong"):format(wrong, wrong == 1 and " is" or "s are"))
  return wrong == 0 and cli.PASS or cli.FAIL
end
