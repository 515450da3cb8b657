-- dmm.lua: a simulated multimeter, 6.5 digits, whose leads are at the terminals of a power supply, with a load.
--   moonrig sim examples/sims/dmm.lua --listen socket://127.0.0.1:0 -- --supply socket://127.0.0.1:5025 --load 10
--   rig.open("sim:examples/sims/dmm.lua")      -- measures sim:examples/sims/psu.lua of the same program
-- Options: supply (URL of the simulated supply), load (ohm; none: nothing but the meter), serial, seed.
-- In volts it measures at the load, behind 20 milliohm of leads; in amperes the current through it.
local rig = require "moonrig"

local options, path = ...
options = options or {}
local supply_url = options.supply or "sim:" .. (path or "examples/sims/"):gsub("[^/]*$", "psu.lua")
local load_ohm = tonumber(options.load)
local LEADS <const> = 0.02 -- ohm

local RANGES = {
  VOLT = { 0.1, 1.0, 10.0, 100.0, 1000.0 },
  CURR = { 0.01, 0.1, 1.0, 3.0 },
  RES = { 100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8 },
}

local supply -- the instrument at supply_url, once it is needed

local function ask_supply()
  if not supply then
    supply = rig.scpi(supply_url, { timeout = 2 })
    if load_ohm then supply:write(("SIM:LOAD %.9g"):format(load_ohm + LEADS)) end
  end
  return supply:query_numbers("SIM:OUTP?")
end

local function let_go()
  if supply then supply:close() end
  supply = nil
end

-- What is at the supply's terminals: volts, amperes. The leads hang in the air when the supply cannot be reached.
local function terminals(self)
  local ok, values = pcall(ask_supply)
  if ok then return values[1], values[2] end
  let_go()
  self:error(-240, "Hardware error;supply: " .. tostring(values.message or values))
  return 0.0, 0.0
end

local truth = {}

function truth.VOLT(self)
  local volt, amps = terminals(self)
  return volt - amps * LEADS
end

function truth.CURR(self)
  local _, amps = terminals(self)
  return amps
end

function truth.RES(self)
  local volt = terminals(self)
  if math.abs(volt) > 0.001 then return math.huge end -- what is measured has a voltage of its own
  return load_ohm and load_ohm + LEADS or math.huge
end

local function range_for(state, value)
  local ranges = RANGES[state.func]
  if state.range > 0 then return state.range end
  for _, range in ipairs(ranges) do
    if math.abs(value) <= range * 1.2 then return range end
  end
  return ranges[#ranges]
end

-- One reading takes NPLC periods of 50 Hz; noise goes down with its root.
local function reading(self)
  local state = self.state
  rig.sleep(state.nplc / 50)
  local value = truth[state.func](self)
  local range = range_for(state, value)
  if math.abs(value) > range * 1.2 then return value > 0 and math.huge or -math.huge end
  return value * (1 + self.gain) + self:noise(range * 2e-6 / math.sqrt(state.nplc))
end

local function readings(self)
  local list = {}
  for i = 1, self.state.samples do list[i] = reading(self) end
  return list
end

local function as_reply(self, list)
  if self.state.data == "REAL" then return self:block(string.pack((">d"):rep(#list), table.unpack(list))) end
  local words = {}
  for i, value in ipairs(list) do words[i] = self:text(value) end
  return table.concat(words, ",")
end

-- range: nil or AUTO, DEF, MIN, MAX, or a number: the smallest range that holds it.
local function configure(self, func, range)
  local ranges = RANGES[func]
  local value = range and self:number(range)
  local word = range and range:upper()
  local chosen
  if not range or word == "AUTO" or word == "DEF" then
    chosen = 0.0
  elseif word == "MIN" or word == "MAX" then
    chosen = word == "MIN" and ranges[1] or ranges[#ranges]
  elseif not value then
    return self:error(-104)
  else
    for i = #ranges, 1, -1 do
      if math.abs(value) <= ranges[i] then chosen = ranges[i] end
    end
    if not chosen then return self:error(-222) end
  end
  self.state.func, self.state.range, self.state.samples = func, chosen, 1
  return true
end

local on = {
  ["READ?"] = function(self)
    self.memory = readings(self)
    return as_reply(self, self.memory)
  end,
  ["INITiate[:IMMediate]"] = function(self) self.memory = readings(self) end,
  ["FETCh?"] = function(self)
    if not self.memory then return self:error(-230) end
    return as_reply(self, self.memory)
  end,
  ["CONFigure?"] = function(self)
    local state = self.state
    return ('"%s %s"'):format(state.func, state.range > 0 and self:text(state.range) or "AUTO")
  end,
  ["SAMPle:COUNt"] = { "samples", min = 1, max = 10000, default = 1 },
  ["FORMat[:DATA]"] = { "data", choices = { "ASCii", "REAL" } },
  ["[SENSe:]NPLCycles"] = { "nplc", min = 0.02, max = 100.0, default = 1.0 },
}

for func, header in pairs { VOLT = "VOLTage[:DC]", CURR = "CURRent[:DC]", RES = "RESistance" } do
  on["CONFigure:" .. header] = function(self, range) configure(self, func, range) end
  on["MEASure:" .. header .. "?"] = function(self, range)
    if configure(self, func, range) then return as_reply(self, { reading(self) }) end
  end
end

local dmm = rig.sim {
  idn = ("MOONRIG,DMM-6500,%s,2.0.1"):format(options.serial or "SIM650001"),
  seed = tonumber(options.seed) or 11,
  format = "%+.8E",
  delay = 0.001,
  state = { func = "VOLT", range = 0.0, nplc = 1.0, samples = 1, data = "ASC" },
  on_reset = function(self) self.memory = nil end,
  on_close = let_go,
  on = on,
}
dmm.gain = dmm:noise(8e-6) -- each one is a little off
return dmm
