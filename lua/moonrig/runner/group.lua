-- SPDX-License-Identifier: MIT
-- group.lua: the way through a group of phases: its setup, its phases and inner groups, its teardown; again when
-- it is to be retried.  The procedure itself is the outermost group; its teardown is runner.lua's.
-- A scope is one attempt of a group: its outcome so far, why it was stopped, what it has reached.  What happens in
-- it counts for the group around it when it is over, and only that of the last attempt.
local core = require "moonrig.core"
local attempt = require "moonrig.runner.attempt"

local group = {}

local RANK = { PASS = 0, FAIL = 1, ERROR = 2, TIMEOUT = 2, ABORTED = 3 }
local AGAIN <const> = 3      -- attempts that t:retry adds, where the phase does not say how many
local GRACE <const> = 1      -- seconds for <close> handlers of a teardown that took too long

--- A new scope for a group.
function group.scope(of, parent)
  return { group = of, parent = parent, outcome = "PASS", reached = {}, background = {} }
end

--- The first and worst: what comes later changes the outcome only when it is worse.
function group.worsen(scope, outcome, code, message)
  if RANK[outcome] <= RANK[scope.outcome] then return end
  scope.outcome, scope.code, scope.message = outcome, code, message
end

--- The rest of the scope is not run.
function group.stop(scope, why) scope.stopped = scope.stopped or why end

local function is_over(run, scope) return run.scope.stopped or scope.stopped end

-- ---- phases --------------------------------------------------------------------------------

-- A phase that is not reached is recorded as SKIP: the record names everything that the procedure holds.
local function not_run(run, phase, why)
  local message = "not run: " .. why
  local number = (run.attempts[phase.name] or 0) + 1
  run.attempts[phase.name] = number
  local entry = run:record(run.entry, "phase", { name = phase.name, group = phase.group, attempt = number })
  run:record(entry, "finish", { outcome = "SKIP", message = message })
  run:emit { event = "phase_ended", phase = phase.name, group = phase.group, attempt = number, outcome = "SKIP",
    message = message, duration = 0 }
end

--- Records all that a scope has not reached.
function group.mark_not_run(run, scope, items, why)
  for _, item in ipairs(items) do
    if scope and scope.reached[item] then
      goto continue
    elseif item.main then
      for _, part in ipairs { item.setup, item.main, item.teardown } do group.mark_not_run(run, nil, part, why) end
    else
      not_run(run, item, why)
    end
    ::continue::
  end
end

-- What the end of a phase, or of a group's last attempt, means for the scope it is in.
local function settle(scope, item, result)
  if not result.run or result.run == "ABORTED" then return end
  group.worsen(scope, result.run, result.code, item.main and result.message
    or ("%s: %s"):format(item.name, result.message))
  local stops = result.run ~= "FAIL" or item.stop_on_fail or result.stop
  if result.run == "TIMEOUT" and item.on_timeout == "continue" then stops = false end
  if item.retry.after then stops = item.retry.after == "stop" end
  if stops then
    group.stop(scope, item.main and ("group %q ended as %s"):format(item.name, result.run)
      or ("phase %q ended as %s"):format(item.name, result.outcome))
  end
end

-- May it be tried once more?
local function is_tried_again(run, item, result, number)
  if not result.run or result.run == "ABORTED" then return false end
  if run.broken or run.scope.stopped or core.cancelled() then return false end
  if result.run == "TIMEOUT" and item.on_timeout and item.on_timeout ~= "retry" then return false end
  local limit = item.retry.limit
  if result.again and limit == 0 then limit = AGAIN end
  return number <= limit
end

-- Whether the item's condition holds; what the condition raises is raised by the phase.
local function holds(run, item)
  if not item.when then return true end
  local ok, result = pcall(item.when, setmetatable({}, { __index = run.values }))
  if ok then return result end
  return true, function() error(result, 0) end
end

--- Runs a phase, as often as it is to be tried.
function group.phase(run, phase, scope)
  local is_wanted, instead = holds(run, phase)
  if not is_wanted then return not_run(run, phase, "its condition does not hold") end
  if instead then phase = setmetatable({ fn = instead }, { __index = phase }) end
  local number, result = 1, attempt.run(run, phase)
  while is_tried_again(run, phase, result, number) do
    if phase.retry.delay > 0 then run:pause(phase.retry.delay) end
    if run.scope.stopped then break end
    number, result = number + 1, attempt.run(run, phase)
  end
  settle(scope, phase, result)
end

-- ---- phases that run beside others ---------------------------------------------------------

