-- SPDX-License-Identifier: MIT
-- runner.lua: runs a procedure on one unit: setup, phases, teardown, safe state, verdict.
--
-- Forward (setup, phases) runs in the calling task, so that Ctrl-C reaches the wait point in the
-- phase, or the line of a phase that computes; never a line of the library (see sched/loop.c).
-- Backward (teardown, safe state, the end of the record) runs in a task of its own that only its
-- budget ends: a Ctrl-C meanwhile changes the outcome, not what is done.
-- Observers are told of each thing after it was recorded: see the events at Run:emit.
local rig = require "moonrig"
local core = require "moonrig.core"
local measure = require "moonrig.measure"
local session = require "moonrig.session"

local runner = {}

local Run = {}
Run.__index = Run

local TEARDOWN_BUDGET = 30   -- seconds, unless the procedure says otherwise
local GRACE = 1              -- for <close> handlers of a teardown that took too long
local EARLY = 0.002          -- timers may fire that much before a phase's timeout

-- ---- the verdict ---------------------------------------------------------------------------

local RANK = { PASS = 0, FAIL = 1, ERROR = 2, TIMEOUT = 2, ABORTED = 3 }

-- The first and worst: what comes later changes the outcome only when it is worse.
function Run:worsen(outcome, code, message)
  if self.finished or RANK[outcome] <= RANK[self.outcome] then return end
  self.outcome, self.code, self.message = outcome, code, message
end

function Run:stop(why) self.stopped = self.stopped or why end

function Run:abort(reason)
  self:worsen("ABORTED", "cancelled", reason)
  self:stop "the run was aborted"
end

-- What a task is told that is cancelled because another failed: see sched/loop.c.
local function is_abort(reason) return reason ~= "a task failed" end

-- ---- the record, the observers -------------------------------------------------------------

-- Writes to the record: what its method gives, or nil. When the record cannot be written (disk full), the run ends
-- as ERROR, and teardown goes on unrecorded; `broken` holds the error. A field that cannot be is raised: that is the
-- procedure's mistake.
function Run:record(object, method, given)
  if self.broken or not object then return nil end
  local ok, result = pcall(object[method], object, given)
  if ok then return result end
  local code = type(result) == "table" and result.code
  if code == "unsupported" or code == "closed" or code == "cancelled" or type(result) ~= "table" then
    error(result, 0)
  end
  self.broken = result
  self:worsen("ERROR", code, "the record cannot be written: " .. result.message)
  self:stop "the record cannot be written"
end

--- Tells the observer. Events: run_began {run}, instrument {instrument}, phase_began {phase, group, attempt},
--- measurement {phase, measurement, why}, log {phase, log}, phase_ended {phase, group, attempt, outcome, code, message,
--- duration}, run_ended {outcome, code, message, duration}.
function Run:emit(event)
  if self.observer then self.observer(event) end
end

local function say(self, level, message)
  local line = { level = level, message = message }
  self:record(self.entry, "log", line)
  self:emit { event = "log", log = line }
end

-- ---- one attempt of a phase ----------------------------------------------------------------

local function traceback(e)
  if type(e) == "table" then return e end
  return { message = tostring(e), traceback = debug.traceback(nil, 2) }
end

-- An error object says the line of the procedure too.
local function describe(e)
  return getmetatable(e) and tostring(e) or tostring(e.message or "an error that is a table without message")
end

-- Why a phase that raised did not go on.
local function classify(self, phase, e, elapsed)
  local cancelled = core.cancelled()
  if phase.timeout and elapsed >= phase.timeout - EARLY then
    return { outcome = "ERROR", code = "timeout", run = "TIMEOUT",
      message = ("took longer than its timeout of %g s"):format(phase.timeout) }
  elseif cancelled and phase.group == "teardown" then
    return { outcome = "ERROR", code = "timeout", run = "ERROR", message = cancelled }
  elseif cancelled and is_abort(cancelled) then
    self:abort(cancelled)
    return { outcome = "ERROR", code = "cancelled", message = cancelled, run = "ABORTED" }
  end
  return { outcome = "ERROR", code = e.code, message = describe(e), run = "ERROR", traceback = e.traceback }
end

