-- SPDX-License-Identifier: MIT
-- plan.lua: a procedure file, loaded: a table of what it declared with rig.test (test.lua), for
-- runner.lua to run.  Each run loads the file anew, so that no local of it survives from unit to unit.
local core = require "moonrig.core"
local fields = require "moonrig.fields"
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
  return new
end

--- Whether a serial number fits the procedure: why not, or nil.
---@param of moonrig.Plan
---@param serial string
---@return string? problem
function plan.check_serial(of, serial)
  local pattern = of.procedure.serial
  if serial == "" then return "the serial number is empty" end
  if #serial > 64 then return "the serial number has more than 64 characters" end
  if serial:find "%c" then return "the serial number has control characters in it" end
  if pattern and not serial:find(pattern) then
    return ("serial number %q does not match %s, the pattern of %s"):format(serial, pattern, of.procedure.name)
  end
end

return plan
