-- SPDX-License-Identifier: MIT
-- report/table.lua: rows as CSV (RFC 4180): CRLF, a head, quotes where they are needed, UTF-8 without a mark.
-- Numbers are exact and have a point.  NaN and what is missing are empty.  A text that a spreadsheet would take for a
-- formula gets an apostrophe in front; bytes that are no UTF-8 and control characters are shown as \xNN.

local escape = require "moonrig.report.escape"
local format = require "moonrig.report.format"

local csv = {}

-- What begins a formula, or is taken for white space before one.
local function harmless(text) return text:find "^[=+@\t\r\n-]" and "'" .. text or text end

local function quoted(text) return text:find '[",\r\n]' and '"' .. text:gsub('"', '""') .. '"' or text end

---@param value boolean|number|string|nil
---@return string
function csv.field(value)
  if value == nil or value ~= value then return "" end
  if type(value) ~= "string" then return format.value(value) end
  if not value:find "[^%w ._]" then return value end
  return quoted(escape.visible(harmless(value)))
end

--- Fields with commas between them: `width` values, any of which may be nil.
---@param values table
---@param width integer
---@return string
function csv.fields(values, width)
  local fields = {}
  for i = 1, width do fields[i] = csv.field(values[i]) end
  return table.concat(fields, ",")
end

csv.END = "\r\n"  -- of a row

--- What is known of a run, as columns: name and value of each.
csv.run_columns = {
  { "run", function(run) return run.num end }, { "run_id", function(run) return run.id end },
  { "serial", function(run) return run.dut.serial end }, { "part", function(run) return run.dut.part end },
  { "revision", function(run) return run.dut.revision end }, { "batch", function(run) return run.dut.batch end },
  { "procedure", function(run) return run.procedure.name end },
  { "version", function(run) return run.procedure.version end },
  { "station", function(run) return run.station end }, { "site", function(run) return run.site end },
  { "operator", function(run) return run.operator end }, { "mode", function(run) return run.mode end },
  { "simulated", function(run) return run.simulated end }, { "run_attempt", function(run) return run.attempt end },
  { "started_at", function(run) return run.started_at end }, { "ended_at", function(run) return run.ended_at end },
  { "duration_s", function(run) return run.duration end },
  { "run_outcome", function(run) return run.outcome or "RUNNING" end },
  { "run_marginal", function(run) return run.marginal end }, { "run_code", function(run) return run.code end },
  { "run_message", function(run) return run.message end },
}

return csv
