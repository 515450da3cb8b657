-- Asks one question and prints the answer.
--   moonrig examples/query.lua socket://10.0.0.5:5025
--   moonrig examples/query.lua "/dev/ttyUSB0?baudrate=115200" "MEAS:VOLT?"
local rig = require "moonrig"

local port <close> = rig.open(arg[1], { timeout = 2 })
print(port:query(arg[2] or "*IDN?"))
