#!/usr/bin/env moonrig
-- Sets a supply, reads a multimeter, checks what they have to say; the output goes off whatever happens.
--   moonrig examples/instruments.lua [SUPPLY-URL METER-URL]      without URLs: simulators inside this program
local rig = require "moonrig"

local psu_url, dmm_url = arg[1] or "sim:examples/sims/psu.lua", arg[2] or "sim:examples/sims/dmm.lua?load=10"
local psu <close> = rig.scpi(psu_url, { timeout = 2, check = true, on_close = "OUTP OFF" })
local dmm <close> = rig.scpi(dmm_url, { timeout = 2 })

for _, instrument in ipairs { psu, dmm } do
  local id = instrument:idn()
  print(id.model, id.serial, id.firmware)
end

psu:write("VOLT:SLEW 5000;:CURR 2;:OUTP ON")
for _, volt in ipairs { 1.8, 3.3, 5.0 } do
  psu:write(("VOLT %g"):format(volt)):opc()
  rig.sleep(0.01)
  print(("%4.1f V: %.3f V at the load, %.3f A"):format(volt, dmm:query_number("MEAS:VOLT:DC?"),
    dmm:query_number("MEAS:CURR:DC?")))
end

local _, err = psu:try_write("VOLT 99")
print(err.errors[1].code, err.errors[1].text)
