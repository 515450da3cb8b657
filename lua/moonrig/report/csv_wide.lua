-- SPDX-License-Identifier: MIT
-- report/csv_wide.lua: runs as one wide table, a row for each run and a column for each measurement, named
-- "phase / measurement (unit)".  Of a phase that was repeated the last attempt counts; what a run did not measure is
-- empty.  Measurements of the same name, phase and unit have "#2" behind their name.

local csv = require "moonrig.report.table"
local format = require "moonrig.report.format"
local summary = require "moonrig.report.summary"

local document = {}

-- What is known of a run, and what its unit is made of.
local COLUMNS <const> = table.move(csv.run_columns, 1, #csv.run_columns, 1, {})
COLUMNS[#COLUMNS + 1] = { "subunits", function(run) return format.subunits(run.dut) end }

local function title(phase, m)
  local unit = m.unit and m.unit ~= "" and (" (%s)"):format(m.unit) or ""
  local group = phase.group ~= "main" and phase.group .. ": " or ""
  return ("%s%s / %s%s"):format(group, phase.name, m.name, unit)
end

-- The values of a run by the title of their column; new titles go to the end of `titles`.
local function values_of(run, titles)
  local sum, values, count = summary.of(run), {}, {}
  for _, phase in ipairs(run.phases) do
    for _, m in ipairs(sum.superseded[phase] and {} or phase.measurements) do
      local name = title(phase, m)
      count[name] = (count[name] or 0) + 1
      if count[name] > 1 then name = ("%s #%d"):format(name, count[name]) end
      if not titles[name] then
        titles[#titles + 1] = name
        titles[name] = true
      end
      values[name] = m.value
    end
  end
  return values
end

---@param runs moonrig.Run[]
---@param put fun(text: string)
function document.render(runs, _, put)
  local titles = {}
  for _, run in ipairs(runs) do values_of(run, titles) end   -- the first row names what any run has
  local first = #COLUMNS
  local width, names = first + #titles, {}
  for i, column in ipairs(COLUMNS) do names[i] = column[1] end
  table.move(titles, 1, #titles, first + 1, names)
  put(csv.fields(names, width) .. csv.END)
  for _, run in ipairs(runs) do
    local values, measured = {}, values_of(run, titles)
    for k, column in ipairs(COLUMNS) do values[k] = column[2](run) end
    for k, name in ipairs(titles) do values[first + k] = measured[name] end
    put(csv.fields(values, width) .. csv.END)
  end
end

return document
