-- bench.lua: a test bench for specs: runs procedure texts against instruments made of tables, with a
-- record in a temporary file, and reads the run back.
local plan = require "moonrig.plan"
local record = require "moonrig.record"
local runner = require "moonrig.runner"
local station = require "moonrig.station"

local Bench = {}
Bench.__index = Bench

local bench = {}

--- Makes one; close it at the end.
function bench.new()
  local path = os.tmpname()
  return setmetatable({ path = path, record = record.open(path), sent = {}, instruments = {} }, Bench)
end

function Bench:close()
  self.record:close()
  for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(self.path .. suffix) end
  for name in pairs(self.instruments) do package.loaded["fake." .. name] = nil end
  _G.BENCH = nil
end

--- An instrument for the procedures: writes are kept in bench.sent. `more` adds methods and station fields.
function Bench:instrument(name, more)
  more = more or {}
  local sent = self.sent
  local instrument = more.methods or {}
  function instrument.write(_, command)
    if more.on_write then more.on_write(command) end
    sent[#sent + 1] = name .. ": " .. command
  end
  package.loaded["fake." .. name] = { open = function(port, entry)
    if more.on_open then more.on_open(port, entry) end
    instrument.port = port
    return instrument
  end }
  self.instruments[name] = { url = more.url or "loop://", driver = "fake." .. name, safe_state = more.safe_state,
    idn = more.idn, calibration = more.calibration }
  return instrument
end

--- The text of a procedure as a plan. What the spec shares with it is in the global BENCH.
function Bench:load(text)
  local path = os.tmpname()
  local f <close> = assert(io.open(path, "w"))
  if not text:find "test.procedure" then text = 'test.procedure { name = "P", version = "1" } ' .. text end
  f:write('local rig = require "moonrig"; local test = rig.test; ', text)
  f:close()
  _G.BENCH = self
  local ok, loaded = pcall(plan.load, path)
  os.remove(path)
  if not ok then error(loaded, 0) end
  return loaded
end

--- Runs a procedure: the result, and the run as the record has it.
function Bench:run(text, opts)
  opts = opts or {}
  local result = runner.run(self:load(text), {
    serial = opts.serial or "SN1", record = opts.record or self.record, observer = opts.observer,
    operator = opts.operator, ask = opts.ask, station = station.new { name = "ST1", instruments = self.instruments },
  })
  return result, self.record:load(result.id)
end

--- The last run of the record.
function Bench:last()
  local runs = self.record:runs()
  return self.record:load(runs[#runs].id)
end

--- "name OUTCOME" of each phase of a run, attempts numbered from the second on.
function bench.phases(run)
  local list = {}
  for i, phase in ipairs(run.phases) do
    list[i] = ("%s%s %s"):format(phase.name, phase.attempt > 1 and "#" .. phase.attempt or "", tostring(phase.outcome))
  end
  return list
end

return bench
