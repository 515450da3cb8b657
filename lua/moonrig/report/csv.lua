-- SPDX-License-Identifier: MIT
-- report/csv.lua: runs as one long table, a row for each measurement of each attempt; a run without measurements has
-- one row, so that none is missing.  How fields are written is in table.lua.

local csv = require "moonrig.report.table"
local format = require "moonrig.report.format"
local json = require "moonrig.json"
local summary = require "moonrig.report.summary"

local document = {}

local function limit(name) return { name, function(m) return m.limits and m.limits[name] end } end
local function of_phase(name, key) return { name, function(_, phase) return phase[key] end } end

local function choices(m)
  return m.limits and m.limits.one_of and json.encode(m.limits.one_of, { nonfinite = "string", invalid = "replace" })
end

local columns = {
  of_phase("phase", "name"), of_phase("group", "group"), of_phase("attempt", "attempt"),
  { "repeated", function(_, phase, sum) return sum.superseded[phase] end },
  { "phase_outcome", function(_, phase) return phase.outcome or "RUNNING" end },
  { "measurement", function(m) return m.name end }, { "at_s", function(m) return m.at end },
  { "type", function(m) return m.value ~= nil and (math.type(m.value) or type(m.value)) or nil end },
  { "value", function(m) return m.value end }, { "unit", function(m) return m.unit end },
  { "outcome", function(m) return m.outcome end }, { "marginal", function(m) return m.marginal end },
  limit "min", limit "max", limit "marginal_min", limit "marginal_max", limit "nominal", limit "within",
  limit "equals", { "one_of", choices }, limit "matches",
  { "limits", function(m) return format.limits(m.limits, m.unit) end },
  { "instrument", function(m) return m.instrument end }, { "uncertainty", function(m) return m.uncertainty end },
  { "doc", function(m) return m.doc end },
}

local function names_of(list)
  local names = {}
  for i, column in ipairs(list) do names[i] = column[1] end
  return csv.fields(names, #list)
end

local function put_run(put, run)
  local sum, values, rows = summary.of(run), {}, {}
  for i, column in ipairs(csv.run_columns) do values[i] = column[2](run) end
  local start = csv.fields(values, #csv.run_columns) .. ","
  for _, phase in ipairs(run.phases) do
    for _, m in ipairs(phase.measurements) do
      for i, column in ipairs(columns) do values[i] = column[2](m, phase, sum) end
      rows[#rows + 1] = start .. csv.fields(values, #columns) .. csv.END
    end
  end
  if not rows[1] then rows[1] = start .. csv.fields({}, #columns) .. csv.END end
  put(table.concat(rows))
end

---@param runs moonrig.Run[]
---@param put fun(text: string)
function document.render(runs, _, put)
  put(names_of(csv.run_columns) .. "," .. names_of(columns) .. csv.END)
  for _, run in ipairs(runs) do put_run(put, run) end
end

return document
