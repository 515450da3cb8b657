-- SPDX-License-Identifier: MIT
-- report/file.lua: writes a document to a file, piece by piece, or says why not.

local core = require "moonrig.core"

local file = {}

local ENOENT <const> = 2
local codes = { [ENOENT] = "not_found", [13] = "permission", [1] = "permission" }

local function fail(path, why, number)
  local message = (why or "?"):find(path, 1, true) and why or ("%s: %s"):format(path, why)
  error(core.error { code = codes[number] or "system", message = "cannot write " .. message }, 0)
end

-- Where a document is written to, and where it belongs then. What is no file of its own, such as /dev/stdout, is
-- written to as it is; a link goes on pointing to the document.
local function places(path)
  if path:find "^/dev/" or path:find "^/proc/" then return path, path end
  local target = core.real_path(path) or path
  local there, why, number = io.open(target, "r+b")
  if there then there:close() elseif number ~= ENOENT then fail(path, why, number) end
  return target .. ".part", target
end

--- Writes what `render` gives to the function that it is called with, to a file beside it, which takes its place when
--- it is whole: a document that cannot be ended leaves what was there.
---@param path string
---@param render fun(put: fun(text: string))
---  Raises: not_found (no such folder), permission, system (disk full), and what render raises
function file.write(path, render)
  local part, target = places(path)
  local function check(result, why, number)
    if result then return result end
    fail(path, why:sub(1, #part + 2) == part .. ": " and why:sub(#part + 3) or why, number)
  end
  local handle = check(io.open(part, "wb"))
  local done, e = pcall(function()
    render(function(text) check(handle:write(text)) end)
    check(handle:close())
    if part ~= target then check(os.rename(part, target)) end
  end)
  if done then return end
  if io.type(handle) == "file" then handle:close() end
  if part ~= target then os.remove(part) end
  error(e, 0)
end

return file
