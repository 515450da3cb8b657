-- store_test.lua: a procedure: N measurements in phases of PER (environment), for moonrig test. Tells the rate on
-- stderr, since moonrig test shows the run on stdout.
local rig = require "moonrig"
local test = rig.test

local n, per = math.tointeger(os.getenv "N"), math.tointeger(os.getenv "PER")
local start, cpu, count = nil, nil, 0

test.procedure { name = "final", part = "PSU-100" }
test.setup("start", function() start, cpu = rig.now(), os.clock() end)
for p = 1, n // per do
  test.phase("rails " .. p, function(t)
    for k = 1, per do
      count = count + 1
      t:measure(("v_%02d"):format(k), k + 0.01 * (count % 7), { unit = "V", min = k - 0.05, max = k + 0.1 })
    end
  end)
end
test.teardown(function()
  io.stderr:write(("%.0f cpuus=%.2f\n"):format(n / (rig.now() - start), (os.clock() - cpu) * 1e6 / n))
end)
