#!/usr/bin/env moonrig
-- Watches a device boot, stops it in its boot loader by a reset over DTR and a key, starts it, runs its self-test.
--   moonrig examples/boot.lua [URL]      without a URL: a simulator inside this program
local rig = require "moonrig"

local dut <close> = rig.open(arg[1] or "sim:examples/sims/dut.lua", { timeout = 5, eol = "\r" })

print("firmware", dut:expect("MR1 firmware (%S+)%s"))
dut:expect("mr1# ")

dut:pulse("dtr", 0.05)
dut:expect("stop autoboot")
dut:write(" ")
dut:expect("mr1> ")
dut:write_line("version")
print("loader", dut:expect("boot loader (%S+)"))
dut:write_line("boot")

dut:expect("mr1# ")
dut:write_line("selftest")
for _ = 1, 5 do print(dut:expect("selftest: (%w+) *(%w*)\r")) end
