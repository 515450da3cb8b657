-- SPDX-License-Identifier: MIT
-- test.lua: rig.test: what a procedure file says: its name, its phases, what to set up and tear down.
-- It only declares: plan.lua loads the file, runner.lua runs it.
local fields = require "moonrig.fields"
local limits = require "moonrig.limits"
local plans = require "moonrig.plan"

local test = {}
local refuse = fields.refuse

local function is_retry(v)
  if type(v) ~= "table" then return fields.count[1](v) end
  for name in pairs(v) do
    if name ~= "limit" and name ~= "delay" then return false end
  end
  return fields.count[1](v.limit) and (v.delay == nil or fields.not_negative[1](v.delay))
end

local PROCEDURE = {
  name = fields.name,
  version = fields.name,
  part = fields.name,
  serial = { fields.pattern[1], "a Lua pattern for serial numbers" },
  instruments = fields.list_of(fields.name, "a list of instrument names"),
  stop_on_fail = fields.boolean,
  teardown_budget = fields.positive,
}
local PHASE = {
  retry = { is_retry, "how often to try again, or {limit = n, delay = seconds}" },
  timeout = fields.positive,
  stop_on_fail = fields.boolean,
  limits = { fields.table[1], "a table: measurement = { min = ... }" },
}

--- Says what the procedure is; once in a file, before its phases.
---@param given moonrig.Procedure
---  Raises: unsupported
function test.procedure(given)
  local plan = plans.loading "procedure"
  if plan.procedure then refuse("test.procedure", "this file has one already, %q", plan.procedure.name) end
  fields.check("test.procedure", given, PROCEDURE)
  if not given.name then refuse("test.procedure", "the field name is missing") end
  plan.procedure = given
end

local function unused_name(plan, group)
  local name, n = group, 1
  while plan.names[name] do
    n = n + 1
    name = ("%s %d"):format(group, n)
  end
  return name
end

-- (name, [opts], fn), and for setup and teardown also (fn).
local function arguments(call, name, opts, fn)
  if type(name) == "function" and call ~= "phase" then return nil, {}, name end
  if type(opts) == "function" and fn == nil then opts, fn = {}, opts end
  if not fields.name[1](name) then refuse("test." .. call, "expected a name, got %s", type(name)) end
  local what = ("test.%s %q"):format(call, name)
  if type(opts) ~= "table" then refuse(what, "expected a table of options, got %s", type(opts)) end
  if type(fn) ~= "function" then refuse(what, "expected a function(t), got %s", type(fn)) end
  return name, opts, fn
end

local function declared_limits(what, given)
  local all = {}
  for name, spec in pairs(given or {}) do
    if not fields.name[1](name) then
      refuse(what, "limits: expected the name of a measurement, got %s", tostring(name))
    end
    all[name] = limits.new(spec, ("%s: limits: %s"):format(what, name))
  end
  return all
end

local function add(call, group, ...)
  local plan = plans.loading(call)
  local name, opts, fn = arguments(call, ...)
  name = name or unused_name(plan, group)
  local what = ("test.%s %q"):format(call, name)
  if not plan.procedure then refuse(what, "test.procedure has to come first") end
  if plan.names[name] then refuse(what, "there is a phase of that name already") end
  fields.check(what, opts, PHASE, "option")
  plan.names[name] = true
  local retry = type(opts.retry) == "table" and opts.retry or { limit = opts.retry }
  local stop = opts.stop_on_fail
  if stop == nil then stop = group == "setup" or plan.procedure.stop_on_fail or false end
  table.insert(plan[group], {
    name = name, group = group, fn = fn, timeout = opts.timeout, retry = { limit = retry.limit or 0,
      delay = retry.delay or 0 }, stop_on_fail = stop, limits = declared_limits(what, opts.limits),
  })
end

--- Declares a phase. They run in the order of the file.
---@param name string
---@param opts? moonrig.PhaseOptions
---@param fn fun(t: moonrig.Test)
---  Raises: unsupported
function test.phase(name, opts, fn) add("phase", "main", name, opts, fn) end

--- Declares what comes before the phases: setup(fn) or setup(name, [opts], fn). When it does not pass, no phase runs.
function test.setup(name, opts, fn) add("setup", "setup", name, opts, fn) end

--- Declares what comes at the end, whatever happened before: after FAIL, ERROR, a timeout, Ctrl-C, a lost
--- instrument: teardown(fn) or teardown(name, [opts], fn). All of them run, also when one fails.
function test.teardown(name, opts, fn) add("teardown", "teardown", name, opts, fn) end

return test
