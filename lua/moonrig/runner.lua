-- SPDX-License-Identifier: MIT
-- runner.lua: runs a procedure on one unit: setup, phases, teardown, safe state, verdict.
--
-- Forward (setup, phases, groups: runner/group.lua) runs in the calling task, so that Ctrl-C reaches the wait point
-- in the phase, or the line of a phase that computes; never a line of the library (see sched/loop.c).
-- Backward (teardown, safe state, the end of the record) runs in a task of its own that only its
-- budget ends: a Ctrl-C meanwhile changes the outcome, not what is done.
-- Observers are told of each thing after it was recorded: see the events at Run:emit.
local rig = require "moonrig"
local core = require "moonrig.core"
local attempt = require "moonrig.runner.attempt"
local group = require "moonrig.runner.group"
local plans = require "moonrig.plan"
local session = require "moonrig.session"
local traffic = require "moonrig.traffic"

local runner = {}

local Run = {}
Run.__index = Run

local TEARDOWN_BUDGET <const> = 30   -- seconds, unless the procedure says otherwise
local GRACE <const> = 1
local SPACE <const> = 512 * 1024     -- bytes on the disk that are kept for teardown and the end of the run

-- ---- the verdict ---------------------------------------------------------------------------

function Run:worsen(outcome, code, message)
  if not self.finished then group.worsen(self.scope, outcome, code, message) end
end

--- It was cancelled: nothing more is begun but teardown.
function Run:cancelled(reason)
  self:worsen("ABORTED", "cancelled", reason)
  group.stop(self.scope, "the run was aborted")
end

-- ---- from outside --------------------------------------------------------------------------

--- Ends it when the phase that is running is over; teardown follows, and it is ABORTED. Whoever has seen run_began
--- may call this, from any task.
---@param reason? string
---@return boolean done  false: it has ended
function Run:stop(reason)
  if self.finished then return false end
  reason = reason or "stopped by the operator"
  self:worsen("ABORTED", "cancelled", reason)
  group.stop(self.scope, reason)
  for pause in pairs(self.pauses) do pause:push(true) end
  return true
end

--- Ends it at once, as Ctrl-C does: the phase that is running is cut short where it waits; teardown follows, and it
--- is ABORTED.
---@param reason? string
---@return boolean done  false: it has ended
function Run:abort(reason)
  if self.finished then return false end
  self.task:cancel(reason or "aborted by the operator")
  return true
end

--- Sleeps between two attempts, until the run is stopped.
---@async
function Run:pause(seconds)
  local pause = rig.queue()
  self.pauses[pause] = true
  local ok, e = pcall(pause.pop, pause, seconds)
  self.pauses[pause] = nil
  if not ok and e.code ~= "timeout" then error(e, 0) end
end

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
  self.broken, self.is_full = result, code == "system"
  self:worsen("ERROR", code, "the record cannot be written: " .. result.message)
  group.stop(self.scope, "the record cannot be written")
end

