-- SPDX-License-Identifier: MIT
-- limitsfile.lua: the limits of a procedure in a file of their own, with a version of its own: Lua, which returns
--   { version = "7", limits = { ["5 V rail"] = { v_5v0 = { unit = "V", min = 4.95, max = 5.05 } } } }
-- or CSV, whose first line may be "# version: 7", with a row for each measurement:
--   phase,measurement,unit,min,max
--   5 V rail,v_5v0,V,4.95,5.05
local core = require "moonrig.core"
local fields = require "moonrig.fields"

local limitsfile = {}

local refuse = fields.refuse

local NUMBERS <const> = { min = true, max = true, marginal_min = true, marginal_max = true, nominal = true,
  percent = true, absolute = true, uncertainty = true }
local TEXTS <const> = { phase = true, measurement = true, unit = true, equals = true, matches = true, text = true,
  doc = true, instrument = true }

-- The fields of the record (RFC 4180) that begins at `at`, and where the next one begins; quotes may hold line ends.
local function csv_record(path, text, at)
  local record, number = {}, 0
  while true do
    local value, last
    if text:sub(at, at) == '"' then
      value, last = text:match('^"(.-)"()[,\r\n]', at)
      while value and select(2, value:gsub('"', "")) % 2 == 1 do
        local more
        more, last = text:match('^(.-)"()[,\r\n]', last)
        value = more and value .. '"' .. more
      end
      if not value then refuse(path, "a quotation mark has no end") end
      value = value:gsub('""', '"')
    else
      value, last = text:match("^([^,\r\n]*)()", at)
    end
    number = number + 1
    record[number] = value
    if text:sub(last, last) ~= "," then return record, text:match("^\r?\n?()", last) end
    at = last + 1
  end
end

-- A row as limits.new takes it.
local function to_spec(what, row)
  local spec, within = {}, {}
  for name, text in pairs(row) do
    local value = NUMBERS[name] and tonumber(text) or text
    if NUMBERS[name] and type(value) ~= "number" then refuse(what, "%s: %q is not a number", name, text) end
    if name == "nominal" or name == "percent" or name == "absolute" then
      within[name] = value
    elseif name ~= "phase" and name ~= "measurement" then
      spec[name] = value
    end
  end
  if next(within) then spec.within = within end
  return spec
end

local function read_csv(path, text)
  if not text:find "\n$" then text = text .. "\n" end
  text = text:gsub("^\239\187\191", "")           -- a byte order mark, as spreadsheets write it
  local result, columns, at, line = { limits = {} }, nil, 1, 0
  while at <= #text do
    local record
    local comment, after = text:match("^#([^\r\n]*)\r?\n()", at)
    line = line + 1
    if comment then
      result.version = result.version or comment:match "^%s*version%s*:?%s*(%S.-)%s*$"
      at = after
    else
      record, at = csv_record(path, text, at)
    end
    if record and not columns then
      columns = record
      for _, name in ipairs(columns) do
        if not NUMBERS[name] and not TEXTS[name] then refuse(path, "there is no column %q", name) end
      end
    elseif record and (record[2] or record[1] ~= "") then
      local what, row = ("%s: row %d"):format(path, line), {}
      for i, name in ipairs(columns) do row[name] = record[i] ~= "" and record[i] or nil end
      if not row.phase or not row.measurement then refuse(what, "phase and measurement have to be there") end
      local phase = result.limits[row.phase] or {}
      result.limits[row.phase] = phase
      if phase[row.measurement] then refuse(what, "%s has limits in %s already", row.measurement, row.phase) end
      phase[row.measurement] = to_spec(what, row)
    end
  end
  return result
end

local FIELDS <const> = { version = fields.name,
  limits = { fields.table[1], "a table: phase = { measurement = { ... } }" } }

local function read_lua(path, text)
  local chunk, why = load(text, "@" .. path, "t")
  if not chunk then refuse("limits", "%s", why) end
  local given = chunk()
  fields.check(path, given, FIELDS)
  if not given.limits then refuse(path, "the field limits is missing") end
  return given
end

--- Reads a file of limits.
---@param path string   .csv or .lua
---@return { version: string?, limits: table<string, table<string, table>>, text: string, sha256: string }
---  Raises: not_found, unsupported
function limitsfile.read(path)
  local f <close> = io.open(path, "rb")
  if not f then error(core.error { code = "not_found", message = ("there is no limits file %s"):format(path) }, 0) end
  local text = f:read "a"
  if not text then refuse(path, "not a file that can be read") end
  local read = path:find "%.csv$" and read_csv or path:find "%.lua$" and read_lua
  if not read then refuse(path, "a limits file is .lua or .csv") end
  local given = read(path, text)
  return { version = given.version, limits = given.limits, text = text, sha256 = core.store.sha256(text) }
end

return limitsfile
