-- Writes every line that a device sends to standard output, as CSV: seconds since the start, text.
-- Ends when the device goes away, after COUNT lines, or with Ctrl-C.
--   moonrig examples/log.lua "/dev/ttyUSB0?baudrate=115200&reconnect" > log.csv
local rig = require "moonrig"

local port <close> = rig.open(arg[1])
local most = tonumber(arg[2]) or math.huge
local began, count = rig.now(), 0

print "seconds,text"
for line in port:lines(math.huge) do
  print(('%.3f,"%s"'):format(rig.now() - began, (line:gsub('"', '""'))))
  count = count + 1
  if count >= most then break end
end
