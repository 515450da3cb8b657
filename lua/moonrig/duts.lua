-- SPDX-License-Identifier: MIT
-- duts.lua: which unit is at which site, and what it is made of: serial numbers as given on a command line, or asked
-- for, until each fits the procedure and none is in two places.
local fields = require "moonrig.fields"
local numbers = require "moonrig.serial"
local plan = require "moonrig.plan"
local subunits = require "moonrig.subunits"

local duts = {}

local refuse = fields.refuse

-- What is given for each station, by its site or in order.
local function sort_out(given, stations)
  local serials, by_site, next_one = {}, {}, 1
  for i, of in ipairs(stations) do by_site[of.site or ""] = i end
  for _, text in ipairs(given) do
    local site, serial = text:match "^(%w+)=(.*)$"
    local at = site and by_site[site]
    if at then
      serials[at] = serial
    elseif next_one > #stations then
      refuse("--dut " .. text, "there is no further site for it")
    else
      if #stations > 1 and site then
        refuse("--dut " .. text, "there is no site %q; there are %s", site, fields.names(by_site))
      end
      serials[next_one] = text
      next_one = next_one + 1
    end
  end
  return serials
end

-- ---- asking ----------------------------------------------------------------------------------

-- Asks until the answer fits: nil when nobody answers, false when there is none and it may be so.
local function ask_for(question, problem_of, ask, may_be_none)
  local text = question
  while true do
    local ok, line = pcall(ask, text, math.huge)
    if not ok and type(line) == "table" and line.code == "closed" then return nil end
    if not ok then error(line, 0) end
    local serial = line:match "^%s*(.-)%s*$"
    if may_be_none and serial == "" then return false end
    local problem = problem_of(serial)
    if not problem then return serial end
    text = problem .. "; s" .. question:sub(2)
  end
end

-- Two parts may have numbers that are the same; not two of one part.
local function key_of(part, serial) return (part or "") .. "\0" .. serial end

-- What a unit is made of: what was given, what the procedure declares and is asked for; in the procedure's order.
local function identify_subunits(given, procedure, unit, taken, ask, site)
  local list = {}
  local function problem_of(said, serial)
    local where = taken[key_of(said.part, serial)]
    return numbers.problem(serial, said.serial, said.name) or where and ("%s is %s already"):format(serial, where)
  end
  local function add(said, subunit)
    local problem = problem_of(said, subunit.serial)
    if problem then refuse("--subunit", "%s", problem) end
    taken[key_of(said.part, subunit.serial)] = ("the %s of %s"):format(subunit.name, unit)
    list[#list + 1] = subunit
  end
  for _, said in ipairs(procedure.procedure.subunits or {}) do
    local subunit = given[said.name]
    if not subunit then
      local question = ("Serial number of %s%s: "):format(said.name, site and " at site " .. site or "")
      local serial = ask_for(question, function(text) return problem_of(said, text) end, ask)
      if not serial then
        refuse("--subunit", "say which %s is in %s: --subunit '%s%s=SERIAL' (nobody answers the question)", said.name,
          unit, site and site .. ":" or "", said.name)
      end
      subunit = subunits.new(procedure, said.name, serial)
    end
    add(said, subunit)
  end
  for _, subunit in ipairs(given) do
    local name = subunit.name
    if not subunits.declared(procedure, name) then add({ name = name, part = subunit.part }, subunit) end
  end
  return list
end

--- The units to be tested now.
---@async
---@param given { dut: string[], subunit: string[] }  SERIAL or SITE=SERIAL, NAME=SERIAL or SITE:NAME=SERIAL; what is
---  missing is asked for
---@param stations moonrig.Station[]
---@param procedure moonrig.Plan
---@param ask fun(text: string, timeout: number): string
---@return { station: moonrig.Station, serial: string, subunits: moonrig.Subunit[] }[]?  nil: nobody answers
---  Raises: unsupported, which says what is wrong with what was given
function duts.identify(given, stations, procedure, ask)
  local serials, taken, units = sort_out(given.dut, stations), {}, {}
  local made_of, in_use = subunits.sort_out(given.subunit, stations, procedure), {}
  local function problem_of(serial)
    if taken[serial] then return ("unit %s is at site %s already"):format(serial, taken[serial]) end
    return plan.check_serial(procedure, serial)
  end
  for i, of in ipairs(stations) do
    local serial = serials[i]
    local problem = serial and problem_of(serial)
    if problem then refuse("--dut", "%s", problem) end
    local site = #stations > 1 and of.site or nil
    if #given.dut == 0 then
      serial = ask_for(site and ("Serial number at site %s (Enter: none): "):format(site) or "Serial number: ",
        problem_of, ask, site ~= nil)
      if serial == nil then return nil end
    end
    if serial then
      taken[serial] = of.site or ""
      units[#units + 1] = { station = of, serial = serial,
        subunits = identify_subunits(made_of[i], procedure, serial, in_use, ask, site) }
    end
  end
  if #units == 0 then refuse("--dut", "there is no unit at any site") end
  return units
end

return duts
