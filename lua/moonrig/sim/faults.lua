-- SPDX-License-Identifier: MIT
-- faults.lua: what can go wrong with a reply on its way, on request: by count, by probability (from the
-- simulator's own random numbers, so that a run can be repeated), for some commands or all.
--   drop        no reply
--   garble      some of its bytes are others
--   cut         only the first half, without line end
--   stall       it comes later: seconds (1)
--   wrong       another reply: the one given, else the one before
--   disconnect  the connection ends instead
local rig = require "moonrig"
local fields = require "moonrig.fields"

local Faults = {}
Faults.__index = Faults

local act = {}

function act.drop() return nil end

function act.garble(self, _, reply)
  local bytes = { reply:byte(1, -1) }
  for i = 1, #bytes do
    if i == 1 or self.random:uniform() < 0.2 then bytes[i] = bytes[i] ~ self.random:integer(1, 127) end
    if bytes[i] == 10 or bytes[i] == 13 then bytes[i] = 63 end
  end
  return string.char(table.unpack(bytes))
end

function act.cut(_, _, reply) return reply:sub(1, #reply // 2), true end

function act.stall(_, fault, reply)
  rig.sleep(fault.seconds or 1)
  return reply
end

function act.wrong(self, fault, reply) return fault.reply or self.last or reply end

function act.disconnect(_, _, _, port)
  port:close()
  return nil
end

local FIELDS = {
  count = { function(v) return fields.count[1](v) and v > 0 end, "a whole number, 1 or more" },
  probability = { function(v) return fields.not_negative[1](v) and v <= 1 end, "a number from 0 to 1" },
  seconds = { fields.not_negative[1], "a number of seconds, 0 or more" },
  match = fields.pattern,
  reply = fields.string,
}
local NUMBERS = { count = true, probability = true, seconds = true }   -- from a command line they come as text

--- Adds a fault; returns what is wrong with it, if anything.
---@param kind string drop, garble, cut, stall, wrong, disconnect
---@param opts? table|number count (a number alone too), probability, match (Lua pattern on the command), seconds, reply
---@return string? problem
function Faults:add(kind, opts)
  if not act[kind] then
    return ("unknown fault %q (drop garble cut stall wrong disconnect)"):format(tostring(kind))
  end
  if type(opts) == "number" then opts = { count = opts } end
  local fault = { kind = kind }
  for key, value in pairs(opts or {}) do
    local field = FIELDS[key]
    if not field then return ("unknown option %q of a fault"):format(tostring(key)) end
    if NUMBERS[key] then value = tonumber(value) end
    if not field[1](value) then return ("option %s of a fault: expected %s"):format(key, field[2]) end
    fault[key] = value
  end
  if not fault.count and not fault.probability then fault.count = 1 end
  self[#self + 1] = fault
end

local function remove(self, is_meant)
  for i = #self, 1, -1 do
    if is_meant(self[i]) then table.remove(self, i) end
  end
end

--- Takes faults away: those of a kind, or all.
function Faults:clear(kind)
  remove(self, function(fault) return not kind or fault.kind == kind end)
end

-- Does it strike now?  Counts.
local function strikes(self, fault, command, reply)
  if fault.match and not command:find(fault.match) or not fault.match and not reply then return false end
  if fault.probability and self.random:uniform() >= fault.probability then return false end
  if fault.count then fault.count = fault.count - 1 end
  return true
end

--- Lets the faults have their way with a reply: what is left of it, and whether without line end. While one lets it
--- wait, another client's command may take faults away.
---@param command string
---@param reply? string
---@param port moonrig.Port
---@return string? reply, boolean? cut
function Faults:apply(command, reply, port)
  local honest, cut = reply, nil
  local ordered = table.move(self, 1, #self, 1, {})
  for i = #ordered, 1, -1 do
    local fault = ordered[i]
    if fault.count ~= 0 and strikes(self, fault, command, reply) then
      if fault.count == 0 then remove(self, function(each) return each == fault end) end
      if reply or fault.kind == "disconnect" or fault.kind == "stall" then
        reply, cut = act[fault.kind](self, fault, reply, port)
      end
    end
  end
  self.last = honest or self.last
  return reply, cut
end

return function(random) return setmetatable({ random = random }, Faults) end
