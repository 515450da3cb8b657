-- SPDX-License-Identifier: MIT
-- sim.lua: rig.sim{...}: a simulated instrument.  It answers on any port that it is given: one end of a
-- pair, a client of a listener, a pseudo-terminal.  One state, however many clients.
--
--   local psu = rig.sim {
--     idn = "ACME,PSU-1,SN1,1.0",
--     state = { volt = 0, on = false },
--     on = {
--       ["VOLTage"] = { "volt", min = 0, max = 30 },                 -- VOLT 5  VOLT?  VOLT? MAX
--       ["OUTPut"] = { "on" },                                       -- OUTP ON  OUTP?
--       ["MEASure:VOLTage?"] = function(self)
--         return self.state.on and self.state.volt + self:noise(0.001) or 0
--       end,
--     },
--   }
--   local port = psu:connect()
--
-- sim/match.lua says what keys may be; common.lua has what every SCPI instrument knows; faults.lua what
-- can go wrong; console.lua is for devices with a prompt.
local rig = require "moonrig"
local core = require "moonrig.core"
local common = require "moonrig.sim.common"
local number = require "moonrig.scpi.number"
local text = require "moonrig.scpi.text"

---@class moonrig.Sim
---@field state table what it remembers; yours
---@field port? moonrig.Port in a reply function: the client's
---@field random table random:uniform(), random:normal(sigma), random:integer(low, high)
local Sim = {}
Sim.__index = Sim

local function bad(message, ...)
  error(core.error { code = "unsupported", op = "sim", message = "sim: " .. message:format(...) }, 0)
end

-- ---- values as text ------------------------------------------------------------------------------

--- A value as an instrument writes it: true is 1, nan 9.91E37; a float in the simulator's format.
---@param value any
---@return string
function Sim:text(value)
  if value == true then return "1" elseif value == false then return "0" end
  if math.type(value) ~= "float" then return tostring(value) end
  if value ~= value then return "9.91E37" end
  if value == math.huge then return "9.9E37" elseif value == -math.huge then return "-9.9E37" end
  return (self.format:format(value))
end

--- Bytes as a definite block, to return from a reply function.
function Sim.block(_, bytes) return text.block(bytes) end

--- A number as SCPI writes it ("1.5E-3", "10 MOHM"), or nil.
function Sim.number(_, word) return (number.parse(word)) end

--- A random number around 0.
---@param sigma number standard deviation
function Sim:noise(sigma) return self.random:normal(sigma) end

--- Puts an error into the queue that SYSTem:ERRor? reads; a reply function may return it: `return self:error(-222)`.
---@param code integer
---@param words? string
function Sim:error(code, words) common.error(self, code, words) end

-- ---- settings ------------------------------------------------------------------------------------

local function limit(setting, word)
  word = word:upper()
  if word == "MIN" or word == "MINIMUM" then return setting.min end
  if word == "MAX" or word == "MAXIMUM" then return setting.max end
  if word == "DEF" or word == "DEFAULT" then return setting.default end
end

local function is_choice(word, choice)
  return word:upper() == choice:upper() or word == choice:gsub("%l", "")
end

-- The value that a parameter stands for, or nil and a SCPI error.
local function read_setting(setting, current, word)
  if word:upper() == "DEF" and setting.default ~= nil then return setting.default end
  if setting.choices then
    for _, choice in ipairs(setting.choices) do
      if is_choice(word:upper(), choice) then return (choice:gsub("%l", "")) end
    end
    return nil, -224
  elseif type(current) == "boolean" then
    local value = ({ ON = true, OFF = false, ["1"] = true, ["0"] = false })[word:upper()]
    return value, value == nil and -104 or nil
  elseif type(current) == "string" then
    return text.unquote(word)
  end
  local value = limit(setting, word) or number.parse(word)
  if not value then return nil, -104 end
  local inside = value >= (setting.min or -math.huge) and value <= (setting.max or math.huge) -- nan is not
  return inside and value or nil, not inside and -222 or nil
end

local function add_setting(matcher, key, setting)
  local name = setting[1]
  matcher:add(key, function(self, word, more)
    if not word then return self:error(-109) end
    if more then return self:error(-108) end
    local value, code = read_setting(setting, self.state[name], word)
    if code then return self:error(code) end
    if setting.before then setting.before(self, value) end
    self.state[name] = value
    if setting.on_set then setting.on_set(self, value) end
  end)
  matcher:add(key .. "?", function(self, word)
    if not word then return self.state[name] end
    local value = limit(setting, word)
    if value == nil then return self:error(-224) end
    return value
  end)
end

local SETTING <const> = { min = true, max = true, default = true, choices = true, before = true, on_set = true }

local function check_setting(key, setting)
  if type(setting[1]) ~= "string" or key:find("[?%s]") then
    bad('on: %q: a setting is written ["VOLTage"] = { "name in state", min=, max= }', key)
  end
  for name in pairs(setting) do
    if name ~= 1 and not SETTING[name] then
      bad("on: %q: unknown field %q of a setting (min max default choices before on_set)", key, tostring(name))
    end
  end
