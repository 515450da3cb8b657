-- kill.lua: stations are killed, at any moment, in every way; afterwards the record is held against what the
-- simulators truly sent and what the procedure had been told.
--   moonrig spec/campaign/kill.lua [--rounds N] [--seed N] [--keep]
local here = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = here .. "/?.lua;" .. package.path
local rig = require "moonrig"
local record = require "moonrig.record"
local check = require "check"
local options = require "options"
local station = require "station"

local given = options.parse("kill.lua", { rounds = 200 })
local random = options.random(given.seed)
local SITES <const> = { "A", "B", "C" }
local RUNS <const> = 15           -- rounds in one database
local EXIT <const> = { PASS = 0, FAIL = 1, ERROR = 2, TIMEOUT = 2, ABORTED = 130 }

-- How it is ended, and how often of 20.
local WAYS <const> = {
  { "KILL", 8 }, { "INT", 3 }, { "TERM", 2 }, { "HUP", 2 }, { "simulator", 2 }, { "nothing", 3 },
}

local totals = {}
local function add(name, n) totals[name] = (totals[name] or 0) + (n or 1) end

local function pick(list)
  local sum = 0
  for _, each in ipairs(list) do sum = sum + each[2] end
  local at = random(sum)
  for _, each in ipairs(list) do
    at = at - each[2]
    if at <= 0 then return each[1] end
  end
end

local bench <close> = station.new(given.seed, SITES)
bench.keep = given.keep
local longest = 0                 -- seconds that a run takes that nothing ends

local function new_round(number)
  local round = { number = number, way = pick(WAYS), faults = random(2) == 1, serials = {}, problems = {} }
  for _, site in ipairs(SITES) do
    local fate = pick { { "", 12 }, { "-fail", 2 }, { "-hang", 2 }, { "-retry", 2 } }
    round.serials[site] = ("K%d%s%s"):format(number, site, fate)
  end
  if number == 1 then round.way, round.faults = "nothing", false end
  function round.problem(message, ...) table.insert(round.problems, message:format(...)) end
  return round
end

local function run(round)
  bench:prepare(round.faults)
  local process = station.start(bench:command(round.serials))
  local began = rig.now()
  if round.way ~= "nothing" then
    round.after = random() ^ 2 * longest   -- most runs are shorter than the longest
    rig.sleep(round.after)
    if round.way == "simulator" then
      round.victim = pick { { "A", 1 }, { "B", 1 }, { "C", 1 }, { "dmm", 1 } }
      bench:kill_simulator(round.victim)
    else
      process:signal(round.way)
    end
  end
  round.pid = process.pid
  round.output, round.code, round.signal = process:finish()
  if round.way == "nothing" then longest = math.max(longest, rig.now() - began) end
end

-- ---- what has to be true -------------------------------------------------------------------

local function load_runs(rec, round)
  local runs = {}
  for site, serial in pairs(round.serials) do
    local heads = rec:runs { serial = serial }
    if #heads > 1 then round.problem("%s: %d runs", serial, #heads) end
    runs[site] = heads[1] and rec:load(heads[1].id)
  end
  return runs
end

local function check_killed(round, of)
  if not of.interrupted then return add "killed after the end" end
  add "killed before the end"
  local reason = ("interrupted: process %s on "):format(round.pid)
  if of.outcome ~= "ABORTED" or of.code ~= "interrupted" or (of.message or ""):find(reason, 1, true) ~= 1 then
    round.problem("%s: %s, %s, %s", of.dut.serial, of.outcome, tostring(of.code), tostring(of.message))
  end
end

-- Without faults and signals the outcome is the one that the serial number asks for.
local function check_fate(round, of)
  local fate = of.dut.serial:match "%-(%l+)$"
  local expected = fate == "fail" and "FAIL" or fate == "hang" and "TIMEOUT" or "PASS"
  if of.outcome ~= expected then
    round.problem("%s: %s, not %s: %s", of.dut.serial, of.outcome, expected, tostring(of.message))
  end
end

