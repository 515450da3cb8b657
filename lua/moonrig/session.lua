-- SPDX-License-Identifier: MIT
-- session.lua: the instruments of a station while one run uses them: opened at first use, identified,
-- put into their safe state, closed.
-- An instrument whose connection was lost stays lost for the phases of the run; teardown and the safe
-- state open it again, since they are what switches a voltage off.
local rig = require "moonrig"
local calibration = require "moonrig.calibration"
local core = require "moonrig.core"
local fields = require "moonrig.fields"
local instrument = require "moonrig.instrument"
local search = require "moonrig.search"
local station = require "moonrig.station"

local session = {}

--- Seconds for the safe state of all instruments together.
session.SAFE_STATE_BUDGET = 5

local TRIES <const> = 3      -- to set the safe state of one

---@class moonrig.Session
---@field station moonrig.Station
---@field simulate boolean
local Session = {}
Session.__index = Session

--- Starts to use a station.
---@param of moonrig.Station
---@param opts? { simulate: boolean?, opened: fun(info: moonrig.RunInstrument)?, shared: moonrig.Shared?,
---  search: moonrig.Search?, traffic: moonrig.Traffic? }  opened: called when an instrument was used for the first
---  time, with what the record keeps, `calibration` (what there is to say of it) and `others` (where it was looked for
---  too); shared: the instruments that other sites use too; search: that of all who use the station now; traffic: what
---  passes is kept there
---@return moonrig.Session
function session.new(of, opts)
  opts = opts or {}
  return setmetatable({
    station = of, simulate = opts.simulate or false, opened = opts.opened or function() end,
    in_use = {},   -- role -> { port, instrument }
    order = {},    -- roles in the order of their first use
    locks = {},    -- role -> lock: two tasks open an instrument once
    shared = opts.shared, traffic = opts.traffic,
    search = opts.search or opts.shared and opts.shared.search or search.new(of),
    found = {},    -- role -> where it was, of those that are looked for
    seen = {},     -- shared roles that this run has used
  }, Session)
end

local function url_of(self, entry)
  if self.simulate and not entry.simulated then
    if not entry.simulator then
      error(core.error { code = "unsupported", message = "--simulate: it has no simulator in the station file" }, 0)
    end
    return "sim:" .. station.beside(self.station.path, entry.simulator), nil, true
  elseif not entry.url then
    error(core.error { code = "unsupported", message = "it has no url in the station file; only --simulate works" }, 0)
  end
  return entry.url, entry.options, entry.simulated
end

local function is_simulator(url) return url:find "^sim:" ~= nil end

-- An error of opening, with the instrument's name.
local function with_role(role, url, e)
  url = type(url) == "string" and url or nil
  if type(e) ~= "table" then return ("%s: %s"):format(role, e) end
  if e.code == "cancelled" then return e end
  return core.error { code = e.code, url = e.url or url, op = e.op, received = e.received,
    message = ("instrument %s%s: %s"):format(role, url and (" (%s)"):format(url) or "", e.message) }
end

local function whose(self, role)
  return ("instrument %s%s"):format(role, self.station.site and " of site " .. self.station.site or "")
end

local function follow(self, role, port)
  if self.traffic then self.traffic:follow(role, port) end
end

-- One with a list of addresses is looked for.
local function connect(self, role, entry, url, options)
  if type(url) == "table" then
    local found, others = self.search:find(role, entry, whose(self, role), self.found[role])
    self.found[role] = found.url
    follow(self, role, found.port)
    return found, others
  end
  local port, opened, idn = instrument.open_the_right_one(entry, url, options, function(port)
    follow(self, role, port)
  end)
  return { url = url, port = port, opened = opened, idn = idn }
end

local function was_used(self, role)
  for _, used in ipairs(self.order) do
    if used == role then return true end
  end
  return false
end

