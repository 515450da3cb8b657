-- psu.lua: a simulated power supply, 32 V 5 A, one output.
--   moonrig sim examples/sims/psu.lua --listen socket://127.0.0.1:5025
--   rig.open("sim:examples/sims/psu.lua")
-- Options: serial, seed, load (ohm at the terminals; none: open).
-- The output ramps with its slew rate; voltage or current is held constant, as the load has it; over-voltage and
-- over-current protection switch it off until OUTP:PROT:CLE.
-- SIMulator:LOAD <ohm> connects a load; SIMulator:OUTPut? says what is really at the terminals, without noise.
local rig = require "moonrig"

local options = ... or {}

-- What the terminals head for, with the load: volts, amperes, whether the current limits.
local function target(state)
  if not state.on then return 0, 0, false end
  local volt, amps = state.volt, state.volt / state.load
  if amps > state.curr then return state.curr * state.load, state.curr, true end
  return volt, amps, false
end

local function trip(self, what)
  self.state.tripped = what
  self.state.on = false
  self:error(what == "OVP" and 540 or 541, what == "OVP" and "Over-voltage tripped" or "Over-current tripped")
end

-- Lets the time pass since the last look: ramps, and trips what has to.
local function advance(self)
  local state, now = self.state, rig.now()
  local goal, _, limited = target(state)
  local step = (now - self.looked) * state.slew
  self.looked = now
  if math.abs(goal - state.at) <= step then
    state.at = goal
  else
    state.at = state.at + (goal > state.at and step or -step)
  end
  if state.on and state.at > state.ovp then
    trip(self, "OVP")
  elseif limited and state.ocp and state.at == goal then
    trip(self, "OCP")
  end
  return state.at, state.at / state.load
end

local function measure(value, sigma)
  return function(self)
    rig.sleep(0.005)
    return value(advance(self)) + self:noise(sigma)
  end
end

local function passing_time(self) advance(self) end

local psu = rig.sim {
  idn = ("MOONRIG,PSU-3205,%s,1.4.0"):format(options.serial or "SIM320501"),
  seed = tonumber(options.seed) or 7,
  format = "%.5E",
  delay = { 0.0005, 0.002 },
  state = {
    volt = 0.0, curr = 1.0, on = false, slew = 200.0, ovp = 35.0, ocp = false, tripped = "",
    load = tonumber(options.load) or math.huge, at = 0.0,
  },
  on_reset = function(self) self.looked = rig.now() end,
  on = {
    ["[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]"] =
      { "volt", min = 0.0, max = 32.0, default = 0.0, before = passing_time },
    ["[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]"] =
      { "curr", min = 0.0, max = 5.0, default = 1.0, before = passing_time },
    ["[SOURce:]VOLTage:SLEW"] = { "slew", min = 1.0, max = 10000.0, default = 200.0, before = passing_time },
    ["[SOURce:]VOLTage:PROTection[:LEVel]"] = { "ovp", min = 0.5, max = 35.0, default = 35.0, on_set = passing_time },
    ["[SOURce:]CURRent:PROTection:STATe"] = { "ocp", on_set = passing_time },
    ["[SOURce:]VOLTage:PROTection:TRIPped?"] = function(self)
      advance(self)
      return self.state.tripped == "OVP"
    end,
    ["[SOURce:]CURRent:PROTection:TRIPped?"] = function(self)
      advance(self)
      return self.state.tripped == "OCP"
    end,
    ["OUTPut:PROTection:CLEar"] = function(self) self.state.tripped = "" end,
    ["OUTPut[:STATe] <boolean>"] = function(self, on)
      advance(self)
      if on and self.state.tripped ~= "" then return self:error(-221, "Settings conflict;protection has tripped") end
      self.state.on = on
    end,
    ["OUTPut[:STATe]?"] = function(self)
      advance(self)
      return self.state.on
    end,
    ["OUTPut:MODE?"] = function(self)
      advance(self)
      local _, _, limited = target(self.state)
      return not self.state.on and "OFF" or limited and "CC" or "CV"
    end,
    ["MEASure[:SCALar]:VOLTage[:DC]?"] = measure(function(volt) return volt end, 0.0005),
    ["MEASure[:SCALar]:CURRent[:DC]?"] = measure(function(_, amps) return amps end, 0.0002),
    ["MEASure[:SCALar]:POWer[:DC]?"] = measure(function(volt, amps) return volt * amps end, 0.001),
    ["*OPC?"] = function(self)                             -- complete when the ramp is at its end
      while advance(self) ~= target(self.state) do
        rig.sleep(math.abs(target(self.state) - self.state.at) / self.state.slew)
      end
      return "1"
    end,
    ["SIMulator:LOAD <number>"] = function(self, ohm)
      advance(self)
      self.state.load = ohm > 0 and ohm or 0.001
    end,
    ["SIMulator:OUTPut?"] = function(self) return ("%.9g,%.9g"):format(advance(self)) end,
  },
}
psu.looked = rig.now()
return psu
