-- SPDX-License-Identifier: MIT
-- report/init.lua: a stored run, or several, as a document. Each format is a module with one function
-- render(runs, context, put), which calls put with one piece of it after the other; a new format is a file, its name
-- in `report.formats`, and what is special about it in `traits`.
-- A report is made from the tree that rec:load() gives (record.lua) and from nothing else.

local core = require "moonrig.core"
local file = require "moonrig.report.file"

local report = {}

--- What render and write can make.
report.formats = { "text", "json", "junit", "html", "pdf", "csv", "csv-wide", "openhtf", "wsjf", "stdf" }

-- module: its file, when that is not its name. single: one run in a document, no more. ended: no run that goes on.
-- part: only of units with a part number. binary: nothing for a terminal. program: made by another
-- program, for which the module's check() looks. whole: it looks at runs again and again, so all of them are kept in
-- memory; else one at a time. extension: of a file, when that is not the name.
local traits = {
  text = { extension = "txt" }, junit = { extension = "xml" },
  ["csv-wide"] = { module = "csv_wide", extension = "wide.csv" },
  openhtf = { single = true, ended = true, extension = "openhtf.json" },
  wsjf = { single = true, ended = true, part = true, extension = "wsjf.json" },
  html = { whole = true },
  pdf = { whole = true, binary = true, program = true },
  stdf = { whole = true, ended = true, binary = true },
}

local known = {}
for _, name in ipairs(report.formats) do known[name] = traits[name] or {} end

local function fail(code, message, ...)
  error(core.error { code = code, message = message:format(...) }, 0)
end

local function module_of(format) return require("moonrig.report." .. (known[format].module or format)) end

--- Raises `unsupported`, with a list of what there is, when there is no such format, and when it cannot hold that
--- many runs; `not_found` when it needs a program that is not installed.
---@param format string
---@param count integer?  how many runs; 1 unless given
function report.check_format(format, count)
  local about = known[format]
  if not about then
    fail("unsupported", 'there is no report format "%s"; there are %s', tostring(format),
      table.concat(report.formats, ", "))
  end
  if about.single and (count or 1) > 1 then
    fail("unsupported", "%s holds one run in a file, not %d; write a file for each", format, count)
  end
  if about.program then module_of(format).check() end
end

--- Whether a format is made of bytes that do no good on a terminal.
---@param format string
---@return boolean
function report.is_binary(format) return known[format].binary or false end

--- Whether a format can only tell of units that have a part number.
---@param format string
---@return boolean
function report.wants_part(format) return known[format].part or false end

--- How the names of files of a format end: "xml" for "junit".
---@param format string
---@return string
function report.extension(format) return known[format].extension or format end

---@class moonrig.ReportOptions
---@field blob nil|fun(sha256: string): string?  gives the bytes of an attachment, for images and files; rec:blob does
---@field process_code integer?  of the WATS server, for wsjf

--- Makes a report, piece by piece.
---@param format string   one of report.formats
---@param run moonrig.Run|moonrig.Run[]   one run, or a list of them for one document about all: text one after
---  the other, a JSON array, one `testsuites`, one page with an index, rows of a table
---@param put fun(text: string)  called with each piece
---@param options moonrig.ReportOptions?
---  Raises: unsupported (no such format, or it cannot hold these runs)
function report.put(format, run, put, options)
  local runs, many = run, not run.phases
  if not many then runs = { run } end
  report.check_format(format, #runs)
  local about = known[format]
  if about.whole then runs = table.move(runs, 1, #runs, 1, {}) end
  if about.single and not runs[1] then fail("unsupported", "%s: there is no run to write", format) end
  for _, one in ipairs(about.ended and runs or {}) do
    if not one.outcome then fail("unsupported", "%s: run %d has not ended yet", format, one.num) end
  end
  local context = { blob = options and options.blob or function() return nil end, many = many,
    process_code = options and options.process_code }
  module_of(format).render(runs, context, put)
end

--- Makes a report; parameters and errors as of report.put.
---@param format string
---@param run moonrig.Run|moonrig.Run[]
---@param options moonrig.ReportOptions?
---@return string
function report.render(format, run, options)
  local pieces = {}
  report.put(format, run, function(text) pieces[#pieces + 1] = text end, options)
  return table.concat(pieces)
end

--- Makes a report and writes it to a file.
---@param format string
---@param run moonrig.Run|moonrig.Run[]
---@param path string
---@param options moonrig.ReportOptions?
---  Raises: unsupported (no such format), not_found (no such folder), permission, system (disk full)
function report.write(format, run, path, options)
  file.write(path, function(put) report.put(format, run, put, options) end)
end

return report
