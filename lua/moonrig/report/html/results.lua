-- SPDX-License-Identifier: MIT
-- report/html/results.lua: the table of phases and measurements with their limits.
-- One table for the whole run, so that its head is repeated on every printed sheet; an attempt that was repeated
-- is folded away inside a row of its own, and unfolded on paper.

local format = require "moonrig.report.format"
local limitbar = require "moonrig.report.html.limitbar"
local seriesplot = require "moonrig.report.html.seriesplot"
local summary = require "moonrig.report.summary"
local tag = require "moonrig.report.markup"

local COLUMNS = { { "c-name", "Measurement" }, { "c-value number", "Value" }, { "c-low number", "Low limit" },
  { "c-high number", "High limit" }, { "c-bar", "Value against limits" }, { "c-verdict", "Verdict" } }
local LONGEST = 4000  -- bytes of a value that are shown

local NONE = "\u{2013}"

-- Words for people; the colour says nothing that they do not.
local signs = { PASS = "\u{2713} ", FAIL = "\u{2717} ", UNSET = "\u{2717} ", ERROR = "\u{2717} ",
  TIMEOUT = "\u{2717} " }

-- An outcome as a word with its sign and colour; nil is a run or phase that goes on.
local function outcome(word, marginal)
  local is_marginal = marginal and word == "PASS"
  word = word or "RUNNING"
  return tag.span { class = "o o-" .. (is_marginal and "marginal" or word:lower()), (signs[word] or "") .. word,
    is_marginal and " marginal" }
end

local function cut(s) return format.cut(s, LONGEST) end

local function small(text) return text and tag.div { class = "small quiet", text } end

-- Whether limits are no more than bounds and what goes with them: these have a column each.
local function are_bounds(limits)
  return (limits.min or limits.max) and limits.equals == nil
    and not (limits.within or limits.one_of or limits.matches)
end

-- The limits of a measurement: two cells when they are bounds, else one over both.
local function limit_cells(m)
  local limits, unit = m.limits, m.unit
  if not limits then return tag.td { class = "quiet", colspan = 2, "for information" } end
  local function cell(bound, marginal, word)
    return tag.td { class = "number", bound and format.quantity(bound, unit) or tag.span { class = "quiet", NONE },
      marginal and small(("marginal %s %s"):format(word, format.quantity(marginal, unit))) }
  end
  if not are_bounds(limits) then
    return tag.td { colspan = 2, cut(format.limits(limits, unit) or "-"), small(format.marginal(limits, unit)) }
  end
  return { cell(limits.min, limits.marginal_min, "below"), cell(limits.max, limits.marginal_max, "above") }
end

local function notes(m)
  local limits = m.limits or {}
  local nominal, words
  if are_bounds(limits) then  -- else these stand in the cell of the limits
    nominal, words = limits.nominal and "nominal " .. format.quantity(limits.nominal, m.unit), limits.text
  end
  return { small(m.doc), small(m.value ~= nil and format.worst(m)), small(nominal), small(words),
    small(m.instrument and "measured by " .. m.instrument) }
end

local function measurement_row(m)
  local is_number = type(m.value) == "number"
  local value = m.outcome == "UNSET" and tag.span { class = "quiet", "not measured" }
    or m.value == nil and m.series and tag.span { class = "quiet", format.worst(m) }
    or tag.data { value = is_number and format.number(m.value),
      cut(format.quantity(m.value, m.unit)) }
  local is_bad = m.outcome == "FAIL" or m.outcome == "UNSET"
  return tag.tr { class = is_bad and "bad",
    tag.td { m.name, notes(m) },
    tag.td { class = (is_number or m.value == nil) and "number", value,
      m.uncertainty and small("\u{b1} " .. format.quantity(m.uncertainty, m.unit)) },
    limit_cells(m),
    tag.td { limitbar(m) },
    tag.td { outcome(m.outcome, m.marginal) } }
end

-- The points of a series, over the whole width.
local function plot_row(m)
  local drawing = seriesplot(m)
  return drawing and tag.tr { class = "drawn", tag.td { colspan = #COLUMNS, drawing } }
end

local function phase_rows(phase, superseded)
  local aside = { phase.group ~= "main" and { " \u{b7} ", phase.group }, " \u{b7} ", format.duration(phase.duration),
    (superseded or phase.attempt > 1) and { " \u{b7} attempt ", phase.attempt } }
  local rows = { tag.tr { class = "phase",
    tag.td { colspan = #COLUMNS - 1, phase.name, tag.span { class = "quiet", aside } },
    tag.td { outcome(phase.outcome, phase.marginal) } } }
  if phase.message then
    local why = phase.code and ("%s [%s]"):format(phase.message, phase.code) or phase.message
    rows[2] = tag.tr { class = phase.outcome ~= "SKIP" and phase.outcome ~= "PASS" and "why",
      tag.td { colspan = #COLUMNS, cut(why) } }
  end
  for _, m in ipairs(phase.measurements) do
    rows[#rows + 1] = measurement_row(m)
    if m.series then rows[#rows + 1] = plot_row(m) end
  end
  return rows
end

local function columns()
  local list = {}
  for i, column in ipairs(COLUMNS) do list[i] = tag.col { class = column[1]:match "%S+" } end
  return tag.colgroup { list }
end

local function head()
  local cells = {}
  for i, column in ipairs(COLUMNS) do
    cells[i] = tag.th { scope = "col", class = column[1]:find "number" and "number", column[2] }
  end
  return tag.thead { tag.tr(cells) }
end

-- An attempt that was tried again: one line, the whole of it when unfolded.
local function repeated_body(phase)
  local reason = summary.phase_reasons(phase)[1]
  local line = ("%s, attempt %d was repeated: "):format(phase.name, phase.attempt)
  return tag.tbody { tag.tr { class = "repeated", tag.td { colspan = #COLUMNS, tag.details {
    tag.summary { line, outcome(phase.outcome), reason and " " .. cut(reason.text) },
    tag.table { class = "results", columns(), tag.tbody(phase_rows(phase, true)) } } } } }
end

local results = { outcome = outcome }

--- The section of a run's phases; false when it had none.
---@param run moonrig.Run
---@param sum moonrig.RunSummary
function results.section(run, sum)
  if not run.phases[1] then return false end
  local bodies = {}
  for i, phase in ipairs(run.phases) do
    bodies[i] = sum.superseded[phase] and repeated_body(phase) or tag.tbody(phase_rows(phase))
  end
  return tag.section { tag.h2 { "Results" }, tag.div { class = "scroll",
    tag.table { class = "results", columns(), head(), bodies } } }
end

return results
