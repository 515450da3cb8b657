-- SPDX-License-Identifier: MIT
-- station.lua: the station file: a Lua file that returns a table with the station's name, where its
-- results go, and its instruments.  Here it is read and checked, so that a mistake in it is told
-- before a unit is touched; session.lua opens the instruments.
--
--   return {
--     name = "ST-01",
--     results = "results.db",
--     key = "station.key",
--     instruments = {
--       psu = { url = "socket://10.0.0.5:5555", idn = "RIGOL.*DP832", safe_state = { "OUTP OFF" } },
--       fixture = { url = "/dev/ttyUSB0", driver = "port", options = { baudrate = 115200 } },
--     },
--   }
-- Paths in it are relative to its folder.
local core = require "moonrig.core"
local fields = require "moonrig.fields"
local measure = require "moonrig.measure"

local station = {}

---@class moonrig.StationInstrument
---@field url string|string[]|nil  of the port; a list: where to look for the one that matches idn (search.lua)
---@field options table?          of the port: { baudrate = 115200 }
---@field driver string?          "scpi" (default), "port" (the port itself), or a Lua module with open(port, entry)
---@field idn string|false|nil    Lua pattern that the identity "maker,model,serial,firmware" has to match;
---  false: the instrument is not to be asked
---@field simulator string?       script that --simulate puts in its place
---@field simulated boolean?      what is at `url` is a simulator: runs are marked
---@field safe_state string[]|function|nil  commands, or function(instrument), after each run, whatever happened
---@field calibration { due: string?, certificate: string? }?  due: ISO date

---@class moonrig.Station
---@field name string
---@field results string?         record: path or URL
---@field key string?             file of the key that runs are signed with; moonrig keygen makes one
---@field instruments table<string, moonrig.StationInstrument>
---@field site string?
---@field shared string[]         instruments that the other sites use too
---@field fixed { url: string, whose: string }[]  addresses of instruments, also those of the other sites
---@field calibration_policy { warn_days: integer?, when_over: "warn"|"refuse"|nil }?  default: 30 days, warn
---@field meta table<string, string|number|boolean>?  what every run says besides: laboratory, address, ...
---@field traffic boolean?        attach what passes between a run and its instruments to the run
---@field path string?            of the file

local refuse = fields.refuse

local function is_commands(v)
  return type(v) == "function" or fields.list_of(fields.string)[1](v)
end

local function is_url(v) return fields.name[1](v) or fields.list_of(fields.name)[1](v) end

local function is_date(v) return type(v) == "string" and v:find "^%d%d%d%d%-%d%d%-%d%d$" ~= nil end

local STATION = {
  name = fields.name,
  results = { fields.name[1], "a path or URL" },
  key = { fields.name[1], "the path of a key" },
  instruments = { fields.table[1], "a table: name = { url = ... }" },
  sites = { fields.table[1], "a table: name = { instruments = ... }" },
  calibration_policy = { fields.table[1], "{ warn_days = 30, when_over = \"warn\" or \"refuse\" }" },
  meta = fields.meta,
  traffic = fields.boolean,
}
local POLICY = {
  warn_days = fields.count,
  when_over = { function(v) return v == "warn" or v == "refuse" end, '"warn" or "refuse"' },
}
local SITE = { instruments = STATION.instruments }
local INSTRUMENT = {
  url = { is_url, "a URL, or a list of them" },
  options = { fields.table[1], "a table of port options" },
  driver = { fields.name[1], '"scpi", "port" or the name of a module' },
  idn = { function(v) return v == false or fields.pattern[1](v) end, "a Lua pattern, or false" },
  simulator = { fields.name[1], "the path of a script" },
  simulated = fields.boolean,
  safe_state = { is_commands, "a list of commands, or a function(instrument)" },
  calibration = { fields.table[1], "{ due = \"2027-01-31\", certificate = ... }" },
}
local CALIBRATION = {
  due = { is_date, "a date such as 2027-01-31" },
  certificate = fields.name,
}

local function check_instruments(where, instruments)
  for role, entry in pairs(instruments or {}) do
    if type(role) ~= "string" or not role:find "^[%a_][%w_]*$" then
      refuse(where, "instrument %q: a name is letters, digits and _", tostring(role))
    elseif measure.reserved[role] then
      refuse(where, "instrument %q: procedures use t.%s for something else; choose another name", role, role)
    elseif type(entry) ~= "table" then
      refuse(where, "instrument %s: wants a table such as { url = ... }, got a %s", role, type(entry))
    end
    local here = where .. ": instrument " .. role
    fields.check(here, entry, INSTRUMENT)
    fields.check(here .. ": calibration", entry.calibration or {}, CALIBRATION)
    if not entry.url and not entry.simulator then refuse(here, "it has neither url nor simulator") end
    if type(entry.url) == "table" and (not entry.idn or entry.driver == "port") then
      refuse(here, "a list of URLs wants idn, the identity of the one that is meant%s", entry.driver == "port"
        and "; the driver \"port\" cannot ask for it" or "")
    end
  end
end

