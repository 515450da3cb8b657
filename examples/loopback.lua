-- Checks a cable: with TX and RX (and RTS and CTS) connected, what is sent has to come back.
-- The exit code is 0 when all is well.
--   moonrig examples/loopback.lua /dev/ttyUSB0
local rig = require "moonrig"

local port <close> = rig.open(arg[1] or "loop://", { timeout = 1 })
local bad = 0
local function check(name, ok)
  print(name, ok and "ok" or "FAILED")
  if not ok then bad = bad + 1 end
end

local all = {}
for byte = 0, 255 do all[#all + 1] = string.char(byte) end
all = table.concat(all)
port:write(all)
check("256 byte values", port:try_read(#all) == all)

for _, level in ipairs { true, false } do
  port.rts = level
  rig.sleep(0.05)
  check(("RTS %s reaches CTS"):format(level and "on" or "off"), port.cts == level)
end
os.exit(bad == 0 and 0 or 1)
