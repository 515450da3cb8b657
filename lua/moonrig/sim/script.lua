-- SPDX-License-Identifier: MIT
-- script.lua: simulators in files: what `moonrig sim FILE` and the scheme sim:FILE have in common.
-- A file is run with a table of its options (words to strings) and its path; it returns a simulator or the
-- table for one.
-- Of a URL there is one simulator in the program as long as a port to it is open: who opens the same file
-- with the same options meets the same instrument.
local rig = require "moonrig"
local core = require "moonrig.core"
local other = require "moonrig.scheme.other"

local script = {}

local function fail(code, message, ...)
  error(core.error { code = code, op = "sim", message = message:format(...) }, 0)
end

--- Runs a simulator's file.
---@param path string
---@param options? table<string, string>
---@return moonrig.Sim
function script.load(path, options)
  if path == "" then fail("unsupported", "sim: the file is missing; write sim:SCRIPT.lua") end
  local file, reason = io.open(path, "rb")
  if not file then fail("not_found", "simulator %s: %s", path, (reason:gsub("^.-: ", ""))) end
  file:close()
  local chunk, problem = loadfile(path, "t")
  if not chunk then fail("unsupported", "simulator %s", problem) end
  local sim = chunk(options or {}, path)
  if type(sim) ~= "table" then
    fail("unsupported", "simulator %s: it must return rig.sim{...} or the table for it, not %s", path, type(sim))
  end
  return sim.serve and sim or rig.sim(sim)
end

-- URL -> simulator in use
local running = {}

--- Opens sim:FILE?option=value.
---@param url string
---@param opts table all options
---@return moonrig.Port
function script.open(url, opts)
  local _, path = other.parse(url)
  path = path:gsub("^%./+", "")
  local options, names = {}, {}
  for name, value in pairs(opts) do
    if not other.PORT_OPTIONS[name] then
      options[name] = tostring(value)
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for i, name in ipairs(names) do names[i] = name .. "=" .. options[name] end
  local key = path .. "?" .. table.concat(names, "&")
  rig.sleep(0) -- one that was closed just now has noticed then
  local sim = running[key] or script.load(path, options)
  running[key] = sim
  local near, far = rig.pair()
  sim.ports[far] = true
  rig.spawn(function()
    sim:serve(far)
    if not next(sim.ports) and running[key] == sim then
      running[key] = nil
      sim:close()
    end
  end)
  return near
end

return script
