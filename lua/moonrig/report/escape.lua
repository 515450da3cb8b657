-- SPDX-License-Identifier: MIT
-- report/escape.lua: one function for each place that foreign text ends up in: terminal, markup, CSS, data URL.
-- Serial numbers, replies and log lines come from barcodes and instruments; none of them may become markup, move
-- a cursor or turn the direction of writing.  What cannot be shown is written as \r, \x1b or \u{202e}.

local core = require "moonrig.core"

local escape = {}

--- For terminals and log files: one line, controls visible, valid UTF-8.
---@param s string
---@return string
escape.terminal = core.codec.escape_terminal

local named = { ["\r"] = "\\r" }
local function show_byte(c) return named[c] or ("\\x%02x"):format(c:byte()) end
local function show_code(c) return ("\\u{%x}"):format(utf8.codepoint(c)) end

--- Bytes that are no UTF-8 become \xNN, the rest stays.
---@param s string
---@return string
function escape.utf8(s)
  local out, at = {}, 1
  while true do
    local length, wrong = utf8.len(s, at)
    if length then
      out[#out + 1] = s:sub(at)
      return table.concat(out)
    end
    out[#out + 1] = s:sub(at, wrong - 1)
    out[#out + 1] = show_byte(s:sub(wrong, wrong))
    at = wrong + 1
  end
end

-- C1 controls, the marks and overrides that turn the direction of writing, and U+FFFE and U+FFFF, which XML refuses.
local unseen = { "\xc2[\x80-\x9f]", "\xd8\x9c", "\xe2\x80[\x8e\x8f\xaa-\xae]", "\xe2\x81[\xa6-\xa9]",
  "\xef\xbf[\xbe\xbf]" }

--- Text in which every character may stand in HTML and XML 1.0. Tabs and newlines stay.
---@param s string
---@return string
function escape.visible(s)
  if not s:find("[^\n\t -~]") then return s end
  s = escape.utf8(s):gsub("[%z\1-\8\11-\31\127]", show_byte)
  for _, pattern in ipairs(unseen) do s = s:gsub(pattern, show_code) end
  return s
end

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;",
  ["\n"] = "&#10;", ["\t"] = "&#9;" }

--- For the text of an HTML or XML element.
---@param s string
---@return string
function escape.markup(s) return (escape.visible(s):gsub("[&<>\"']", entities)) end

--- For the value of an attribute between double quotes.
---@param s string
---@return string
function escape.attribute(s) return (escape.visible(s):gsub("[&<>\"'\n\t]", entities)) end

--- A CSS string, with its quotes; nothing in it can end the string or the style element.
---@param s string
---@return string
function escape.css(s)
  s = escape.visible(s):gsub(utf8.charpattern, function(c)
    return not c:find("^[%w ._:,/-]$") and ("\\%06x "):format(utf8.codepoint(c)) or nil
  end)
  return '"' .. s .. '"'
end

local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- 12 bits -> two digits
local pairs_of = {}
for i = 0, 4095 do
  local high, low = i // 64 + 1, i % 64 + 1
  pairs_of[i] = digits:sub(high, high) .. digits:sub(low, low)
end

--- Base64 (RFC 4648) of bytes.
---@param s string
---@return string
function escape.base64(s)
  local fill = (3 - #s % 3) % 3
  local out = (s .. ("\0"):rep(fill)):gsub("...", function(three)
    local a, b, c = three:byte(1, 3)
    return pairs_of[a << 4 | b >> 4] .. pairs_of[(b & 15) << 8 | c]
  end)
  return out:sub(1, #out - fill) .. ("="):rep(fill)
end

return escape
