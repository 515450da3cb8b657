#!/usr/bin/env moonrig
-- A scheme of one's own: bench://NAME looks the port up in a table; upper:// is a device made of a few lines.
local rig = require "moonrig"

local BENCH = { psu = "sim:examples/sims/psu.lua", dmm = "sim:examples/sims/dmm.lua" }

rig.register_scheme("bench", function(url)
  local name = url:match("^bench://(%w+)")
  return rig.open(BENCH[name] or error("there is no " .. name .. " on this bench"))
end)

rig.register_scheme("upper", function()
  local near, far = rig.pair()
  rig.spawn(function()
    for line in far:lines(math.huge) do far:write_line(line:upper()) end
  end)
  return near
end)

local psu <close> = rig.scpi("bench://psu?timeout=2")
print(psu:idn().model)
local device <close> = rig.open("upper://")
print(device:query("hello"))
local same <close> = rig.open("alt://anything?class=upper") -- pySerial's way to say it
print(same:query("again"))
