-- SPDX-License-Identifier: MIT
-- text.lua: takes SCPI text apart: lists, quoted strings, blocks in the middle of it.  Pure; used by
-- instruments (scpi.lua) and simulators (sim/) alike.
local text = {}

local find, sub = string.find, string.sub

-- Where a definite block that begins at `at` ends, or nil when there is none.
local function block_end(s, at)
  local digits = s:match("^#([1-9])", at)
  local size = digits and s:match("^" .. ("%d"):rep(tonumber(digits)), at + 2)
  return size and at + 1 + tonumber(digits) + tonumber(size)
end

--- Splits at a separator outside of quotes, parentheses and blocks.
---@param s string
---@param separator string one character
---@return string[]
function text.split(s, separator)
  if not find(s, separator, 1, true) then return { s } end
  local parts, from, at, depth = {}, 1, 1, 0
  local stops = "[\"'()#" .. separator .. "]"
  while true do
    at = find(s, stops, at)
    if not at then break end
    local c = sub(s, at, at)
    if c == separator and depth == 0 then
      parts[#parts + 1] = sub(s, from, at - 1)
      from = at + 1
    elseif c == '"' or c == "'" then
      at = find(s, c, at + 1, true) or #s
    elseif c == "(" then
      depth = depth + 1
    elseif c == ")" then
      depth = depth - 1
    elseif c == "#" then
      at = block_end(s, at) or at
    end
    at = at + 1
  end
  parts[#parts + 1] = sub(s, from)
  return parts
end

--- A quoted string without its quotes, doubled ones inside made single; other text as it is.
---@param s string
---@return string
function text.unquote(s)
  local quote, inner = s:match("^%s*([\"'])(.*)%1%s*$")
  if not quote then return s end
  return (inner:gsub(quote .. quote, quote))
end

--- A string with quotes around it, as SCPI writes it.
---@param s string
---@return string
function text.quote(s) return '"' .. s:gsub('"', '""') .. '"' end

--- Bytes as a definite block: #<digits><length><bytes>.
---@param bytes string
---@return string
function text.block(bytes)
  local length = tostring(#bytes)
  if #length > 9 then return nil end
  return ("#%d%s"):format(#length, length) .. bytes
end

--- How many bytes of a definite block that begins in s are not there yet.
---@param s string
---@return integer missing 0 when it is complete, or there is none
function text.missing(s)
  local at = find(s, "#[1-9]%d")
  while at do
    local stop = block_end(s, at)
    if stop and stop > #s then return stop - #s end
    at = find(s, "#[1-9]%d", (stop or at) + 1)
  end
  return 0
end

--- Without the blanks around it; those at the end of a block belong to the block.
---@param s string
---@return string
function text.trim(s)
  s = s:match("^%s*(.*)$")
  local cut = s:match("^(.-)%s*$")
  if #cut == #s then return s end
  return s:sub(1, #cut + text.missing(cut))
end

return text
