-- SPDX-License-Identifier: MIT
-- dates.lua: days and times that a person gives, as the record compares them (text, UTC).

local dates = {}

--- "2026-07-01", with a time behind it or not; nil when it is no date.
---@param text string
---@return string?
function dates.parse(text)
  local year, month, day, rest = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
  if not year then return nil end
  local at = os.time { year = year, month = month, day = day, hour = 12 }
  if os.date("%Y-%m-%d", at) ~= text:sub(1, 10) then return nil end
  local clock = rest:match("^[T ](%d%d:%d%d)Z?$") or rest:match("^[T ](%d%d:%d%d:%d%d)Z?$")
  if rest ~= "" and not clock then return nil end
  return text:sub(1, 10) .. (clock and "T" .. clock or "")
end

--- Just behind all that begins as a date does: the day, minute or second is in.
---@param date string
---@return string
function dates.after(date) return date .. "~" end

return dates
