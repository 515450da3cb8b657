-- SPDX-License-Identifier: MIT
-- outlet.lua: standard output or error of a run that goes on. Perhaps nobody reads there: a pipe is full, a terminal
-- was stopped with Ctrl-S. A run does not wait for that with a unit under power: what nobody takes within a moment is
-- left out, which is said as soon as somebody reads again.
local core = require "moonrig.core"

local outlet = {}

--- Seconds for which a reader is waited for: while the run goes on, and when it is over.
outlet.PATIENCE, outlet.LAST_PATIENCE = 1, 10

local PIECE <const> = 4096    -- bytes that a pipe takes whole when it takes any (PIPE_BUF)
local KEPT <const> = 4096     -- bytes of what was left out that come later after all: how the run ended is among them

---@class moonrig.Outlet
---@field fd integer
local Outlet = {}
Outlet.__index = Outlet

--- An outlet to a file, with the methods write and flush of one.
---@param file file*
---@param fd integer
---@param notice fun(lost: integer): string   what is said of so many bytes that were left out
---@return moonrig.Outlet
function outlet.new(file, fd, notice)
  return setmetatable({ file = file, fd = fd, notice = notice, waiting = {}, lost = 0, kept = "", ends_line = true },
    Outlet)
end

--- Takes text for the next flush().
function Outlet:write(...)
  for i = 1, select("#", ...) do self.waiting[#self.waiting + 1] = (select(i, ...)) end
  return self
end

-- Writes as much as somebody takes: how many bytes.
local function put(self, text, patience)
  for at = 1, #text, PIECE do
    if not core.writable(self.fd, patience) then return at - 1 end
    local ok, why = self.file:write(text:sub(at, at + PIECE - 1))
    if ok then ok, why = self.file:flush() end
    if not ok then return nil, why end
  end
  return #text
end

-- What was left out, as it is told: that something is missing, and the last lines of it.
local function recovered(self)
  local kept = self.kept
  if #kept < self.lost then kept = kept:match "\n(.*)$" or "" end
  local missing = self.lost - #kept
  return (self.ends_line and "" or "\n") .. (missing > 0 and self.notice(missing) or "") .. kept
end

local function write_out(self, text, patience)
  if self.lost > 0 and core.writable(self.fd, patience) then
    text = recovered(self) .. text
    self.lost, self.kept = 0, ""
  end
  if self.lost > 0 then patience = 0 end
  local count, why = put(self, text, patience)
  if not count then return nil, why end
  if count > 0 then self.ends_line = text:byte(count) == 10 end
  self.lost, self.kept = self.lost + #text - count, (self.kept .. text:sub(count + 1)):sub(-KEPT)
  return true
end

local function take_waiting(self)
  local text = table.concat(self.waiting)
  self.waiting = {}
  return text
end

--- Writes what was taken.
---@return boolean? ok   true also when it was left out; nil: it cannot be written
---@return string? why
function Outlet:flush()
  local text = take_waiting(self)
  if text == "" then return true end
  return write_out(self, text, self.lost > 0 and 0 or outlet.PATIENCE)
end

--- Writes the last of it, when the runs are over and nothing waits for it.
---@return boolean? ok, string? why
function Outlet:finish()
  local text = take_waiting(self)
  if text == "" and self.lost == 0 then return true end
  return write_out(self, text, outlet.LAST_PATIENCE)
end

return outlet
