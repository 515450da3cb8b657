-- SPDX-License-Identifier: MIT
-- plan.lua: a procedure file, loaded: a table of what it declared with rig.test (test.lua), for
-- runner.lua to run.  Each run loads the file anew, so that no local of it survives from unit to unit.
local core = require "moonrig.core"
local fields = require "moonrig.fields"
local limits = require "moonrig.limits"
local limitsfile = require "moonrig.limitsfile"
local numbers = require "moonrig.serial"
local station = require "moonrig.station"

local plan = {}
local refuse = fields.refuse

-- The plan that plan.load is filling; nil outside of it.
local loading

--- The plan that is being loaded, for test.lua.
---@param call string  what the procedure file called
function plan.loading(call)
  if not loading then
    refuse("test." .. call, "this file is a test procedure; run it with: moonrig test FILE --dut SERIAL")
  end
  return loading
end

---@class moonrig.Plan
---@field procedure table
---@field path string
---@field script string    its text
---@field at table         while it is loaded: the group that is declared
---@field setup table[]
---@field main table[]
---@field teardown table[]

-- The chunk of a script; its first line may be #!/usr/bin/env moonrig.
local function compile(path)
  local f <close> = io.open(path, "rb")
  if not f then error(core.error { code = "not_found", message = ("there is no file %s"):format(path) }, 0) end
  local text = f:read "a"
  if not text then refuse(path, "not a file that can be read") end
  local chunk, e = load(text:gsub("^#[^\n]*", "", 1), "@" .. path, "t")
  if not chunk then refuse("procedure", "%s", e) end
  return chunk, text
end

-- Phases by name, also those in groups.
local function phases_of(group, all)
  for _, items in ipairs { group.setup, group.main, group.teardown } do
    for _, item in ipairs(items) do
      if item.main then phases_of(item, all) else all[item.name] = item end
    end
  end
  return all
end

-- Gives the phases the limits that the procedure has in a file.
local function add_limits(new)
  local path = station.beside(new.path, new.procedure.limits)
  local file, phases = limitsfile.read(path), phases_of(new, {})
  for name, of_phase in pairs(file.limits) do
    local phase = phases[name]
    if not phase then refuse(path, "the procedure has no phase %q", tostring(name)) end
    if type(of_phase) ~= "table" then refuse(path, "%s: expected a table of measurements", name) end
    for measurement, spec in pairs(of_phase) do
      limits.declare(phase.limits, measurement, spec, ("%s: %s: %s"):format(path, name, tostring(measurement)))
    end
  end
  new.limits_file = { name = path:match "[^/]*$", version = file.version, sha256 = file.sha256, text = file.text }
end

--- Loads a procedure file. Its folder is added to package.path.
---@param path string
---@return moonrig.Plan
---  Raises: not_found, unsupported, and what the file raises
function plan.load(path)
  local chunk, text = compile(path)
  local new = { path = path, script = text, setup = {}, main = {}, teardown = {}, names = {} }
  new.at = new   -- the group that is being filled
  station.add_path(path)
  local outer = loading
  loading = new
  local ok, e = xpcall(chunk, function(e) return type(e) == "string" and debug.traceback(e, 2) or e end)
  loading = outer
  if not ok then error(e, 0) end
  if not new.procedure then refuse(path, "it has no test.procedure{name = ...}") end
  if #new.main == 0 then refuse(path, "it has no test.phase") end
  if new.procedure.limits then add_limits(new) end
  return new
end

--- The part number of the units: the procedure's, or what is given.
---@param of moonrig.Plan
---@param given? string
---@return string?
---  Raises: unsupported (they are not the same)
function plan.part(of, given)
  local part = of.procedure.part
  if part and given and part ~= given then
    refuse("part " .. given, "the procedure %s is for part %s", of.procedure.name, part)
  end
  return part or given
end

--- Whether a serial number fits the procedure: why not, or nil.
---@param of moonrig.Plan
---@param serial string
---@return string? problem
function plan.check_serial(of, serial)
  return numbers.problem(serial, of.procedure.serial, of.procedure.name)
end

return plan
