-- SPDX-License-Identifier: MIT
-- report/stdf.lua: runs as one STDF V4 file, little-endian: a lot of one job, a part for each run.
-- FAR MIR SDR, for each run PIR PTR... DTR... PRR, then TSR HBR SBR PCR MRR.
-- A measurement is a PTR with its limits each time.  Booleans are 1 and 0; a text is 1 when it passed, else 0, between
-- the limits 1 and 1, and a DTR says it.  What an R4 cannot hold (NaN, infinities, huge numbers) and what was not
-- measured is marked as no valid result.  Every attempt of a phase is there, in order.
-- TEST_NUM is made of the names of group, phase and measurement, so it stays the same from version to version and from
-- station to station as long as the names do.
-- Texts are ASCII of at most 255 bytes, floats have 24 bits: JSON is the format that loses nothing.

local core = require "moonrig.core"
local escape = require "moonrig.report.escape"
local format = require "moonrig.report.format"
local time = require "moonrig.record.time"
local units = require "moonrig.units"

local document = {}

local ALL <const> = 255   -- HEAD_NUM of a count over all heads and sites
local HEAD <const> = 1
local LARGEST <const> = 3.4028234e38

-- Fields

local function U1(n) return ("<I1"):pack(n) end
local function U2(n) return ("<I2"):pack(math.min(n, 0xffff)) end
local function U4(n) return ("<I4"):pack(math.min(math.max(n, 0), 0xffffffff)) end
local function I1(n) return ("<i1"):pack(n) end
local function I2(n) return ("<i2"):pack(n) end
local function R4(x) return ("<f"):pack(x) end

