-- SPDX-License-Identifier: MIT
-- json/decode.lua: reads JSON; see json.lua.  A state table `st` holds the text and the options; each
-- function takes the position where its part begins and returns the value and the position after it.

local common = require "moonrig.json.common"
local fail, split_utf8 = common.fail, common.split_utf8
local byte, find, sub = string.byte, string.find, string.sub

local function fail_at(st, at, message, ...)
  local before = sub(st.text, 1, at - 1)
  local _, breaks = before:gsub("\n", "")
  local column = #before:match("[^\n]*$") + 1
  fail("protocol", "not JSON at line %d column %d (byte %d): " .. message, breaks + 1, column, at, ...)
end

-- What stands at a position, for messages.
local function seen(st, at)
  if at > #st.text then return "the end of the text" end
  return ("%q"):format(st.text:match("^[%w_]+", at) or st.text:match("^[\0-\127\194-\244][\128-\191]*", at)
    or sub(st.text, at, at))
end

local function skip_space(st, at) return find(st.text, "[^ \t\r\n]", at) or #st.text + 1 end

local function decode_number(st, at)
  local text = st.text
  local _, stop = find(text, "^-?%d+", at)
  if not stop then fail_at(st, at, "a number needs a digit after the minus sign") end
  if stop > at and find(text, "^-?0%d", at) then
    fail_at(st, at, "a number does not begin with 0 and another digit")
  end
  local c = byte(text, stop + 1)
  if c == 46 or c == 69 or c == 101 then
    for _, pattern in ipairs { "^%.%d+", "^[eE][+-]?%d+" } do
      local _, further = find(text, pattern, stop + 1)
      stop = further or stop
    end
  end
  local digits = sub(text, at, stop)
  local value = tonumber(digits)
  if value == 0 and digits == "-0" then return -0.0, stop + 1 end
  if value == math.huge or value == -math.huge then fail_at(st, at, "the number %.40s is too large", digits) end
  return value, stop + 1
end

local unescapes = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

-- The \uXXXX at a position (of its backslash): the bytes it stands for, and the position after it.
local function decode_unicode(st, at)
  local text = st.text
  local hex = text:match("^\\u(%x%x%x%x)", at)
  if not hex then fail_at(st, at, "\\u wants four hexadecimal digits") end
  local code = tonumber(hex, 16)
  if code < 0xd800 or code > 0xdfff then return utf8.char(code), at + 6 end
  local low = code < 0xdc00 and text:match("^\\u([dD][c-fC-F]%x%x)", at + 6)
  if low then return utf8.char(0x10000 + (code - 0xd800 << 10) + (tonumber(low, 16) - 0xdc00)), at + 12 end
  if st.invalid == "escape" and code >= 0xdc80 and code <= 0xdcff then return string.char(code - 0xdc00), at + 6 end
  if st.invalid == "replace" then return "\u{fffd}", at + 6 end
  fail_at(st, at, "\\u%s is half a surrogate pair", hex)
end

local function decode_string(st, at)
  local text = st.text
  local _, stop = find(text, '^"[^"\\\0-\31]*', at)
  if byte(text, stop + 1) == 34 then return sub(text, at + 1, stop), stop + 2 end
  local out = { sub(text, at + 1, stop) }
  local i = stop + 1
  while true do
    local c = byte(text, i)
    if c == 34 then
      return table.concat(out), i + 1
    elseif c == 92 then
      local letter = sub(text, i + 1, i + 1)
      if letter == "u" then
        out[#out + 1], i = decode_unicode(st, i)
      else
        out[#out + 1] = unescapes[letter] or fail_at(st, i, "there is no escape \\%s", letter)
        i = i + 2
      end
    elseif not c then
      fail_at(st, at, "a string without its closing quote")
    else
      fail_at(st, i, "the control character 0x%02x must be written as an escape in a string", c)
    end
    _, stop = find(text, '^[^"\\\0-\31]*', i)
    out[#out + 1] = sub(text, i, stop)
    i = stop + 1
  end
end

local decode_value

local function decode_array(st, at, level)
  local t, n = setmetatable({}, common.array_mt), 0
  at = skip_space(st, at + 1)
  if byte(st.text, at) == 93 then return t, at + 1 end
  while true do
    n = n + 1
    t[n], at = decode_value(st, at, level)
    at = skip_space(st, at)
    local c = byte(st.text, at)
    if c == 93 then return t, at + 1 end
    if c ~= 44 then fail_at(st, at, "expected , or ] in an array, found %s", seen(st, at)) end
    at = skip_space(st, at + 1)
  end
end

local function decode_object(st, at, level)
  local t = {}
  at = skip_space(st, at + 1)
  if byte(st.text, at) == 125 then return t, at + 1 end
  while true do
    if byte(st.text, at) ~= 34 then fail_at(st, at, 'expected a key in "quotes", found %s', seen(st, at)) end
    local key
    key, at = decode_string(st, at)
    at = skip_space(st, at)
    if byte(st.text, at) ~= 58 then fail_at(st, at, "expected : after a key, found %s", seen(st, at)) end
    t[key], at = decode_value(st, skip_space(st, at + 1), level)
    at = skip_space(st, at)
    local c = byte(st.text, at)
    if c == 125 then return t, at + 1 end
    if c ~= 44 then fail_at(st, at, "expected , or } in an object, found %s", seen(st, at)) end
    at = skip_space(st, at + 1)
  end
end

local words = { ["true"] = true, ["false"] = false, null = common.null }
local literals = { NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge }

function decode_value(st, at, level)
  local c = byte(st.text, at)
  if c == 34 then return decode_string(st, at) end
  if c == 123 or c == 91 then
    if level >= st.depth then fail_at(st, at, "nested deeper than %d", st.depth) end
    return (c == 123 and decode_object or decode_array)(st, at, level + 1)
  end
  local word = st.text:match("^-?%a+", at)
  if word then
    if words[word] ~= nil then return words[word], at + #word end
    if st.nonfinite == "literal" and literals[word] then return literals[word], at + #word end
  elseif c == 45 or (c and c >= 48 and c <= 57) then
    return decode_number(st, at)
  end
  fail_at(st, at, "expected a value, found %s", seen(st, at))
end

--- Reads JSON text. Numbers without a fraction or exponent are integers (floats beyond 64 bits, and -0), all
--- others floats; arrays carry json.array's mark; null is json.null; of equal keys the last counts.
---@param text string
---@param opts moonrig.JsonOptions?  depth; nonfinite = "literal" reads NaN and Infinity; invalid = "escape" gives
---  \udc80..\udcff back as the bytes they stand for, "replace" gives U+FFFD for what is not UTF-8
---@return any
return function(text, opts)
  if type(text) ~= "string" then fail("unsupported", "json.decode: wants a string, got a %s", type(text)) end
  local st = common.options(opts, "decode")
  st.text = text
  local _, wrong = utf8.len(text)
  if wrong then
    if st.invalid ~= "replace" then
      fail_at(st, wrong, "byte 0x%02x is not UTF-8", byte(text, wrong))
    end
    st.text = split_utf8(text, function(s) return s end, function() return "\u{fffd}" end)
  end
  local at = find(st.text, "^\u{feff}") and 4 or 1  -- a byte order mark, as some editors write
  local value
  value, at = decode_value(st, skip_space(st, at), 0)
  at = skip_space(st, at)
  if at <= #st.text then fail_at(st, at, "text after the value: %s", seen(st, at)) end
  return value
end