local function conclude(self, phase, state, ok, e, elapsed)
  local late = phase.timeout and elapsed >= phase.timeout
  if (not ok and e ~= state.leave) or late or core.cancelled() then
    return classify(self, phase, e or {}, elapsed)
  end
  local unset = measure.unset(state)
  if state.skipped and not state.failed then return { outcome = "SKIP", message = state.skipped } end
  if unset and not state.failed then state.failed = unset .. " was not measured" end
  if state.failed then return { outcome = "FAIL", code = state.code, message = state.failed, run = "FAIL" } end
  return { outcome = "PASS" }
end

-- Runs the function and judges how it ended.
local function perform(self, phase, entry, number)
  local t, state = measure.new(self, phase, entry, number)
  local began = core.now()
  local ok, e = core.deadline(phase.timeout or math.huge, xpcall, phase.fn, traceback, t)
  local result = conclude(self, phase, state, ok, e, core.now() - began)
  result.stop = state.stop
  if result.outcome == "ERROR" then measure.unset(state) end
  if result.traceback then
    self:record(entry, "log", { level = "error", message = result.traceback })
  end
  return result
end

function Run:attempt(phase, number)
  self:emit { event = "phase_began", phase = phase.name, group = phase.group, attempt = number }
  local entry = self:record(self.entry, "phase", { name = phase.name, group = phase.group, attempt = number })
  local began = core.now()
  self.open_phase = entry
  local is_unrecorded = self.broken and phase.group ~= "teardown"
  local result = is_unrecorded and { outcome = "ERROR", code = self.broken.code, message = self.message }
    or perform(self, phase, entry, number)
  self:record(entry, "finish", { outcome = result.outcome, code = result.code, message = result.message })
  self.open_phase = nil
  self:emit { event = "phase_ended", phase = phase.name, group = phase.group, attempt = number,
    outcome = result.outcome, code = result.code, message = result.message, duration = core.now() - began }
  return result
end

-- ---- phases --------------------------------------------------------------------------------

local function settle(self, phase, result)
  if not result.run then return end
  self:worsen(result.run, result.code, ("%s: %s"):format(phase.name, result.message))
  if result.outcome == "ERROR" or phase.stop_on_fail or result.stop then
    self:stop(("phase %q ended as %s"):format(phase.name, result.outcome))
  end
end

-- A phase that is not reached is recorded as SKIP: the record names everything that the procedure holds.
local function not_run(self, phase, why)
  local message = "not run: " .. why
  local entry = self:record(self.entry, "phase", { name = phase.name, group = phase.group })
  self:record(entry, "finish", { outcome = "SKIP", message = message })
  self:emit { event = "phase_ended", phase = phase.name, group = phase.group, attempt = 1, outcome = "SKIP",
    message = message, duration = 0 }
end

function Run:phase(phase)
  for number = 1, phase.retry.limit + 1 do
    local result = self:attempt(phase, number)
    if not result.run or result.run == "ABORTED" or self.broken or number > phase.retry.limit then
      return settle(self, phase, result)
    end
    if phase.retry.delay > 0 then core.sleep(phase.retry.delay) end
  end
end

-- Opens what the procedure says that it uses, all at once.
local function opening(self)
  local roles = self.plan.procedure.instruments
  return roles and { name = "instruments", group = "setup", retry = { limit = 0 }, limits = {}, stop_on_fail = true,
    fn = function()
      rig.group(function(group)
        for _, role in ipairs(roles) do group:spawn(self.session.get, self.session, role) end
      end)
    end }
end

function Run:forward()
  if opening(self) then self:phase(opening(self)) end
  for _, group in ipairs { self.plan.setup, self.plan.main } do
    for _, phase in ipairs(group) do
      if self.stopped then return end
      self.reached[phase] = true
      self:phase(phase)
    end
  end
end

-- ---- teardown ------------------------------------------------------------------------------

-- Waits for a task to end, also while this one is cancelled (which happens once): whether it ended.
local function wait(self, task, seconds)
  local ends = core.now() + seconds
  for _ = 1, 2 do
    local ok, e = pcall(task.join, task, math.max(0, ends - core.now()))
    if ok then return true end
    if task:status() == "failed" then error(e, 0) end
    if type(e) ~= "table" or e.code ~= "cancelled" then return false end
    self:abort(e.message)
  end
end

-- An error leaves the other teardowns to run.
local function tear_down(self)
  core.steady()
  for _, phase in ipairs(self.plan.teardown) do
    self.reached[phase] = true
    self:phase(phase)
    if core.cancelled() then return end
  end
end

local function mark_not_run(self, phases, why)
  for _, phase in ipairs(phases) do
    if not self.reached[phase] then not_run(self, phase, why) end
  end
