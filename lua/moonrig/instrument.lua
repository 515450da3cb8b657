-- SPDX-License-Identifier: MIT
-- instrument.lua: one instrument of a station: its port is opened, its driver put on it, and it is asked who it is.
-- Where it is, and how long it is used, is the affair of search.lua and session.lua.
local rig = require "moonrig"
local core = require "moonrig.core"

local instrument = {}

local drivers = {
  scpi = { open = function(port) return rig.scpi(port) end },
  port = { open = function(port) return port end },
}

local function driver_of(entry)
  local name = entry.driver or "scpi"
  local driver = drivers[name] or require(name)
  if type(driver) ~= "table" or type(driver.open) ~= "function" then
    error(core.error { code = "unsupported",
      message = ("driver %s: a driver is a module with a function open(port, entry)"):format(name) }, 0)
  end
  return driver
end

--- Who it is, as an entry's idn looks at it: "maker,model,serial,firmware".
---@param idn table
---@return string
function instrument.identity(idn)
  return idn.raw or table.concat({ idn.maker or "", idn.model or "", idn.serial or "", idn.firmware or "" }, ",")
end

-- Asks who is there, unless the entry says not to.
local function ask(entry, opened)
  if entry.idn == false or type(opened) == "userdata" or not opened.idn then
    if entry.idn then
      error(core.error { code = "unsupported", message = "idn: this driver cannot ask for the identity" }, 0)
    end
    return {}
  end
  return opened:idn()
end

--- Whether an identity is the one that an entry wants.
---@param entry moonrig.StationInstrument
---@param idn table
---@return boolean
function instrument.fits(entry, idn) return not entry.idn or instrument.identity(idn):find(entry.idn) ~= nil end

--- Opens what is at an address, and asks who it is.
---@async
---@param entry moonrig.StationInstrument
---@param url string
---@param options? table
---@param opened_port? fun(port: userdata)   called when it is open, before the driver says anything
---@return userdata port, any opened, table idn   opened: what the driver made
function instrument.open(entry, url, options, opened_port)
  local driver = driver_of(entry)
  local port = rig.open(url, options)
  local ok, opened, idn = pcall(function()
    if opened_port then opened_port(port) end
    local opened = driver.open(port, entry)
    return opened, ask(entry, opened)
  end)
  if not ok then
    port:close()
    error(opened, 0)
  end
  return port, opened, idn
end

--- Opens it, and refuses another one than the entry wants.
---@async
function instrument.open_the_right_one(entry, url, options, opened_port)
  local port, opened, idn = instrument.open(entry, url, options, opened_port)
  if not instrument.fits(entry, idn) then
    port:close()
    error(core.error { code = "not_found", op = "identify",
      message = ("expected an instrument that matches %s, found %s"):format(entry.idn, instrument.identity(idn)) }, 0)
  end
  return port, opened, idn
end

return instrument
