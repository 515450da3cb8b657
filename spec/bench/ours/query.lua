-- query.lua URL N: sequential queries, with the latency of each
local rig = require "moonrig"
local n, now = tonumber(arg[2]), rig.now
local p <close> = rig.open(arg[1])
for _ = 1, 10 do p:query("*IDN?") end
local latency, start, cpu = {}, now(), os.clock()
local last = start
for i = 1, n do
  p:query("*IDN?")
  local t = now()
  latency[i], last = t - last, t
end
cpu = os.clock() - cpu
table.sort(latency)
print(("%.0f p50us=%.1f p99us=%.1f cpuus=%.2f"):format(n / (last - start), latency[n // 2] * 1e6,
  latency[n * 99 // 100] * 1e6, cpu * 1e6 / n))