end

local function run_teardown(self)
  if #self.plan.teardown == 0 then return end
  self.session:forget_lost()
  local task = core.spawn(tear_down, self)
  if not wait(self, task, self.budget) then
    task:cancel(("teardown took longer than its budget of %g s"):format(self.budget))
    if not wait(self, task, GRACE) then
      self:worsen("ERROR", "timeout", "teardown does not end")
    end
    mark_not_run(self, self.plan.teardown, "the budget of teardown was used up")
  end
end

-- Each instrument's declared safe state, as a phase of the record.
local function make_safe(self)
  if not self.session:has_safe_state() then return end
  self:phase { name = "safe state", group = "teardown", retry = { limit = 0 }, limits = {}, fn = function(t)
    local failed
    for _, done in ipairs(self.session:safe_state()) do
      local e = done.err and (type(done.err) == "table" and done.err or { message = tostring(done.err) })
      t:log(("%s: %s%s"):format(done.role, done.commands, e and ": " .. e.message or ""), e and "error" or "info")
      failed = failed or e
    end
    if failed then error(failed, 0) end
  end }
end

local function finish(self)
  self:record(self.entry, "finish", { outcome = self.outcome, code = self.code, message = self.message })
  self.finished = true
  self.duration = core.now() - self.began
  self:emit { event = "run_ended", outcome = self.outcome, code = self.code, message = self.message,
    duration = self.duration }
end

local function end_forward(self)
  if self.open_phase then
    self:record(self.open_phase, "finish", { outcome = "ERROR", code = self.code, message = self.message })
    self.open_phase = nil
  end
  mark_not_run(self, self.plan.setup, self.stopped)
  mark_not_run(self, self.plan.main, self.stopped)
end

-- Whatever goes wrong in one step, the next is done.
function Run:backward()
  core.steady()
  for _, step in ipairs { end_forward, run_teardown, make_safe } do
    local ok, e = pcall(step, self)
    if not ok then self:worsen("ERROR", type(e) == "table" and e.code or nil, tostring(e)) end
  end
  self.session:close()
  finish(self)
end

-- ---- a run ---------------------------------------------------------------------------------

local function start(plan, opts)
  local self = setmetatable({
    plan = plan, observer = opts.observer, outcome = "PASS", values = {}, reached = {}, began = core.now(),
    budget = plan.procedure.teardown_budget or TEARDOWN_BUDGET,
    dut = { serial = opts.serial, part = plan.procedure.part },
  }, Run)
  self.session = session.new(opts.station, { simulate = opts.simulate, opened = function(info)
    self:record(self.entry, "instrument", info)
    self:emit { event = "instrument", instrument = info }
    if info.cal_due and info.cal_due < os.date "!%Y-%m-%d" then
      say(self, "warning", ("%s: its calibration was due on %s"):format(info.role, info.cal_due))
    end
  end })
  self.simulated = self.session:is_simulated()
  self.entry = opts.record:start_run {
    station = opts.station.name, site = opts.station.site, operator = opts.operator, simulated = self.simulated,
    dut = self.dut, procedure = { name = plan.procedure.name, version = plan.procedure.version, script = plan.script },
  }
  self.id, self.num = self.entry.id, self.entry.num
  return self
end

---@class moonrig.RunResult
---@field id string
---@field num integer
---@field outcome moonrig.RunOutcome
---@field code string?
---@field message string?
---@field duration number

--- Runs a plan on a unit. The record has the run when this returns; how it ended is the result, not an error.
---@async
---@param plan moonrig.Plan
---@param opts { serial: string, record: moonrig.Record, station: moonrig.Station, operator: string?,
---  simulate: boolean?, observer: fun(event: table)? }
---@return moonrig.RunResult
---  Raises: what keeps the run from being started in the record
function runner.run(plan, opts)
  local self = start(plan, opts)
  core.teardown_budget(self.budget + GRACE + session.SAFE_STATE_BUDGET + GRACE)
  local ok, e = pcall(function()
    self:emit { event = "run_began", run = self }
    self:forward()
  end)
  if not ok then
    local cancelled = core.cancelled()
    if cancelled and is_abort(cancelled) then
      self:abort(cancelled)
    else
      self:worsen("ERROR", type(e) == "table" and e.code or nil, tostring(e))
      self:stop "the run failed"
    end
  end
  local backward = core.spawn(self.backward, self)
  wait(self, backward, math.huge)
  return self
end

return runner
