-- Resets a microcontroller by the signals of its USB adapter, as esptool does, and prints what it says.
-- On such boards DTR pulls GPIO0 low (start the boot loader) and RTS pulls EN low (reset).
--   moonrig examples/reset.lua /dev/ttyUSB0         run the program in flash
--   moonrig examples/reset.lua /dev/ttyUSB0 boot    start the boot loader
local rig = require "moonrig"

-- Both levels are given before the port opens, so opening it resets nothing.
local port <close> = rig.open(arg[1], { baudrate = 115200, dtr = false, rts = false })
port:set { dtr = arg[2] == "boot", rts = true }
rig.sleep(0.1)
port:flush_input()
port.rts = false
print(port:read_line())
port.dtr = false
