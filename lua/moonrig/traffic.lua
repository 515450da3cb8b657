-- SPDX-License-Identifier: MIT
-- traffic.lua: what passes between a run and its instruments, for the record: a pcapng file for each instrument that
-- the run uses, kept in a temporary file (core/port/capture.h) until the run has ended.
-- An instrument that is opened again goes on in the same file. Of one that several sites share, a run's file has what
-- passed while a phase of that run had it.
local core = require "moonrig.core"

local traffic = {}

--- Bytes of a file, at most; what comes later is left out, which the file and the run's log say.
traffic.LIMIT = 64 * 1024 * 1024

---@class moonrig.Traffic
local Traffic = {}
Traffic.__index = Traffic

--- Nothing yet.
---@return moonrig.Traffic
function traffic.new()
  return setmetatable({ captures = {}, ports = {}, roles = {} }, Traffic)
end

--- Keeps what passes at the port of an instrument from now on; once is enough.
---@param role string
---@param port userdata
---  Raises: permission, system (there is no room for temporary files)
function Traffic:follow(role, port)
  if self.ports[role] == port then return end
  if not self.captures[role] then
    self.captures[role] = core.capture(traffic.LIMIT)
    self.roles[#self.roles + 1] = role
  end
  self.captures[role]:tap(port)
  self.ports[role] = port
end

--- Leaves out, or keeps again, what passes at the instruments that other runs use too.
---@param roles table<string, boolean>
---@param is_paused boolean
function Traffic:pause(roles, is_paused)
  for role, capture in pairs(self.captures) do
    if roles[role] then capture:pause(is_paused) end
  end
end

--- Gives the files one by one, as they are to be attached, and keeps nothing any more.
---@param give fun(file: { name: string, mime: string, data: string }, problem: string?)  problem: why the file is not
---  complete
function Traffic:finish(give)
  for _, role in ipairs(self.roles) do
    local capture = self.captures[role]
    local data, problem = capture:bytes(), capture:problem()
    capture:close()
    give({ name = role .. ".pcapng", mime = "application/vnd.tcpdump.pcap", data = data }, problem)
  end
  self.captures, self.ports, self.roles = {}, {}, {}
end

return traffic
