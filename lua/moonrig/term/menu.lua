-- SPDX-License-Identifier: MIT
-- menu.lua: what the keys after the menu key do. Each action gets the session; an error in one is shown, and ends
-- nothing.
local core = require "moonrig.core"
local rig = require "moonrig"
local view = require "moonrig.term.view"

local menu = {}

local BLOCK = 1024 -- bytes of a file sent at once

-- ---- words

local function on_off(value) return value and "on" or "off" end

--- The name of a control key: "Ctrl-T".
function menu.key_name(key) return "Ctrl-" .. string.char(key:byte() + 64) end

local function field(port, name)
  local ok, value = pcall(function() return port[name] end)
  if ok then return value end
end

--- The port's name and settings: "/dev/ttyUSB0, 115200 8N1".
function menu.describe(port)
  local baudrate = field(port, "baudrate")
  if not baudrate then return port.name end
  return ("%s, %d %d%s%g"):format(port.name, baudrate, port.bytesize, port.parity, port.stopbits)
end

-- ---- settings

--- Settings from words such as "115200", "7E1", "rtscts=on". nil and the word that is none.
---@param text string
---@return table?, string?
function menu.parse_settings(text)
  local settings = {}
  for word in text:gmatch "%S+" do
    local bits, parity, stop = word:upper():match "^([5-8])([NEOMS])([12]%.?5?)$"
    local key, value = word:match "^([%w_.]+)=(.+)$"
    if bits then
      settings.bytesize, settings.parity, settings.stopbits = bits, parity, stop
    elseif key then
      settings[key] = value
    elseif word:match "^%d+$" then
      settings.baudrate = word
    else
      return nil, word
    end
  end
  return settings
end

