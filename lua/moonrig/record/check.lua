-- SPDX-License-Identifier: MIT
-- record/check.lua: refuses fields that the record does not know, so that nothing given to it is dropped.

local core = require "moonrig.core"

local check = {}

function check.fail(code, message, ...) error(core.error { code = code, message = message:format(...) }, 0) end

-- What a field may be, beside the types of Lua and one_of; `type` is that of Lua.
local kinds = {
  integer = function(v) return math.type(v) == "integer" end,
  scalar = function(_, type) return type == "string" or type == "number" or type == "boolean" end,
  -- A number that a REAL column keeps: no NaN, no integer that a double cannot hold.
  real = function(v, type) return type == "number" and v == v and v + 0.0 == v end,
}
local called = { scalar = "a boolean, number or string", real = "a number (no NaN, no integer beyond a double)",
  integer = "an integer" }

-- The sets that one_of has made -> their words.
local words_of = setmetatable({}, { __mode = "k" })

--- A kind of field: one of these words.
function check.one_of(words)
  local set = {}
  for _, word in ipairs(words) do set[word] = true end
  words_of[set] = table.concat(words, ", ")
  return set
end

local function names(fields)
  local list = {}
  for key in pairs(fields) do
    if type(key) == "string" then list[#list + 1] = key end
  end
  table.sort(list)
  return table.concat(list, ", ")
end

-- What is wrong with a field.
local function refuse(op, key, value, fields)
  local want = fields[key]
  if not want or type(key) ~= "string" then
    check.fail("unsupported", "%s: there is no field %s (there are %s)", op, tostring(key), names(fields))
  end
  check.fail("unsupported", "%s: %s = %s: wants %s", op, key, tostring(value):sub(1, 80),
    words_of[want] or called[want] or "a " .. want)
end

--- Checks a table against { "required", ..., field = kind, ... }; raises `unsupported` and names the field.
function check.fields(op, given, fields)
  if type(given) ~= "table" then check.fail("unsupported", "%s: wants a table, got a %s", op, type(given)) end
  for key, value in pairs(given) do            -- each measurement comes by here: one call for a field, or two
    local want, kind = fields[key], type(value)
    if want ~= kind then
      local test = kinds[want]
      if not (test and test(value, kind) or words_of[want] and want[value]) then refuse(op, key, value, fields) end
    end
  end
  for i = 1, #fields do
    if given[fields[i]] == nil then check.fail("unsupported", "%s: the field %s is missing", op, fields[i]) end
  end
end

return check
