-- SPDX-License-Identifier: MIT
-- measure.lua: `t`, what a phase's function is given: measurements (measure/value.lua), the log, files, questions
-- (measure/note.lua), ways to end the phase early, and the station's instruments by name.
-- It judges and records; what the outcome of a phase means for the run is decided in runner.lua.
-- A method returns after what it says has been recorded.
local notes = require "moonrig.measure.note"
local states = require "moonrig.measure.state"
local value = require "moonrig.measure.value"

local measure = { unset = value.unset }

local Test = {}
for _, methods in ipairs { value.methods, notes } do
  for name, method in pairs(methods) do Test[name] = method end
end

--- Ends the phase as SKIP; what it declared and did not measure is SKIPPED.
---@param reason? string
function Test:skip(reason)
  local state = states.of(self)
  state.skipped = reason or "skipped by the procedure"
  state:leave_phase()
end

--- Ends the phase as FAIL.
---@param message? string  why, for a person
---@param code? string     the procedure's own failure code
function Test:fail(message, code)
  local state = states.of(self)
  state.failed = state.failed or message or "failed by the procedure"
  state.code = state.code or code
  state:leave_phase()
end

--- Ends the run as ABORTED; teardown follows.
---@param message? string  why, for a person
function Test:abort(message)
  local state = states.of(self)
  state.aborted = message or "aborted by the procedure"
  state:leave_phase()
end

--- Ends the attempt as FAIL and asks for another one: as many as the phase's option retry says, else three.
---@param message? string  why, for a person
function Test:retry(message)
  local state = states.of(self)
  state.failed = state.failed or message or "the procedure wants to try again"
  state.again = true
  state:leave_phase()
end

local Class = {
  __name = "moonrig.Test",
  __index = function(t, name)
    if Test[name] then return Test[name] end
    local state = states.of(t)
    local of = state.run.session
    if not state.give_back and of:is_shared(name) then state.give_back = of.shared:take(state.run) end
    return of:get(name)
  end,
}

--- Names that an instrument cannot have: those of t's own, and those that later versions will use.
measure.reserved = { dut = true, attempt = true, group = true, phase = true, run = true,
  station = true, site = true, operator = true }
for name in pairs(Test) do measure.reserved[name] = true end

--- The t of one attempt, and its state for the runner.
---@return table t
---@return moonrig.AttemptState
function measure.new(run, phase, entry, attempt)
  local t = setmetatable({ dut = run.dut, attempt = attempt }, Class)
  return t, states.new(t, run, phase, entry)
end

return measure
