-- Lets programs use a serial port over TCP: bytes go both ways, one client at a time.
--   moonrig examples/share.lua /dev/ttyUSB0 socket://127.0.0.1:4000
local rig = require "moonrig"

local device <close> = rig.open(arg[1])
local turn = rig.lock()

local function copy(from, to)
  while true do to:write(from:read_some(nil, math.huge)) end
end

-- When one direction ends, the group cancels the other.
local listener <close> = rig.listen(arg[2], function(client)
  local _ <close> = turn:acquire()
  device:flush_input()
  rig.group(function(group)
    group:spawn(copy, device, client)
    group:spawn(copy, client, device)
  end)
end)
print("listening on " .. listener.url)
io.stdout:flush()
listener:join()
