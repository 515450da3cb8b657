-- SPDX-License-Identifier: MIT
-- json.lua: JSON (RFC 8259) that keeps what it is given: 64-bit integers stay integers, floats take
-- the shortest form that reads back the same and keep their mark (5.0 -> 5.0), arrays stay arrays
-- when empty.  What JSON cannot hold (NaN, bytes that are not UTF-8, functions, cycles) raises unless
-- an option says what to write instead.  Time is linear in the text.  Plain Lua, no state.

local common = require "moonrig.json.common"

local json = {}

--- What `null` becomes inside an array or object, and what is written as `null`.
json.null = common.null

--- Marks a table as an array, so that it is written as `[]` also when empty. decode() marks its arrays.
---@generic T: table
---@param t T?
---@return T
function json.array(t) return setmetatable(t or {}, common.array_mt) end

--- Marks a table as an object. An unmarked empty table is an object anyway.
---@generic T: table
---@param t T?
---@return T
function json.object(t) return setmetatable(t or {}, common.object_mt) end

---@class moonrig.JsonOptions
---@field sort boolean?        write keys in byte order (default true)
---@field indent integer?      spaces a level; default: all on one line
---@field depth integer?       how deep tables may nest (default 128)
---@field nonfinite "error"|"null"|"string"|"literal"|nil  NaN and infinities: raise (default), or null, or
---  "nan" "inf" "-inf" as strings, or NaN Infinity -Infinity as Python's json writes and reads
---@field invalid "error"|"replace"|"escape"|nil  bytes that are not UTF-8: raise (default), or U+FFFD, or
---  \udc80..\udcff, the lone surrogates that Python calls surrogateescape: nothing is lost

json.encode = require "moonrig.json.encode"
json.decode = require "moonrig.json.decode"

return json
