-- Prints each change of the input signals of a port, until Ctrl-C.
--   moonrig examples/signals.lua /dev/ttyS0
local rig = require "moonrig"

local port <close> = rig.open(arg[1])
local began = rig.now()
while true do
  local change = port:wait_signals(nil, math.huge)
  for _, name in ipairs(change.changed) do
    print(("%8.3f  %-3s  %s"):format(rig.now() - began, name:upper(), change[name] and "on" or "off"))
  end
  io.stdout:flush()
end
