-- SPDX-License-Identifier: MIT
-- report/file.lua: writes a document to a file, or says why not.

local core = require "moonrig.core"

local file = {}

local codes = { [2] = "not_found", [13] = "permission", [1] = "permission" }

---@param path string
---@param text string
---  Raises: not_found (no such folder), permission, system (disk full)
function file.write(path, text)
  local handle, why, number = io.open(path, "wb")
  if handle then
    local ok
    ok, why, number = handle:write(text)
    local closed, close_why, close_number = handle:close()
    if ok and closed then return end
    if ok then why, number = close_why, close_number end
  end
  local message = (why or "?"):find(path, 1, true) and why or ("%s: %s"):format(path, why)
  error(core.error { code = codes[number] or "system", message = "cannot write the report: " .. message }, 0)
end

return file
