-- SPDX-License-Identifier: MIT
-- bridge.lua: rig.bridge: a port joined to clients who come through listeners.  The work is done in
-- core/serve/bridge.c; here the description is checked, and the device is opened, again and again if need be.
local core = require "moonrig.core"
local fields = require "moonrig.fields"
local scheme = require "moonrig.scheme"

local Bridge = {}
Bridge.__index = Bridge
Bridge.__close = function(self) self:close() end
Bridge.__tostring = function(self) return "bridge: " .. self.name end

local POLICIES = { writer = true, shared = true, kick = true }

local texts = fields.list_of(fields.string, "a list of texts")
local networks = { function(v) return type(v) == "string" or texts[1](v) end, "a network, or a list of them" }

local function is_port(v) return type(v) == "userdata" and (getmetatable(v) or {}).__name == "moonrig.Port" end
local port_or_url = { function(v) return fields.name[1](v) or is_port(v) end, "a URL, or an open port" }

-- What a description may hold: name -> kind.
local FIELDS = {
  name = fields.name, port = port_or_url, listen = texts, options = fields.table, hold = fields.boolean,
  policy = { function(v) return POLICIES[v] end, [["writer", "shared" or "kick"]] },
  clients = { function(v) return math.type(v) == "integer" and v > 0 end, "an integer above 0" },
  queue = fields.positive, stall_timeout = fields.not_negative, frame_gap = fields.not_negative,
  allow = networks, insecure = fields.boolean, idle_timeout = fields.not_negative,
  cert = fields.string, key = fields.string, ca = fields.string, handshake_timeout = fields.positive,
  log = fields.name, quiet = fields.boolean,
}

local CLIENTS <const>, QUEUE <const>, STALL <const> = 32, 1024 * 1024, 30
local RETRY <const> = 0.5 -- seconds between attempts to open the device

-- The options of a listener, as far as they mean something for its scheme.
local function listen_options(spec, url)
  local name = url:match "^([%w+.-]+):" or ""
  if name == "pty" then return nil end
  local options = { idle_timeout = spec.idle_timeout }
  if name ~= "unix" then
    options.insecure = spec.insecure
    options.allow = type(spec.allow) == "table" and table.concat(spec.allow, ",") or spec.allow
  end
  if name:find "%+tls$" then
    options.cert, options.key, options.ca = spec.cert, spec.key, spec.ca
    options.handshake_timeout = spec.handshake_timeout
  end
  return options
end

local function say(self, text, ...)
  if not self.spec.quiet then io.stderr:write("moonrig: bridge ", self.name, ": ", text:format(...), "\n") end
end

-- One attempt. A mistake in the URL or in its options raises; nil and the error when the device is not there.
local function try_device(self)
  if is_port(self.spec.port) then return self.spec.port end
  local options = { reconnect = true }
  for name, value in pairs(self.spec.options or {}) do options[name] = value end
  local port, err = scheme.try_open(self.spec.port, options)
  if port then return port end
  if err.code == "unsupported" then error(err, 0) end
  return nil, err
end

-- Until it is there; each reason is told once.
local function open_device(self, err)
  local told
  while not self.closed do
    if err and err.message ~= told then
      say(self, "%s; trying again", err.message)
      told = err.message
    end
    core.sleep(RETRY)
    if self.closed then return end
    local port
    port, err = try_device(self)
    if port then
      if self.closed then return port:close() end
      say(self, "%s is there", port.name)
      return self.core:attach(port)
    end
  end
end

--- What it is doing: a table, see `moonrig.BridgeStatus`.
function Bridge:status()
  local status = self.core:status()
  status.port, status.policy, status.listen = self.url, self.spec.policy or "writer", self.urls
  if status.state == "opening" and self.why then status.reason = self.why.message end
  return status
end

--- Waits until the device is closed for good, or the bridge is.
---@async
function Bridge:join() self.core:wait() end

--- Adds a listener while the bridge runs: its URL, with the real port number.
function Bridge:listen(url)
  local real = self.core:listen(url, listen_options(self.spec, url))
  self.urls[#self.urls + 1] = real
  return real
end

--- Ends a listener; its clients stay. A pty goes.
function Bridge:unlisten(url)
  self.core:unlisten(url)
  for i, known in ipairs(self.urls) do
    if known == url then table.remove(self.urls, i) end
  end
end

--- Accepts nobody any more and waits until all that is under way has arrived, at most `timeout` seconds.
---@async
---@param timeout? number
function Bridge:drain(timeout)
  self.core:unlisten()
  local give_up = core.now() + (timeout or 5)
  while self.core:unsent() > 0 and core.now() < give_up do core.sleep(0.01) end
end

--- Opens the log file anew (after it was moved away).
function Bridge:reopen_log()
  if self.spec.log then self.core:log(self.spec.log) end
end

--- Closes the device, the listeners and all clients.
function Bridge:close()
  self.closed = true
  self.core:close()
end

local bridge = {}

--- Raises what is wrong with a description.
function bridge.check(spec)
  fields.check("bridge", spec, FIELDS)
  if not spec.port then fields.refuse("bridge", "port is missing: the URL of the device") end
  if not spec.listen then fields.refuse("bridge", "listen is missing: a list of URLs") end
end

--- Joins a port to clients.
---@param spec moonrig.BridgeDescription
---@return moonrig.Bridge
function bridge.new(spec)
  bridge.check(spec)
  local where = is_port(spec.port) and spec.port.url or spec.port
  local self = setmetatable({ spec = spec, name = spec.name or where, url = where, urls = {} }, Bridge)
  self.core = core.bridge { name = self.name, policy = spec.policy, clients = spec.clients or CLIENTS,
    queue = spec.queue or QUEUE, stall = spec.stall_timeout or STALL, gap = spec.frame_gap or 0, hold = spec.hold,
    quiet = spec.quiet }
  local ok, err = pcall(function()
    if spec.log then self.core:log(spec.log) end
    for _, url in ipairs(spec.listen) do self:listen(url) end
    local port, why = try_device(self)
    if port then
      self.core:attach(port)
    else
      self.why = why
      self.task = core.spawn(open_device, self, why)
    end
  end)
  if not ok then
    self:close()
    error(err, 0)
  end
  return self
end

return bridge
