-- SPDX-License-Identifier: MIT
-- search.lua: an instrument that is found by its identity: its entry in the station file has a list of addresses, and
-- it is at the one where what answers matches idn.
-- All are asked at once, each within a limit of time, and nothing is sent but what the driver sends to open and to
-- identify: *IDN? unless it is a driver of one's own. One search goes on at a time, and leaves alone what another
-- instrument of the station has: the address in its entry, or the one at which it was found.
local rig = require "moonrig"
local core = require "moonrig.core"
local instrument = require "moonrig.instrument"

local search = {}

--- Seconds for one address, unless the instrument's options have a timeout.
search.LIMIT = 2

---@class moonrig.Search
---@field lock moonrig.Lock
---@field fixed { url: string, whose: string }[]   addresses that the station file gives to an instrument
---@field taken table<string, { port: userdata, whose: string }>  where instruments were found, while they are open
local Search = {}
Search.__index = Search

--- For the runs that are at a station at the same time.
---@param station moonrig.Station
---@return moonrig.Search
function search.new(station)
  return setmetatable({ lock = rig.lock(), fixed = station.fixed or {}, taken = {} }, Search)
end

-- ---- addresses -------------------------------------------------------------------------------

-- What tells two addresses apart: without options, and devices without links.
local function place_of(url)
  local bare = url:match "^[^?]*"
  if url:find "^hwgrep:" then
    local ok, device = pcall(core.hwgrep, url)
    return ok and core.real_path(device) or url
  end
  return bare:find "^/" and core.real_path(bare) or bare
end

local function with_options(url, options)
  local list = {}
  for name, value in pairs(options) do list[#list + 1] = name .. "=" .. value end
  table.sort(list)
  return url .. (list[1] and "?" .. table.concat(list, "&") or "")
end

-- All ports that a hwgrep:// means; the one it names with n.
local function matching_ports(url)
  local all = {}
  for n = 1, math.huge do
    local ok, device, options = pcall(core.hwgrep, url:find "[&?]n=" and url or ("%s&n=%d"):format(url, n))
    if not ok then
      if type(device) == "table" and device.code ~= "not_found" then error(device, 0) end
      return all
    end
    options.n = nil
    all[n] = with_options(device, options)
    if url:find "[&?]n=" then return all end
  end
end

-- What one item of the list stands for.
local function expand(item)
  if item:find "^hwgrep:" then return matching_ports(item) end
  local bare, options = item:match "^([^?]*)(.*)$"
  if not bare:find "^/.*[*%[]" then return { item } end
  local all = core.glob(bare)
  for i, path in ipairs(all) do all[i] = path .. options end
  return all
end

-- The addresses to ask, and those that are not, with the reason: { url, why }.
local function candidates(self, role, entry)
  local ask, others, seen = {}, {}, {}
  for _, one in ipairs(self.fixed) do seen[place_of(one.url)] = one.whose end
  for place, one in pairs(self.taken) do
    if one.port.is_open then seen[place] = one.whose else self.taken[place] = nil end
  end
  for _, item in ipairs(entry.url) do
    local urls = expand(item)
    if not urls[1] then others[#others + 1] = { url = item, why = "there is none" } end
    for _, url in ipairs(urls) do
      local place = place_of(url)
      if not seen[place] then
        ask[#ask + 1] = { url = url, place = place }
        seen[place] = role
      elseif seen[place] ~= role then
        others[#others + 1] = { url = url, why = "it is " .. seen[place] }
      end
    end
  end
  return ask, others
end

-- ---- asking ----------------------------------------------------------------------------------

local function limit_of(entry)
  local timeout = (entry.options or {}).timeout
  return type(timeout) == "number" and timeout > 0 and timeout or search.LIMIT
end

-- Why an address is passed over, without the address.
local function reason_of(e, url, limit)
  if type(e) ~= "table" then return tostring(e) end
  if e.code == "timeout" then return ("no answer within %g s"):format(limit) end
  local message = e.message
  for _, start in ipairs { "connecting to " .. url .. ": ", url .. ": ", url .. " " } do
    if message:sub(1, #start) == start then return message:sub(#start + 1) end
  end
  return message
end

local function ask_one(entry, one, limit)
  local ok, port, opened, idn = pcall(core.deadline, limit, instrument.open, entry, one.url, entry.options)
  if not ok then
    if core.cancelled() then error(port, 0) end
    one.why = reason_of(port, one.url, limit)
    return
  end
  one.port, one.opened, one.idn = port, opened, idn
  one.why = instrument.identity(idn)
end

local function close_all(asked)
  for _, one in ipairs(asked) do
    if one.port then one.port:close() end
  end
end

local function ask_all(entry, asked)
  local ok, e = pcall(rig.group, function(tasks)
    for _, one in ipairs(asked) do tasks:spawn(ask_one, entry, one, limit_of(entry)) end
  end)
  if ok then return end
  close_all(asked)
  error(e, 0)
end

local function words_of(others)
  local list = {}
  for i, other in ipairs(others) do list[i] = ("%s: %s"):format(other.url, other.why) end
  return table.concat(list, "; ")
end

-- ---- searching -------------------------------------------------------------------------------

local function refuse(entry, asked, found, others)
  close_all(asked)
  local message
  if #found > 1 then
    message = ("%d instruments match %s, and only one can be meant: %s; put more of the identity into idn, such as "
      .. "the serial number"):format(#found, entry.idn, words_of(found))
  else
    message = ("no instrument that matches %s: %s"):format(entry.idn, words_of(others))
  end
  error(core.error { code = "not_found", op = "search", message = message }, 0)
end

local function search_all(self, role, entry)
  local asked, others = candidates(self, role, entry)
  ask_all(entry, asked)
  local found = {}
  for _, one in ipairs(asked) do
    if one.port and instrument.fits(entry, one.idn) then found[#found + 1] = one else others[#others + 1] = one end
  end
  if #found ~= 1 then refuse(entry, asked, found, others) end
  for _, one in ipairs(others) do
    if one.port then one.port:close() end
  end
  return found[1], others
end

-- One that was found and lost is looked for where it was, first.
local function open_again(entry, url)
  local one = { url = url, place = place_of(url) }
  ask_one(entry, one, limit_of(entry))
  if one.port and instrument.fits(entry, one.idn) then return one end
  close_all { one }
end

--- Finds an instrument. It stays open; what else was opened is closed again.
---@async
---@param role string
---@param entry moonrig.StationInstrument  its url is a list
---@param whose string     what its address is called when another search comes upon it
---@param before? string   where it was found before
---@return { url: string, port: userdata, opened: any, idn: table } found
---@return { url: string, why: string }[] others   where it is not, and what is there
---  Raises: not_found (none matches, or several)
function Search:find(role, entry, whose, before)
  local held <close> = self.lock:acquire() -- luacheck: ignore held
  local found, others = before and open_again(entry, before), {}
  if not found then found, others = search_all(self, role, entry) end
  self.taken[found.place] = { port = found.port, whose = whose }
  return found, others
end

return search