end

--- Adds or replaces a command: a key as in `on`, and its reply: text (%1 is the first capture), a number, false
--- for none, a function(self, values...) that returns one or nil, or a setting { "name in state", min=, max=,
--- default=, choices={"VOLTage", ...}, before=, on_set=function(self, value) } which makes KEY and KEY?.
---@param key string
---@param reply any
function Sim:on(key, reply)
  if type(key) ~= "string" then bad("on: a key is a %s, not a string", type(key)) end
  local kind = type(reply)
  if kind == "table" then
    check_setting(key, reply)
    add_setting(self.matcher, key, reply)
    return self
  end
  if kind ~= "string" and kind ~= "number" and kind ~= "function" and reply ~= false then
    bad("on: %q: a reply is a string, number, function, setting or false, not a %s", key, kind)
  end
  local problem = self.matcher:add(key, reply)
  if problem then bad("on: %q: %s", key, problem) end
  return self
end

-- ---- answering -----------------------------------------------------------------------------------

local function fill(template, values)
  if values.n == 0 then return template end
  return (template:gsub("%%([%d%%])", function(d)
    return d == "%" and "%" or tostring(values[tonumber(d)] or "")
  end))
end

--- The reply of an entry that the matcher found; nil for none.
function Sim:_evaluate(entry, values)
  local reply = entry.reply
  if type(reply) == "function" then reply = reply(self, table.unpack(values, 1, values.n)) end
  if reply == nil or reply == false and entry.reply == false then return nil end
  if type(entry.reply) == "string" then return fill(reply, values) end
  return self:text(reply)
end

