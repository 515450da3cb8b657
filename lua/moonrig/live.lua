-- SPDX-License-Identifier: MIT
-- live.lua: what a run looks like while it goes on: an observer of runner.lua that writes lines.
-- On a terminal in colour, with a gauge for each value between its limits and the verdict in large
-- letters; else plain text, a line for each thing.  A marginal PASS shows as "marginal"; bytes from
-- outside are shown escaped.  Beside other runs a phase has a line when it begins and one when it ends, since those of
-- others come between, and in place of large letters there is a summary of all.
local core = require "moonrig.core"
local format = require "moonrig.report.format"

local live = {}

local RED <const>, GREEN <const>, YELLOW <const>, BOLD <const>, DIM <const> = "31", "32", "33", "1", "2"

local COLOURS = {
  PASS = GREEN, FAIL = RED, ERROR = RED, TIMEOUT = RED, ABORTED = YELLOW, SKIP = DIM, SKIPPED = DIM, UNSET = RED,
}

-- Columns, widths: with the verdict they fit into 80.
local NAME <const>, VALUE <const>, LIMITS <const>, GAUGE <const> = 22, 14, 20, 13
local VERDICT <const> = NAME + VALUE + 2 + LIMITS + GAUGE

local Live = {}
Live.__index = Live

local function paint(self, text, colour)
  if not self.is_terminal then return text end
  return ("\27[%sm%s\27[0m"):format(colour, text)
end

local function clean(text) return core.codec.escape_terminal(tostring(text)) end

-- A message may hold bytes that are escaped already: their backslashes are not escaped again.
local function words(text) return (clean(text):gsub("\\\\", "\\")) end

-- Characters on the screen, near enough: one for each code point.
local function width(text) return utf8.len(text) or #text end

local function pad(text, columns) return text .. (" "):rep(columns - width(text)) end
local function pad_left(text, columns) return (" "):rep(columns - width(text)) .. text end

local function write(self, ...)
  self.out:write(...)
  self.out:flush()
end

-- The name of a phase stands in an unfinished line until something comes below it; how a series grows, in one that is
-- written anew each time.
local function finish_line(self)
  if self.growing then write(self, "\r\27[K") elseif self.unfinished then write(self, "\n") end
  self.unfinished, self.growing = nil, nil
end

local function line(self, text)
  finish_line(self)
  write(self, text, "\n")
end

-- ---- values ----------------------------------------------------------------------------------

-- Seven digits are enough of a value that passes; one that does not shows all of them.
local function show_value(m)
  local value = m.value
  if m.outcome == "PASS" and math.type(value) == "float" then value = tonumber(("%.7g"):format(value)) or value end
  return clean(format.quantity(value, m.unit))
end

-- Where a value lies between its limits, in places; one more place on either side is outside.
local function place(r, value, places)
  if value < r.min then return 0 end
  if value > r.max then return places + 1 end
  return 1 + math.min(places - 1, math.floor((value - r.min) / (r.max - r.min) * places))
end

local function has_gauge(self, m)
  local r, value = m.limits, m.value
  return self.is_terminal and r and r.min and r.max and r.min < r.max and r.max - r.min < math.huge
    and type(value) == "number" and value == value
end

local function gauge(self, m)
  if not has_gauge(self, m) then return (" "):rep(GAUGE) end
  local places = GAUGE - 4
  local left, dash, right, mark = "|", "-", "|", "o"
  if self.is_utf8 then left, dash, right, mark = "├", "─", "┤", "●" end
  local at = place(m.limits, m.value, places)
  local before = at > 0 and left .. dash:rep(at - 1) or ""
  local after = at <= places and dash:rep(places - math.max(at, 0)) .. right or ""
  return paint(self, before, DIM) .. paint(self, mark, m.marginal and YELLOW or COLOURS[m.outcome])
    .. paint(self, after, DIM) .. "  "
end

local function verdict(self, outcome, marginal)
  local text = paint(self, outcome, COLOURS[outcome])
  return marginal and outcome == "PASS" and paint(self, "marginal", YELLOW) or text
end

