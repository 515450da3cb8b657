-- full.lua: the disk gets full at any moment of a run. The run ends as ERROR, is torn down, and nothing that was
-- recorded before is damaged; when there is space again, the next one runs.
--   moonrig spec/campaign/full.lua [--rounds N] [--seed N] [--keep]
-- Root has a small file system for it, in a name space of its own: another program fills it, before the run or in the
-- middle. In every fourth round, and for others in every one, a limit on the size of files takes its place.
local here = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = here .. "/?.lua;" .. package.path
local rig = require "moonrig"
local record = require "moonrig.record"
local check = require "check"
local options = require "options"
local station = require "station"

local given = options.parse("full.lua", { rounds = 40 })

-- Starts this program anew where a small file system is mounted, if that can be had.
local MOUNTED <const> = [[unshare -m true 2>/dev/null || exit 77; exec unshare -m sh -c '
  disk=$(mktemp -d); trap "umount $disk; rmdir $disk" EXIT; mount -t tmpfs -o size=8m campaign $disk || exit 77
  CAMPAIGN_DISK=$disk "$@"' sh ]]
local disk = os.getenv "CAMPAIGN_DISK"
if not disk then
  local words = { station.quote(station.moonrig) }
  for i = 0, #arg do words[#words + 1] = station.quote(arg[i]) end
  local _, _, code = os.execute(MOUNTED .. table.concat(words, " "))
  if code ~= 77 then os.exit(code) end
  print "full.lua: no file system can be mounted by this user; only the size of files is limited"
end

local random = options.random(given.seed)
local SPACE <const> = 1400       -- KiB: more than a run needs, with what is kept for its end
local bench <close> = station.new(given.seed, { "A", "B" })
bench.keep = given.keep
local totals, failed = {}, 0
local function add(name, n) totals[name] = (totals[name] or 0) + (n or 1) end

local function run(serial, before, meanwhile)
  bench:prepare(false)
  local process = station.start((before or "") .. "NO_COLOR=1 " .. bench:command { A = serial })
  if meanwhile then meanwhile() end
  local output, code, signal = process:finish()
  return { serial = serial, output = output, code = code, signal = signal }
end

-- The runs of a unit as the record has them. Opening it ends what the process left without end.
local function load(serial)
  local rec <close> = record.open(bench.results, { key = bench.folder .. "/station.key" })
  local integrity = rec.db:value "PRAGMA integrity_check"
  local head = rec:runs({ serial = serial })[1]
  return head and rec:load(head.id), integrity
end

local function fill(free)
  local ballast = disk .. "/ballast"
  os.execute(("rm -f %s; n=$(df -k --output=avail %s | tail -n 1); head -c $(((n - %d) * 1024)) /dev/zero 2>/dev/null "
    .. ">%s"):format(ballast, disk, free, ballast))
end

for number = 1, given.rounds do
  local problems = {}
  local function problem(message, ...) table.insert(problems, message:format(...)) end
  local free = random(0, SPACE)
  local is_limit, is_sudden = not disk or number % 4 == 0, disk and number % 4 == 2
  bench:turn_over()
  if not is_limit then
    os.execute(("rm -f %s/*"):format(disk))
    bench.results = disk .. "/results.db"
  end
  local first = run "K1A"
  local before = load "K1A"
  if first.code ~= 0 then error("the first run: " .. first.output, 0) end
  if not is_limit and not is_sudden then fill(free) end
  local of = run("K2A", is_limit and ("ulimit -f %d; "):format(free * 2), is_sudden and function()
    rig.sleep(random() * 0.25)
    fill(0)
  end)
  local journal, sent, got = bench:procedure_journal(), bench:sent(), bench:got "A"
  if not is_limit then os.remove(disk .. "/ballast") end

  local as_recorded, integrity = load "K2A"
  if integrity ~= "ok" then problem("integrity_check: %s", integrity) end
  local now = load "K1A"
  if now.seal.hash ~= before.seal.hash then problem "the run before is another one" end
  -- what teardown measures when nothing can be written any more was told to be unrecorded
  local unrecorded = of.code == 2
  for key in pairs(journal.done) do
    if unrecorded and (key:find("\tend\t", 1, true) or key:find("/cool\t", 1, true)) then journal.done[key] = nil end
  end
  add("measurements that had returned", check.values(as_recorded, "K2A", journal, sent, problem))
  check.others(as_recorded, "K2A", journal, problem)
  if of.code == 0 then
    add "runs with space enough"
  elseif of.code ~= 2 or not of.output:find("full", 1, true) and not of.output:find("ulimit -f", 1, true) then
    problem("exit code %s, signal %s", tostring(of.code), tostring(of.signal))
  elseif not as_recorded then
    add "runs that could not begin"
  else
    add(("runs that ended as %s, %s"):format(as_recorded.outcome, as_recorded.code))
    if as_recorded.outcome == "PASS" then problem "PASS, and the disk was full" end
  end
  if #got > 0 and got[#got] ~= "SAFE" then problem("the last command was %s, not the safe state", got[#got]) end
  local is_off = false
  for _, command in ipairs(got) do is_off = is_off or command == "VOLT 0;:OUTP OFF" end
  if #got > 0 and not is_off then problem "teardown did not run" end
  local last = run "K3A"
  if last.code ~= 0 then problem("with space again: exit code %s: %s", tostring(last.code), last.output) end
  local verified, output = station.verify(bench.results, bench.folder .. "/station.key")
  if not verified then problem("moonrig verify: %s", output) end
  if problems[1] then
    failed = failed + 1
    local how = is_sudden and "filled meanwhile" or free .. " KiB free"
    print(("round %d (--seed %d): %s"):format(number, given.seed, how))
    for _, each in ipairs(problems) do print("  " .. each) end
    print("  " .. (of.output:match "\n[^\n]*unit [^\n]*passed.*" or of.output))
  end
end
options.tell("full.lua", given, totals, failed)
bench:close()
os.exit(failed == 0 and 0 or 1)
