-- SPDX-License-Identifier: MIT
-- report/init.lua: a stored run, or several, as a document. Each format is a module with one function
-- render(runs, context) -> string; a new format is a file and its name in `report.formats`.
-- A report is made from the tree that rec:load() gives (record.lua) and from nothing else.

local core = require "moonrig.core"

local report = {}

--- What render and write can make.
report.formats = { "text", "json", "junit", "html" }

local known = {}
for _, name in ipairs(report.formats) do known[name] = true end

local function fail(code, message, ...)
  error(core.error { code = code, message = message:format(...) }, 0)
end

--- Raises `unsupported`, with a list of what there is, when there is no such format.
---@param format string
function report.check_format(format)
  if known[format] then return end
  fail("unsupported", 'there is no report format "%s"; there are %s', tostring(format),
    table.concat(report.formats, ", "))
end

---@class moonrig.ReportOptions
---@field blob nil|fun(sha256: string): string?  gives the bytes of an attachment, for images; rec:blob does

--- Makes a report.
---@param format "text"|"json"|"junit"|"html"
---@param run moonrig.Run|moonrig.Run[]   one run, or a list of them for one document about all: text one after
---  the other, a JSON array, one `testsuites`, one page with an index
---@param options moonrig.ReportOptions?
---@return string
---  Raises: unsupported (no such format)
function report.render(format, run, options)
  report.check_format(format)
  local runs = run.phases and { run } or run
  local context = { blob = options and options.blob or function() return nil end, many = not run.phases }
  return require("moonrig.report." .. format).render(runs, context)
end

local codes = { [2] = "not_found", [13] = "permission", [1] = "permission" }

--- Makes a report and writes it to a file.
---@param format string
---@param run moonrig.Run|moonrig.Run[]
---@param path string
---@param options moonrig.ReportOptions?
---  Raises: unsupported (no such format), not_found (no such folder), permission, system (disk full)
function report.write(format, run, path, options)
  local text = report.render(format, run, options)
  local file, why, number = io.open(path, "wb")
  if file then
    local ok
    ok, why, number = file:write(text)
    local closed, close_why, close_number = file:close()
    if ok and closed then return end
    if ok then why, number = close_why, close_number end
  end
  fail(codes[number] or "system", "cannot write the report: %s", (why or "?"):find(path, 1, true) and why
    or ("%s: %s"):format(path, why))
end

return report
