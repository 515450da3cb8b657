-- station.lua: the station of the campaign: simulators in processes of their own, a supply for each site on a socket
-- and one that all share behind RFC 2217; `moonrig test --site all` on it; the journals of all of them.
local rig = require "moonrig"

local station = {}

local Station = {}
Station.__index = Station

local Process = {}
Process.__index = Process

local here = arg[0]:match "^(.*)/[^/]*$" or "."

--- The program under test.
station.moonrig = os.getenv "MOONRIG" or "build/moonrig"

function station.quote(s) return "'" .. s:gsub("'", [['\'']]) .. "'" end

local function write_file(path, text)
  local f <close> = assert(io.open(path, "w"))
  f:write(text)
end

local function size(path)
  local f <close> = io.open(path, "rb")
  return f and f:seek "end" or 0
end

--- Whether `moonrig verify` finds a record to be as it was written, and what it says.
function station.verify(path, key)
  local pipe = assert(io.popen(("%s verify %s --key %s.pub 2>&1"):format(station.moonrig, path, key)))
  local output = pipe:read "a"
  return pipe:close() == true, output
end

-- ---- processes -----------------------------------------------------------------------------

--- Starts a shell command that ends in `exec PROGRAM`.
---@return table process  pid; finish()
function station.start(command)
  local port = rig.open("exec:echo $$; " .. command, { timeout = 30 })
  return setmetatable({ port = port, pid = port:read_line() }, Process)
end

function Process:signal(name) os.execute(("kill -%s %s 2>/dev/null"):format(name, self.pid)) end

