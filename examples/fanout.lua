-- Asks many instruments at once and prints the answers in the order of the arguments.
-- It takes as long as the slowest of them; one that fails does not stop the others.
--   moonrig examples/fanout.lua socket://10.0.0.5:5025 socket://10.0.0.6:5025 /dev/ttyUSB0
local rig = require "moonrig"

local answers = {}
rig.group(function(group)
  for i, url in ipairs(arg) do
    group:spawn(function()
      local port <close>, err = rig.try_open(url, { timeout = 2 })
      if port then answers[i], err = port:try_query "*IDN?" end
      answers[i] = answers[i] or "no answer: " .. err.message
    end)
  end
end)
for i, url in ipairs(arg) do print(url, answers[i]) end
