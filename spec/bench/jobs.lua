-- jobs.lua: five small jobs whose instructions are counted (make instructions): moonrig spec/bench/jobs.lua NAME
local rig = require "moonrig"

local jobs = {}

--- Starts and ends, with the library loaded.
function jobs.start() end

--- A thousand queries to a task at the other end of a pair.
function jobs.query()
  local near <close>, far = rig.pair()
  local instrument = rig.spawn(function()
    for line in far:lines() do
      if line == "MEAS:VOLT?" then far:write_line "+5.0012E+00" end
    end
  end)
  for _ = 1, 1000 do assert(near:query "MEAS:VOLT?" == "+5.0012E+00") end
  near:close()
  instrument:join()
end

--- Ten thousand lines of 64 bytes, in portions of any size.
function jobs.lines()
  local near <close>, far = rig.pair()
  local text, count = (("x"):rep(63) .. "\n"):rep(10000), 0
  rig.spawn(function()
    for i = 1, #text, 1000 do far:write(text:sub(i, i + 999)) end
    far:close()
  end)
  for line in near:lines() do count = count + #line end
  assert(count == 630000)
end

--- Looks for one of three patterns in 60,000 bytes that arrive little by little.
function jobs.expect()
  local near <close>, far = rig.pair()
  local noise = ("[    0.123456] usb 1-1: new full-speed device\r\n"):rep(1250)
  rig.spawn(function()
    for i = 1, #noise, 100 do far:write(noise:sub(i, i + 99)) end
    far:write "U-Boot 2023.04 (Apr 01)\r\nlogin: "
    far:close()
  end)
  local which, version = near:expect { "panic: (.-)\n", "U%-Boot (%S+)%s", "[Ll]ogin:%s" }
  assert(which == 2 and version == "2023.04")
end

--- A run of 100 measurements, recorded and read back as JSON.
function jobs.record()
  local path = os.tmpname()
  local records = require("moonrig.record").open(path)
  local run = records:start_run { station = "S", dut = { serial = "PSU1" }, procedure = { name = "P" } }
  local phase = run:phase { name = "sweep" }
  for i = 1, 100 do
    phase:measurement { name = "v" .. i, value = i / 7, unit = "V", outcome = "PASS", limits = { min = 0, max = 20 } }
  end
  phase:finish { outcome = "PASS" }
  run:finish { outcome = "PASS" }
  assert(#rig.json.encode(records:load(run.id)) > 10000)
  records:close()
  for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
end

jobs[arg[1]]()
