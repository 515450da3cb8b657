-- dut.lua: a simulated device under test with a serial console: boot log, boot loader, login, commands.
--   moonrig sim examples/sims/dut.lua --listen pty:/tmp/dut     then: moonrig term /tmp/dut
--   rig.open("sim:examples/sims/dut.lua")
-- Options: serial, password (none: no login), fail (a part whose self-test fails: ram, flash, rtc, adc), seed,
-- rate (bytes per second, 11520).
-- A key or a break while it counts stops it in the boot loader; so does DTR off, then on with RTS off.
local rig = require "moonrig"

local options = ... or {}

local VERSION <const> = "2.1.0"
local PARTS <const> = { "ram", "flash", "rtc", "adc" }
local RAILS <const> = { ["3v3"] = 3.302, ["5v"] = 5.013, vin = 12.08 }

local function version() return ("fw %s (2024-03-18) hw C"):format(VERSION) end

local function self_test(self)
  local failed = 0
  for _, part in ipairs(PARTS) do
    self:say(("selftest: %-6s"):format(part))
    rig.sleep(0.03)
    local good = self.state.fail ~= part
    failed = failed + (good and 0 or 1)
    self:say(good and "ok\n" or "FAIL\n")
  end
  return failed == 0 and "selftest: PASS" or ("selftest: FAIL (%d of %d)"):format(failed, #PARTS)
end

return rig.sim {
  seed = tonumber(options.seed) or 3,
  rate = tonumber(options.rate) or 11520,
  state = { serial = options.serial or "DUT000001", fail = options.fail or "", led = false },
  console = {
    rom = { "\n\nMR1 boot rom 1.2\n", 0.02, "SDRAM 64 MiB ok\n" },
    autoboot = {
      seconds = 0.3, prompt = "mr1> ",
      on = {
        version = "mr1 boot loader 1.2 (2023-11-02)",
        help = "boot     start the firmware\nreset    start over\nversion  of the boot loader",
      },
    },
    boot = {
      "Loading firmware ....", 0.02, " ok\n",
      "[    0.000000] MR1 firmware " .. VERSION .. "\n",
      "[    0.012207] clock: 120 MHz\n", 0.01,
      "[    0.030518] adc: 12 bit, 3 channels\n",
      "[    0.041809] rtc: set\n", 0.01,
      "[    0.057983] ready\n",
    },
    login = options.password and { root = options.password } or nil,
    host = "mr1",
    prompt = "mr1# ",
  },
  on = {
    version = version,
    serial = function(self, new)
      if not new then return self.state.serial end
      if not new:match("^[%u%d]+$") then return "serial: capital letters and digits only" end
      self.state.serial = new
      return "serial: written"
    end,
    selftest = self_test,
    adc = function(self, channel)
      local volt = RAILS[channel or ""]
      if not volt then return "adc: 3v3, 5v or vin" end
      return ("%s %.3f V"):format(channel, volt + self:noise(0.002))
    end,
    led = function(self, to)
      if to == "on" or to == "off" then self.state.led = to == "on" end
      return self.state.led and "led on" or "led off"
    end,
    reboot = function(self)
      self:say("rebooting\n")
      self:reboot()
    end,
    exit = function(self) self.leave = true end,
    help = "adc 3v3|5v|vin   exit   help   led [on|off]   reboot   selftest   serial [NEW]   version",
  },
}
