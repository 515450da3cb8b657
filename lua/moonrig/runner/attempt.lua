-- SPDX-License-Identifier: MIT
-- attempt.lua: one attempt of a phase: its function runs, within its time, and how it ended is judged.
-- What the outcome means for the run is decided in group.lua.
local core = require "moonrig.core"
local measure = require "moonrig.measure"

local attempt = {}

local EARLY <const> = 0.002  -- timers may fire that much before a phase's timeout

--- Why a background phase is cancelled that has done its work.
attempt.ENDED = "the phases beside it have ended"

--- Is a task that was cancelled for this reason told that the run is over? One is also cancelled because another
--- task failed (see sched/loop.c), or because it ran beside phases that have ended.
function attempt.is_abort(reason) return reason ~= "a task failed" and reason ~= attempt.ENDED end

local function traceback(e)
  if type(e) == "table" then return e end
  return { message = tostring(e), traceback = debug.traceback(nil, 2) }
end

-- An error object says the line of the procedure too.
local function describe(e)
  return getmetatable(e) and tostring(e) or tostring(e.message or "an error that is a table without message")
end

-- Why a phase that raised did not go on.
local function classify(run, phase, e, elapsed)
  local cancelled = core.cancelled()
  if phase.timeout and elapsed >= phase.timeout - EARLY then
    return { outcome = "ERROR", code = "timeout", run = "TIMEOUT",
      message = ("took longer than its timeout of %g s"):format(phase.timeout) }
  elseif cancelled and phase.group == "teardown" then
    return { outcome = "ERROR", code = "timeout", run = "ERROR", message = cancelled }
  elseif cancelled and attempt.is_abort(cancelled) then
    run:cancelled(cancelled)
    return { outcome = "ERROR", code = "cancelled", message = cancelled, run = "ABORTED" }
  end
  return { outcome = "ERROR", code = e.code, message = describe(e), run = "ERROR", traceback = e.traceback }
end

local function conclude(run, phase, state, ok, e, elapsed)
  local ended = core.cancelled() == attempt.ENDED
  local late = phase.timeout and elapsed >= phase.timeout
  if not ended and ((not ok and e ~= state.leave) or late or core.cancelled()) then
    return classify(run, phase, e or {}, elapsed)
  end
  local unset = measure.unset(state)
  if state.aborted then
    run:cancelled(state.aborted)
    return { outcome = "ERROR", code = "cancelled", message = state.aborted, run = "ABORTED" }
  end
  if state.skipped and not state.failed then return { outcome = "SKIP", message = state.skipped } end
  if unset and not state.failed then state.failed = unset .. " was not measured" end
  if state.failed then return { outcome = "FAIL", code = state.code, message = state.failed, run = "FAIL" } end
  return { outcome = "PASS" }
end

-- Runs the function and judges how it ended.
local function perform(run, phase, entry, number)
  local t, state = measure.new(run, phase, entry, number)
  local began = core.now()
  local ok, e = core.deadline(phase.timeout or math.huge, xpcall, phase.fn, traceback, t)
  local result = conclude(run, phase, state, ok, e, core.now() - began)
  if state.give_back then state.give_back() end    -- instruments that other sites use too
  result.stop, result.again = state.stop, state.again
  if result.outcome == "ERROR" then measure.unset(state) end
  if result.traceback then
    run:record(entry, "log", { level = "error", message = result.traceback })
  end
  return result
end

-- In a task of its own that no Ctrl-C cuts short: it changes what comes after.
local function perform_uninterrupted(run, ...)
  local result
  local task = core.spawn(function(...)
    core.steady()
    result = perform(run, ...)
  end, ...)
  run:wait(task, math.huge)
  return result
end

--- Runs an attempt and records it.
---@return { outcome: string, run: string?, code: string?, message: string?, stop: boolean?, again: boolean? }
---  run: what it means for the run, when it is not good; stop: the rest is not to be run; again: t:retry was called
function attempt.run(run, phase)
  local number = (run.attempts[phase.name] or 0) + 1
  run.attempts[phase.name] = number
  run:emit { event = "phase_began", phase = phase.name, group = phase.group, attempt = number }
  local entry = run:record(run.entry, "phase", { name = phase.name, group = phase.group, attempt = number })
  local began = core.now()
  if entry then run.open_phases[entry] = true end
  local is_unrecorded = run.broken and phase.group ~= "teardown"
  local result = is_unrecorded and { outcome = "ERROR", code = run.broken.code, message = run.scope.message }
    or (phase.interruptible == false and perform_uninterrupted or perform)(run, phase, entry, number)
  run:record(entry, "finish", { outcome = result.outcome, code = result.code, message = result.message })
  if entry and not run.broken then run.open_phases[entry] = nil end
  run:emit { event = "phase_ended", phase = phase.name, group = phase.group, attempt = number,
    outcome = result.outcome, code = result.code, message = result.message, duration = core.now() - began }
  return result
end

return attempt
