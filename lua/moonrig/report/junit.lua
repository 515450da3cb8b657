-- SPDX-License-Identifier: MIT
-- report/junit.lua: runs as JUnit XML, the subset that Jenkins' schema (junit-10.xsd) accepts and GitLab reads:
-- a run is a testsuite, each attempt of a phase a testcase, FAIL a failure, any other bad end an error.
-- An attempt that was repeated has a flakyFailure, which is not counted: a run that PASSed at its second attempt is
-- green. One that did not PASS is red, also when no phase says why.

local format = require "moonrig.report.format"
local summary = require "moonrig.report.summary"
local tag = require "moonrig.report.markup"

local junit = {}

local LONGEST = 1000  -- bytes of a value or message that are shown

-- At most three decimals and no exponent: the schema refuses more.
local function seconds(s) return ("%.3f"):format(s or 0) end

-- Jenkins and Ant want a time without zone; it is UTC.
local function timestamp(text) return text:match("^(%d+%-%d+%-%d+T%d+:%d+:%d+)") or text end

-- What a testcase prints

local line_of = {}

function line_of.measurement(m)
  local marginal = format.marginal(m.limits, m.unit)
  return ("%s%s  %s%s"):format(m.outcome, m.marginal and " !" or "", format.measurement(m),
    marginal and ", " .. marginal or "")
end

function line_of.prompt(prompt)
  return ("asked  %s: %s"):format(prompt.message, format.answer(prompt))
end

function line_of.log(log) return ("%.3f s  %s  %s"):format(log.at, log.level, log.message) end

function line_of.attachment(file)
  return ("file  %s, %s, %s, sha256 %s"):format(file.name, file.mime, format.size(file.size), file.sha256)
end

local function output(part)
  local lines = {}
  for i, entry in ipairs(summary.timeline(part)) do lines[i] = format.cut(line_of[entry.kind](entry.item), LONGEST) end
  return lines[1] and tag["system-out"] { table.concat(lines, "\n") }
end

-- Testcases

local function reason_texts(reasons)
  local texts = {}
  for i, reason in ipairs(reasons) do texts[i] = format.cut(reason.text, LONGEST) end
  return texts
end

-- failure, error, skipped or flakyFailure, which says why with limits and values; false for a PASS.
local function result_of(phase, superseded)
  if phase.outcome == "PASS" then return false end
  if phase.outcome == "SKIP" then return tag.skipped { message = phase.message or "skipped" } end
  local texts = reason_texts(summary.phase_reasons(phase))
  local name = superseded and "flakyFailure" or phase.outcome == "FAIL" and "failure" or "error"
  return tag[name] { type = phase.code or phase.outcome or "RUNNING", message = texts[1],
    table.concat(texts, "\n") }, name
end

-- Names are unique within a suite, since GitLab drops the second of a kind.
local function unique(used, name, attempt)
  local candidate, n = attempt > 1 and ("%s #%d"):format(name, attempt) or name, attempt
  while used[candidate] do
    n = n + 1
    candidate = ("%s #%d"):format(name, n)
  end
  used[candidate] = true
  return candidate
end

local function testcase_of(suite, phase, superseded)
  local result, kind = result_of(phase, superseded)
  suite.tests = suite.tests + 1
  if kind == "failure" then suite.failures = suite.failures + 1 end
  if kind == "error" then suite.errors = suite.errors + 1 end
  if phase.outcome == "SKIP" then suite.skipped = suite.skipped + 1 end
  local class = suite.class .. "." .. phase.group
  suite.used[class] = suite.used[class] or {}
  return tag.testcase { classname = class, name = unique(suite.used[class], phase.name, phase.attempt),
    time = seconds(phase.duration), result, output(phase) }
end

-- A run that did not pass although no phase says so (it was aborted between two, or before the first).
local function testcase_of_run(suite, run, sum)
  if run.outcome == "PASS" or suite.failures + suite.errors > 0 then return false end
  local name = run.outcome == "FAIL" and "failure" or "error"
  local counter = name == "failure" and "failures" or "errors"
  suite.tests, suite[counter] = suite.tests + 1, suite[counter] + 1
  local why = format.cut(run.message or (run.outcome and "the run ended as " .. run.outcome
    or "the run has not ended"), LONGEST)
  return tag.testcase { classname = suite.class .. ".run", name = sum.verdict, time = seconds(run.duration),
    tag[name] { type = run.code or sum.verdict, message = why, why } }
end

-- Suites

local function properties(run)
  local list = {}
  local function add(name, value)
    if value ~= nil then list[#list + 1] = tag.property { name = name, value = tostring(value) } end
  end
  add("run.id", run.id)
  add("run.num", run.num)
  for _, name in ipairs { "outcome", "marginal", "code", "message", "started_at", "ended_at", "station", "site",
      "operator", "mode", "simulated", "attempt", "runtime" } do
    add(name, run[name])
  end
  for _, name in ipairs { "serial", "part", "revision", "batch" } do add("dut." .. name, run.dut[name]) end
  add("dut.subunits", format.subunits(run.dut))
  for _, name in ipairs { "name", "version", "script_sha256" } do add("procedure." .. name, run.procedure[name]) end
  for _, name in ipairs { "seq", "hash", "key" } do add("seal." .. name, run.seal and run.seal[name]) end
  add("seal.head", run.seal and run.seal.head.hash)
  for _, unit in ipairs(run.instruments) do
    for _, name in ipairs { "url", "maker", "model", "serial", "firmware", "cal_due", "cal_certificate" } do
      add(("instrument.%s.%s"):format(unit.role, name), unit[name])
    end
  end
  return tag.properties(list)
end

local function suite_of(run, many)
  local sum = summary.of(run)
  local suite = { tests = 0, failures = 0, errors = 0, skipped = 0, used = {},
    class = many and ("%s %s run %d"):format(run.procedure.name, run.dut.serial, run.num) or run.procedure.name }
  local cases = {}
  for i, phase in ipairs(run.phases) do cases[i] = testcase_of(suite, phase, sum.superseded[phase]) end
  cases[#cases + 1] = testcase_of_run(suite, run, sum)
  suite.element = tag.testsuite { name = ("%s %s"):format(run.procedure.name, run.dut.serial), tests = suite.tests,
    failures = suite.failures, errors = suite.errors, skipped = suite.skipped, time = seconds(run.duration),
    timestamp = timestamp(run.started_at), hostname = run.host, id = run.id,
    properties(run), cases, output(run) }
  return suite
end

---@param runs moonrig.Run[]
---@param context { many: boolean }
---@param put fun(text: string)
function junit.render(runs, context, put)
  local elements, tests, failures, errors, time = {}, 0, 0, 0, 0
  for i, run in ipairs(runs) do
    local suite = suite_of(run, context.many)
    elements[i], time = suite.element, time + run.duration
    tests, failures, errors = tests + suite.tests, failures + suite.failures, errors + suite.errors
  end
  put '<?xml version="1.0" encoding="UTF-8"?>\n'
  put(tostring(tag.testsuites { name = "moonrig", tests = tests, failures = failures, errors = errors,
    time = seconds(time), elements }))
end

return junit
