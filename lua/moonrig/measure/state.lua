-- SPDX-License-Identifier: MIT
-- measure/state.lua: what an attempt of a phase knows of itself, and what all methods of `t` do with it: record, tell,
-- and end when the phase's time is over.
local core = require "moonrig.core"

local state = {}

-- t -> its state, so that t itself holds nothing but what the procedure may use.
local states = setmetatable({}, { __mode = "k" })

---@class moonrig.AttemptState
---@field run table           of runner.lua
---@field phase table         of the plan
---@field entry moonrig.RecordPhase?
---@field measured table<string, boolean>
---@field ends number         when its time is over
---@field leave table         the error that ends the phase without being one
---@field failed string?      why it is a FAIL; code: the procedure's own word for it
---@field code string?
---@field skipped string?
---@field aborted string?
---@field again boolean?      another attempt is wanted
---@field stop boolean?       the rest of the run is not to be run
---@field give_back fun()?    of the instruments that other sites use too
local State = {}
State.__index = State

--- The state of a new `t`.
---@return moonrig.AttemptState
function state.new(t, run, phase, entry)
  local new = setmetatable({ run = run, phase = phase, entry = entry, measured = {}, leave = {},
    ends = phase.timeout and core.now() + phase.timeout or math.huge }, State)
  states[t] = new
  return new
end

--- The state of a `t`.
---@return moonrig.AttemptState
function state.of(t) return states[t] end

--- Raises for mistakes in the procedure.
function state.refuse(message, ...)
  error(core.error { code = "unsupported", message = message:format(...) }, 0)
end

--- A phase that swallowed the error of Ctrl-C or of its timeout gets it again, as long as it goes on.
function State:check_going_on()
  local reason = core.cancelled()
  if reason then error(core.error { code = "cancelled", message = reason }, 0) end
  if core.now() > self.ends then
    error(core.error { code = "timeout", message = "the time of the phase is over" }, 0)
  end
end

--- Records (with the phase, unless another object is given), and raises when the record cannot be written; but teardown
--- goes on without it.
function State:record(method, given, object)
  local run = self.run
  if self.phase.group ~= "teardown" then run:check_space() end
  local entry = run:record(object or self.entry, method, given)
  if run.broken and self.phase.group ~= "teardown" then error(run.broken, 0) end
  return entry
end

--- Tells the observers of the run what was recorded in this phase.
function State:tell(event)
  event.phase = self.phase.name
  self.run:emit(event)
end

--- Ends the phase here.
function State:leave_phase() error(self.leave, 0) end

return state
