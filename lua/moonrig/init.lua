-- SPDX-License-Identifier: MIT
-- moonrig: the public table.  Nothing else is API.  What is large is loaded when
-- it is first used: rig.scpi, rig.sim, rig.test, rig.json.
local core = require "moonrig.core"
local scheme = require "moonrig.scheme"

local rig = {
  version = core.version,
  open = scheme.open,
  try_open = scheme.try_open,
  pair = core.pair,
  spawn = core.spawn,
  sleep = core.sleep,
  now = core.now,
  deadline = core.deadline,
  queue = core.queue,
  error = core.error,
}

--- The serial ports of this machine, in natural order, with pySerial's fields.
---@param pattern? string a regular expression over device, description and hwid, as hwgrep:// takes it
function rig.ports(pattern) return core.list { pattern = pattern } end

-- name -> module, and the field in it (nil: the module itself)
local later = {
  group = { "moonrig.task", "group" },
  lock = { "moonrig.task", "lock" },
  listen = { "moonrig.listen" },
  bridge = { "moonrig.bridge", "new" },
  json = { "moonrig.json" },
  test = { "moonrig.test" },
  register_scheme = { "moonrig.scheme.other", "register" },
  scpi = { "moonrig.scpi" },
  sim = { "moonrig.sim" },
}

return setmetatable(rig, {
  __index = function(_, name)
    local entry = later[name]
    if not entry then return nil end
    local value = require(entry[1])
    if entry[2] then value = value[entry[2]] end
    rawset(rig, name, value)
    return value
  end,
})
