#!/usr/bin/env moonrig
-- A simulated instrument in a few lines, and what happens when things go wrong with it.
local rig = require "moonrig"

local chamber = rig.sim {
  idn = "ACME,TC-1,SN7,1.0",
  state = { target = 25.0 },
  on = {
    ["TEMPerature:TARGet"] = { "target", min = -40, max = 120 },
    ["TEMPerature?"] = function(self) return self.state.target + self:noise(0.05) end,
    ["DOOR?"] = "CLOSED",
    ["^GREET (%a+)$"] = "hello %1",
  },
}

local tc <close> = rig.scpi(chamber:connect(), { timeout = 0.1 })
tc:write("temp:targ 85")
print(tc:query("TEMPERATURE:TARGET?;:DOOR?;GREET operator"))
print(("%.0f"):format(tc:query_number("TEMP?")))

chamber:fault("stall", { seconds = 0.15 }) -- the next reply comes too late ...
local _, err = tc:try_query("TEMP?")
print(err.code)
print(tc:query("DOOR?"))                   -- ... and is not taken for this one's

local listener <close> = chamber:listen("socket://127.0.0.1:0") -- the same one, for other programs
local other <close> = rig.scpi(listener.url)
print(other:query("TEMP:TARG?"))
