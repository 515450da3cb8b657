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
    if name ~= "limit" and name ~= "delay" and name ~= "then" then return false end
  end
  return (fields.count[1](v.limit) or v.limit == math.huge) and (v.delay == nil or fields.not_negative[1](v.delay))
    and (v["then"] == nil or v["then"] == "stop" or v["then"] == "continue")
end

local retry = { is_retry, [[how often to try again, or {limit = n, delay = seconds, ["then"] = "stop" or "continue"}]] }
local WHEN <const> = { fields.callable[1], "a function(values) that says whether to run it" }

local PROCEDURE = {
  name = fields.name,
  version = fields.name,
  part = fields.name,
  serial = { fields.pattern[1], "a Lua pattern for serial numbers" },
  instruments = fields.list_of(fields.name, "a list of instrument names"),
  stop_on_fail = fields.boolean,
  teardown_budget = fields.positive,
  limits = { fields.name[1], "the path of a limits file" },
  subunits = fields.list_of(fields.table, "a list of tables such as { name = \"radio\" }"),
  meta = fields.meta,
}
local SUBUNIT = { name = fields.name, part = PROCEDURE.part, serial = PROCEDURE.serial, revision = fields.name }
local PHASE = {
  retry = retry,
  timeout = fields.positive,
  on_timeout = { function(v) return v == "stop" or v == "continue" or v == "retry" end,
    '"stop", "continue" or "retry"' },
  when = WHEN,
  background = fields.boolean,
  interruptible = fields.boolean,
  stop_on_fail = fields.boolean,
  limits = { fields.table[1], "a table: measurement = { min = ... }" },
}

local GROUP = {
  retry = retry,
  stop_on_fail = fields.boolean,
  when = WHEN,
  teardown_budget = fields.positive,
}

local function check_subunits(given)
  local seen = {}
  for i, subunit in ipairs(given) do
    local what = ("test.procedure: subunits: %d"):format(i)
    fields.check(what, subunit, SUBUNIT)
    if not subunit.name then refuse(what, "the field name is missing") end
    if subunit.name:find "[=:,]" then refuse(what, "name = %s: wants a name without = : and ,", subunit.name) end
    if seen[subunit.name] then refuse(what, "there is a sub-unit %s already", subunit.name) end
    seen[subunit.name] = true
  end
end

--- Says what the procedure is; once in a file, before its phases.
---@param given moonrig.Procedure
---  Raises: unsupported
function test.procedure(given)
  local plan = plans.loading "procedure"
  if plan.procedure then refuse("test.procedure", "this file has one already, %q", plan.procedure.name) end
  fields.check("test.procedure", given, PROCEDURE)
  if not given.name then refuse("test.procedure", "the field name is missing") end
  check_subunits(given.subunits or {})
  plan.procedure = given
end

local function unused_name(plan, group)
  local name, n = group, 1
  local prefix = plan.at == plan and "" or plan.at.name .. "/"
  while plan.names[prefix .. name] do
    n = n + 1
    name = ("%s %d"):format(group, n)
  end
  return name
end

local function retry_of(given)
  local all = type(given) == "table" and given or { limit = given }
  return { limit = all.limit or 0, delay = all.delay or 0, after = all["then"] }
end

-- The name of a phase or group, with those of the groups around it; used once in a file.
local function full_name(plan, call, name)
  local full = plan.at == plan and name or plan.at.name .. "/" .. name
  local what = ("test.%s %q"):format(call, full)
  if not plan.procedure then refuse(what, "test.procedure has to come first") end
  if plan.names[full] then refuse(what, "there is a phase of that name already") end
  return full, what
end

-- (name, [opts], fn), and for setup and teardown also (fn).
local function arguments(call, name, opts, fn)
  if type(name) == "function" and call ~= "phase" and call ~= "group" then return nil, {}, name end
  if type(opts) == "function" and fn == nil then opts, fn = {}, opts end
  if not fields.name[1](name) then refuse("test." .. call, "expected a name, got %s", type(name)) end
  local what = ("test.%s %q"):format(call, name)
  if type(opts) ~= "table" then refuse(what, "expected a table of options, got %s", type(opts)) end
  if type(fn) ~= "function" then
    refuse(what, "expected a function%s, got %s", call == "group" and "" or "(t)", type(fn))
  end
  return name, opts, fn
end

local function declared_limits(what, given)
  local all = {}
  for name, spec in pairs(given or {}) do
    if not fields.name[1](name) then
      refuse(what, "limits: expected the name of a measurement, got %s", tostring(name))
    end
    limits.declare(all, name, spec, ("%s: limits: %s"):format(what, name))
  end
  return all
end

local function add(call, group, ...)
  local plan = plans.loading(call)
  local name, opts, fn = arguments(call, ...)
  local full, what = full_name(plan, call, name or unused_name(plan, group))
  fields.check(what, opts, PHASE, "option")
  if opts.background and group ~= "main" then refuse(what, "only phases run beside others, not %s", group) end
  plan.names[full] = true
  local stop = opts.stop_on_fail
  if stop == nil then stop = group == "setup" or plan.procedure.stop_on_fail or false end
  table.insert(plan.at[group], {
    name = full, group = group, fn = fn, timeout = opts.timeout, on_timeout = opts.on_timeout,
    retry = retry_of(opts.retry), stop_on_fail = stop, limits = declared_limits(what, opts.limits), when = opts.when,
    background = opts.background, interruptible = opts.interruptible,
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

--- Declares a group of phases: what fn declares with test.setup, test.phase, test.group and test.teardown belongs to
--- it. Its setup comes first, its teardown last, whatever happened in between; it is tried again as a whole.
---@param name string
---@param opts? moonrig.GroupOptions
---@param fn fun()
---  Raises: unsupported
function test.group(name, opts, fn)
  local plan = plans.loading "group"
  name, opts, fn = arguments("group", name, opts, fn)
  local full, what = full_name(plan, "group", name)
  fields.check(what, opts, GROUP, "option")
  plan.names[full] = true
  local group = { name = full, setup = {}, main = {}, teardown = {}, retry = retry_of(opts.retry), when = opts.when,
    stop_on_fail = opts.stop_on_fail, teardown_budget = opts.teardown_budget }
  if group.stop_on_fail == nil then group.stop_on_fail = plan.procedure.stop_on_fail or false end
  local outer = plan.at
  table.insert(outer.main, group)
  plan.at = group
  fn()
  plan.at = outer
  if #group.main == 0 then refuse(what, "it has no test.phase") end
end

return test
