-- SPDX-License-Identifier: MIT
-- fields.lua: tables that people write (limits, options of phases, station files) are checked here: a
-- field that is not known, or has a value of another kind, is refused by name.
-- A kind is { test, words }: test(value) -> boolean, and what to say that is wanted.
local core = require "moonrig.core"

local fields = {}

--- Raises `unsupported`: what is at fault, and why.
---@param what string
---@param message string  a format
function fields.refuse(what, message, ...)
  error(core.error { code = "unsupported", message = what .. ": " .. message:format(...) }, 0)
end

local function has_type(name) return function(v) return type(v) == name end end

local function is_number(v) return type(v) == "number" and v == v end
local function is_scalar(v) return type(v) == "boolean" or type(v) == "string" or is_number(v) end

-- string.find looks at a pattern no further than the subject takes it.
local function is_pattern(v) return type(v) == "string" and (pcall(core.codec.pattern_find, "", v)) end

--- A kind: a list that is not empty, of values that pass a test.
function fields.list_of(kind, words)
  return { function(v)
    if type(v) ~= "table" or #v == 0 then return false end
    for _, item in ipairs(v) do
      if not kind[1](item) then return false end
    end
    return true
  end, words }
end

local function is_meta(v)
  if type(v) ~= "table" then return false end
  for name, value in pairs(v) do
    if type(name) ~= "string" or name == "" or not is_scalar(value) then return false end
  end
  return true
end

fields.number = { is_number, "a number" }
fields.positive = { function(v) return is_number(v) and v > 0 end, "a number above 0" }
fields.not_negative = { function(v) return is_number(v) and v >= 0 end, "a number, 0 or more" }
fields.count = { function(v) return math.type(v) == "integer" and v >= 0 end, "an integer, 0 or more" }
fields.boolean = { has_type "boolean", "true or false" }
fields.string = { has_type "string", "a string" }
fields.name = { function(v) return type(v) == "string" and v ~= "" end, "a string that is not empty" }
fields.pattern = { is_pattern, "a Lua pattern" }
fields.scalar = { is_scalar, "a number, string or boolean" }
fields.table = { has_type "table", "a table" }
fields.meta = { is_meta, "a table of texts, numbers and booleans by name: order = \"4711\"" }
fields.callable = { has_type "function", "a function" }

--- The names of a table in order, for messages: "max, min"; "none" when it is empty.
---@param t table
---@return string
function fields.names(t)
  local list = {}
  for name in pairs(t) do list[#list + 1] = tostring(name) end
  table.sort(list)
  return #list > 0 and table.concat(list, ", ") or "none"
end

--- Checks that a table has only fields that are known, each of its kind.
---@param what string      what the table is, for messages
---@param given table
---@param known table      name -> kind
---@param noun? string     what its fields are called: "field"
function fields.check(what, given, known, noun)
  if type(given) ~= "table" then fields.refuse(what, "wants a table, got a %s", type(given)) end
  for name, value in pairs(given) do
    local kind = known[name]
    if not kind then
      fields.refuse(what, "there is no %s %q (there are %s)", noun or "field", tostring(name), fields.names(known))
    elseif not kind[1](value) then
      fields.refuse(what, "%s = %s: wants %s", name, value ~= value and "nan" or tostring(value), kind[2])
    end
  end
end

return fields
