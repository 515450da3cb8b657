-- SPDX-License-Identifier: MIT
-- doctor.lua: `moonrig doctor`: looks at a station as a run would use it: opens and identifies each instrument, at its
-- real address and as a simulator, and says what is wrong and how to put it right. Nothing is switched or set.
local calibration = require "moonrig.calibration"
local core = require "moonrig.core"
local results = require "moonrig.results"
local session = require "moonrig.session"

local doctor = {}

---@class moonrig.Finding
---@field what string       "instrument psu"
---@field state "ok"|"warning"|"error"
---@field words string      what is there, or what is wrong
---@field advice string?    how to put it right

local ADVICE <const> = {
  refused = "is it switched on, is the port number right?",
  timeout = "is it switched on and connected, is the baud rate right?",
  busy = "close the other program",
  not_found = "is it connected? `moonrig ports -v` lists the serial ports",
  unsupported = "put the station file right",
  closed = "something else answers at this address",
}
local ANOTHER <const> = "another instrument is connected there: connect the right one, or put idn right"

local SEARCHED <const> = "is it switched on and connected, are its addresses and idn right?"

local function message_of(e) return type(e) == "table" and e.message or tostring(e) end

local function advice_on(e)
  if type(e) ~= "table" then return nil end
  return e.op == "identify" and ANOTHER or e.op == "search" and SEARCHED or ADVICE[e.code]
end

local function look_at_instrument(found, use, infos, role, simulate)
  local entry = use.station.instruments[role]
  local what = "instrument " .. role .. (simulate and " (simulator)" or "")
  local ok, e = pcall(use.get, use, role)
  if not ok then
    found[#found + 1] = { what = what, state = "error", advice = advice_on(e),
      words = message_of(e):gsub("^instrument [%w_]+ %b(): ", "", 1):gsub("^instrument [%w_]+: ", "", 1) }
    return
  end
  local info = infos[role]
  local who = table.concat({ info.maker or "", info.model or "", info.serial or "", info.firmware or "" }, ",")
  found[#found + 1] = { what = what, state = "ok",
    words = (who ~= ",,," and who .. " at " or "opened: ") .. info.url }
  for _, other in ipairs(info.others or {}) do
    found[#found + 1] = { what = what, state = "ok", words = ("not at %s: %s"):format(other.url, other.why) }
  end
  if entry.idn == nil and who ~= ",,," then
    found[#found + 1] = { what = what, state = "warning", words = "any instrument would do at this address",
      advice = ("say which it is: idn = %q"):format("^" .. (info.maker or ""):gsub("%p", "%%%0") .. ","
        .. (info.model or ""):gsub("%p", "%%%0") .. ",") }
  end
end

local function look_at_calibration(found, station, role)
  local entry = station.instruments[role]
  local state, words, refused = calibration.check(entry.calibration and entry.calibration.due,
    station.calibration_policy)
  if state == "ok" then return end
  found[#found + 1] = { what = "instrument " .. role, state = refused and "error" or "warning", words = words,
    advice = state == "over" and "calibrate it, and write the new date into the station file" or nil }
end

local function look_at_record(found, station)
  local url = station.results or results.DEFAULT
  local path = url:gsub("^sqlite:/?/?", "")
  local function add(state, words, advice)
    found[#found + 1] = { what = "record", state = state, words = words, advice = advice }
  end
  local is_there <close> = io.open(path, "rb")
  if not is_there then                 -- could it be made? Nothing is left behind, and nobody else's file touched
    local probe = ("%s.%s"):format(path, tostring(found):match "%w+$")
    local file, why = io.open(probe, "wb")
    if not file then return add("error", "it cannot be made: " .. why:gsub("^.*: ", ""), "is its folder there?") end
    file:close()
    os.remove(probe)
    return add("ok", url .. ", which the first run makes")
  end
  local ok, e = pcall(function() results.open(url, { readonly = true }):close() end)
  local writable <close>, why = io.open(path, "r+b")
  if not ok and not message_of(e):find "older format" then return add("error", message_of(e)) end
  if not writable then return add("error", "nothing can be recorded: " .. why) end
  add("ok", url)
end

--- Looks at everything.
---@async
---@param station moonrig.Station
---@param simulate? boolean  the simulators instead of the instruments
---@return moonrig.Finding[]
function doctor.examine(station, simulate)
  local found, roles = {}, {}
  for role in pairs(station.instruments) do roles[#roles + 1] = role end
  table.sort(roles)
  if #roles == 0 then
    found[1] = { what = "station " .. station.name, state = "warning", words = "it has no instruments" }
  end
  local infos = {}
  local lenient = setmetatable({ calibration_policy = {} }, { __index = station }) -- dates are looked at below
  local use <close> = session.new(lenient, { simulate = simulate, opened = function(i) infos[i.role] = i end })
  for _, role in ipairs(roles) do
    local entry = station.instruments[role]
    if simulate and not entry.simulator and not entry.simulated then
      found[#found + 1] = { what = "instrument " .. role, state = "error", words = "it has no simulator",
        advice = "give one: simulator = \"NAME.lua\"" }
    else
      look_at_instrument(found, use, infos, role, simulate)
    end
    if not simulate then look_at_calibration(found, station, role) end
    core.sleep(0)
  end
  look_at_record(found, station)
  return found
end

return doctor