--- Bytes from hex digits, in pairs: "01 03 0a", "0x01,0x03", "01030A". nil: they are not.
---@param text string
---@return string?
function menu.parse_hex(text)
  local digits = text:gsub("0[xX]", ""):gsub("[%s,]", "")
  if digits:find "%X" or #digits % 2 == 1 or digits == "" then return nil end
  return (digits:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

-- ---- actions

local function settings(s)
  local text = s:ask(("settings (now %s), such as 115200 7E1 rtscts=on:"):format(menu.describe(s.port)))
  if not text then return end
  local wanted, bad = menu.parse_settings(text)
  if not wanted then return s:say("\"%s\" is no setting", bad) end
  s.port:set(wanted)
  s:say(menu.describe(s.port))
end

local function info(s)
  local port = s.port
  s:say("%s%s", menu.describe(port), s.lost and ", lost: " .. s.lost or "")
  local signals = {}
  for _, name in ipairs { "dtr", "rts", "cts", "dsr", "ri", "cd" } do
    local level = field(port, name)
    if level ~= nil then signals[#signals + 1] = name:upper() .. " " .. on_off(level) end
  end
  if #signals > 0 then s:say(table.concat(signals, ", ")) end
  local e = port.errors
  s:say("received %d bytes, sent %d; errors: parity %d, framing %d, overrun %d; breaks %d", s.received, s.sent,
    e.parity, e.framing, e.overrun, e.breaks)
  s:say("Enter sends %s, echo %s, view %s, time %s, log %s", s.eol:upper(), on_off(s.echo), s.view.mode,
    s.view.time or "off", s.log and s.log.path or "off")
end

local function toggle(name)
  return function(s)
    s.port[name] = not s.port[name]
    s:say("%s %s", name:upper(), on_off(s.port[name]))
  end
end

local function pulse(name)
  return function(s)
    s.port:pulse(name, 0.1)
    s:say("%s pulsed for 0.1 s", name:upper())
  end
end

local function send_break(s)
  s.port:send_break()
  s:say "break sent"
end

local function echo(s)
  s.echo = not s.echo
  s:say("local echo %s", on_off(s.echo))
end

local function after(list, value)
  for i, v in ipairs(list) do
    if v == value then return list[i + 1] end
  end
end

local function newline(s)
  s.eol = after({ "cr", "lf", "crlf" }, s.eol) or "cr"
  s:say("Enter sends %s", s.eol:upper())
end

local function set_view(s, mode)
  s:write(s.view:end_line(core.time()))
  s.view.mode = mode
  s:say("view %s", mode)
end

local function next_view(s) set_view(s, after(view.MODES, s.view.mode) or view.MODES[1]) end

local function hex(s) set_view(s, s.view.mode == "hex" and "text" or "hex") end

local function time(s)
  if s.view.time then
    s.view.time = after(view.TIMES, s.view.time)
  else
    s.view.time = view.TIMES[1]
  end
  s:say("time %s", s.view.time or "off")
end

local function toggle_log(s)
  if s.log then
    s:say("log to %s ended", s.log.path)
    return s:close_log()
  end
  local path = s:ask "log to file:"
  if not path then return end
  s:open_log(path, s.log_format)
  s:say("logs to %s", path)
end

local function send_hex(s)
  local text = s:ask "send bytes, in hex:"
  if not text then return end
  local bytes = menu.parse_hex(text)
  if not bytes then return s:say("\"%s\" is not hex: two digits for each byte", text) end
  s:type(bytes)
end

local function transmit_file(s, path, file)
  local began, bytes = rig.now(), 0
  for block in file:lines(BLOCK) do
    s:transmit(block)
    bytes = bytes + #block
  end
  s:say("sent %s: %d bytes in %.1f s", path, bytes, rig.now() - began)
end

-- A task of the session's group: it ends with that.
local function start_sending(s, path, file)
  s.sending = s.group:spawn(function()
    local source <close> = file
    local ok, err = pcall(transmit_file, s, path, source)
    local stopped = s.sending == nil
    s.sending = nil
    if ok then return end
    if not stopped then error(err, 0) end
    s:say("%s: stopped", path)
  end)
end

local function send_file(s)
  local sending = s.sending
  if sending then
    s.sending = nil
    sending:cancel()
    return
  end
  local path = s:ask "send file:"
  if not path then return end
  local file, reason = io.open(path, "rb")
  if not file then return s:say(reason) end
  s:say("sends %s; %s f again stops it", path, menu.key_name(s.menu_key))
  start_sending(s, path, file)
end

local function clear(s)
  s:write(s.view:end_line(core.time()) .. "\27[2J\27[H")
end

local function help(s)
  s:say("%s quits. After %s:", menu.key_name(s.exit_key), menu.key_name(s.menu_key))
  for _, action in ipairs(menu.ACTIONS) do s:say("  %s  %s", action[1], action[2]) end
  s:say("  %s, %s  sends that key", menu.key_name(s.menu_key), menu.key_name(s.exit_key))
end

--- key, what it does, how
menu.ACTIONS = {
  { "?", "this help", help },
  { "q", "quits", function() return "quit" end },
  { "i", "shows the port, its signals, counts and how things are set here", info },
  { "s", "changes settings: baudrate, framing, flow control", settings },
  { "b", "sends a break", send_break },
  { "d", "DTR on or off", toggle "dtr" },
  { "r", "RTS on or off", toggle "rts" },
  { "p", "pulses DTR", pulse "dtr" },
  { "P", "pulses RTS", pulse "rts" },
  { "e", "local echo on or off", echo },
  { "n", "what Enter sends: CR, LF, CRLF", newline },
  { "v", "view: text, visible control characters, hex, raw", next_view },
  { "h", "view: hex or text", hex },
  { "t", "time of each line: clock, elapsed, delta, off", time },
  { "l", "logs what is received to a file, or ends that", toggle_log },
  { "x", "sends bytes given in hex", send_hex },
  { "f", "sends a file as it is, or stops that", send_file },
  { "c", "clears the screen", clear },
}

--- Does what the key after the menu key stands for.
---@return "quit"?
function menu.act(s, key)
  if key == s.menu_key or key == s.exit_key then return s:type(key) end
  for _, action in ipairs(menu.ACTIONS) do
    if action[1] == key or (action[1] == "?" and key == "\8") then
      local ok, result = pcall(action[3], s)
      if ok then return result end
      if type(result) ~= "table" or result.code == "cancelled" then error(result, 0) end
      return s:say(result.message)
    end
  end
  s:write "\7"
end

return menu
