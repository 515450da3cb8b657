-- SPDX-License-Identifier: MIT
-- duts.lua: which unit is at which site: serial numbers as given on a command line, or asked for, until each fits the
-- procedure and none is at two sites.
local fields = require "moonrig.fields"
local plan = require "moonrig.plan"

local duts = {}

local refuse = fields.refuse

-- What is given for each station, by its site or in order.
local function sort_out(given, stations)
  local serials, by_site, next_one = {}, {}, 1
  for i, of in ipairs(stations) do by_site[of.site or ""] = i end
  for _, text in ipairs(given) do
    local site, serial = text:match "^(%w+)=(.*)$"
    local at = #stations > 1 and site and by_site[site]
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

-- Why a serial number cannot be that of the unit here: nil when it can.
local function problem_of(serial, procedure, taken)
  if taken[serial] then return ("unit %s is at site %s already"):format(serial, taken[serial]) end
  return plan.check_serial(procedure, serial)
end

-- Asks until the answer fits: nil when nobody answers, false when there is no unit at this site.
local function ask_for(procedure, taken, ask, site)
  local question = site and ("Serial number at site %s (Enter: none): "):format(site) or "Serial number: "
  local text = question
  while true do
    local ok, line = pcall(ask, text, math.huge)
    if not ok and type(line) == "table" and line.code == "closed" then return nil end
    if not ok then error(line, 0) end
    local serial = line:match "^%s*(.-)%s*$"
    if site and serial == "" then return false end
    local problem = problem_of(serial, procedure, taken)
    if not problem then return serial end
    text = problem .. "; s" .. question:sub(2)
  end
end

--- The units to be tested now.
---@async
---@param given string[]       SERIAL or SITE=SERIAL; empty: they are asked for
---@param stations moonrig.Station[]
---@param procedure moonrig.Plan
---@param ask fun(text: string, timeout: number): string
---@return { station: moonrig.Station, serial: string }[]?  nil: nobody answers
---  Raises: unsupported, which says what is wrong with what was given
function duts.identify(given, stations, procedure, ask)
  local serials, taken, units = sort_out(given, stations), {}, {}
  for i, of in ipairs(stations) do
    local serial = serials[i]
    local problem = serial and problem_of(serial, procedure, taken)
    if problem then refuse("--dut", "%s", problem) end
    if #given == 0 then
      serial = ask_for(procedure, taken, ask, #stations > 1 and of.site or nil)
      if serial == nil then return nil end
    end
    if serial then
      taken[serial] = of.site or ""
      units[#units + 1] = { station = of, serial = serial }
    end
  end
  if #units == 0 then refuse("--dut", "there is no unit at any site") end
  return units
end

return duts
