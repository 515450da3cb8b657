-- Reads holding registers of a Modbus RTU device: binary frames with a checksum.
--   moonrig examples/modbus.lua "/dev/ttyUSB0?baudrate=19200&parity=E&rs485" UNIT FIRST COUNT
local rig = require "moonrig"

local function crc16(bytes)
  local crc = 0xffff
  for i = 1, #bytes do
    crc = crc ~ bytes:byte(i)
    for _ = 1, 8 do crc = crc & 1 == 1 and (crc >> 1) ~ 0xa001 or crc >> 1 end
  end
  return string.pack("<I2", crc)
end

local function read_registers(port, unit, first, count)
  local request = string.pack(">BBI2I2", unit, 3, first, count)
  port:flush_input()
  port:write(request, crc16(request))
  local head = port:read(3)
  local _, code, size = head:byte(1, 3)
  if code ~= 3 then error(("unit %d refuses with exception %d"):format(unit, size), 0) end
  local body, crc = port:read(size), port:read(2)
  if crc16(head .. body) ~= crc then error("the checksum is wrong", 0) end
  return { string.unpack(">" .. ("I2"):rep(size // 2), body) }
end

local port <close> = rig.open(arg[1], { timeout = 1 })
local first, count = tonumber(arg[3]), tonumber(arg[4])
for i, value in ipairs(read_registers(port, tonumber(arg[2]), first, count)) do
  if i <= count then print(first + i - 1, value) end
end
