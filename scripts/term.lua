-- SPDX-License-Identifier: MIT
-- term.lua: moonrig term URL: talk to a port by hand, or through a pipe.
local cli = require "moonrig.cli"
local core = require "moonrig.core"
local log = require "moonrig.term.log"
local menu = require "moonrig.term.menu"
local pipe = require "moonrig.term.pipe"
local rig = require "moonrig"
local session = require "moonrig.term.session"
local view = require "moonrig.term.view"

local DESCRIPTION = [[
Talks to a port: a terminal with hex view, times, log and reconnect. Ctrl-] quits, Ctrl-T ? shows the keys.
Without a URL it lists the ports. In a pipe it sends standard input, prints what comes, and ends when nothing more does;
exit code 1: what --until looks for did not come.]]

local EXAMPLE = [[moonrig term /dev/ttyUSB0 115200
         moonrig term socket://10.0.0.5:5025 --eol lf --echo
         echo '*IDN?' | moonrig term socket://10.0.0.5:5025]]

local WAIT = 0.25 -- seconds between two attempts to open

local function seconds(text)
  local n = tonumber(text)
  if n and n >= 0 then return n end
  return nil, ("\"%s\" is no number of seconds"):format(text)
end

local function bits_per_second(text)
  if text:match "^%d+$" then return text end
  return nil, ("\"%s\" is no number of bits per second"):format(text)
end

local function control_key(text)
  if text:match "^%a$" or text:match "^[%]\\^_]$" then return string.char(text:upper():byte() & 31) end
  return nil, ("\"%s\" is no letter, and none of ] \\ ^ _"):format(text)
end

local function parse(args)
  local parser = cli.parser("term", DESCRIPTION, EXAMPLE)
  parser:argument("url", "a port; see `moonrig ports`"):args "?"
  parser:argument("baudrate", "bits per second"):args "?":convert(bits_per_second)
  parser:option("-s --set", "A setting, as 7E1, rtscts=on or dtr=off."):count "*":argname "SETTING"
  parser:option("--eol", "What Enter sends. Default: cr; for socket: and unix: lf."):choices { "cr", "lf", "crlf" }
  parser:flag("-e --echo", "Show what is sent.")
  parser:option("-v --view", "How received bytes are shown."):choices(view.MODES)
  parser:flag("-x --hex", "The same as --view hex.")
  parser:option("-t --time", "The time before each line."):choices(view.TIMES)
  parser:option("-l --log", "Append what is received to FILE."):argname "FILE"
  parser:option("--log-format", "Lines with their time, or bytes as they come."):choices(log.FORMATS):default "text"
  parser:flag("-w --wait", "Wait for a port that is not there yet.")
  parser:flag("--no-reconnect", "End when the port goes away.")
  parser:option("--idle", "In a pipe: seconds of silence that end it."):argname "SECONDS":default "1":convert(seconds)
  parser:option("--until", "In a pipe: end when this Lua pattern was received."):argname "PATTERN":target "wanted"
  parser:option("--menu-key", "Ctrl with this is the menu key."):argname "KEY":default "T":convert(control_key)
  parser:option("--exit-key", "Ctrl with this quits."):argname "KEY":default "]":convert(control_key)
  local o = parser:parse(args)
  if o.wanted and not pcall(string.find, "", o.wanted) then parser:error("--until: malformed pattern " .. o.wanted) end
  return o, parser
end

-- Numbered, on a terminal with a question; nil when none was chosen.
local function choose()
  local ports = core.list {}
  for i, p in ipairs(ports) do print(("%3d  %s  %s  %s"):format(i, p.device, p.description, p.hwid)) end
  if #ports == 0 then print "no serial ports found" end
  if #ports == 0 or not (core.is_terminal(0) and core.is_terminal(1)) then return nil end
  io.write "which one? "
  io.stdout:flush()
  local stdio <close> = rig.open "stdio:?raw=false"
  local line = stdio:try_read_line(math.huge)
  local p = line and ports[tonumber(line)]
  return p and p.device
end

local function settings_of(o, parser, interactive)
  local settings, bad = menu.parse_settings(table.concat(o.set, " "))
  if not settings then parser:error(("--set: \"%s\" is no setting, such as 7E1 or rtscts=on"):format(bad)) end
  settings.baudrate = o.baudrate or settings.baudrate
  local ends_by_itself = o.url:match "^exec:" or o.url:match "^replay:" or o.url:match "[?&]reconnect"
  if interactive and not o.no_reconnect and not ends_by_itself then settings.reconnect = true end
  return settings
end

-- Opens the port; with --wait as soon as it is there.
local function open(o, settings)
  local port, err = rig.try_open(o.url, settings)
  if port then return port end
  local absent = { not_found = true, refused = true, busy = true, timeout = true }
  if not (o.wait and absent[err.code]) then
    if err.code == "not_found" then err.message = err.message .. " (--wait waits for it)" end
    error(err, 0)
  end
  io.stderr:write("moonrig term: waits: ", err.message, "\n")
  repeat
    rig.sleep(WAIT)
    port, err = rig.try_open(o.url, settings)
  until port or not absent[err.code]
  return port or error(err, 0)
end

local function colour_wanted()
  local no_color = os.getenv "NO_COLOR"
  return core.is_terminal(1) and (no_color == nil or no_color == "")
end

local function eol_of(o) return o.eol or o.url:match "^socket:" and "lf" or o.url:match "^unix:" and "lf" or "cr" end

local function interact(port, o)
  local ok, err = pcall(session.run, port, {
    eol = eol_of(o), echo = o.echo, mode = o.view or "text", time = o.time, log = o.log, log_format = o.log_format,
    menu_key = o.menu_key, exit_key = o.exit_key, colour = colour_wanted(),
  })
  local done = ok or (type(err) == "table" and err.code == "closed" and err.message:find "exited with status 0$")
  if not done then error(err, 0) end
end

local function pump(port, o)
  local found, reason = pipe.run(port, {
    idle = o.idle, wanted = o.wanted, eol = o.eol and session.EOLS[o.eol], mode = o.view or o.time and "text" or "raw",
    time = o.time, log = o.log, log_format = o.log_format,
  })
  if found then return cli.PASS end
  io.stderr:write(("moonrig term: \"%s\" did not come: %s\n"):format(o.wanted, reason))
  return cli.FAIL
end

return function(args)
  local o, parser = parse(args)
  local interactive = core.is_terminal(0)
  if o.hex then o.view = "hex" end
  o.url = o.url or choose()
  if not o.url then
    io.stderr:write "moonrig term: name a port: moonrig term URL\n"
    return cli.USAGE
  end
  local port <close> = open(o, settings_of(o, parser, interactive))
  if not interactive then return pump(port, o) end
  interact(port, o)
end