local function check_end(round, runs)
  local worst = 0
  for _, of in pairs(runs) do
    check.torn_down(of, round.problem)
    check.outcome(of, round.problem)
    worst = math.max(worst, EXIT[of.outcome] or 0)
    if of.outcome == "ABORTED" and (of.code ~= "cancelled" or not of.message) then
      round.problem("%s: ABORTED, %s, %s", of.dut.serial, tostring(of.code), tostring(of.message))
    end
    if of.outcome == "ABORTED" and (round.way == "nothing" or round.way == "simulator") then
      round.problem("%s: ABORTED by nobody", of.dut.serial)
    end
    if round.way == "nothing" and not round.faults then check_fate(round, of) end
  end
  -- a signal that comes before the first run or after the last one ends the program too
  local may_abort = round.way ~= "nothing" and round.way ~= "simulator"
  local ended_early = may_abort and (round.code == 130 or round.signal and not next(runs))
  if round.code ~= worst and not ended_early then
    round.problem("exit code %s, the runs want %d", tostring(round.code or round.signal), worst)
  end
end

-- The last that an instrument has heard is its safe state, once it has been used.
local function check_safe(round, runs)
  for name in pairs(bench.simulators) do
    local role, users = name == "dmm" and "dmm" or "psu", {}
    for site, of in pairs(runs) do
      for _, instrument in ipairs(of.instruments) do
        if instrument.role == role and (name == "dmm" or site == name) then users[#users + 1] = of end
      end
    end
    if not users[1] or name == round.victim then goto continue end
    local ends, got = rig.now() + 3, bench:got(name)
    while got[#got] ~= "SAFE" and rig.now() < ends do
      rig.sleep(0.02)
      got = bench:got(name)
    end
    if got[#got] == "SAFE" then
      add "safe states reached"
    else
      local told = false
      for site, of in pairs(runs) do    -- of what is shared the last run tells
        if name == "dmm" or name == site then told = told or check.why_unsafe(of, role) end
      end
      if told then
        add "safe states that could not be reached, and this was told"
        print(("round %d: %s"):format(round.number, told))
      else
        round.problem("%s: the last command was %s, not the safe state", name, tostring(got[#got]))
      end
    end
    ::continue::
  end
end

local function check_record(round)
  if not io.open(bench.results) then             -- ended before it was made
    if round.signal or round.code == 130 then return add "ended before there was a record" end
    return round.problem "there is no record"
  end
  local rec
  local opened, e = pcall(function() rec = record.open(bench.results, { readonly = round.number % 2 == 0,
    key = bench.folder .. "/station.key" }) end)
  if not opened and round.way == "KILL" and tostring(e):find("holds no record yet", 1, true) then
    return add "ended before there was a record"
  end
  if not opened then return round.problem("the record does not open: %s", tostring(e)) end
  local _ <close> = rec
  local integrity = rec.db:value "PRAGMA integrity_check"
  if integrity ~= "ok" then round.problem("integrity_check: %s", integrity) end
  local runs, journal, sent = load_runs(rec, round), bench:procedure_journal(), bench:sent()
  for site, serial in pairs(round.serials) do
    local of = runs[site]
    add("measurements that had returned", check.values(of, serial, journal, sent, round.problem))
    check.others(of, serial, journal, round.problem)
    if of then
      add("runs " .. of.outcome)
      if round.way == "KILL" then check_killed(round, of) end
    end
  end
  if round.way ~= "KILL" or round.code then
    check_end(round, runs)
    check_safe(round, runs)
  end
  local verified, output = station.verify(bench.results, bench.folder .. "/station.key")
  if not verified then round.problem("moonrig verify: %s", output) end
end

local function tell(round)
  print(("round %d (--seed %d): %s after %.3f s, faults %s, %s"):format(round.number, given.seed, round.way,
    round.after or 0, round.faults and "on" or "off", round.code and "exit code " .. round.code
    or "signal " .. tostring(round.signal)))
  for _, problem in ipairs(round.problems) do print("  " .. problem) end
  local path = ("%s/round-%d.txt"):format(bench.folder, round.number)
  local f <close> = assert(io.open(path, "w"))
  f:write(round.output, "\n")
  if bench.keep then print("  what it printed is in " .. path) end
end

io.stdout:setvbuf "line"
print(("kill.lua: %d rounds, --seed %d, journals in %s"):format(given.rounds, given.seed, bench.folder))
local failed = 0
for number = 1, given.rounds do
  local round = new_round(number)
  if number % RUNS == 0 then bench:turn_over() end
  run(round)
  add("rounds " .. round.way)
  check_record(round)
  if round.problems[1] then
    failed = failed + 1
    tell(round)
  end
end
options.tell("kill.lua", given, totals, failed)
bench:close()
os.exit(failed == 0 and 0 or 1)