-- The instruments of a site: its own over those of the station.
local function instruments_of(where, given, site)
  local all = {}
  for role, entry in pairs(given.instruments or {}) do all[role] = entry end
  if not given.sites then
    if site then refuse(where, "there is no site %q: this station has no sites", site) end
    return all
  end
  local chosen = site and (given.sites[site] or given.sites[math.tointeger(site)])
  if not chosen then
    refuse(where, "%s; it has the sites %s", site and ("there is no site %q"):format(site) or "say which --site",
      fields.names(given.sites))
  end
  local shared = {}
  for role in pairs(all) do
    if not (chosen.instruments or {})[role] then shared[#shared + 1] = role end
  end
  table.sort(shared)
  for role, entry in pairs(chosen.instruments or {}) do all[role] = entry end
  return all, shared
end

-- The addresses that the file gives to instruments, here and at all sites: { url, whose }.
local function fixed_addresses(given)
  local fixed = {}
  local function add(instruments, site, is_used)
    for role, entry in pairs(instruments or {}) do
      if type(entry.url) == "string" and is_used(role) then
        fixed[#fixed + 1] = { url = entry.url, whose = ("instrument %s%s"):format(role, site) }
      end
    end
  end
  add(given.instruments, "", function(role)
    for _, site in pairs(given.sites or {}) do
      if not (site.instruments or {})[role] then return true end
    end
    return not given.sites
  end)
  for name, site in pairs(given.sites or {}) do
    add(site.instruments, " of site " .. name, function() return true end)
  end
  return fixed
end

local function hostname()
  local f <close> = io.open "/proc/sys/kernel/hostname"
  return f and f:read "l" or "station"
end

--- Checks a station given as a table.
---@param given table
---@param opts? { path: string?, site: string? }
---@return moonrig.Station
---  Raises: unsupported, which names the field at fault
function station.new(given, opts)
  opts = opts or {}
  local path = opts.path
  local where = path or "station"
  if type(given) ~= "table" then refuse(where, "a station file returns a table, this one a %s", type(given)) end
  fields.check(where, given, STATION)
  fields.check(where .. ": calibration_policy", given.calibration_policy or {}, POLICY)
  check_instruments(where, given.instruments)
  for name, site in pairs(given.sites or {}) do
    local here = ("%s: site %s"):format(where, name)
    if type(site) ~= "table" then refuse(here, "wants a table such as { instruments = ... }") end
    fields.check(here, site, SITE)
    check_instruments(here, site.instruments)
  end
  local instruments, shared = instruments_of(where, given, opts.site)
  return {
    name = given.name or hostname(), results = given.results and station.beside(path, given.results), path = path,
    instruments = instruments, shared = shared or {}, site = opts.site, fixed = fixed_addresses(given),
    calibration_policy = given.calibration_policy, meta = given.meta, traffic = given.traffic,
    key = given.key and station.beside(path, given.key),
  }
end

--- A path that is relative to the folder of another file; URLs and absolute paths as they are.
function station.beside(path, name)
  local dir = path and path:match "^(.*/)[^/]*$"
  if not dir or name:find "^/" or name:find "^%a[%w+.-]*:" then return name end
  return dir .. name
end

-- What a station file returns. Its folder is added to package.path, for drivers.
local function read(path)
  local f <close> = io.open(path, "rb")
  if not f then
    error(core.error { code = "not_found", message = ("there is no station file %s"):format(path) }, 0)
  end
  local chunk, e = load(f:read "a", "@" .. path, "t")
  if not chunk then refuse(path, "%s", e) end
  station.add_path(path)
  local ok, given = pcall(chunk)
  if not ok and type(given) == "table" and given.code == "cancelled" then error(given, 0) end
  if not ok then refuse(path, "%s", tostring(given)) end
  return given
end

--- Reads a station file.
---@param path string
---@param site? string    which of its sites
---@return moonrig.Station
---  Raises: not_found, unsupported
function station.load(path, site)
  return station.new(read(path), { path = path, site = site })
end

-- Numbers by their value, names by the alphabet.
local function in_order(a, b)
  local x, y = tonumber(a), tonumber(b)
  if x and y then return x < y end
  return tostring(a) < tostring(b)
end

--- Reads a station file: a station for each of its sites, in order.
---@param path string
---@return moonrig.Station[]
---  Raises: not_found, unsupported
function station.load_sites(path)
  local given, all, names = read(path), {}, {}
  if type(given) ~= "table" or type(given.sites) ~= "table" or not next(given.sites) then
    refuse(path, "--site all: this station has no sites")
  end
  for name in pairs(given.sites) do names[#names + 1] = name end
  table.sort(names, in_order)
  for i, name in ipairs(names) do all[i] = station.new(given, { path = path, site = tostring(name) }) end
  return all
end

--- Lets require find modules beside a file.
function station.add_path(path)
  local entry = station.beside(path, "?.lua")
  if not (";" .. package.path .. ";"):find(";" .. entry .. ";", 1, true) then
    package.path = entry .. ";" .. package.path
  end
end

return station
