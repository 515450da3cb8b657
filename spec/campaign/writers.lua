-- writers.lua: several stations write to one record at once, run after run, and some of them are killed. Those that are
-- not all pass, nobody is told that the record is busy, and the chain is whole.
--   moonrig spec/campaign/writers.lua [--rounds N] [--seed N] [--keep]
local here = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = here .. "/?.lua;" .. package.path
local rig = require "moonrig"
local record = require "moonrig.record"
local check = require "check"
local options = require "options"
local station = require "station"

local WRITERS <const> = 4
local given = options.parse("writers.lua", { rounds = 10 })
local random = options.random(given.seed)
local totals, failed = {}, 0
local function add(name, n) totals[name] = (totals[name] or 0) + (n or 1) end

-- Each has simulators of its own, and the record and the key of the first.
local benches = {}
local function close_all()
  for _, bench in ipairs(benches) do bench:close() end
end
local _ <close> = setmetatable({}, { __close = close_all })
for i = 1, WRITERS do
  benches[i] = station.new(given.seed + i, { "A", "B" })
  benches[i].keep = given.keep
  if i > 1 then os.execute(("cp %s/station.key* %s/"):format(benches[1].folder, benches[i].folder)) end
end

-- One station in one round: three runs at each of its sites, one after the other; each may be killed.
local function run(bench, writer, round)
  local all = {}
  bench:prepare(false)
  for n = 1, 3 do
    local of = { bench = bench, serials = {} }
    for _, site in ipairs(bench.sites) do of.serials[site] = ("K%d%d%d%s"):format(round, writer, n, site) end
    local process = station.start(bench:command(of.serials))
    if writer ~= 1 and random(3) == 1 then
      rig.sleep(random() * 0.6)
      process:signal "KILL"
    end
    of.output, of.code, of.signal = process:finish()
    all[n] = of
  end
  return all
end

local function check_test(rec, of, problem)
  local journal, sent = of.bench:procedure_journal(), of.bench:sent()
  if not of.signal and of.code ~= 0 then problem("exit code %s: %s", tostring(of.code), of.output) end
  for _, serial in pairs(of.serials) do
    local heads = rec:runs { serial = serial }
    local head = heads[1]
    if #heads > 1 or not head and not of.signal then problem("%s: %d runs", serial, #heads) end
    if head then add("runs " .. head.outcome) end
    if head and head.outcome ~= "PASS" and not (of.signal and head.interrupted) then
      problem("%s: %s: %s", serial, head.outcome, tostring(head.message))
    end
    add("measurements that had returned", check.values(head and rec:load(head.id), serial, journal, sent, problem))
  end
end

local function check_round(writers, problem)
  local path = benches[1].folder .. "/station.key"
  local rec <close> = record.open(benches[1].results, { key = path })
  local integrity = rec.db:value "PRAGMA integrity_check"
  if integrity ~= "ok" then problem("integrity_check: %s", integrity) end
  for _, all in ipairs(writers) do
    for _, of in ipairs(all) do check_test(rec, of, problem) end
  end
  local verified, output = station.verify(benches[1].results, path)
  if not verified then problem("moonrig verify: %s", output) end
end

for number = 1, given.rounds do
  local problems = {}
  local function problem(message, ...) table.insert(problems, message:format(...)) end
  benches[1]:turn_over()
  for i = 2, WRITERS do
    benches[i]:turn_over()
    benches[i].results = benches[1].results
  end
  local writers = {}
  rig.group(function(group)
    for i, bench in ipairs(benches) do
      group:spawn(function() writers[i] = run(bench, i, number) end)
    end
  end)
  check_round(writers, problem)
  if problems[1] then
    failed = failed + 1
    print(("round %d (--seed %d)"):format(number, given.seed))
    for _, each in ipairs(problems) do print("  " .. each) end
  end
end
options.tell("writers.lua", given, totals, failed)
close_all()
os.exit(failed == 0 and 0 or 1)
