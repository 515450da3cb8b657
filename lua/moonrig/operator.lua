-- SPDX-License-Identifier: MIT
-- operator.lua: the person, or the program, at standard input: is asked, answers a line, and says between that a run is
-- to be stopped.
-- Commands are taken from a terminal in words ("stop 2"), from a program as JSON ({"command":"stop","site":"2"}), each
-- a line. A file or a pipe without --json-events has nothing but answers, and is read only when something is asked.
local core = require "moonrig.core"
local json = require "moonrig.json"
local rig = require "moonrig"

local operator = {}

---@class moonrig.Operator
---@field out moonrig.Outlet
---@field can_redraw boolean   out is a terminal
---@field runs { site: string?, run: table?, wanted: string? }[]   that commands are for; wanted: before it began
local Operator = {}
Operator.__index = Operator

local function refuse(code, message) error(core.error { code = code, message = message }, 0) end

-- ---- commands --------------------------------------------------------------------------------

local DONE <const> = { stop = "stops when this phase is over", abort = "is aborted" }

-- The runs that a command is for; nil and why not.
local function targets(self, site)
  local found, names = {}, {}
  for _, one in ipairs(self.runs) do
    if site == "all" or one.site == site or not site and #self.runs == 1 then found[#found + 1] = one end
    names[#names + 1] = one.site
  end
  if found[1] then return found end
  names[#names + 1] = "all"
  return nil, site and ("there is no site %s; there are %s"):format(site, table.concat(names, ", "))
    or "say which site: " .. table.concat(names, ", ")
end

-- What to say of it: a line for each run, or why nothing is done.
local function obey(self, command, site)
  local found, why = targets(self, site)
  if not found then return nil, why end
  local said = {}
  for i, one in ipairs(found) do
    local done = not one.run or one.run[command](one.run)
    if not one.run then one.wanted = command end
    said[i] = ("%s %s"):format(one.site and "site " .. one.site or "the run", done and DONE[command] or "has ended")
  end
  return said
end

-- "stop", "abort 2": command and site; nil when it is none.
local function in_words(line)
  local command, site = line:match "^%s*(%l+)%s*(%S*)%s*$"
  if DONE[command] then return command, site ~= "" and site or nil end
end

-- {"command":"stop","site":"2"}: command and site; nil when it is none; false and why, when it cannot be.
local function in_json(line)
  if not line:find "^%s*{" then return nil end
  local ok, given = pcall(json.decode, line)
  if not ok then return false, given.message end
  if not DONE[given.command] then return false, ("there is no command %s; there are abort, stop"):format(
    tostring(given.command)) end
  local site = given.site
  return given.command, site ~= json.null and site ~= nil and tostring(site) or nil
end

-- ---- reading ---------------------------------------------------------------------------------

-- A file for what is to be seen beside questions: at a terminal it is written above the one that is asked, which stays
-- the last thing there. (What has been typed of an answer is not shown again; it still counts.)
local Beside = {}
Beside.__index = Beside

function Beside:write(...)
  local of, text = self.operator, self.rest .. table.concat { ... }
  self.rest = ""
  if not of.is_asking or not of.can_redraw then return of.out:write(text) end
  local whole = text:match "^.*\n" or ""
  self.rest = text:sub(#whole + 1)             -- the beginning of a line waits
  if whole == "" then return of.out end
  local _, lines = of.question:gsub("\n", "")
  return of.out:write(lines > 0 and ("\27[%dA"):format(lines) or "", "\r\27[J", whole, of.question)
end

function Beside:flush() return self.operator.out:flush() end

--- A file for what is to be seen beside questions.
function Operator:output() return setmetatable({ operator = self, rest = "" }, Beside) end

local function say(self, text)
  self.out:write(text, "\n")
  self.out:flush()
end

-- A line that may be a command: whether it was.
local function take_command(self, line)
  local command, site = (self.refused and in_json or in_words)(line)
  if command == nil then return false end
  local said, why
  if command then said, why = obey(self, command, site) else why = site end
  if not self.refused then
    for _, text in ipairs(said or { why }) do say(self, text) end
    if self.is_asking then self.out:write(self.question) end
    self.out:flush()
  elseif why then
    self.refused(line, why)
  end
  return true
end

-- Reads as long as there is something: commands are obeyed, answers wait for a question. At a terminal what comes
-- while nothing is asked is no answer to what is asked next: that may be about another unit.
local function read_on(self)
  while true do
    local line, err = self.input:try_read_line(math.huge)
    if not line then
      self.ended = err
      self.lines:push(false)
      return
    end
    local was_command = take_command(self, line)
    if not was_command and (self.is_asking or not self.is_terminal) then
      self.lines:push(line)
    elseif not was_command and line:find "%S" then
      say(self, "nothing is asked now" .. (self.hint and "; " .. self.hint or ""))
    end
  end
end

-- Is this program in the foreground of its terminal? One behind it may not read.
local function is_foreground()
  local f <close> = io.open "/proc/self/stat"
  local group, foreground = (f and f:read "a" or ""):match "^.*%) %S %d+ (%d+) %d+ %d+ (%-?%d+)"
  return group ~= nil and group == foreground
end

local function open_input(self)
  if self.ended and self.is_terminal then self.input, self.reader, self.ended = nil, nil, nil end
  self.input = self.input or rig.open "stdio:?raw=false"
  if self.has_commands and not self.reader then
    self.lines = rig.queue()
    self.reader = core.spawn(read_on, self)
  end
end

-- The next answer; nil and the error.
local function next_line(self, timeout)
  open_input(self)
  if not self.has_commands then return self.input:try_read_line(timeout) end
  if self.ended and #self.lines == 0 then return nil, self.ended end
  self.is_asking = true
  local ok, line = pcall(self.lines.pop, self.lines, timeout)
  self.is_asking = false
  if ok then return line or nil, self.ended end
  if line.code == "timeout" then return nil, line end
  say(self, "")
  error(line, 0)
end

-- ---- the operator ----------------------------------------------------------------------------

--- Asks, and waits for a line.
---@async
---@param text string
---@param timeout number  seconds
---@return string
---  Raises: timeout, closed (nobody is there)
function Operator:ask(text, timeout)
  self.question = text
  self.out:write(text)
  self.out:flush()
  local line, err = next_line(self, timeout)
  if line and not self.is_terminal then say(self, core.codec.escape_terminal(line)) end
  if line then return line end
  say(self, "")
  if err.code == "timeout" then refuse("timeout", "nobody has answered the question in time") end
  if err.code == "closed" then refuse("closed", "nobody answers the question: standard input has ended") end
  error(err, 0)
end

--- From here on lines may be commands for these runs. At a terminal it is said how, once.
---@param runs { site: string? }[]
function Operator:listen(runs)
  self.runs = runs
  if not self.has_commands then return end
  open_input(self)
  if not self.is_terminal or self.refused then return end
  local which = #runs > 1 and " " .. runs[1].site or ""
  local hint = ("type stop%s to end %s after its phase, abort%s to end it now"):format(which, #runs > 1
    and "that site" or "the run", which)
  if hint ~= self.hint then say(self, hint .. (#runs > 1 and "; Ctrl-C aborts all" or "")) end
  self.hint = hint
end

--- One of these runs has begun.
---@param one { site: string? }
---@param run table   as the event run_began gives it
function operator.began(one, run)
  one.run = run
  if one.wanted then run[one.wanted](run) end
end

--- The one at standard input.
---@param out moonrig.Outlet   where questions go
---@param is_shown boolean  it is a terminal
---@param refused? fun(line: string, why: string)  commands are JSON; called for one that cannot be obeyed
---@return moonrig.Operator
function operator.new(out, is_shown, refused)
  local is_terminal = core.is_terminal(0)
  return setmetatable({ out = out, can_redraw = is_shown and os.getenv "TERM" ~= "dumb", refused = refused,
    is_terminal = is_terminal, runs = {},
    has_commands = refused ~= nil or is_terminal and is_shown and is_foreground() }, Operator)
end

--- The same person, who is told which site a question is about.
---@param site string
---@param ask fun(text: string, timeout: number): string
function operator.at(site, ask)
  return function(text, timeout) return ask(("site %s: %s"):format(site, text), timeout) end
end

return operator
