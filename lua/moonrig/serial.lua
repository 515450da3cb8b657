-- SPDX-License-Identifier: MIT
-- serial.lua: what can be a serial number.

local serial = {}

--- Why a text cannot be the serial number, or nil.
---@param text string
---@param pattern? string  that it has to match
---@param whose string     whose pattern that is
---@return string? problem
function serial.problem(text, pattern, whose)
  if text == "" then return "the serial number is empty" end
  if #text > 64 then return "the serial number has more than 64 characters" end
  if text:find "%c" then return "the serial number has control characters in it" end
  if pattern and not text:find(pattern) then
    return ("serial number %q does not match %s, the pattern of %s"):format(text, pattern, whose)
  end
end

return serial
