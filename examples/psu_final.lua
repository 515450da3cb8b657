-- psu_final.lua: final test of a power supply, PSU-100: set points, load, current limit, self-test.
--   moonrig test examples/psu_final.lua --dut PSU4711 --station examples/station.lua --simulate
-- Instruments: psu, the supply's SCPI interface; dmm, a multimeter at its terminals, with a load of
-- 10 ohm; console, the serial console of its controller.
local rig = require "moonrig"
local test = rig.test

test.procedure {
  name = "PSU-100 final", version = "1.4.0", part = "PSU-100", serial = "^PSU%d+$",
  instruments = { "psu", "dmm", "console" },
}

local PROMPT = "mr1# "

local function ask(t, command)
  t.console:write_line(command)
  return t.console:expect("(%C+)\r?\n[^\n]*" .. PROMPT)
end

test.setup("reset", function(t)
  t.psu:reset()
  t.dmm:reset()
  t.psu:clear()
end)

-- A controller that was just switched on boots by itself, unless a key stops it; one that is up says nothing.
test.setup("console", { timeout = 15 }, function(t)
  local places = { PROMPT, "mr1> " }
  local at = t.console:try_expect(places, 2)
  if not at then
    t.console:write_line ""
    at = t.console:expect(places)
  end
  if at == 2 then
    t.console:write_line "boot"
    t.console:expect(PROMPT)
  end
end)

test.phase("identify", function(t)
  t:check("supply", t.psu:idn().model, { matches = "^PSU" })
  t:check("multimeter", t.dmm:idn().model, { equals = "DMM-6500" })
end)

test.phase("boot", { timeout = 10, retry = 1 }, function(t)
  local began = rig.now()
  t.console:write_line "reboot"
  local version = t.console:expect "MR1 firmware (%S+)"
  t.console:expect(PROMPT)
  t:check("firmware", version, { one_of = { "2.1.0", "2.1.1" } })
  t:measure("boot_time", rig.now() - began, { unit = "s", max = 3 })
end)

test.phase("self-test", { timeout = 10 }, function(t)
  t:check("selftest", ask(t, "selftest"), { equals = "selftest: PASS" })
  for _, rail in ipairs { { "3v3", 3.3 }, { "5v", 5 }, { "vin", 12 } } do
    local name, volts = table.unpack(rail)
    local value = ask(t, "adc " .. name):match "([%d.]+) V"
    t:measure("rail_" .. name, tonumber(value), { unit = "V", within = { nominal = volts, percent = 2 } })
  end
end)

test.phase("set points", { timeout = 20 }, function(t)
  t.psu:write "CURR 5;:OUTP ON"
  for _, volts in ipairs { 3.3, 5, 12, 24 } do
    t.psu:write(("VOLT %g"):format(volts))
    rig.sleep(0.15)
    t:measure(("v_%gv"):format(volts), t.dmm:query_number "MEAS:VOLT:DC?", {
      unit = "V", within = { nominal = volts, percent = 1 }, instrument = "dmm", doc = "at the load, 10 ohm",
    })
  end
end)

test.phase("stability", function(t)
  t.psu:write "VOLT 12"
  rig.sleep(0.15)
  t.dmm:write "CONF:VOLT:DC;:SENS:NPLC 0.2;:SAMP:COUN 20"
  local sum, squares = 0, 0
  local values = t.dmm:query_numbers "READ?"
  for _, v in ipairs(values) do sum = sum + v end
  local mean = sum / #values
  for _, v in ipairs(values) do squares = squares + (v - mean) ^ 2 end
  t:measure("noise", math.sqrt(squares / (#values - 1)) * 1000, { unit = "mV", max = 1, marginal_max = 0.8 })
end)

test.phase("current limit", { limits = {
  i_limit = { unit = "A", min = 0.195, max = 0.205, instrument = "dmm" },
  mode = { equals = "CC" },
} }, function(t)
  t.psu:write "VOLT 12;:CURR 0.2"
  rig.sleep(0.1)
  t:check("mode", t.psu:query "OUTP:MODE?")
  t:measure("i_limit", t.dmm:query_number "MEAS:CURR:DC?")
end)

test.phase("write serial number", { retry = 1 }, function(t)
  ask(t, "serial " .. t.dut.serial)
  t:check("serial", ask(t, "serial"), { equals = t.dut.serial })
end)

test.teardown("output off", function(t)
  t.psu:write "OUTP OFF"
  t.psu:check_errors()
end)
