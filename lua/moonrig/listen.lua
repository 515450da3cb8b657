-- SPDX-License-Identifier: MIT
-- listen.lua: rig.listen: a handler in a task of its own for each client.
local core = require "moonrig.core"

local Listener = {}
Listener.__index = Listener
Listener.__close = function(self) self:close() end
Listener.__tostring = function(self) return "listener: " .. self.url end

--- Ends listening; clients that are connected stay.
function Listener:close()
  if self.port then
    self.port:close()
  else
    self.listener:close()
  end
end

--- Waits until the listener is closed.
---@async
function Listener:join() return self.task:join() end

local function serve(self, handler)
  while true do
    local ok, port = pcall(self.listener.accept, self.listener)
    if not ok then
      if port.code == "closed" then return end
      error(port, 0)
    end
    self.spawn(function()
      local client <close> = port
      handler(client)
    end)
  end
end

--- Listens on url (socket://host:port, unix:/path, pty:[LINK]) and runs handler(port) in a task for each
--- client. Port 0 picks a free one: see listener.url. A pty has one client, which is there at once. An error in
--- a handler ends its client; `closed` (the client went away) is not an error.
---@param url string
---@param handler fun(port: moonrig.Port)
---@param opts? table insecure=true to listen off loopback
---@return moonrig.Listener
return function(url, handler, opts)
  if type(url) ~= "string" or type(handler) ~= "function" then
    local message = type(url) ~= "string" and "listen: argument 1: expected a URL, got " .. type(url)
      or "listen: argument 2: expected a function, got " .. type(handler)
    error(core.error { code = "unsupported", message = message }, 0)
  end
  local self = setmetatable({}, Listener)
  local function guarded(port)
    local ok, err = pcall(handler, port)
    local client_went = type(err) == "table" and err.code == "closed" and err.url == port.url
    if not ok and not client_went then error(err, 0) end
  end
  function self.spawn(fn) return core.spawn(fn) end
  if url:match("^pty:") then
    self.port = core.open(url, opts)
    self.url = "device:" .. (url:match "^pty:([^?]+)" or self.port.name)
    self.task = core.spawn(guarded, self.port)
  else
    self.listener = core.listen(url, opts)
    self.url = self.listener:url()
    self.task = core.spawn(serve, self, guarded)
  end
  return self
end
