-- store.lua FILE N [PER]: as src/store.c, by the record's own calls; with N 0: makes FILE, a record with a run.
local record = require "moonrig.record"
local rig = require "moonrig"

local n = math.tointeger(arg[2])
local per = math.tointeger(arg[3]) or n
local rec <close> = record.open(arg[1])
local run = rec:start_run { station = "line 1", dut = { serial = "SN1", part = "PSU-100" },
  procedure = { name = "final" } }
if n == 0 then return end

local count, start, cpu = 0, rig.now(), os.clock()
for _ = 1, n, per do
  local phase = run:phase { name = "rails" }
  for i = 1, per do
    local k = i % 20
    count = count + 1
    phase:measurement { name = ("v_%02d"):format(k), value = k + 0.01 * (count % 7), unit = "V", outcome = "PASS",
      limits = { min = k - 0.05, max = k + 0.1 } }
  end
  phase:finish { outcome = "PASS" }
end
local rate = n / (rig.now() - start)
cpu = os.clock() - cpu
run:finish { outcome = "PASS" }
print(("%.0f cpuus=%.2f"):format(rate, cpu * 1e6 / n))
