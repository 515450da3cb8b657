-- SPDX-License-Identifier: MIT
-- task.lua: groups and locks, made of tasks and queues (core/bind/ltask.c, lqueue.c).
local core = require "moonrig.core"

local task = {}

local Group = {}
Group.__index = Group

--- Starts a task that belongs to the group.
---@param fn function
---@return moonrig.Task
function Group:spawn(fn, ...)
  if type(fn) ~= "function" then
    error(core.error { code = "unsupported", message = "spawn: argument 1: expected a function, got " .. type(fn) }, 0)
  end
  if self.closed then
    error(core.error { code = "closed", message = "spawn: the group has ended" }, 0)
  end
  local ended = self.ended
  self.live = self.live + 1
  local member
  member = core.spawn(function(...)
    local note <close> = setmetatable({}, { __close = function(_, err) -- luacheck: ignore note
      ended:push { member = member, err = err, cancelled = core.cancelled() }
    end })
    return fn(...)
  end, ...)
  self.members[member] = true
  return member
end

local function fail(group, err, reason)
  if group.failed then return end
  group.failed, group.failure = true, err
  for member in pairs(group.members) do member:cancel(reason) end
end

-- Waits for one member. Its error, or a cancel of the waiting task, cancels the rest; a member that somebody
-- cancelled is no error.
local function collect(group)
  local ok, note = pcall(group.ended.pop, group.ended)
  if not ok then return fail(group, note, "the group was cancelled") end
  group.live = group.live - 1
  group.members[note.member] = nil
  local err
  ok, err = pcall(note.member.join, note.member)
  local as_told = note.cancelled and err == note.err and type(err) == "table" and err.code == "cancelled"
  if not ok and not as_told then fail(group, err, "another task of the group failed") end
end

--- Runs fn(group); ends when every task started with group:spawn has ended. The first error cancels
--- the others and is raised here when all have ended.
---@async
---@param fn fun(group: moonrig.Group)
function task.group(fn)
  if type(fn) ~= "function" then
    error(core.error { code = "unsupported", message = "group: argument 1: expected a function, got " .. type(fn) }, 0)
  end
  local group = setmetatable({ members = {}, live = 0, ended = core.queue() }, Group)
  local ok, err = pcall(fn, group)
  if not ok then fail(group, err, "the group's function failed") end
  while group.live > 0 do collect(group) end
  group.closed = true
  if group.failed then error(group.failure, 0) end
end

local Lock = {}
Lock.__index = Lock

--- Takes the lock; waits in line while another task holds it. Release it with release(), or
--- `local held <close> = lock:acquire()`.
---@async
---@param timeout? number seconds; none: for ever
---@return moonrig.Held
function Lock:acquire(timeout)
  local ok, err = pcall(self.token.pop, self.token, timeout)
  if not ok and type(err) == "table" then
    err.message = err.message:gsub("^pop: the queue stayed empty", "acquire: another task kept the lock")
      :gsub("^pop:", "acquire:")
  end
  if not ok then error(err, 0) end
  local lock, held = self, {}
  function held.release()
    if lock then
      lock.token:push(true)
      lock = nil
    end
  end
  return setmetatable(held, { __close = held.release })
end

--- Runs fn(...) while holding the lock.
---@async
function Lock:with(fn, ...)
  local held <close> = self:acquire() -- luacheck: ignore held
  return fn(...)
end

--- A lock: one task at a time, first come first served.
---@return moonrig.Lock
function task.lock()
  local token = core.queue()
  token:push(true)
  return setmetatable({ token = token }, Lock)
end

return task
