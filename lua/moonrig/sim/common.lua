-- SPDX-License-Identifier: MIT
-- common.lua: what every SCPI instrument has: the common commands of IEEE 488.2, the error queue of SCPI,
-- and commands to order faults over the wire (SIMulator:FAULt).  A simulator's own commands go before these.
local text = require "moonrig.scpi.text"

local common = {}

local WORDS = {
  [0] = "No error",
  [-100] = "Command error", [-101] = "Invalid character", [-102] = "Syntax error", [-103] = "Invalid separator",
  [-104] = "Data type error", [-108] = "Parameter not allowed", [-109] = "Missing parameter",
  [-113] = "Undefined header", [-114] = "Header suffix out of range", [-131] = "Invalid suffix",
  [-141] = "Invalid character data", [-151] = "Invalid string data", [-160] = "Block data error",
  [-200] = "Execution error", [-211] = "Trigger ignored", [-220] = "Parameter error",
  [-221] = "Settings conflict", [-222] = "Data out of range", [-224] = "Illegal parameter value",
  [-230] = "Data corrupt or stale", [-240] = "Hardware error", [-300] = "Device-specific error",
  [-310] = "System error", [-330] = "Self-test failed", [-350] = "Queue overflow", [-363] = "Input buffer overrun",
  [-400] = "Query error", [-410] = "Query INTERRUPTED", [-420] = "Query UNTERMINATED",
}

-- The bit in the event status register for a class of errors.
local function status_bit(code)
  if code <= -400 then return 4 elseif code <= -300 then return 8 elseif code <= -200 then return 16 end
  return code < 0 and 32 or 8
end

--- Puts an error into the queue; the oldest stay when it is full.
---@param sim moonrig.Sim
---@param code integer -222, or positive for an instrument's own
---@param words? string
function common.error(sim, code, words)
  local errors, status = sim.errors, sim.status
  status.esr = status.esr | status_bit(code)
  if #errors >= sim.error_limit then
    errors[#errors] = { -350, WORDS[-350] }
  else
    errors[#errors + 1] = { code, words or WORDS[code] or "Device-specific error" }
  end
end

local function status_byte(sim)
  local status = sim.status
  local byte = (#sim.errors > 0 and 4 or 0) | (status.esr & status.ese ~= 0 and 32 or 0)
  return byte | (byte & status.sre ~= 0 and 64 or 0)
end

local commands = {
  ["*IDN?"] = function(self) return self.idn end,
  ["*CLS"] = function(self)
    self.errors = {}
    self.status.esr = 0
  end,
  ["*RST"] = function(self) self:reset() end,
  ["*OPC"] = function(self) self.status.esr = self.status.esr | 1 end,
  ["*OPC?"] = "1",
  ["*WAI"] = false,
  ["*TST?"] = "0",
  ["*ESE <integer>"] = function(self, n) self.status.ese = n & 255 end,
  ["*ESE?"] = function(self) return self.status.ese end,
  ["*ESR?"] = function(self)
    local esr = self.status.esr
    self.status.esr = 0
    return esr
  end,
  ["*SRE <integer>"] = function(self, n) self.status.sre = n & 191 end,
  ["*SRE?"] = function(self) return self.status.sre end,
  ["*STB?"] = status_byte,
  ["SYSTem:ERRor[:NEXT]?"] = function(self)
    local first = table.remove(self.errors, 1) or { 0, WORDS[0] }
    return ("%d,%s"):format(first[1], text.quote(first[2]))
  end,
  ["SYSTem:ERRor:COUNt?"] = function(self) return #self.errors end,
  ["SYSTem:VERSion?"] = "1999.0",
  ["SIMulator:FAULt <word>[,<integer>[,<number>]]"] = function(self, kind, count, seconds)
    if self.faults:add(kind:lower(), { count = count or 1, seconds = seconds }) then self:error(-224) end
  end,
  ["SIMulator:FAULt:PROBability <word>,<number>"] = function(self, kind, probability)
    if self.faults:add(kind:lower(), { probability = probability }) then self:error(-224) end
  end,
  ["SIMulator:FAULt:CLEar"] = function(self) self:clear_faults() end,
}

--- Adds them all to a matcher.
function common.add(matcher)
  for key, reply in pairs(commands) do matcher:add(key, reply) end
end

return common
