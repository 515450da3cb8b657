-- SPDX-License-Identifier: MIT
-- events.lua: a run as it goes on, for programs: an observer of runner.lua that writes one JSON object a line, in the
-- words of the JSON report.  NaN and infinities are the strings "nan", "inf", "-inf".
local json = require "moonrig.json"

local events = {}

local OPTIONS <const> = { nonfinite = "string", invalid = "escape" }

local function pick(source, ...)
  local out = {}
  for _, name in ipairs { ... } do out[name] = source[name] end
  return out
end

-- What each event holds beside its name; docs/events.md describes them.
local as_json = {}

function as_json.run_began(e)
  local run, procedure = e.run, e.run.plan.procedure
  local dut = pick(run.dut, "serial", "part", "revision", "batch")
  dut.subunits = run.dut.subunits[1] and json.array(run.dut.subunits)
  return { id = run.id, num = run.num, dut = dut,
    procedure = pick(procedure, "name", "version"), station = run.session.station.name,
    site = run.session.station.site, simulated = run.simulated }
end

function as_json.instrument(e)
  return pick(e.instrument, "role", "url", "maker", "model", "serial", "firmware", "simulated", "cal_due")
end

function as_json.subunit(e)
  local out = pick(e.subunit, "name", "serial", "part", "revision")
  out.phase = e.phase
  return out
end

function as_json.phase_began(e) return pick(e, "phase", "group", "attempt") end

function as_json.measurement(e)
  local out = pick(e.measurement, "name", "value", "unit", "outcome", "marginal", "limits", "instrument", "uncertainty",
    "doc")
  out.phase, out.why, out.points = e.phase, e.why, e.points and #e.points.y
  return out
end

function as_json.series(e)
  local points, added = e.points, json.array()
  for i = #points.y - e.added + 1, #points.y do added[#added + 1] = json.array { points.x[i], points.y[i] } end
  return { phase = e.phase, name = points.name, unit = points.unit, x_name = points.x_name, x_unit = points.x_unit,
    points = #points.y, added = added }
end

function as_json.log(e)
  local out = pick(e.log, "level", "message", "source")
  out.phase = e.phase
  return out
end

function as_json.attachment(e)
  local out = pick(e.attachment, "name", "mime", "size")
  out.phase = e.phase
  return out
end

function as_json.prompt(e)
  local out = pick(e.prompt, "kind", "message", "options", "unit", "image", "timeout")
  out.phase = e.phase
  return out
end

function as_json.answer(e) return { phase = e.phase, message = e.prompt.message, answer = e.answer } end

function as_json.phase_ended(e)
  return pick(e, "phase", "group", "attempt", "outcome", "code", "message", "duration")
end

function as_json.refused(e) return pick(e, "line", "message") end

function as_json.run_ended(e) return pick(e, "outcome", "code", "message", "duration") end

--- The event that says that others are missing.
---@param lost integer   bytes
---@return string
function events.lost(lost) return json.encode({ event = "lost", bytes = lost }, OPTIONS) .. "\n" end

--- An observer for runner.run that writes to a file.
---@param out file*|moonrig.Outlet
---@param site? string   with several sites: which of them
---@return fun(event: table)
function events.new(out, site)
  local told
  return function(event)
    local object = as_json[event.event](event)
    object.site = site or object.site
    object.event = event.event
    local ok, why = out:write(json.encode(object, OPTIONS), "\n")
    if ok then ok, why = out:flush() end
    if not ok and not told then          -- the run goes on: it is in the record
      io.stderr:write("moonrig: events are lost: ", why, "\n")
      told = true
    end
  end
end

return events