local function start_background(run, phase, scope)
  local task = core.spawn(function()
    local ok, e = pcall(group.phase, run, phase, scope)
    if not ok and core.cancelled() ~= attempt.ENDED then error(e, 0) end
  end)
  table.insert(scope.background, { task = task, name = phase.name })
  core.sleep(0)              -- it begins before those beside it
end

--- Ends what runs beside the phases of a scope, which are over.
function group.end_background(run, scope)
  local background = scope.background
  scope.background = {}
  for _, one in ipairs(background) do
    one.task:cancel(attempt.ENDED)
    local ok, has_ended = pcall(run.wait, run, one.task, run.budget)
    local why = not ok and (type(has_ended) == "table" and has_ended.message or tostring(has_ended))
      or not has_ended and "it does not end" or nil
    if why then
      group.worsen(scope, "ERROR", "timeout", ("%s: %s"):format(one.name, why))
      group.stop(scope, ("phase %q ended as ERROR"):format(one.name))
    end
  end
end

-- ---- teardown ------------------------------------------------------------------------------

-- An error leaves the other teardowns to run.
local function tear_down(run, scope)
  core.steady()
  for _, phase in ipairs(scope.group.teardown) do
    scope.reached[phase] = true
    group.phase(run, phase, scope)
    if core.cancelled() then return end
  end
end

--- Runs the teardown of a scope, within its budget.
function group.tear_down(run, scope)
  local phases = scope.group.teardown
  if #phases == 0 then return end
  local budget = scope.group.teardown_budget or run.budget
  run.session:forget_lost()
  local task = core.spawn(tear_down, run, scope)
  if not run:wait(task, budget) then
    task:cancel(("teardown took longer than its budget of %g s"):format(budget))
    if not run:wait(task, GRACE) then group.worsen(scope, "ERROR", "timeout", "teardown does not end") end
    group.mark_not_run(run, scope, phases, "the budget of teardown was used up")
  end
end

--- Seconds that all teardown of a group can take.
function group.budget(of, default)
  local sum = #of.teardown > 0 and (of.teardown_budget or default) + GRACE or 0
  for _, item in ipairs(of.main) do sum = sum + (item.main and group.budget(item, default) or 0) end
  return sum
end

-- ---- groups --------------------------------------------------------------------------------

local function run_item(run, item, scope)
  scope.reached[item] = true
  if item.main then
    group.run(run, item, scope)
  elseif item.background then
    start_background(run, item, scope)
  else
    group.phase(run, item, scope)
  end
end

--- Runs setup and phases of a scope, until something stops it.
function group.forward(run, scope)
  for _, items in ipairs { scope.group.setup, scope.group.main } do
    for _, item in ipairs(items) do
      if is_over(run, scope) then return end
      run_item(run, item, scope)
    end
  end
end

-- One attempt of a group: how it ended, or nil when the run is over; then runner.lua does its teardown.
local function try(run, of, parent)
  local scope = group.scope(of, parent)
  table.insert(run.open, scope)
  group.forward(run, scope)
  group.end_background(run, scope)
  if run.scope.stopped then return nil end
  group.close(run, scope)
  return { outcome = scope.outcome, run = scope.outcome ~= "PASS" and scope.outcome or nil, code = scope.code,
    message = scope.message }
end

--- What is left to be done in a scope: to say what was not run, and teardown.
function group.close(run, scope)
  local why = scope.stopped or run.scope.stopped
  if why then
    group.mark_not_run(run, scope, scope.group.setup, why)
    group.mark_not_run(run, scope, scope.group.main, why)
  end
  group.tear_down(run, scope)
  for i = #run.open, 1, -1 do
    if run.open[i] == scope then table.remove(run.open, i) end
  end
end

--- Runs a group, as often as it is to be tried.
function group.run(run, of, parent)
  local is_wanted, instead = holds(run, of)
  if instead then
    instead = { name = of.name .. "/when", group = "setup", retry = { limit = 0 }, limits = {}, fn = instead }
    group.phase(run, instead, parent)
  end
  if instead or not is_wanted then
    return group.mark_not_run(run, nil, { of }, instead and "its condition could not be asked"
      or "its group's condition does not hold")
  end
  local number, result = 1, try(run, of, parent)
  while result and is_tried_again(run, of, result, number) do
    run:say("info", ("group %s: attempt %d ended as %s: again"):format(of.name, number, result.outcome))
    if of.retry.delay > 0 then run:pause(of.retry.delay) end
    if run.scope.stopped then break end
    number, result = number + 1, try(run, of, parent)
  end
  if result then settle(parent, of, result) end
end

return group