-- One message: commands with ; between them, each found from where the one before stood.
local function answer_scpi(self, message)
  local replies, path = {}, ""
  for _, unit in ipairs(text.split(message, ";")) do
    unit = text.trim(unit)
    if unit ~= "" then
      local full = unit
      if unit:sub(1, 1) == ":" then
        full = unit:sub(2)
      elseif unit:sub(1, 1) ~= "*" then
        full = path .. unit
      end
      if full:sub(1, 1) ~= "*" then path = full:match("^(%S*:)") or "" end
      local entry, values = self.matcher:scpi(full)
      if entry then
        replies[#replies + 1] = self:_evaluate(entry, values)
      elseif self.unknown then
        replies[#replies + 1] = type(self.unknown) == "function" and self.unknown(self, unit) or self.unknown
      else
        self:error(values or -113)
      end
    end
  end
  return #replies > 0 and table.concat(replies, ";") or nil
end

--- What it answers to a message, without line end; nil for nothing. Faults and delay are not in it.
---@param message string
---@return string?
function Sim:reply(message)
  if self.scpi then return answer_scpi(self, message) end
  local entry, values = self.matcher:line(message)
  if entry then return self:_evaluate(entry, values) end
  local unknown = self.unknown
  if type(unknown) == "function" then return unknown(self, message) end
  return unknown
end

-- ---- serving -------------------------------------------------------------------------------------

--- Writes to the client of a reply function, slowly when the simulator has a rate.
---@param port moonrig.Port
---@param bytes string
function Sim:send(port, bytes)
  local rate = self.rate
  if not rate then
    port:write(bytes, math.huge)
    return
  end
  local step = math.max(1, math.floor(rate / 100))
  for at = 1, #bytes, step do
    local piece = bytes:sub(at, at + step - 1)
    port:write(piece, math.huge)
    rig.sleep(#piece / rate)
  end
end

local function seconds_of(self, delay)
  if type(delay) == "function" then return delay(self) end
  if type(delay) == "table" then return delay[1] + self.random:uniform() * (delay[2] - delay[1]) end
  return delay
end

-- A line; a SCPI message may have a block with line ends in it.  The zero byte of a break is no part of it.
local function read_message(self, port)
  local eol = self.eol_in
  local message, err = port:try_read_until(eol, math.huge)
  if not message then
    if err.code ~= "protocol" then error(err, 0) end -- protocol: more than an instrument takes in one line
    port:flush_input()
    self:error(-363)
    return ""
  end
  message = message:sub(1, -#eol - 1)
  local missing = self.scpi and text.missing(message) or 0
  while missing > 0 do
    message = message .. eol
    if missing > #eol then message = message .. port:read(missing - #eol, math.huge) end
    message = message .. port:read_until(eol, math.huge):sub(1, -#eol - 1)
    missing = text.missing(message)
  end
  message = message:gsub("^%z+", "")
  if message:sub(-1) ~= "\r" or self.scpi and text.missing(message:sub(1, -2)) > 0 then return message end
  return message:sub(1, -2)
end

local LONGEST <const> = 16 * 1024 * 1024 -- bytes of a message until its first line end

local function serve_lines(self, port)
  port.window = LONGEST
  while true do
    local message = read_message(self, port)
    if self.echo then self:send(port, message .. self.eol) end
    local reply, cut = self.faults:apply(message, self:reply(message), port)
    if self.observer then self.observer(message, reply) end
    if reply then
      local delay = self.delay and seconds_of(self, self.delay) or 0
      if delay > 0 then rig.sleep(delay) end
      self:send(port, cut and reply or reply .. self.eol)
    end
  end
end

--- Answers on a port until it closes.
---@async
---@param port moonrig.Port
function Sim:serve(port)
  self.ports[port] = true
  local client = setmetatable({ port = port }, { __index = self, __newindex = self })
  local ok, err = pcall(self.session or serve_lines, client, port)
  self.ports[port] = nil
  port:close()
  if not ok and not (type(err) == "table" and err.code == "closed") then error(err, 0) end
end

--- Answers in this program: a port with the simulator at its other end.
---@param opts? table settings of the port (timeout, eol...)
---@return moonrig.Port
function Sim:connect(opts)
  local near, far = rig.pair()
  if opts then near:set(opts) end
  self.ports[far] = true
  rig.spawn(self.serve, self, far)
  return near
end

--- Answers to all who come to a URL: socket://127.0.0.1:0, unix:/path, pty:/tmp/psu. See listener.url.
---@param url string
---@param opts? table
---@return moonrig.Listener
function Sim:listen(url, opts)
  local listener = rig.listen(url, function(port) self:serve(port) end, opts)
  self.listeners[#self.listeners + 1] = listener
  return listener
end

--- Ends its listeners and connections.
function Sim:close()
  for _, listener in ipairs(self.listeners) do listener:close() end
  self.listeners = {}
  for port in pairs(self.ports) do port:close() end
  if self.on_close then self.on_close(self) end
end

Sim.__close = Sim.close

--- Lets something go wrong from now on: sim:fault("drop", 2), sim:fault("garble", { probability = 0.1,
--- match = "MEAS" }). Kinds: drop garble cut stall wrong disconnect; without count and probability, once.
---@param kind string
---@param opts? table|integer
function Sim:fault(kind, opts)
  local problem = self.faults:add(kind, opts)
  if problem then bad("fault: %s", problem) end
  return self
end

--- Takes faults away: those of a kind, or all.
function Sim:clear_faults(kind)
  self.faults:clear(kind)
  return self
end

--- Back to the state it began with; what *RST does. `on_reset` in the description is called then.
function Sim:reset()
  for key in pairs(self.state) do self.state[key] = nil end
  for key, value in pairs(self.initial) do self.state[key] = value end
  if self.on_reset then self.on_reset(self) end
end

-- ---- making --------------------------------------------------------------------------------------

local FIELDS = {}
for name in ([[idn state on scpi eol eol_in delay rate seed format unknown echo error_limit on_reset on_close faults
  session console observer]]):gmatch "%S+" do FIELDS[name] = true end

local function copy(t)
  local c = {}
  for key, value in pairs(t or {}) do c[key] = value end
  return c
end

-- Settings first, so that a KEY? of its own goes before theirs; else by name: the same in every run.
local function in_order(on)
  local keys = {}
  for key in pairs(on) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    local x, y = type(on[a]) == "table", type(on[b]) == "table"
    if x ~= y then return x end
    return tostring(a) < tostring(b)
  end)
  return keys
end

--- A simulated instrument. Fields: `on` its commands (see Sim:on), `state`, `idn`; `delay` in seconds before a reply
--- (a number, {least, most} or a function), `rate` in bytes per second, `seed` of its random numbers, `format` of
--- floats ("%.7g"), `eol`, `eol_in`, `echo`, `unknown` (reply to what it does not know; else SCPI error -113), `faults`
--- ({ drop = { probability = 0.01 } }), `on_reset`, `on_close`; `scpi` = false for a device that takes lines as they
--- are, `console` for one with a prompt (see moonrig.sim.console), `session` = function(self, port) for anything else.
---@param spec table
---@return moonrig.Sim
return function(spec)
  if type(spec) ~= "table" then bad("expected a table, got %s", type(spec)) end
  for name in pairs(spec) do
    if not FIELDS[name] then
      bad("unknown field %q (commands go into on = { ... }; state of your own into state = { ... })", tostring(name))
    end
  end
  local self = setmetatable(copy(spec), Sim)
  self.on, self.state, self.initial = nil, copy(spec.state), copy(spec.state)
  self.scpi = spec.scpi ~= false and not spec.console
  self.eol, self.eol_in = spec.eol or "\n", spec.eol_in or "\n"
  self.idn = spec.idn or "moonrig,simulator,0,1.0"
  self.format, self.error_limit = spec.format or "%.7g", spec.error_limit or 20
  self.random = require "moonrig.sim.random"(spec.seed or 1)
  self.faults = require "moonrig.sim.faults"(self.random)
  self.matcher = require "moonrig.sim.match"()
  self.errors, self.status = {}, { esr = 128, ese = 0, sre = 0 }
  self.ports, self.listeners = {}, {}
  if self.scpi then common.add(self.matcher) end
  for _, key in ipairs(in_order(spec.on or {})) do self:on(key, spec.on[key]) end
  for kind, opts in pairs(spec.faults or {}) do self:fault(kind, opts) end
  if spec.console then self.session = require "moonrig.sim.console"(spec.console) end
  return self
end