local function show_measurement(self, m)
  line(self, table.concat {
    pad("  " .. clean(m.name), NAME), pad_left(show_value(m), VALUE), "  ",
    pad(clean(format.limits(m.limits, m.unit) or ""), LIMITS), gauge(self, m), verdict(self, m.outcome, m.marginal),
  })
end

-- ---- the verdict in large letters ------------------------------------------------------------

-- Five rows of five bits each, the leftmost the highest.
local FONT = {
  A = { 14, 17, 31, 17, 17 }, B = { 30, 17, 30, 17, 30 }, D = { 30, 17, 17, 17, 30 }, E = { 31, 16, 30, 16, 31 },
  F = { 31, 16, 30, 16, 16 }, I = { 14, 4, 4, 4, 14 }, L = { 16, 16, 16, 16, 31 }, M = { 17, 27, 21, 17, 17 },
  O = { 14, 17, 17, 17, 14 }, P = { 30, 17, 30, 16, 16 }, R = { 30, 17, 30, 18, 17 }, S = { 15, 16, 14, 1, 30 },
  T = { 31, 4, 4, 4, 4 }, U = { 17, 17, 17, 17, 14 },
}

local function large_row(word, row, colour)
  local out = {}
  for letter in word:gmatch "." do
    for bit = 4, 0, -1 do
      local on = FONT[letter][row] >> bit & 1 == 1
      out[#out + 1] = on and ("\27[%s;7m  \27[0m"):format(colour) or "  "
    end
    out[#out + 1] = "  "
  end
  return table.concat(out)
end

local function show_large(self, word)
  line(self, "")
  for row = 1, 5 do line(self, "   " .. large_row(word, row, COLOURS[word])) end
  line(self, "")
end

-- ---- events ----------------------------------------------------------------------------------

local on = {}

function on.run_began(self, e)
  local run, procedure = e.run, e.run.plan.procedure
  self.outcomes = {}   -- of each measurement, by phase and name: of a retried phase the last attempt's
  self.serial = run.dut.serial
  line(self, ("%s   unit %s   station %s%s   run %d%s"):format(
    paint(self, clean(procedure.name .. (procedure.version and " " .. procedure.version or "")), BOLD),
    paint(self, clean(run.dut.serial), BOLD), clean(run.session.station.name),
    run.session.station.site and " site " .. clean(run.session.station.site) or "", run.num,
    run.simulated and paint(self, "   simulated", YELLOW) or ""))
  for _, part in ipairs(run.dut.subunits) do on.subunit(self, { subunit = part }) end
end

function on.subunit(self, e)
  local part = e.subunit
  line(self, paint(self, ("    %s: %s"):format(clean(part.name), clean(format.subunit(part))), DIM))
end

function on.instrument(self, e)
  local i = e.instrument
  local who = {}
  for _, name in ipairs { "maker", "model", "serial" } do who[#who + 1] = i[name] and clean(i[name]) end
  line(self, paint(self, ("    %s: %s%s"):format(i.role, #who > 0 and table.concat(who, " ") .. " at " or "",
    clean(i.url)), DIM))
end

local function begin_line(self, e)
  local name = clean(e.phase) .. (e.attempt > 1 and (" (attempt %d)"):format(e.attempt) or "")
  write(self, paint(self, name, BOLD))
  self.unfinished = width(name)
end

function on.phase_began(self, e)
  finish_line(self)
  begin_line(self, e)
  if self.is_beside then
    write(self, " ...")
    finish_line(self)
  end
  self.failed_here = false
end

function on.measurement(self, e)
  self.outcomes[e.phase .. "\0" .. e.measurement.name] = e.measurement.outcome
  self.failed_here = self.failed_here or e.measurement.outcome == "FAIL"
  show_measurement(self, e.measurement)
  local worst = e.points and format.worst(e.measurement, e.points)
  if worst then line(self, paint(self, "    " .. clean(worst), DIM)) end
end

local REDRAW <const> = 0.1    -- seconds between two looks at a series that grows

function on.series(self, e)
  if not self.is_terminal or self.is_beside or core.now() < (self.drawn or 0) + REDRAW then return end
  local points, last = e.points, #e.points.y
  if not self.growing then finish_line(self) end
  write(self, "\r\27[K", pad("  " .. clean(points.name), NAME), pad_left(clean(format.quantity(tonumber(("%.7g"):format(
    points.y[last])), points.unit)), VALUE), paint(self, "  " .. clean(format.axis(points, points.x[last])), DIM))
  self.growing, self.drawn = true, core.now()
end

function on.log(self, e)
  local colour = ({ warning = YELLOW, error = RED })[e.log.level] or DIM
  for text in (e.log.message .. "\n"):gmatch "(.-)\n" do line(self, paint(self, "    " .. words(text), colour)) end
end

function on.prompt(self) finish_line(self) end

function on.attachment(self, e)
  local file = e.attachment
  line(self, paint(self, ("    %s (%s, %s)"):format(clean(file.name), clean(file.mime), format.size(file.size)), DIM))
end

function on.phase_ended(self, e)
  local time = e.outcome ~= "SKIP" and ("%.2f s"):format(e.duration) or ""
  if self.is_beside or e.outcome == "SKIP" and not self.unfinished then begin_line(self, e) end
  local from = self.unfinished or 0
  self.unfinished = nil
  local gap = math.max(1, VERDICT - from - width(time) - 2)
  line(self, (" "):rep(gap) .. paint(self, time, DIM) .. "  " .. verdict(self, e.outcome))
  if e.message and not self.failed_here then
    line(self, paint(self, "    " .. words(e.message), e.outcome == "SKIP" and DIM or RED))
  end
end

local function count(outcomes)
  local passed, all = 0, 0
  for _, outcome in pairs(outcomes) do
    if outcome == "PASS" then passed = passed + 1 end
    if outcome ~= "SKIPPED" then all = all + 1 end
  end
  return passed, all
end

function on.run_ended(self, e)
  if self.is_terminal and not self.is_beside then show_large(self, e.outcome) end
  local passed, all = count(self.outcomes)
  line(self, ("%s  unit %s   %d of %d measurements passed   %.2f s"):format(verdict(self, e.outcome),
    clean(self.serial), passed, all, e.duration))
  if e.message then line(self, "    " .. paint(self, words(e.message), COLOURS[e.outcome])) end
end

--- How the runs beside each other have ended, a line for each.
---@param out file*
---@param is_terminal boolean
---@param results { site: string, serial: string, result: moonrig.RunResult }[]
function live.summary(out, is_terminal, results)
  local self = setmetatable({ out = out, is_terminal = is_terminal }, Live)
  local site_width, serial_width, passed = 0, 0, 0
  for _, one in ipairs(results) do
    site_width = math.max(site_width, width(clean(one.site)))
    serial_width = math.max(serial_width, width(clean(one.serial)))
    if one.result.outcome == "PASS" then passed = passed + 1 end
  end
  line(self, "")
  for _, one in ipairs(results) do
    local r = one.result
    line(self, ("site %s  %s  unit %s  %9.2f s%s"):format(pad(clean(one.site), site_width),
      paint(self, pad(r.outcome, 7), COLOURS[r.outcome]), pad(clean(one.serial), serial_width), r.duration,
      r.message and "   " .. words(r.message) or ""))
  end
  line(self, ("%d of %d units passed"):format(passed, #results))
end

--- An observer for runner.run that writes to a file.
---@param out file*
---@param is_terminal boolean  colour, gauge, large letters
---@param is_beside? boolean   other runs go on at the same time, and write there too
---@return fun(event: table)
function live.new(out, is_terminal, is_beside)
  local locale = os.getenv "LC_ALL" or os.getenv "LC_CTYPE" or os.getenv "LANG" or ""
  local is_utf8 = locale:upper():find "UTF%-?8" ~= nil
  local self = setmetatable({ out = out, is_terminal = is_terminal, is_utf8 = is_utf8,
    is_beside = is_beside or false }, Live)
  return function(event)
    if on[event.event] then on[event.event](self, event) end
  end
end

return live
