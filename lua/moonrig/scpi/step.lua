-- SPDX-License-Identifier: MIT
-- step.lua: brings an instrument back into step after a query that got no answer in time (or was
-- cancelled): its reply may still come, and must not be taken for the answer to the next query.
-- SCPI over a byte stream numbers nothing, so all rests on one rule of IEEE 488.2 (6.3): replies come in
-- the order of the queries.
--   1. Wait a moment: when the one line that is owed comes, it is thrown away and all is well.
--   2. Send a fence, a query whose reply is recognised: *OPC? several times in one message, "1;1;1",
--      each time another count. What comes before that reply is thrown away.
--   3. The same with *IDN?, for instruments that do not take several queries in one message.
-- An instrument that answers neither is in step when its owed line has come and silence after it. When that
-- does not come either, it is held for lost after `late` seconds: what comes later is taken for an answer.
local core = require "moonrig.core"

local step = {}

local PATIENCE <const> = 0.5 -- seconds for the owed line before anything is sent
local SILENCE <const> = 0.25 -- seconds after it, when a fence may still be answered by an error text

local function left(deadline) return math.max(0, deadline - core.now()) end

-- A line; nil when none came in time; "" for a heap of bytes without a line end (a block).
local function next_line(port, seconds)
  local line, err = port:try_read_line(seconds)
  if line or err.code == "timeout" then return line end
  if err.code ~= "protocol" then error(err, 0) end
  port:flush_input()
  return ""
end

-- ---- fences --------------------------------------------------------------------------------------
-- self.stale: what the fences that were sent will be answered, in order: "1;1;1" or IDN.

local IDN <const> = "idn"

local function asks_idn(command) return command:upper():find("*IDN?", 1, true) ~= nil end

-- What a line would be as the reply to a fence.
local function fence_of(line)
  return line:match("^%s*%a[^,]*,[^,]*,[^,]*,") and IDN or line:gsub("[%s+]", "")
end

-- Is it the reply to a fence?  Then those before it have had theirs, or will not get one.
local function is_fence(self, line)
  local reply = fence_of(line)
  for i, expected in ipairs(self.stale) do
    if expected == reply then
      table.move(self.stale, i + 1, #self.stale + i, 1)
      return true
    end
  end
  return false
end

--- The answer to self.asked among the replies to fences that are still on their way.
---@param line string the first line that came
---@return string? line, moonrig.Error? err
function step.skim(self, line, timeout)
  if asks_idn(self.asked) and fence_of(line) == IDN then return line end -- whichever it is: it is the answer
  local err
  while line and is_fence(self, line) do line, err = self.port:try_read_line(timeout) end
  if line then self.stale = nil end
  return line, err
end

local function send(self, command, reply)
  local port = self.port
  if self.torn then command = port.eol .. command end -- ends what was left half written
  self.torn = true
  port:write_line(command)
  self.torn = false
  table.insert(self.stale, reply)
end

local fences = {}

function fences.opc(self)
  self.count = ((self.count or 9) - 1) % 8 + 2 -- 2 to 9
  send(self, ("*OPC?;"):rep(self.count - 1) .. "*OPC?", ("1;"):rep(self.count - 1) .. "1")
end

function fences.idn(self) send(self, "*IDN?", IDN) end

-- ---- waiting -------------------------------------------------------------------------------------

-- Throws lines away until the last fence: "fence"; until the owed line has come, with silence after it where
-- a fence may be on its way: "paid"; or until the deadline: nil.
local function wait_for_line(self, deadline)
  while true do
    local silent = self.paid and self.heard + SILENCE or math.huge
    local line = next_line(self.port, left(math.min(deadline, silent)))
    if not line then return core.now() > silent - 0.001 and "paid" or nil end
    self.heard = core.now()
    local owed = not self.paid and asks_idn(self.asked) and fence_of(line) == IDN -- or the fence: wait for the other
    if not owed and is_fence(self, line) then
      self.paid = true
      if #self.stale == 0 then return "fence" end
    end
    self.paid = self.paid or not self.owes_block
    if self.paid and #self.stale == 0 then return "paid" end
  end
end

-- The fence that worked before, else one after the other. None when only silence is waited for.
local function by_fence(self, deadline)
  if self.paid then return wait_for_line(self, deadline) end
  local half = core.now() + left(deadline) / 2
  for _, name in ipairs(self.fence and { self.fence } or { "opc", "idn" }) do
    fences[name](self)
    local how = wait_for_line(self, name == "opc" and not self.fence and half or deadline)
    if how == "fence" then self.fence = name end
    if how or self.paid then return how or wait_for_line(self, deadline) end
  end
end

local function reopen(self)
  if not self.opener then
    error(core.error { code = "unsupported", url = self.url, op = "resync",
      message = 'resync="reopen" needs an instrument that was opened by its URL' }, 0)
  end
  self.port:close()
  self.port = self.opener()
  self.stale, self.torn = {}, false
  return true
end

local function recovered(self, timeout)
  local resync = self.resync
  if type(resync) == "function" then
    resync(self.port, self.asked)
    return true
  end
  if resync == "reopen" then return reopen(self) end
  timeout = timeout or self.port.timeout
  if timeout == math.huge then timeout = self.late end
  local deadline = core.now() + timeout
  local patience = resync == "wait" and timeout or math.min(PATIENCE, timeout / 4)
  local how = not self.owes_block and wait_for_line(self, core.now() + patience)
  return how or resync ~= "wait" and by_fence(self, deadline)
end

-- ---- the whole -----------------------------------------------------------------------------------

--- Returns when the next line from the instrument will be the answer to the next query; raises `timeout`
--- when that cannot be said yet: the query is not sent then.
---@param self moonrig.Scpi out of step: self.asked was not answered
---@param timeout? number seconds
---@param command string the query that waits
function step.recover(self, timeout, command)
  local words
  if self.resync == false then
    words = "was not answered; call forget() when its reply cannot come any more"
  else
    self.since, self.stale = self.since or core.now(), self.stale or {}
    if recovered(self, timeout) or core.now() - self.since >= self.late then return step.forget(self) end
    words = "has not been answered yet, nor what was sent after it"
  end
  error(core.error { code = "timeout", op = "query", url = self.url, query = command, received = "",
    message = ("%s: out of step: %q %s; %q was not sent"):format(self.name, self.asked, words, command) }, 0)
end

--- Waits until what was asked has been answered. What was sent after that has not been taken for lost until then.
--- Raises `timeout`.
---@param self moonrig.Scpi
---@param timeout? number seconds
function step.await(self, timeout)
  if self.resync == "auto" or type(self.resync) == "function" then
    self.since, self.stale = self.since or core.now(), self.stale or {}
    if recovered(self, timeout) then return step.forget(self) end
  elseif next_line(self.port, timeout) then
    return
  end
  error(core.error { code = "timeout", op = "drain", url = self.url, received = "", message = ("%s: it is not known "
    .. "whether what was sent has arrived: %q has not been answered yet"):format(self.name, self.asked) }, 0)
end

--- Takes the instrument for in step, whatever it still owes; bytes that are there are thrown away.
function step.forget(self)
  self.asked, self.since, self.owes_block, self.paid = nil, nil, nil, nil
  if self.stale and #self.stale == 0 then self.stale = nil end
  self.port:flush_input()
end

return step