-- Why nothing more should be written to the record; nil: all is well.
local function why_not_to_record(path)
  local free = path and core.store.space(path)
  if path and not free then return ("the record %s is gone: it was moved or removed"):format(path) end
  if path and free < SPACE then
    return ("%s: the disk is full but for %d KiB, which the end of the run needs; free some space there"):format(path,
      free // 1024)
  end
end

--- Ends a phase before the disk is full, so that the record can still say what came of the run.
---  Raises: system
function Run:check_space()
  local message = not self.broken and why_not_to_record(self.recorded.path)
  if not message then return end
  self.is_full = true
  self:worsen("ERROR", "system", message)
  group.stop(self.scope, "the record cannot be written")
  error(core.error { code = "system", message = message }, 0)
end

--- Tells the observer. Events: run_began {run}, instrument {instrument}, subunit {phase, subunit},
--- phase_began {phase, group, attempt}, measurement {phase, measurement, why, points}, series {phase, points, added},
--- log {phase, log}, attachment {phase, attachment}, prompt {phase, prompt}, answer {phase, prompt, answer},
--- phase_ended {phase, group, attempt, outcome, code, message, duration}, run_ended {outcome, code, message, duration}.
--- points: see series.lua.
function Run:emit(event)
  if self.observer then self.observer(event) end
end

--- Adds a line to the run's log.
function Run:say(level, message)
  local line = { level = level, message = message }
  self:record(self.entry, "log", line)
  self:emit { event = "log", log = line }
end

-- ---- forward -------------------------------------------------------------------------------

-- Opens what the procedure says that it uses, all at once.
local function opening(self)
  local roles = self.plan.procedure.instruments
  return roles and { name = "instruments", group = "setup", retry = { limit = 0 }, limits = {}, stop_on_fail = true,
    fn = function()
      rig.group(function(tasks)
        for _, role in ipairs(roles) do tasks:spawn(self.session.get, self.session, role) end
      end)
    end }
end

function Run:forward()
  if opening(self) then group.phase(self, opening(self), self.scope) end
  group.forward(self, self.scope)
  group.end_background(self, self.scope)
end

-- ---- backward ------------------------------------------------------------------------------

--- Waits for a task to end, also while this one is cancelled (which happens once): whether it ended.
function Run:wait(task, seconds)
  local ends = core.now() + seconds
  for _ = 1, 2 do
    local ok, e = pcall(task.join, task, math.max(0, ends - core.now()))
    if ok then return true end
    if task:status() == "failed" then error(e, 0) end
    if type(e) ~= "table" or e.code ~= "cancelled" then return false end
    self:cancelled(e.message)
  end
end

-- Phases that a Ctrl-C between two lines of the library has left open, and those that run beside others.
local function end_forward(self)
  for i = #self.open, 0, -1 do group.end_background(self, self.open[i] or self.scope) end
  for entry in pairs(self.open_phases) do
    self:record(entry, "finish", { outcome = "ERROR", code = self.scope.code, message = self.scope.message })
  end
  self.open_phases = {}
end

-- Inner groups that the end of the run has left open, innermost first; what becomes of them becomes of the run.
local function close_groups(self)
  while #self.open > 0 do
    local scope = self.open[#self.open]
    local ok, e = pcall(group.close, self, scope)
    if self.open[#self.open] == scope then table.remove(self.open) end
    if scope.outcome ~= "PASS" then group.worsen(scope.parent, scope.outcome, scope.code, scope.message) end
    if not ok then error(e, 0) end
  end
end

local function run_teardown(self)
  group.mark_not_run(self, self.scope, self.plan.setup, self.scope.stopped)
  group.mark_not_run(self, self.scope, self.plan.main, self.scope.stopped)
  group.tear_down(self, self.scope)
end

-- Each instrument's declared safe state, as a phase of the record.
local function make_safe(self)
  self.session:leave_shared()
  if not self.session:has_safe_state() then return end
  group.phase(self, { name = "safe state", group = "teardown", retry = { limit = 0 }, limits = {}, fn = function(t)
    local failed
    for _, done in ipairs(self.session:safe_state()) do
      local e = done.err and (type(done.err) == "table" and done.err or { message = tostring(done.err) })
      t:log(("%s: %s%s"):format(done.role, done.commands, e and ": " .. e.message or ""), e and "error" or "info")
      failed = failed or e
    end
    if failed then error(failed, 0) end
  end }, self.scope)
end

local function close(self) self.session:close() end

-- Whether so many bytes and the end of the run go into the record: they are written twice, into the -wal file first.
local function has_room(self, size)
  local free = not self.broken and self.recorded.path and core.store.space(self.recorded.path)
  return not self.recorded.path or free and free > 2 * size + SPACE
end

-- What passed between the run and its instruments, until they were closed.
local function keep_traffic(self)
  if not self.session.traffic then return end
  self.session.traffic:finish(function(file, problem)
    if not has_room(self, #file.data) then
      return self:say("warning", file.name .. " is left out: there is no room for it on the disk")
    end
    self:record(self.entry, "attachment", file)
    self:emit { event = "attachment", attachment = { name = file.name, mime = file.mime, size = #file.data } }
    if problem then self:say("warning", ("%s is cut: %s"):format(file.name, problem)) end
  end)
end

local function finish(self)
  self.broken = nil                    -- this is the least of all: it may have room
  self.outcome, self.code, self.message = self.scope.outcome, self.scope.code, self.scope.message
  self:record(self.entry, "finish", { outcome = self.outcome, code = self.code, message = self.message })
  local path = self.recorded.path
  if path and not core.store.space(path) then self:worsen("ERROR", "system", why_not_to_record(path)) end
  self.finished = true
  self.duration = core.now() - self.began
  -- the record may have broken with this
  self.outcome, self.code, self.message = self.scope.outcome, self.scope.code, self.scope.message
  self:emit { event = "run_ended", outcome = self.outcome, code = self.code, message = self.message,
    duration = self.duration }
end

-- Whatever goes wrong in one step, the next is done.
function Run:backward()
  core.steady()
  -- There may be room for what is left, if not for a large attachment. But nothing waits for a lock once more.
  if self.is_full then pcall(self.recorded.make_room, self.recorded) end
  if self.broken and self.broken.code ~= "busy" then self.broken = nil end
  for _, step in ipairs { end_forward, close_groups, run_teardown, make_safe, close, keep_traffic } do
    local ok, e = pcall(step, self)
    if not ok then self:worsen("ERROR", type(e) == "table" and e.code or nil, tostring(e)) end
  end
  finish(self)
end

-- ---- a run ---------------------------------------------------------------------------------

-- What is said of all at the station, of all by this procedure, and of this run, which stands over the others.
local function meta_of(plan, opts)
  local meta = {}
  for _, source in ipairs { opts.station.meta or {}, plan.procedure.meta or {}, opts.meta or {} } do
    for name, value in pairs(source) do meta[name] = value end
  end
  return meta
end

local function start(plan, opts)
  local self = setmetatable({
    plan = plan, observer = opts.observer, values = {}, attempts = {}, open_phases = {}, began = core.now(),
    scope = group.scope(plan),   -- of the whole run
    task = core.current(),       -- which goes forward
    pauses = {},                 -- between attempts, that go on
    open = {},                   -- scopes of inner groups, the innermost last
    budget = plan.procedure.teardown_budget or TEARDOWN_BUDGET,
    dut = { serial = opts.serial, part = plans.part(plan, opts.part), revision = opts.revision, batch = opts.batch,
      subunits = opts.subunits or {} },
    ask = opts.ask, asking = opts.asking or rig.lock(),
    recorded = opts.record,
  }, Run)
  self.session = session.new(opts.station, { simulate = opts.simulate, shared = opts.shared,
    traffic = (opts.traffic or opts.station.traffic) and traffic.new() or nil, opened = function(info)
    local warning = info.calibration
    info.calibration, info.others = nil, nil
    self:record(self.entry, "instrument", info)
    self:emit { event = "instrument", instrument = info }
    if warning then self:say("warning", ("%s: %s"):format(info.role, warning)) end
  end })
  self.simulated = self.session:is_simulated()
  local ok, entry = pcall(opts.record.start_run, opts.record, {
    station = opts.station.name, site = opts.station.site, operator = opts.operator, simulated = self.simulated,
    config = plan.limits_file and { limits = { file = plan.limits_file.name, version = plan.limits_file.version,
      sha256 = plan.limits_file.sha256 } },
    meta = meta_of(plan, opts),
    dut = self.dut, procedure = { name = plan.procedure.name, version = plan.procedure.version, script = plan.script },
  })
  if not ok then             -- those that share instruments with it do not wait for it
    self.session:leave_shared()
    self.session:safe_state()
    self.session:close()
    error(entry, 0)
  end
  self.entry = entry
  self.id, self.num = self.entry.id, self.entry.num
  local file = plan.limits_file
  if file then
    self:record(self.entry, "attachment", { name = file.name, mime = "text/plain", data = file.text })
    self:record(self.entry, "log", { level = "info", message = ("limits: %s%s, sha256 %s"):format(file.name,
      file.version and " version " .. file.version or "", file.sha256) })
  end
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
---@param opts { serial: string, part: string?, revision: string?, batch: string?, subunits: moonrig.Subunit[]?,
---  meta: table<string, string>?, record: moonrig.Record, station: moonrig.Station, operator: string?,
---  simulate: boolean?, traffic: boolean?, shared: moonrig.Shared?, observer: fun(event: table)?,
---  ask: (fun(text: string, timeout: number): string)?, asking: moonrig.Lock? }  traffic: attach what passes between
---  the run and its instruments; asking: held by who asks
---@return moonrig.RunResult
---  Raises: what keeps the run from being started in the record
function runner.run(plan, opts)
  local self = start(plan, opts)
  core.teardown_budget(group.budget(plan, self.budget) + session.SAFE_STATE_BUDGET + GRACE)
  local ok, e = pcall(function()
    self:emit { event = "run_began", run = self }
    self:forward()
  end)
  if not ok then
    local cancelled = core.cancelled()
    if cancelled and attempt.is_abort(cancelled) then
      self:cancelled(cancelled)
    else
      self:worsen("ERROR", type(e) == "table" and e.code or nil, tostring(e))
      group.stop(self.scope, "the run failed")
    end
  end
  local backward = core.spawn(self.backward, self)
  self:wait(backward, math.huge)
  return self
end

return runner
