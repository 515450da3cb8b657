-- instrument.lua: the simulator of the campaign: a supply that is also a voltmeter, and that writes down what it was
-- told and what it truly sent, before it sends it and after.
--   moonrig sim spec/campaign/instrument.lua --listen socket://127.0.0.1:0 -- --journal FILE --serial SN --seed N
-- Its journal has a line for each thing, with tabs: got COMMAND; send TOKEN BYTES, in hexadecimal; sent TOKEN.
-- A query says a token, MEAS:VOLT? K1A.7, so that each reply has a name: one that comes late cannot pass for another.
-- FAULts ON lets replies be late, lost, garbled, cut, or broken off by a disconnect.
local rig = require "moonrig"

local options = ...
local journal = assert(io.open(options.journal, "a"))
journal:setvbuf "no"

local FAULTS <const> = { stall = { seconds = 0.35 }, drop = {}, garble = {}, cut = {}, disconnect = {} }
local PROBABILITY <const> = 0.012
local broken = 0             -- probability that a reply is broken off

local function note(...) journal:write(table.concat({ ... }, "\t") .. "\n") end

local function hexadecimal(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

local sim = rig.sim {
  idn = ("MOONRIG,CAMPAIGN,%s,1"):format(options.serial), seed = tonumber(options.seed), format = "%.9g",
  delay = { 0.0005, 0.003 },
  state = { volt = 0.0, on = false },
  on = {
    ["VOLTage"] = { "volt", min = 0.0, max = 30.0 },
    ["OUTPut"] = { "on" },
    ["SAFE"] = function(self) self.state.volt, self.state.on = 0.0, false end,
    ["MEASure:VOLTage?"] = function(self, token)
      rawset(self, "token", token)                 -- of this client
      return (self.state.on and self.state.volt or 0) + self:noise(0.001)
    end,
    ["FAULts"] = function(self, word)
      self:clear_faults()
      broken = word == "ON" and PROBABILITY or 0
      if word ~= "ON" then return end
      for kind, more in pairs(FAULTS) do
        self:fault(kind, { probability = PROBABILITY, seconds = more.seconds, match = "%?" })
      end
    end,
  },
}

local reply, send = sim.reply, sim.send

function sim:reply(message)
  note("got", message)
  rawset(self, "token", nil)
  return reply(self, message)
end

function sim:send(port, bytes)
  local token = rawget(self, "token") or "-"
  if self.random:uniform() < broken then
    bytes = bytes:sub(1, self.random:integer(1, #bytes - 1))
    note("send", token, hexadecimal(bytes))
    send(self, port, bytes)
    port:close()
    return
  end
  note("send", token, hexadecimal(bytes))
  send(self, port, bytes)
  note("sent", token)
end

return sim
