-- fanout.lua URL N SECONDS: N instruments, each queried in a loop by a task of its own
local rig = require "moonrig"
local url, n, seconds = arg[1], tonumber(arg[2]), tonumber(arg[3])
local ports, count = {}, {}
for i = 1, n do
  ports[i] = rig.open(url)
  count[i] = 0
end
local start = rig.now()
local stop = start + seconds
rig.group(function(g)
  for i = 1, n do
    g:spawn(function()
      local p = ports[i]
      while rig.now() < stop do
        p:query("*IDN?")
        count[i] = count[i] + 1
      end
    end)
  end
end)
local took, sum, least = rig.now() - start, 0, math.huge
for i = 1, n do
  sum, least = sum + count[i], math.min(least, count[i])
end
print(("%.0f fair=%.2f"):format(sum / took, least / (sum / n)))
