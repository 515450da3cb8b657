-- SPDX-License-Identifier: MIT
-- results.lua: where results go: from the URL that --results and the station file give to an open record.

local core = require "moonrig.core"
local record = require "moonrig.record"

local results = {}

--- Where commands write and read when nothing says otherwise.
results.DEFAULT = "results.db"

--- Opens the record at a URL: a file name, or sqlite:FILE.
---@param url string
---@param opts { readonly: boolean?, timeout: number?, key: string? }?  as record.open takes them
---@return moonrig.Record
---  Raises: unsupported (another scheme), and what record.open raises
function results.open(url, opts)
  local scheme, rest = url:match("^(%a[%w+.-]+):(.*)$")
  if not scheme then return record.open(url, opts) end
  if scheme == "sqlite" then return record.open((rest:gsub("^//", "")), opts) end
  error(core.error { code = "unsupported", url = url, message = ('results "%s": there is no scheme "%s"; give a file '
    .. 'name or sqlite:FILE (a file whose name has a colon: ./NAME)'):format(url, scheme) }, 0)
end

return results
