-- supply.lua: a driver for a SCPI power supply. In a station file: psu = { url = ..., driver = "drivers.supply" };
-- a procedure then says t.psu:on { volts = 5, amps = 1 }. The model for instruments that speak SCPI: the driver holds
-- an instrument of rig.scpi, gives its commands names and units, and switches off when it is closed.
local rig = require "moonrig"

local Supply = {}
Supply.__index = Supply

--- Sets volts and amps, and switches the output on.
---@param given { volts: number, amps: number }
function Supply:on(given)
  self.scpi:write(("VOLT %g;:CURR %g;:OUTP ON"):format(given.volts, given.amps)):opc()
end

--- Switches the output off.
function Supply:off() self.scpi:write("OUTP OFF"):opc() end

--- Volts at the output, measured.
---@return number
function Supply:volts() return self.scpi:query_number "MEAS:VOLT?" end

--- Amperes through the output, measured.
---@return number
function Supply:amps() return self.scpi:query_number "MEAS:CURR?" end

-- What moonrig asks of a driver: who it is (the station file's idn is compared with that), ...
function Supply:idn() return self.scpi:idn() end

-- ... and an end.
function Supply:close() self:off() end

return { open = function(port)
  return setmetatable({ scpi = rig.scpi(port, { check = true }) }, Supply)    -- check: an error of the supply is raised
end }
