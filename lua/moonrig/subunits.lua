-- SPDX-License-Identifier: MIT
-- subunits.lua: parts of a unit that have serial numbers of their own: as the procedure declares them, as a command
-- line names them, as the record keeps them.
local fields = require "moonrig.fields"
local numbers = require "moonrig.serial"

local subunits = {}

local refuse = fields.refuse

--- What a procedure declares of a sub-unit.
---@param procedure moonrig.Plan
---@param name string
---@return { name: string, part: string?, serial: string?, revision: string? }?
function subunits.declared(procedure, name)
  for _, one in ipairs(procedure.procedure.subunits or {}) do
    if one.name == name then return one end
  end
end

--- A sub-unit as it is recorded, with what the procedure says of it.
---@param procedure moonrig.Plan
---@param name string
---@param serial string
---@param more? { part: string?, revision: string? }
---@return moonrig.Subunit
---  Raises: unsupported
function subunits.new(procedure, name, serial, more)
  if not fields.name[1](name) then refuse("sub-unit", "expected a name, got %s", tostring(name)) end
  local what = ("sub-unit %q"):format(name)
  if type(serial) ~= "string" then refuse(what, "expected a serial number as a string, got a %s", type(serial)) end
  fields.check(what, more or {}, { part = fields.name, revision = fields.name })
  local said = subunits.declared(procedure, name) or { name = name }
  local problem = numbers.problem(serial, said.serial, name)
  if problem then refuse(what, "%s", problem) end
  local out = { name = name, serial = serial }
  for _, field in ipairs { "part", "revision" } do
    local here = (more or {})[field]
    if here and said[field] and here ~= said[field] then
      refuse(what, "%s %s: the procedure %s wants %s", field, here, procedure.procedure.name, said[field])
    end
    out[field] = here or said[field]
  end
  return out
end

-- NAME=SERIAL,part=TEXT,revision=TEXT, with SITE: before it when there are several.
local function parse_subunit(text, procedure, stations)
  local what = "--subunit " .. text
  local left, serial = text:match "^([^=]+)=(.*)$"
  if not left then refuse(what, "wants NAME=SERIAL") end
  local site, name = left:match "^(%w+):(.*)$"
  if #stations > 1 and not site then refuse(what, "wants SITE:NAME=SERIAL, since there are several sites") end
  if #stations == 1 then name = left end
  local more = {}
  while true do
    local rest, field, value = serial:match "^(.*),(%l+)=([^,]*)$"
    if field ~= "part" and field ~= "revision" then break end
    serial, more[field] = rest, value
  end
  if procedure.procedure.subunits and not subunits.declared(procedure, name) then
    refuse(what, "the procedure %s knows no sub-unit %q", procedure.procedure.name, name)
  end
  return site, subunits.new(procedure, name, serial, more)
end

--- The sub-units that a command line names, for each station: in order, and by name.
---@param given string[]   NAME=SERIAL; with several stations SITE:NAME=SERIAL
---@param stations moonrig.Station[]
---@param procedure moonrig.Plan
---@return table[]
---  Raises: unsupported
function subunits.sort_out(given, stations, procedure)
  local all, by_site = {}, {}
  for i, of in ipairs(stations) do
    all[i] = {}
    by_site[of.site or ""] = all[i]
  end
  for _, text in ipairs(given) do
    local site, subunit = parse_subunit(text, procedure, stations)
    local list = #stations == 1 and all[1] or by_site[site]
    if not list then refuse("--subunit " .. text, "there is no site %q; there are %s", site, fields.names(by_site)) end
    if list[subunit.name] then refuse("--subunit " .. text, "%s was given before", subunit.name) end
    list[#list + 1], list[subunit.name] = subunit, subunit
  end
  return all
end

return subunits
