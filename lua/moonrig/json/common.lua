-- SPDX-License-Identifier: MIT
-- json/common.lua: what reading and writing JSON share: the marks, the options, the errors, UTF-8.

local core = require "moonrig.core"

local common = {
  null = setmetatable({}, { __name = "json.null", __tostring = function() return "null" end }),
  array_mt = { __name = "json.array" },
  object_mt = { __name = "json.object" },
}

function common.fail(code, message, ...)
  error(core.error { code = code, message = message:format(...) }, 0)
end

local allowed = {
  sort = { [true] = true, [false] = true },
  nonfinite = { error = true, null = true, string = true, literal = true },
  invalid = { error = true, replace = true, escape = true },
}

-- The options, checked, with the default depth; `name` is the function that was called.
function common.options(opts, name)
  local checked = { depth = 128 }
  for key, value in pairs(opts or {}) do
    local ok
    if allowed[key] then
      ok = allowed[key][value]
    else
      ok = (key == "depth" or key == "indent") and math.type(value) == "integer" and value >= 0 and value <= 150
    end
    if not ok then
      common.fail("unsupported", "json.%s: bad option %s = %s", name, tostring(key), tostring(value))
    end
    checked[key] = value
  end
  return checked
end

-- 15 digits always survive in a double and 17 always suffice, except among the denormals, which have fewer.
local significant = {}
for digits = 1, 17 do significant[digits] = "%." .. digits .. "g" end

-- The shortest decimal that reads back as a finite float: "5", "0.1", "1e-07".
function common.shortest(x)
  for digits = (x < 0x1p-1022 and x > -0x1p-1022) and 1 or 15, 17 do
    local s = significant[digits]:format(x)
    if tonumber(s) == x then return (s:gsub(",", ".")) end    -- the decimal point of some locale
  end
end

-- s cut into stretches of UTF-8 and single bytes that are not: valid(piece) and bad(byte) give the output.
function common.split_utf8(s, valid, bad)
  local out, at = {}, 1
  while at <= #s do
    local length, wrong = utf8.len(s, at)
    if length then
      out[#out + 1] = valid(s:sub(at))
      break
    end
    if wrong > at then out[#out + 1] = valid(s:sub(at, wrong - 1)) end
    out[#out + 1] = bad(s:byte(wrong))
    at = wrong + 1
  end
  return table.concat(out)
end

return common
