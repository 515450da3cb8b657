-- SPDX-License-Identifier: MIT
-- scheme.lua: rig.open and rig.try_open: what stands before C's table of schemes (core/port/scheme.c).
-- A URL that C opens costs one lookup here; the others (schemes written in Lua, alt://, VISA resource
-- names, unknown ones) are the business of scheme/other.lua, which is loaded when the first one comes.
local core = require "moonrig.core"

local open <const>, try_open <const>, match <const> = core.open, core.try_open, string.match

-- The names of C's schemes; they are asked for when the first is looked up.
local in_c = setmetatable({}, { __index = function(names, name)
  setmetatable(names, nil)
  for _, known in ipairs(core.schemes()) do names[known] = true end
  return names[name]
end })

local scheme = { in_c = in_c }

-- Will C open it? What is no string too: C says what is wrong with that.
local function is_plain(url)
  if type(url) ~= "string" then return true end
  local name = match(url, "^(%a[%w+.-]+):")
  if name == "spy" or name == "record" then
    local inner = match(url, "^spy:/*([^?/].*)") or match(url, "[?&]url=(.*)")
    return not inner or is_plain(inner)
  end
  if name then return in_c[name] end
  return not match(url, "::%a+$")
end

--- Opens the port that a URL names. Each option can also stand in the URL's query.
--- Raises what was wrong: `not_found`, `permission`, `busy`, `refused`, `timeout`, `unsupported` (URL, option).
---@async
---@param url string
---@param opts? table
---@return moonrig.Port
function scheme.open(url, opts)
  if not is_plain(url) then return require("moonrig.scheme.other").open(url, opts) end
  local port = open(url, opts)
  return port
end

--- The same, but returns nil and the error object.
---@async
---@param url string
---@param opts? table
---@return moonrig.Port?
---@return moonrig.Error?
function scheme.try_open(url, opts)
  if not is_plain(url) then return require("moonrig.scheme.other").try_open(url, opts) end
  return try_open(url, opts)
end

return scheme
