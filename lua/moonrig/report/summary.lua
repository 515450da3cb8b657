-- SPDX-License-Identifier: MIT
-- report/summary.lua: what a run comes to, counted and put together from its tree once for all formats:
-- the verdict, which attempts a later one replaced, how many passed, what failed, and lists across phases.

local format = require "moonrig.report.format"

---@class moonrig.RunSummary
---@field verdict string                 the outcome, or "RUNNING"
---@field superseded table<moonrig.Phase, boolean>  attempts that were tried again
---@field phases integer                 without superseded ones, as are the following
---@field measurements integer
---@field failed integer                 measurements FAIL or UNSET
---@field marginal integer
---@field skipped integer                measurements SKIPPED
---@field retries integer                superseded attempts
---@field reasons { phase: string?, text: string, measurement: moonrig.Measurement? }[]  why it is no PASS

-- An attempt is superseded by a later one of the same phase with a higher number. The same name with the same
-- number is a phase run twice, which both count.
local function find_superseded(phases)
  local superseded, next_attempt = {}, {}
  for i = #phases, 1, -1 do
    local phase = phases[i]
    local key = phase.group .. "\0" .. phase.name
    superseded[phase] = (next_attempt[key] or 0) > phase.attempt
    next_attempt[key] = phase.attempt
  end
  return superseded
end

local function is_bad(m) return m.outcome == "FAIL" or m.outcome == "UNSET" end

local function count_phase(sum, phase)
  sum.phases = sum.phases + 1
  for _, m in ipairs(phase.measurements) do
    sum.measurements = sum.measurements + 1
    if is_bad(m) then sum.failed = sum.failed + 1 end
    if m.marginal then sum.marginal = sum.marginal + 1 end
    if m.outcome == "SKIPPED" then sum.skipped = sum.skipped + 1 end
  end
end

--- Why a phase is neither PASS nor SKIP: its measurements at fault, then its message; empty when it is.
---@param phase moonrig.Phase
---@return { text: string, measurement: moonrig.Measurement? }[]
local function phase_reasons(phase)
  local reasons = {}
  if phase.outcome == "PASS" or phase.outcome == "SKIP" then return reasons end
  for _, m in ipairs(phase.measurements) do
    if is_bad(m) then reasons[#reasons + 1] = { text = format.measurement(m), measurement = m } end
  end
  if phase.message or not reasons[1] then
    local text = phase.message or (phase.outcome and "no reason was recorded" or "did not end")
    reasons[#reasons + 1] = { text = phase.code and ("%s [%s]"):format(text, phase.code) or text }
  end
  return reasons
end

local function run_reasons(run, superseded)
  local reasons = {}
  if run.outcome == "PASS" then return reasons end
  for _, phase in ipairs(run.phases) do
    if not superseded[phase] then
      for _, reason in ipairs(phase_reasons(phase)) do
        reasons[#reasons + 1] = { phase = phase.name, text = reason.text, measurement = reason.measurement }
      end
    end
  end
  if run.message then
    local text = run.code and ("%s [%s]"):format(run.message, run.code) or run.message
    local last = reasons[#reasons]
    if not last or last.text ~= text then table.insert(reasons, 1, { text = text }) end
  end
  return reasons
end

---@param run moonrig.Run
---@return moonrig.RunSummary
local function summarize(run)
  local superseded = find_superseded(run.phases)
  local sum = { verdict = run.outcome or "RUNNING", superseded = superseded, phases = 0, measurements = 0, failed = 0,
    marginal = 0, skipped = 0, retries = 0, reasons = run_reasons(run, superseded) }
  for _, phase in ipairs(run.phases) do
    if superseded[phase] then
      sum.retries = sum.retries + 1
    else
      count_phase(sum, phase)
    end
  end
  return sum
end

--- What the run and its phases have under one name ("logs", "attachments", "prompts"), in order.
---@param run moonrig.Run
---@param name string
---@return { phase: moonrig.Phase?, item: table }[]
local function collect(run, name)
  local all = {}
  for _, item in ipairs(run[name]) do all[#all + 1] = { item = item } end
  for _, phase in ipairs(run.phases) do
    for _, item in ipairs(phase[name]) do all[#all + 1] = { phase = phase, item = item } end
  end
  table.sort(all, function(a, b) return a.item.seq < b.item.seq end)
  return all
end

-- What stands inside of a run or phase: the list that has it, and the word for one of it.
local kinds = { measurements = "measurement", prompts = "prompt", logs = "log", attachments = "attachment" }

--- Measurements, prompts, log lines and attachments of a run or phase (not of the run's phases) as they happened.
---@param part moonrig.Run|moonrig.Phase
---@return { kind: string, item: table }[]
local function timeline(part)
  local all = {}
  for list, kind in pairs(kinds) do
    for _, item in ipairs(part[list] or {}) do all[#all + 1] = { kind = kind, item = item } end
  end
  table.sort(all, function(a, b) return a.item.seq < b.item.seq end)
  return all
end

--- "12 measurements in 5 phases, none failed", "2 of 12 measurements failed, 1 marginal, 1 attempt repeated"
---@param sum moonrig.RunSummary
---@return string
local function in_words(sum)
  local judged = sum.measurements - sum.skipped
  local words
  if sum.measurements == 0 then
    words = format.count(sum.phases, "phase") .. ", no measurements"
  elseif sum.failed == 0 then
    words = ("%s in %s, none failed"):format(format.count(judged, "measurement"), format.count(sum.phases, "phase"))
  else
    words = ("%d of %s failed"):format(sum.failed, format.count(judged, "measurement"))
  end
  if sum.marginal > 0 then words = ("%s, %d marginal"):format(words, sum.marginal) end
  if sum.skipped > 0 then words = ("%s, %d skipped"):format(words, sum.skipped) end
  if sum.retries > 0 then words = ("%s, %s repeated"):format(words, format.count(sum.retries, "attempt")) end
  return words
end

return { of = summarize, phase_reasons = phase_reasons, collect = collect, timeline = timeline,
  in_words = in_words }
