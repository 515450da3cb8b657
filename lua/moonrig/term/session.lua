-- SPDX-License-Identifier: MIT
-- session.lua: a terminal session: one task shows what the port receives, one sends what is typed, one listens to the
-- keyboard. The keyboard never waits for the port, so that the way out is always open.
local core = require "moonrig.core"
local keys = require "moonrig.term.keys"
local log = require "moonrig.term.log"
local menu = require "moonrig.term.menu"
local rig = require "moonrig"
local view = require "moonrig.term.view"

local session = {}

--- What Enter sends, by name.
session.EOLS = { cr = "\r", lf = "\n", crlf = "\r\n" }

local UNSENT_MOST = 64 * 1024 -- bytes typed that the port does not take
local LEAVE = 0.2 -- seconds for the last line on the screen
local QUIT = {} -- how the keyboard ends the session

local Session = {}
Session.__index = Session

-- ---- the screen

--- Writes text on the screen, or keeps it until a question has been answered.
function Session:write(text)
  if text == "" then return end
  if self.held then
    self.held[#self.held + 1] = text
    return
  end
  self.drawing:with(function() self.screen:write(text, math.huge) end)
end

--- A line of the program's own.
function Session:say(text, ...)
  text = select("#", ...) > 0 and text:format(...) or text
  if self.notes then
    self.notes:write("--- ", text, "\n")
  else
    self:write(self.view:note(text, core.time()))
  end
end

--- Asks for a line; nil: given up.
---@param question string
---@return string?
function Session:ask(question)
  local out = self.notes or self.screen
  local function show(text) out:write("\r\27[K--- " .. question .. " " .. text) end
  self:write(self.view:end_line(core.time()))
  self.held = {}
  show ""
  local ok, answer = pcall(self.keys.line, self.keys, show)
  out:write "\r\n"
  local held = table.concat(self.held)
  self.held = nil
  self:write(held)
  if not ok then error(answer, 0) end
  return answer ~= "" and answer or nil
end

-- ---- the port

--- Sends bytes; waits as long as the port takes.
function Session:transmit(bytes)
  self.writing:with(function() self.port:write(bytes, math.huge) end)
  self.sent = self.sent + #bytes
end

--- Sends what was typed, when the port takes it; with a bell instead when it is away, or takes nothing.
function Session:type(bytes)
  if self.lost or self.unsent > UNSENT_MOST then return self:write "\7" end
  self.unsent = self.unsent + #bytes
  self.outgoing:push(bytes)
  if self.echo then self:write(self.view:show(bytes, core.time(), true)) end
end

function Session:send()
  while true do
    local bytes = self.outgoing:pop()
    self:transmit(bytes)
    self.unsent = self.unsent - #bytes
  end
end

--- Begins to log into a file.
function Session:open_log(path, format) self.log = log.open(path, format) end

--- Ends the log.
function Session:close_log()
  if self.log then self.log:close() end
  self.log = nil
end

function Session:watch()
  local lost = self.port.reconnect and self.port.lost or nil
  if lost and not self.lost then
    self:say("lost: %s; waits for it to come back", lost)
  elseif self.lost and not lost then
    self:say("back: %s", menu.describe(self.port))
  end
  self.lost = lost
end

function Session:receive()
  while true do
    local bytes, err = self.port:try_read_some(nil, view.PAUSE)
    local now = core.time()
    if bytes then
      self.received = self.received + #bytes
      if self.log then self.log:write(bytes, now) end
      self:write(self.view:show(bytes, now))
    elseif err.code == "timeout" then
      self:write(self.view:idle(now))
    else
      self:write(self.view:end_line(now))
      error(err, 0)
    end
    self:watch()
  end
end

-- ---- the keyboard

function Session:keyboard()
  while true do
    local run = self.keys:run()
    if run == self.exit_key then return end
    if run == self.menu_key then
      if menu.act(self, self.keys:key()) == "quit" then return end
    else
      self:type((run:gsub("\r", session.EOLS[self.eol])))
    end
  end
end

--- Runs a session on an open port until the user quits; raises when the port has no more.
--- Options: eol, echo, mode, time, log, log_format, menu_key, exit_key, colour.
---@async
---@param port moonrig.Port
---@param options table
function session.run(port, options)
  local screen <close> = rig.open "stdio:"
  local seen = core.is_terminal(1)
  local self <close> = setmetatable({
    port = port, screen = screen, notes = not seen and io.stderr or nil, eol = options.eol, echo = options.echo,
    keys = keys.new(screen, "[" .. options.menu_key .. options.exit_key .. "]"), menu_key = options.menu_key,
    exit_key = options.exit_key, log_format = options.log_format, received = 0, sent = 0, unsent = 0,
    outgoing = rig.queue(), writing = rig.lock(), drawing = rig.lock(),
    view = view.new { mode = options.mode, time = options.time, colour = options.colour, redraw = seen,
      newline = seen and "\r\n" or "\n", start = core.time() },
  }, Session)
  if options.log then self:open_log(options.log, options.log_format) end
  self:say("%s; %s quits, %s ? shows the keys", menu.describe(port), menu.key_name(options.exit_key),
    menu.key_name(options.menu_key))
  local _, err = pcall(rig.group, function(group)
    self.group = group
    group:spawn(self.receive, self)
    group:spawn(self.send, self)
    group:spawn(function()
      self:keyboard()
      error(QUIT, 0)
    end)
  end)
  if err ~= QUIT then error(err, 0) end
  pcall(screen.write, screen, self.view:end_line(core.time()), LEAVE) -- the screen may be stopped
end

function Session:__close() self:close_log() end

return session
