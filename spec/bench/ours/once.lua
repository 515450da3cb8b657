-- once.lua URL: one query, for the time of a whole process
local rig = require "moonrig"
local p <close> = rig.open(arg[1])
p:query("*IDN?")