--- Waits for its end: what it printed, its exit code, or nil and the signal that ended it.
function Process:finish()
  local lines = {}
  for line in self.port:lines() do lines[#lines + 1] = line end
  local _, e = self.port:try_read(1)
  self.port:close()
  return table.concat(lines, "\n"), tonumber(e.message:match "exited with status (%d+)"),
    tonumber(e.message:match "ended by signal (%d+)")
end

-- ---- simulators ----------------------------------------------------------------------------

local function start_simulator(self, name, url)
  local journal = ("%s/%s.journal"):format(self.folder, name)
  self.starts = self.starts + 1
  local process = station.start(("exec %s sim %s/instrument.lua --listen %s -- --journal %s --serial %s --seed %d "
    .. "2>&1"):format(station.moonrig, here, url, journal, name, self.seed + self.starts))
  self.simulators[name] = { process = process, listen = url, journal = journal, url = process.port:read_line(),
    mark = size(journal) }
end

local function write_station(self)
  local sites = {}
  for _, site in ipairs(self.sites) do
    sites[#sites + 1] = ("    %s = { instruments = { psu = supply %q } },\n"):format(site, self.simulators[site].url)
  end
  write_file(self.folder .. "/station.lua", ([[
local function supply(url)
  return { url = url, idn = "^MOONRIG,CAMPAIGN,", simulated = true, safe_state = { "SAFE" },
    options = { timeout = 0.25 } }
end
return {
  name = "CAMPAIGN", key = "station.key",
  instruments = { dmm = supply %q },
  sites = {
%s  },
}
]]):format(self.simulators.dmm.url, table.concat(sites)))
end

--- Lets the simulators' replies go wrong from now on, or no more. Starts those that have been killed.
function Station:prepare(faults)
  local killed = false
  for name, simulator in pairs(self.simulators) do
    if simulator.killed then
      simulator.process:finish()
      start_simulator(self, name, simulator.listen)
      killed = true
    end
  end
  if killed then write_station(self) end
  for name, simulator in pairs(self.simulators) do
    local ok, e = pcall(function()
      local port <close> = rig.open(simulator.url)
      port:write_line "FAULTS OFF"
      port:query "*OPC?"
      if faults then port:write_line "FAULTS ON" end
    end)
    if not ok then error(("simulator %s: %s\n%s"):format(name, e.message, (simulator.process:finish())), 0) end
    simulator.mark = size(simulator.journal)
  end
end

function Station:kill_simulator(name)
  self.simulators[name].process:signal "KILL"
  self.simulators[name].killed = true
end

-- ---- journals ------------------------------------------------------------------------------

local function lines_of(path, from)
  local list = {}
  local f <close> = io.open(path)
  if not f then return list end
  f:seek("set", from)
  for line in f:lines() do
    local words = {}
    for word in line:gmatch "[^\t]+" do words[#words + 1] = word end
    list[#list + 1] = words
  end
  return list
end

--- The name of a measurement in the journal and in the record.
function station.key(serial, phase, attempt, name) return table.concat({ serial, phase, attempt, name }, "\t") end

--- What the procedure has written down since prepare(): about, done: key -> token, value; answered, attached: serial.
function Station:procedure_journal()
  local all = { about = {}, done = {}, answered = {}, attached = {} }
  for _, words in ipairs(lines_of(self.journal, 0)) do
    local what, serial = words[1], words[2]
    if what == "about" or what == "done" then
      all[what][station.key(serial, words[3], words[4], words[5])] = { token = words[6], value = tonumber(words[7]) }
    else
      all[what][serial] = tonumber(words[3]) or true
    end
  end
  return all
end

--- The commands that a simulator has got since prepare(), without those that only ask whether it is there.
function Station:got(name)
  local list, simulator = {}, self.simulators[name]
  for _, words in ipairs(lines_of(simulator.journal, simulator.mark)) do
    if words[1] == "got" and words[2] and not words[2]:find "^%*[IO]" then list[#list + 1] = words[2] end
  end
  return list
end

--- The replies that have truly been sent since prepare(): token -> bytes.
function Station:sent()
  local sent = {}
  for _, simulator in pairs(self.simulators) do
    for _, words in ipairs(lines_of(simulator.journal, simulator.mark)) do
      if words[1] == "send" then
        sent[words[2]] = (words[3] or ""):gsub("%x%x", function(x) return string.char(tonumber(x, 16)) end)
      end
    end
  end
  return sent
end

-- ---- tests ---------------------------------------------------------------------------------

--- The shell command that tests a unit at each site.
---@param serials table<string, string>  site -> serial number
---@param more? string                   arguments
function Station:command(serials, more)
  local duts = {}
  for _, site in ipairs(self.sites) do
    if serials[site] then duts[#duts + 1] = ("--dut %s=%s"):format(site, serials[site]) end
  end
  return ("CAMPAIGN_JOURNAL=%s exec %s test %s/procedure.lua --site all --station %s/station.lua --results %s %s %s "
    .. "<%s/answers 2>&1"):format(self.journal, station.moonrig, here, self.folder, self.results,
    table.concat(duts, " "), more or "", self.folder)
end

--- A new record, and a new journal of the procedure.
function Station:turn_over()
  self.turns = self.turns + 1
  self.results = ("%s/results-%d.db"):format(self.folder, self.turns)
  self.journal = ("%s/procedure-%d.journal"):format(self.folder, self.turns)
end

function Station:close()
  for _, simulator in pairs(self.simulators) do
    simulator.process:signal "KILL"
    simulator.process:finish()
  end
  if not self.keep then os.execute("rm -rf " .. self.folder) end
end
Station.__close = Station.close

--- Starts the simulators; close it at the end.
---@param seed integer
---@param sites string[]  names
function station.new(seed, sites)
  local pipe <close> = assert(io.popen "mktemp -d")
  local self = setmetatable({ folder = pipe:read "l", seed = seed, sites = sites, simulators = {}, starts = 0,
    turns = 0 }, Station)
  for _, site in ipairs(sites) do start_simulator(self, site, "socket://127.0.0.1:0") end
  start_simulator(self, "dmm", "rfc2217://127.0.0.1:0")
  write_station(self)
  write_file(self.folder .. "/answers", ("yes\n"):rep(100))
  assert(os.execute(("%s keygen %s/station.key >/dev/null"):format(station.moonrig, self.folder)))
  self:turn_over()
  return self
end

return station
