-- SPDX-License-Identifier: MIT
-- report/text.lua: a run as plain text for terminals, logs and mail: aligned, no colour, in UTF-8; controls
-- in foreign text are escaped, so that no reply can hide a verdict. Debug lines of the log are only counted.

local escape = require "moonrig.report.escape"
local format = require "moonrig.report.format"
local summary = require "moonrig.report.summary"

local text = {}

local LONGEST = 200            -- bytes of a value or message that are shown
local MOST = 20                -- reasons under the verdict; the phases have all
local NAME_MAX, VALUE_MAX = 36, 24  -- columns are not made wider than this

local function clean(s) return escape.terminal(format.cut(s, LONGEST)) end

local function pad(s, width) return s .. (" "):rep(width - (utf8.len(s) or #s)) end

-- What is not nil, with a separator between.
local function join(separator, ...)
  local list = {}
  for i = 1, select("#", ...) do
    local part = select(i, ...)
    if part then list[#list + 1] = part end
  end
  return table.concat(list, separator)
end

local function label(word, value) return value and value ~= "" and ("%s %s"):format(word, value) end

-- Head

local function procedure_name(procedure) return join(" ", procedure.name, procedure.version) end

local function head_lines(run)
  local dut = run.dut
  return {
    { "unit", join(", ", dut.serial, label("part", dut.part), label("revision", dut.revision),
      label("batch", dut.batch)) },
    { "procedure", procedure_name(run.procedure) },
    { "station", join(", ", run.station, label("site", run.site), label("operator", run.operator)) },
    { "started", ("%s, took %s"):format(format.time(run.started_at), format.duration(run.duration)) },
    { "run", ("%d, %s"):format(run.num, run.id) },
    { "attempt", run.attempt > 1 and ("%d of this unit"):format(run.attempt) },
    { "mode", run.mode ~= "production" and run.mode },
    { "note", run.simulated and "SIMULATED: the instruments were simulators, this says nothing about the unit" },
  }
end

local function add_head(out, run, sum)
  out("%s  %s  %s", sum.verdict, clean(run.dut.serial), clean(procedure_name(run.procedure)))
  out ""
  local lines = head_lines(run)
  for i, part in ipairs(run.dut.subunits or {}) do
    table.insert(lines, i + 1, { "sub-unit", ("%s: %s"):format(part.name, format.subunit(part)) })
  end
  for _, line in ipairs(lines) do
    if line[2] then out("  %s  %s", pad(line[1], 9), clean(line[2])) end
  end
end

local function add_instruments(out, run)
  if not run.instruments[1] then return end
  out ""
  for i, unit in ipairs(run.instruments) do
    local who = join(" ", unit.maker, unit.model)
    out("  %s  %s", pad(i == 1 and "with" or "", 9), clean(unit.role .. ": " .. join(", ", who ~= "" and who or nil,
      label("serial", unit.serial), label("firmware", unit.firmware), label("at", unit.url),
      unit.simulated and "simulated", label("calibration due", unit.cal_due),
      label("certificate", unit.cal_certificate))))
  end
end

-- Phases

local function measurement_columns(m)
  return { m.marginal and m.outcome .. " !" or m.outcome, clean(m.name), clean(format.quantity(m.value, m.unit)),
    clean(join(", ", format.worst(m), format.limits(m.limits, m.unit), format.marginal(m.limits, m.unit),
      label("uncertainty", m.uncertainty and format.quantity(m.uncertainty, m.unit)), label("by", m.instrument))) }
end

-- The widths of name and value that fit all measurements, so that the columns stand in line through the report.
local function widths_of(run)
  local name, value = 0, 0
  for _, phase in ipairs(run.phases) do
    for _, m in ipairs(phase.measurements) do
      local columns = measurement_columns(m)
      name = math.max(name, utf8.len(columns[2]))
      value = math.max(value, utf8.len(columns[3]))
    end
  end
  return { name = math.min(name, NAME_MAX), value = math.min(value, VALUE_MAX) }
end

local add = {}

function add.measurement(out, m, widths)
  local c = measurement_columns(m)
  local line = ("    %s  %s  %s  %s"):format(pad(c[1], 7), pad(c[2], widths.name), pad(c[3], widths.value), c[4])
  out("%s", (line:gsub(" +$", "")))
end

function add.prompt(out, prompt)
  out("    asked    %s: %s", clean(prompt.message), clean(format.answer(prompt)))
end

function add.attachment(out, file)
  out("    file     %s, %s, %s, sha256 %s", clean(file.name), clean(file.mime), format.size(file.size), file.sha256)
end

function add.log(out, log)
  if log.level == "debug" then return end
  out("    %s  %.3f s  %s%s", pad(log.level, 7), log.at, clean(log.message),
    log.source and " (" .. clean(log.source) .. ")" or "")
end

local function add_timeline(out, part, widths)
  for _, entry in ipairs(summary.timeline(part)) do add[entry.kind](out, entry.item, widths) end
  local debug_lines = 0
  for _, log in ipairs(part.logs) do debug_lines = debug_lines + (log.level == "debug" and 1 or 0) end
  if debug_lines > 0 then out("    debug    %s not shown", format.count(debug_lines, "line")) end
end

local function phase_notes(phase, superseded)
  return join(", ", phase.group ~= "main" and phase.group, (superseded or phase.attempt > 1)
    and "attempt " .. phase.attempt, superseded and "repeated", phase.marginal and "marginal")
end

local function add_phase(out, phase, superseded, widths)
  local notes = phase_notes(phase, superseded)
  out("%s  %s  %s%s", pad(phase.outcome or "-", 5), clean(phase.name), format.duration(phase.duration),
    notes ~= "" and " (" .. clean(notes) .. ")" or "")
  add_timeline(out, phase, widths)
  if phase.message then
    out("    why      %s%s", clean(phase.message), phase.code and " [" .. clean(phase.code) .. "]" or "")
  end
end

-- Verdict

local function add_verdict(out, run, sum)
  out("%s%s  %s: %s", sum.verdict, run.marginal and ", marginal" or "", clean(run.dut.serial), summary.in_words(sum))
  for i, reason in ipairs(sum.reasons) do
    if i > MOST then
      out("  and %d more", #sum.reasons - MOST)
      break
    end
    out("  %s%s", reason.phase and clean(reason.phase) .. ": " or "", clean(reason.text))
  end
  out("  recorded by %s on %s", clean(run.runtime), clean(run.host))
  if run.seal then
    out("  sealed as %s", clean(format.seal(run)))
    out("  hash %s", clean(run.seal.hash))
    local head = format.head(run)
    if head then out("  head of the station's chain %s", clean(head)) end
  end
end

local function render_run(run)
  local lines = {}
  local function out(pattern, ...) lines[#lines + 1] = select("#", ...) > 0 and pattern:format(...) or pattern end
  local sum = summary.of(run)
  local widths = widths_of(run)
  add_head(out, run, sum)
  add_instruments(out, run)
  out ""
  add_timeline(out, run, widths)
  for _, phase in ipairs(run.phases) do add_phase(out, phase, sum.superseded[phase], widths) end
  out ""
  add_verdict(out, run, sum)
  return table.concat(lines, "\n") .. "\n"
end

---@param runs moonrig.Run[]
---@param put fun(text: string)
function text.render(runs, _, put)
  for i, run in ipairs(runs) do
    if i > 1 then put("\n" .. ("-"):rep(72) .. "\n\n") end
    put(render_run(run))
  end
end

return text
