-- SPDX-License-Identifier: MIT
-- ports.lua: moonrig ports: the serial ports of this machine.
local cli = require "moonrig.cli"
local core = require "moonrig.core"
local json = require "moonrig.json"

local FIELDS = { "device", "name", "description", "hwid", "vid", "pid", "serial_number", "location",
  "manufacturer", "product", "interface", "driver", "links" }

local function parse(args)
  local parser = cli.parser("ports", "Lists the serial ports of this machine. Exit code 1: none matches PATTERN.",
    "moonrig ports -v 0403:6001")
  parser:argument("pattern",
    "List only ports that match this regular expression in device, description or hwid, as hwgrep:// does."):args "?"
  parser:mutex(
    parser:flag("-v --verbose", "Description and hardware id of each port on lines of their own."),
    parser:flag("--json", "An array of objects with all that is known."))
  return parser:parse(args)
end

--- Everything; what is not known is null.
local function print_json(ports)
  local all = json.array {}
  for i, p in ipairs(ports) do
    local object = {}
    for _, field in ipairs(FIELDS) do
      object[field] = p[field] == nil and json.null or p[field]
    end
    json.array(object.links)
    all[i] = object
  end
  cli.write(json.encode(all, { indent = 2, invalid = "replace" }) .. "\n")
end

--- The text of pySerial's list_ports -v, for those who parse it.
local function print_verbose(ports)
  for _, p in ipairs(ports) do
    print(("%-20s\n    desc: %s\n    hwid: %s"):format(p.device, p.description, p.hwid))
  end
end

local function rows_of(ports)
  local rows = {}
  for i, p in ipairs(ports) do rows[i] = { p.device, p.description, p.hwid, p.driver or "" } end
  return rows
end

local function width_of(text) return utf8.len(text) or #text end

--- Aligned, under headings.
local function print_table(rows)
  table.insert(rows, 1, { "DEVICE", "DESCRIPTION", "HARDWARE ID", "DRIVER" })
  local width = { 0, 0, 0 }
  for _, row in ipairs(rows) do
    for i = 1, #width do width[i] = math.max(width[i], width_of(row[i])) end
  end
  for n, row in ipairs(rows) do
    for i = 1, #width do row[i] = row[i] .. (" "):rep(width[i] - width_of(row[i])) end
    local line = table.concat(row, "  ")
    print(n == 1 and "\27[1m" .. line .. "\27[0m" or line)
  end
end

local function print_plain(rows)
  for _, row in ipairs(rows) do print(table.concat(row, "\t")) end
end

return function(args)
  local o = parse(args)
  local ports = core.list { pattern = o.pattern, links = o.json }
  if o.json then
    print_json(ports)
  elseif #ports == 0 then
    io.stderr:write(o.pattern and ("no port matches %s\n"):format(o.pattern) or "no serial ports found\n")
  elseif o.verbose then
    print_verbose(ports)
  else
    (core.is_terminal(1) and print_table or print_plain)(rows_of(ports))
  end
  return (#ports > 0 or not o.pattern) and cli.PASS or cli.FAIL
end