-- Printable ASCII: what is none becomes a question mark, units of measure what they are called.
local function ascii(text) return (units.ascii(escape.visible(text)):gsub("\n", "\\n"):gsub("\t", "\\t")
  :gsub(utf8.charpattern, function(c) return #c > 1 and "?" or nil end)) end

local function Cn(text) return ("s1"):pack(ascii(text or ""):sub(1, 255)) end

local function record(kind, sub, ...)
  local payload = table.concat { ... }
  return ("<I2 I1 I1"):pack(#payload, kind, sub) .. payload
end

local function seconds(text) return text and time.us(text) // 1000000 or 0 end

-- Test numbers

-- 31 bits of the SHA-256 of the names; when another test of this file has that number already, the next one.
local function number_of(tests, group, phase, name)
  local key = ("%s\0%s\0%s"):format(group, phase, name)
  if tests.by_key[key] then return tests.by_key[key] end
  local number = tonumber(core.store.sha256(key):sub(1, 8), 16) >> 1
  while number == 0 or tests.by_number[number] do number = (number + 1) & 0x7fffffff end
  local test = { number = number, executed = 0, failed = 0, measured = 0, sum = 0.0, squares = 0.0, phase = phase,
    text = ("%s / %s"):format(phase, name) }
  tests.by_key[key], tests.by_number[number] = test, test
  tests[#tests + 1] = test
  return test
end

-- Measurements

local function bounds(m)
  local limits = m.limits or {}
  if type(m.value) == "string" then return 1, 1 end
  local low, high = limits.min, limits.max
  if not low and not high and limits.nominal and limits.within then
    local half = math.abs(limits.nominal) * limits.within / 100
    low, high = limits.nominal - half, limits.nominal + half
  end
  local equals = limits.equals
  if type(equals) == "boolean" then equals = equals and 1 or 0 end
  if not low and not high and type(equals) == "number" then low, high = equals, equals end
  return low, high
end

local function result(m)
  local v = m.value
  if type(v) == "boolean" then return v and 1 or 0 end
  if type(v) == "string" then return m.outcome == "PASS" and 1 or 0 end
  if v == nil or v ~= v or math.abs(v + 0.0) > LARGEST then return nil end
  return v
end

-- TEST_FLG: 1 no valid result, 4 not executed, 6 no verdict, 7 failed.
local function test_flags(m, value)
  local flags = value and 0 or 1 << 1
  if m.outcome == "SKIPPED" then return flags | 1 << 4 | 1 << 6 end
  if m.outcome == "UNSET" then flags = flags | 1 << 4 end
  return m.outcome == "PASS" and flags or flags | 1 << 7
end

local function limit_field(x) return x and math.abs(x) <= LARGEST and x or nil end

local function ptr(site, m, test)
  local value = result(m)
  local low, high = bounds(m)
  local flags = test_flags(m, value)
  -- PARM_FLG: a value equal to a limit passes (6, 7); 3 too high, 4 too low.
  local parameter = 1 << 6 | 1 << 7
  if value and high and value > high then parameter = parameter | 1 << 3 end
  if value and low and value < low then parameter = parameter | 1 << 4 end
  low, high = limit_field(low), limit_field(high)
  -- OPT_FLAG: 1 always; 2, 3 no specification limits; 6, 7 no low, no high limit.
  local present = 1 << 1 | 1 << 2 | 1 << 3 | (low and 0 or 1 << 6) | (high and 0 or 1 << 7)
  test.executed = test.executed + (flags & 1 << 4 == 0 and 1 or 0)
  test.failed = test.failed + (flags >> 7)
  if value then
    test.measured, test.sum, test.squares = test.measured + 1, test.sum + value, test.squares + value * value
    test.low, test.high = math.min(test.low or value, value), math.max(test.high or value, value)
  end
  local text = type(m.value) == "string" and "" or m.unit
  return record(15, 10, U4(test.number), U1(HEAD), U1(site), U1(flags), U1(parameter), R4(value or 0), Cn(test.text),
    Cn "", U1(present), I1(0), I1(0), I1(0), R4(low or 0), R4(high or 0), Cn(text))
end

-- What the PTR cannot say, in words.
local function dtr(m, test)
  local is_lost = type(m.value) == "string" or m.value ~= nil and not result(m)
  if not is_lost then return "" end
  return record(50, 30, Cn(("%d %s = %s"):format(test.number, test.text, format.quantity(m.value, m.unit))))
end

-- Parts

local bins = { PASS = 1, FAIL = 2, ERROR = 3, TIMEOUT = 4, ABORTED = 5 }

-- PART_FLG: 0 a test of a part that was tested before, 2 ended abnormally, 3 did not pass.
local function part_flags(run, is_retest)
  local abnormal = run.outcome ~= "PASS" and run.outcome ~= "FAIL"
  return (is_retest and 1 or 0) | (abnormal and 1 << 2 or 0) | (run.outcome == "PASS" and 0 or 1 << 3)
end

local function part(run, site, tests, is_retest)
  local records, count = { record(5, 10, U1(HEAD), U1(site)) }, 0
  for _, phase in ipairs(run.phases) do
    for _, m in ipairs(phase.measurements) do
      local test = tests.of(phase.group, phase.name, m.name)
      records[#records + 1] = ptr(site, m, test)
      records[#records + 1] = dtr(m, test)
      count = count + 1
    end
  end
  local text = run.message and run.outcome .. ": " .. run.message or run.simulated and "simulated" or ""
  records[#records + 1] = record(5, 20, U1(HEAD), U1(site), U1(part_flags(run, is_retest)), U2(count),
    U2(bins[run.outcome]), U2(bins[run.outcome]), I2(-32768), I2(-32768), U4(run.duration * 1000 // 1 | 0),
    Cn(run.dut.serial), Cn(text))
  return table.concat(records)
end

-- The file

local function fail(message, ...)
  error(core.error { code = "unsupported", message = "stdf: " .. message:format(...) }, 0)
end

-- What all runs have to share, since a file has it once.
local common = {
  procedure = function(run) return run.procedure.name end, version = function(run) return run.procedure.version end,
  part = function(run) return run.dut.part end, revision = function(run) return run.dut.revision end,
  batch = function(run) return run.dut.batch end, station = function(run) return run.station end,
  mode = function(run) return run.mode end,
}

local function check_common(runs)
  for name, get in pairs(common) do
    for _, run in ipairs(runs) do
      if get(run) ~= get(runs[1]) then
        fail('a file holds one lot of one job, but run %d has the %s "%s" and run %d "%s"; write a file for each',
          runs[1].num, name, get(runs[1]) or "", run.num, get(run) or "")
      end
    end
  end
end

-- The number of each run's site: the station's own when they are numbers, else counted in the order of their names.
local function site_numbers(runs)
  local names, numbers, are_numbers = {}, {}, true
  for _, run in ipairs(runs) do
    local name = run.site or "1"
    if not numbers[name] then names[#names + 1] = name end
    numbers[name] = true
    local n = math.tointeger(name)
    are_numbers = are_numbers and n ~= nil and n >= 0 and n < ALL
  end
  table.sort(names)
  if #names >= ALL then fail("a file holds 254 sites, not %d", #names) end
  local list = {}
  for i, name in ipairs(names) do
    numbers[name] = are_numbers and math.tointeger(name) or i
    list[i] = U1(numbers[name])
  end
  return numbers, table.concat(list)
end

local modes = { production = "P", debug = "D", engineering = "E", maintenance = "M" }

local function same(runs, get)
  for _, run in ipairs(runs) do
    if get(run) ~= get(runs[1]) then return nil end
  end
  return get(runs[1])
end

local function master(runs, start)
  local run, tester = runs[1], same(runs, function(r) return r.runtime end) or "moonrig"
  local is_simulated = false
  for _, one in ipairs(runs) do is_simulated = is_simulated or one.simulated end
  return record(1, 10, U4(start), U4(start), U1(1), modes[run.mode] or " ", " ", " ", U2(65535), " ",
    Cn(run.dut.batch), Cn(run.dut.part), Cn(run.station), Cn "moonrig", Cn(run.procedure.name),
    Cn(run.procedure.version), Cn "", Cn(same(runs, function(r) return r.operator end)),
    Cn(tester:match "^%S+"), Cn(tester:match "%s(.*)$"), Cn "", Cn "", Cn(is_simulated and "simulated" or ""), Cn "",
    Cn "", Cn "", Cn "", Cn "", Cn "", Cn "", Cn "", Cn "", Cn "", Cn "", Cn "", Cn(run.dut.revision))
end

local function synopsis(test)
  local has_values = test.measured > 0
  local function finite(x) return R4(math.abs(x) <= LARGEST and x or 0) end
  -- OPT_FLAG: 3, 6, 7 always; 0 to 2 and 4, 5: no least, no greatest value, no time, no sums.
  local flags = 1 << 2 | 1 << 3 | 1 << 6 | 1 << 7
  if not has_values then flags = flags | 1 | 1 << 1 end
  if not has_values or math.abs(test.sum) > LARGEST then flags = flags | 1 << 4 end
  if not has_values or test.squares > LARGEST then flags = flags | 1 << 5 end
  return record(10, 30, U1(ALL), U1(0), "P", U4(test.number), U4(test.executed), U4(test.failed), U4(0xffffffff),
    Cn(test.text), Cn(test.phase), Cn "", U1(flags), R4(0), finite(test.low or 0), finite(test.high or 0),
    finite(test.sum), finite(test.squares))
end

local function counts(runs, retests)
  local by_outcome, records = {}, {}
  for _, run in ipairs(runs) do by_outcome[run.outcome] = (by_outcome[run.outcome] or 0) + 1 end
  for _, kind in ipairs { 40, 50 } do
    for _, word in ipairs { "PASS", "FAIL", "ERROR", "TIMEOUT", "ABORTED" } do
      if by_outcome[word] then
        records[#records + 1] = record(1, kind, U1(ALL), U1(0), U2(bins[word]), U4(by_outcome[word]),
          word == "PASS" and "P" or "F", Cn(word))
      end
    end
  end
  local good, failed = by_outcome.PASS or 0, by_outcome.FAIL or 0
  records[#records + 1] = record(1, 30, U1(ALL), U1(0), U4(#runs), U4(retests), U4(#runs - good - failed), U4(good),
    U4(0xffffffff))
  return table.concat(records)
end

---@param runs moonrig.Run[]
---@param put fun(bytes: string)
function document.render(runs, _, put)
  if not runs[1] then fail "there is no run to write" end
  check_common(runs)
  local tests = { by_key = {}, by_number = {} }
  function tests.of(...) return number_of(tests, ...) end
  local numbers, site_list = site_numbers(runs)
  local start, finish = math.huge, 0
  for _, run in ipairs(runs) do
    start = math.min(start, seconds(run.started_at))
    finish = math.max(finish, seconds(run.ended_at or run.started_at))
  end
  put(record(0, 10, U1(2), U1(4)))
  put(master(runs, start))
  put(record(1, 80, U1(HEAD), U1(1), U1(#site_list), site_list))
  local seen, retests = {}, 0
  for _, run in ipairs(runs) do
    local is_retest = run.attempt > 1 or seen[run.dut.serial] or false
    seen[run.dut.serial], retests = true, retests + (is_retest and 1 or 0)
    put(part(run, numbers[run.site or "1"], tests, is_retest))
  end
  table.sort(tests, function(a, b) return a.number < b.number end)
  for _, test in ipairs(tests) do put(synopsis(test)) end
  put(counts(runs, retests))
  put(record(1, 20, U4(finish), " ", Cn "", Cn ""))
end

return document
