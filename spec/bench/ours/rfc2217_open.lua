-- rfc2217_open.lua URL: ms until the port is open with its settings, then those of a change and of the close
local rig = require "moonrig"
local start = rig.now()
local p = rig.open(arg[1], { baudrate = 115200 })
local opened = rig.now()
p.baudrate = 9600
local changed = rig.now()
p:close()
local closed = rig.now()
print(("%.3f change_ms=%.3f close_ms=%.3f"):format((opened - start) * 1e3, (changed - opened) * 1e3,
  (closed - changed) * 1e3))
