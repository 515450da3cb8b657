-- SPDX-License-Identifier: MIT
-- json/encode.lua: writes JSON; see json.lua.

local common = require "moonrig.json.common"
local fail, split_utf8 = common.fail, common.split_utf8
local null, array_mt, object_mt = common.null, common.array_mt, common.object_mt
local find = string.find

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t", ["\127"] = "\\u007f" }
for i = 0, 31 do
  local c = string.char(i)
  escapes[c] = escapes[c] or ("\\u%04x"):format(i)
end

local function escape(s) return (s:gsub('[%z\1-\31"\\\127]', escapes)) end

local function quote(s, st)
  if not s:find('[^ !#-%[%]-~]') then
    return '"' .. s .. '"'
  elseif utf8.len(s) then
    return '"' .. escape(s) .. '"'
  elseif st.invalid == "replace" then
    return '"' .. split_utf8(s, escape, function() return "\u{fffd}" end) .. '"'
  elseif st.invalid == "escape" then
    return '"' .. split_utf8(s, escape, function(b) return ("\\udc%02x"):format(b) end) .. '"'
  end
  local _, wrong = utf8.len(s)
  fail("unsupported", "json.encode: %s is a string whose byte %d (0x%02x) is not UTF-8; "
    .. 'say what to write with the option invalid = "replace" or "escape"', st.where(), wrong, s:byte(wrong))
end

local formats = { null = { "null", "null", "null" }, string = { '"nan"', '"inf"', '"-inf"' },
  literal = { "NaN", "Infinity", "-Infinity" } }

local function number(x, st)
  if math.type(x) == "integer" then return ("%d"):format(x) end
  if x ~= x or x == math.huge or x == -math.huge then
    local words = formats[st.nonfinite]
    if not words then
      fail("unsupported", "json.encode: %s is %s, for which JSON has no form; say what to write with the option "
        .. 'nonfinite = "null", "string" or "literal"', st.where(), formats.literal[x ~= x and 1 or x > 0 and 2 or 3])
    end
    return words[x ~= x and 1 or x > 0 and 2 or 3]
  end
  local s = common.shortest(x)
  return find(s, "[.e]") and s or s .. ".0"
end

-- The length of t when it is an array, nil when it is an object.
local function array_length(t, st)
  local mt = getmetatable(t)
  if mt == object_mt or (mt ~= array_mt and next(t) == nil) then return nil end
  local n, count = #t, 0
  if mt ~= array_mt and n == 0 then return nil end
  for key in pairs(t) do
    if math.type(key) ~= "integer" or key < 1 or key > n then
      fail("unsupported", "json.encode: %s has elements 1 to %d and also the key %s; make it an array or an object",
        st.where(), n, tostring(key))
    end
    count = count + 1
  end
  if count < n then fail("unsupported", "json.encode: %s has holes; fill them with json.null", st.where()) end
  return n
end

local encode_value

local function encode_array(t, n, st, level)
  local out, path = st.out, st.path
  if n == 0 then
    out[#out + 1] = "[]"
    return
  end
  out[#out + 1] = "["
  for i = 1, n do
    if i > 1 then out[#out + 1] = "," end
    if st.indent then out[#out + 1] = st.newline[level] end
    path[level] = i
    encode_value(t[i], st, level)
  end
  if st.indent then out[#out + 1] = st.newline[level - 1] end
  out[#out + 1] = "]"
end

local function sorted_keys(t, st)
  local keys = {}
  for key in pairs(t) do
    if type(key) ~= "string" then
      fail("unsupported", "json.encode: %s has the key %s (%s); keys of an object are strings",
        st.where(), tostring(key), type(key))
    end
    keys[#keys + 1] = key
  end
  if st.sort then table.sort(keys) end
  return keys
end

local function encode_object(t, st, level)
  local out, path = st.out, st.path
  local keys = sorted_keys(t, st)
  if not keys[1] then
    out[#out + 1] = "{}"
    return
  end
  out[#out + 1] = "{"
  for i, key in ipairs(keys) do
    if i > 1 then out[#out + 1] = "," end
    if st.indent then out[#out + 1] = st.newline[level] end
    path[level], st.level = key, level
    out[#out + 1] = quote(key, st)
    out[#out + 1] = st.indent and ": " or ":"
    encode_value(t[key], st, level)
  end
  if st.indent then out[#out + 1] = st.newline[level - 1] end
  out[#out + 1] = "}"
end

function encode_value(v, st, level)
  local kind = type(v)
  st.level = level
  if kind == "string" then
    st.out[#st.out + 1] = quote(v, st)
  elseif kind == "number" then
    st.out[#st.out + 1] = number(v, st)
  elseif kind == "boolean" then
    st.out[#st.out + 1] = v and "true" or "false"
  elseif v == nil or v == null then
    st.out[#st.out + 1] = "null"
  elseif kind == "table" then
    if level >= st.depth then
      fail("unsupported", "json.encode: %s is nested deeper than %d tables; does it contain itself?",
        st.where(), st.depth)
    end
    local n = array_length(v, st)
    if n then encode_array(v, n, st, level + 1) else encode_object(v, st, level + 1) end
    st.level = level
  else
    fail("unsupported", "json.encode: %s is a %s, for which JSON has no form", st.where(), kind)
  end
end

-- "value.phases[3].name": where encoding has come to, for messages
local function where(st)
  local out = { "value" }
  for i = 1, math.min(st.level, 12) do
    local step = st.path[i]
    out[#out + 1] = type(step) == "number" and ("[%d]"):format(step) or "." .. step:gsub("[^ -~]", "?")
  end
  if st.level > 12 then out[#out + 1] = "..." end
  return table.concat(out)
end

-- Line breaks with indentation, by level, made when asked for.
local function newlines(indent)
  return setmetatable({}, { __index = function(t, level)
    t[level] = "\n" .. (" "):rep(indent * level)
    return t[level]
  end })
end

--- Writes a value as JSON text.
---@param value any          nil, boolean, number, string, json.null, or a table of these: 1..n is an array,
---  string keys are an object; neither, or functions, raise `unsupported` and say which part it is
---@param opts moonrig.JsonOptions?
---@return string
return function(value, opts)
  local st = common.options(opts, "encode")
  st.sort = st.sort ~= false
  st.out, st.path, st.level = {}, {}, 0
  st.newline = newlines(st.indent)
  st.where = function() return where(st) end
  encode_value(value, st, 0)
  return table.concat(st.out)
end
