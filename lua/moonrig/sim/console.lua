-- SPDX-License-Identifier: MIT
-- console.lua: a simulated device with a prompt: boot log, a boot loader that one can stop in, login,
-- commands, reset by DTR.
--
--   rig.sim {
--     console = {
--       rom = { "ROM 1.2\n", 0.1, "RAM 64 MiB\n" },               -- text, pauses in seconds
--       autoboot = { seconds = 1, prompt = "=> ", on = { ... } },  -- any key or a break stops there
--       boot = { "Starting\n" },                                  -- after that
--       login = { root = "secret" },                               -- user = password ("" asks for none)
--       prompt = "dut# ",
--     },
--     rate = 11520, on = { version = "2.1.0", ["^adc (%w+)$"] = function(self, channel) ... end },
--   }
--
-- DTR off holds it in reset; RTS off when DTR comes back leads to the boot loader.  Both are seen where
-- there are such signals: a pair has them, a socket does not.  In a reply function self:say(text) writes
-- at once, self:reboot() starts over, self.leave = true logs out.  Text is written with "\n" and sent with "\r\n".
local rig = require "moonrig"

local REBOOT <const> = {}

local BACKSPACE <const>, DELETE <const>, INTERRUPT <const> = "\b", "\127", "\3"

local Session = {}

function Session:say(text) self:send(self.port, (text:gsub("\r?\n", "\r\n"))) end

function Session.reboot() error(REBOOT, 0) end

-- ---- input ---------------------------------------------------------------------------------------

local function next_char(self, timeout)
  if self.typed == "" then self.typed = self.port:read_some(nil, timeout) end
  local c = self.typed:sub(1, 1)
  self.typed = self.typed:sub(2)
  return c
end

-- A line, with echo and erasing as a terminal driver does; nil after Ctrl-C.
local function read_line(self, echo)
  local line = ""
  while true do
    local c = next_char(self, math.huge)
    local after_return = self.after_return
    self.after_return = c == "\r"
    if c == "\r" or c == "\n" and not after_return then
      self:say("\n")
      return line
    elseif c == INTERRUPT then
      self:say("^C\n")
      return nil
    elseif c == BACKSPACE or c == DELETE then
      if line ~= "" and echo then self:say("\b \b") end
      line = line:sub(1, -2)
    elseif c ~= "\n" and c ~= "\0" then
      line = line .. c
      if echo then self:say(c) end
    end
  end
end

-- ---- stages --------------------------------------------------------------------------------------

local function print_log(self, log)
  for _, item in ipairs(type(log) == "table" and log or { log }) do
    if type(item) == "number" then rig.sleep(item) else self:say(item) end
  end
end

local function answer(self, matcher, line)
  local entry, values = matcher:line(line)
  if not entry then return nil end
  local reply = self:_evaluate(entry, values)
  if not reply then return "" end
  return reply:match("\n$") and reply or reply .. "\n"
end

local function shell(self, prompt, matcher, unknown)
  while true do
    self:say(prompt)
    local line = read_line(self, true)
    line = line and line:match("^%s*(.-)%s*$") or ""
    if line ~= "" then
      local reply = answer(self, matcher, line) or unknown(line:match("%S+")) .. "\n"
      if reply == "" then reply = nil end
      reply = self.faults:apply(line, reply, self.port)
      if self.observer then self.observer(line, reply) end
      if reply then self:say(reply) end
      if self.leave then
        self.leave = false
        return
      end
    end
  end
end

local function log_in(self, users, host)
  while true do
    self:say(("\n%s login: "):format(host))
    local user = read_line(self, true)
    if user and user ~= "" then
      local password = users[user]
      if password == "" then return end
      self:say("Password: ")
      local typed = read_line(self, false)
      if password and typed == password then return end
      rig.sleep(0.1)
      self:say("\nLogin incorrect\n")
    end
  end
end

-- Any key, or a break, within the seconds.
local function stopped(self, seconds)
  self:say(("Hit any key to stop autoboot: %d "):format(math.ceil(seconds)))
  local key, err = self.port:try_read_some(nil, self.typed == "" and seconds or 0)
  if not key and err.code ~= "timeout" then error(err, 0) end
  self:say("\n")
  local hit = key or self.typed ~= ""
  self.typed = ""
  return hit
end

local function boot_loader(self, loader)
  local matcher = require "moonrig.sim.match"()
  matcher:add("boot", function() self.leave = true end)
  matcher:add("reset", function() self.reboot() end)
  for key, reply in pairs(loader.on or {}) do matcher:add(key, reply) end
  shell(self, loader.prompt or "=> ", matcher, function(word)
    return ("Unknown command '%s' - try 'help'"):format(word)
  end)
end

-- One life, from power on to the next reset.
local function live(self, console, into_loader)
  self.typed, self.after_return = "", false
  print_log(self, console.rom or {})
  local loader = console.autoboot
  if loader and (into_loader or stopped(self, loader.seconds or 1)) then boot_loader(self, loader) end
  print_log(self, console.boot or {})
  while true do
    if console.login then log_in(self, console.login, console.host or "dut") end
    shell(self, console.prompt or "# ", self.matcher, function(word) return ("%s: command not found"):format(word) end)
  end
end

-- ---- reset ---------------------------------------------------------------------------------------

-- Tells of DTR (seen as DSR here) until the port closes; where there are no signals there is nothing to tell.
local function watch(port, events)
  while true do
    local ok, signals = pcall(port.wait_signals, port, "dsr", math.huge)
    if not ok then return end
    events:push { dtr = signals.dsr, into_loader = not signals.cts }
  end
end

local function start(self, console, events, into_loader)
  return rig.spawn(function()
    local ok, err = pcall(live, self, console, into_loader)
    if not ok and err ~= REBOOT and type(err) == "table" and err.code == "cancelled" then return end
    events:push { over = err ~= REBOOT, err = err }
  end)
end

local function finish(task)
  if not task then return end
  task:cancel()
  pcall(task.join, task)
end

local function run(self, console, events, tasks)
  local event = {}
  repeat
    if event.dtr ~= false then tasks.life = start(self, console, events, event.into_loader) end
    event = events:pop()
    finish(tasks.life)
  until event.over
  error(event.err, 0)
end

local CONSOLE <const> = { rom = true, autoboot = true, boot = true, login = true, host = true, prompt = true }
local AUTOBOOT <const> = { seconds = true, prompt = true, on = true }

local function check_names(what, given, known)
  for name in pairs(given or {}) do
    if not known[name] then
      local message = ("sim: unknown field %q in %s"):format(tostring(name), what)
      error(rig.error { code = "unsupported", op = "sim", message = message }, 0)
    end
  end
end

--- Makes the session of a simulator from its field `console`.
---@param console table boot, rom (lists of text and pauses), autoboot, login, prompt, host
---@return fun(client: table, port: moonrig.Port)
return function(console)
  check_names("console", console, CONSOLE)
  check_names("console.autoboot", console.autoboot, AUTOBOOT)
  return function(client, port)
    local own = { port = port, typed = "", after_return = false, leave = false }
    local self = setmetatable(own, {
      __index = function(_, name) return Session[name] or client[name] end,
      __newindex = client,
    })
    local events = rig.queue()
    local tasks = { watch = rig.spawn(watch, port, events) }
    local ok, err = pcall(run, self, console, events, tasks)
    finish(tasks.life)
    finish(tasks.watch)
    if not ok then error(err, 0) end
  end
end