local function open(self, role, entry)
  local found, url, options, simulated = pcall(url_of, self, entry)
  if not found then error(with_role(role, nil, url), 0) end
  local _, words, refused = calibration.check(entry.calibration and entry.calibration.due,
    self.station.calibration_policy)
  if refused and not simulated then
    local e = core.error { code = "permission", message = words .. ", and the station refuses it then" }
    error(with_role(role, url, e), 0)
  end
  local ok, at, others = pcall(connect, self, role, entry, url, options)
  if not ok then error(with_role(role, url, at), 0) end
  self.in_use[role] = { port = at.port, instrument = at.opened }
  if not was_used(self, role) then
    self.order[#self.order + 1] = role
    local given, idn = entry.calibration or {}, at.idn
    self.opened { role = role, url = at.url, simulated = simulated or is_simulator(at.url), maker = idn.maker,
      model = idn.model, serial = idn.serial, firmware = idn.firmware, cal_due = given.due,
      cal_certificate = given.certificate, calibration = words, others = others }
  end
  return at.opened
end

--- Is it an instrument that other sites use too?
function Session:is_shared(role) return self.shared ~= nil and self.shared.roles[role] or false end

--- A shared instrument, of which this run is told as if it were its own.
function Session:get_shared(role)
  local shared = self.shared.session
  local opened = shared:get(role)
  follow(self, role, shared.in_use[role].port)
  if not self.seen[role] then
    self.seen[role] = true
    local info = {}
    for name, value in pairs(self.shared.infos[role]) do info[name] = value end
    self.opened(info)
  end
  return opened
end

--- The instrument of that name; opened and identified when this is its first use.
---@async
---@param role string
---@return any instrument what its driver made
---  Raises: not_found (no such name, or another instrument answers there), and what opening raises
function Session:get(role)
  if self:is_shared(role) then return self:get_shared(role) end
  local used = self.in_use[role]
  if used then return used.instrument end
  local entry = self.station.instruments[role]
  if not entry then
    error(core.error { code = "not_found", message = ("station %s has no instrument %q (there are %s)"):format(
      self.station.name, tostring(role), fields.names(self.station.instruments)) }, 0)
  end
  self.locks[role] = self.locks[role] or rig.lock()
  local held <close> = self.locks[role]:acquire() -- luacheck: ignore held
  used = self.in_use[role]
  return used and used.instrument or open(self, role, entry)
end

local function forget(self, role)
  local used = self.in_use[role]
  if used then used.port:close() end
  self.in_use[role] = nil
end

--- Forgets connections that are lost, so that the next use opens them again. Does not read: a phase beside this one
--- may be waiting for its answer.
function Session:forget_lost()
  for role, used in pairs(self.in_use) do
    if not used.port.is_open or used.port.lost then forget(self, role) end
  end
end

-- Within `left` seconds. That of a SCPI instrument which still owes an answer has arrived when that has come.
local function send_safe_state(self, role, left)
  local ends = core.now() + left
  local commands = self.station.instruments[role].safe_state
  local opened = self:get(role)
  if type(commands) == "function" then return commands(opened) end
  for _, command in ipairs(commands) do
    if opened == self.in_use[role].port then
      opened:write_line(command)
    else
      opened:write(command)
    end
  end
  local drains = type(opened) == "table" and opened.drain and opened or self.in_use[role].port
  drains:drain(math.max(0, ends - core.now()))
end

-- What may be better on a new connection: it broke off, its answer to *IDN? was lost, another task holds it.
local MAY_PASS <const> = { timeout = true, closed = true, refused = true, not_found = true, protocol = true,
  system = true, busy = true }

-- Sets it, within the budget. Commands are sent again on a new connection when they do not get through, and have half
-- of the time that is left for each try but the last. A function is called once more only when there was no connection.
local function set_safe_state(self, role)
  local ends = core.now() + session.SAFE_STATE_BUDGET
  for try = 1, TRIES do
    local left = math.max(0, ends - core.now())
    local is_function = type(self.station.instruments[role].safe_state) == "function"
    if try < TRIES and not is_function then left = left / 2 end
    local ok, e = pcall(core.deadline, left, send_safe_state, self, role, left)
    if ok then return end
    if try == TRIES or type(e) ~= "table" or not MAY_PASS[e.code] or core.now() >= ends then error(e, 0) end
    if is_function and self.in_use[role] then error(e, 0) end
    forget(self, role)
  end
end

--- Sends the safe-state commands of every instrument that was used, all at once, each as far as it gets.
---@async
---@return { role: string, commands: string, err: any? }[] done in the order of first use
function Session:safe_state()
  local done, tasks = {}, {}
  if self.is_last then done = self.shared.session:safe_state() end
  self:forget_lost()
  for _, role in ipairs(self.order) do
    local commands = self.station.instruments[role].safe_state
    if commands then
      local entry = { role = role, commands = type(commands) == "table" and table.concat(commands, "; ") or "function" }
      done[#done + 1] = entry
      tasks[#tasks + 1] = core.spawn(function()
        local ok, e = pcall(set_safe_state, self, role)
        if not ok then entry.err = e end
      end)
    end
  end
  for _, each in ipairs(tasks) do each:join() end
  return done
end

--- This run uses shared instruments no more, but for their safe state and their end when it is the last.
function Session:leave_shared()
  if not self.shared or self.is_last ~= nil then return end
  self.is_last = self.shared:leave()
  if not self.is_last or not self.traffic then return end
  self.shared:hear(self.traffic)
  for role, used in pairs(self.shared.session.in_use) do follow(self, role, used.port) end
end

--- Whether a safe state is declared for an instrument that was used.
function Session:has_safe_state()
  if self.is_last and self.shared.session:has_safe_state() then return true end
  for _, role in ipairs(self.order) do
    if self.station.instruments[role].safe_state then return true end
  end
  return false
end

--- Whether something here is a simulator: not evidence about the unit.
function Session:is_simulated()
  if self.simulate then return true end
  for _, entry in pairs(self.station.instruments) do
    if entry.simulated then return true end
    for _, url in ipairs(type(entry.url) == "table" and entry.url or { entry.url }) do
      if is_simulator(url) then return true end
    end
  end
  return false
end

--- Closes all instruments; twice does no harm.
function Session:close()
  self:leave_shared()
  if self.is_last then self.shared.session:close() end
  for role, used in pairs(self.in_use) do
    if used.instrument ~= used.port and type(used.instrument) == "table" and used.instrument.close then
      pcall(used.instrument.close, used.instrument)
    end
    used.port:close()
    self.in_use[role] = nil
  end
end
Session.__close = Session.close

return session
