-- SPDX-License-Identifier: MIT
-- report/file.lua: writes a document to a file, piece by piece, or says why not.

local core = require "moonrig.core"

local file = {}

local codes = { [2] = "not_found", [13] = "permission", [1] = "permission" }

local function fail(path, why, number)
  local message = (why or "?"):find(path, 1, true) and why or ("%s: %s"):format(path, why)
  error(core.error { code = codes[number] or "system", message = "cannot write " .. message }, 0)
end

--- Writes what `render` gives to the function that it is called with. The file is opened for the first of it: a
--- document that cannot be begun leaves what was there, one that cannot be ended leaves its beginning.
---@param path string
---@param render fun(put: fun(text: string))
---  Raises: not_found (no such folder), permission, system (disk full), and what render raises
function file.write(path, render)
  local handle, why, number
  local function put(text)
    if not handle then handle, why, number = io.open(path, "wb") end
    if not handle then fail(path, why, number) end
    local ok
    ok, why, number = handle:write(text)
    if not ok then fail(path, why, number) end
  end
  render(put)
  if not handle then put "" end
  local ok
  ok, why, number = handle:close()
  if not ok then fail(path, why, number) end
end

return file
