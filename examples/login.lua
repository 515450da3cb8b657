-- Logs in on a console, whatever state it is in, and runs one command.
--   moonrig examples/login.lua "/dev/ttyUSB0?baudrate=115200" root secret "uname -r"
local rig = require "moonrig"

local url, user, password, command = table.unpack(arg)
local console <close> = rig.open(url, { timeout = 10, eol = "\r" })

console:write_line ""
repeat
  local which = console:expect { "login: ", "[Pp]assword: ", "[#$] " }
  if which == 1 then console:write_line(user) end
  if which == 2 then console:write_line(password) end
until which == 3

console:write_line(command)
console:read_until "\n" -- the echo of the command
print((console:expect "(.-)\r?\n[^\n]*[#$] "))
