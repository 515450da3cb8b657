-- SPDX-License-Identifier: MIT
-- record/canon.lua: the canonical form of a run, of which a seal keeps the SHA-256: JSON after RFC 8785, the same
-- bytes whoever writes it.  docs/record.md describes it byte for byte, docs/verify.py is a second writer of it.
--
-- It is made from rows: a list for each table, an object for each row, a key for each column. What is NULL, and a
-- list without rows, is left out, so that a column or table that is added later changes no form of an older run.

local core = require "moonrig.core"
local split_utf8 = require("moonrig.json.common").split_utf8

local canon = {}

local find, format = string.find, string.format

-- Text

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t" }
for i = 0, 31 do
  local c = string.char(i)
  escapes[c] = escapes[c] or format("\\u%04x", i)
end

local function escape(s) return (s:gsub('[%z\1-\31"\\]', escapes)) end
local function escape_byte(b) return format("\\udc%02x", b) end

--- A JSON string. A byte that belongs to no UTF-8 is \udc80 to \udcff, as Python's surrogateescape reads it.
function canon.text(s)
  if not find(s, "[^ !#-%[%]-~]") then return '"' .. s .. '"' end
  return '"' .. (utf8.len(s) and escape(s) or split_utf8(s, escape, escape_byte)) .. '"'
end

-- Numbers

-- The digits and the decimal exponent of the shortest decimal that reads back as x > 0, as in D.DDDe+X. Among those
-- with 16 digits the nearest may be one that reads back as a neighbour of a power of two; then the next one is.
local function shortest(x)
  for digits = x < 0x1p-1022 and 0 or 14, 16 do
    local s = format("%." .. digits .. "e", x)
    local whole, fraction, exponent = s:match "^(%d)%D?(%d*)e([+-]%d+)$"
    if tonumber(s) == x then return whole .. fraction, tonumber(exponent) end
    local next_one = format("%d", tonumber(whole .. fraction) + 1)
    if #next_one == digits + 1 and tonumber(next_one .. format("e%d", exponent - digits)) == x then
      return next_one, tonumber(exponent)
    end
  end
end

-- As ECMAScript writes it: plain from 1e-6 to 1e21, else with an exponent.
local function positive(x)
  local digits, exponent = shortest(x)
  digits = digits:gsub("(%d)0+$", "%1")
  local k, n = #digits, exponent + 1     -- digits, and how many of them stand before the point
  if k <= n and n <= 21 then
    return digits .. ("0"):rep(n - k)
  elseif 0 < n and n <= 21 then
    return digits:sub(1, n) .. "." .. digits:sub(n + 1)
  elseif -6 < n and n <= 0 then
    return "0." .. ("0"):rep(-n) .. digits
  end
  return digits:sub(1, 1) .. (k > 1 and "." .. digits:sub(2) or "") .. format("e%+d", n - 1)
end

--- An integer by its digits, all 64 bits of it; a float as RFC 8785 writes it, 5.0 as 5, both zeros as 0, and the
--- infinities, for which JSON has no form, as strings.
function canon.number(x)
  if math.type(x) == "integer" then return format("%d", x) end
  if x % 1 == 0 and x > -0x1p53 and x < 0x1p53 then return format("%d", x) end
  if x == math.huge then return '"Infinity"' end
  if x == -math.huge then return '"-Infinity"' end
  return x < 0 and "-" .. positive(-x) or positive(x)
end

-- Rows

-- The columns, and where they come from; "name=expression" when it is not called so there.
local function part(name, columns, from)
  local names, heads, expressions = {}, {}, {}
  for column in columns:gmatch "%S+" do
    local as, expression = column:match "^(.*)=(.*)$"
    names[#names + 1] = as or column
    heads[#heads + 1] = '"' .. (as or column) .. '":'
    expressions[#expressions + 1] = (expression or column) .. " AS " .. (as or column)
  end
  return { name = name, names = names, heads = heads,
    sql = ("SELECT %s FROM %s"):format(table.concat(expressions, ", "), from) }
end

local RUN = part("run", "attempt batch boot config host id=run.id meta mode operator part pid pid_start "
  .. "procedure=procedure.name revision runtime script_sha256 serial simulated site started_at station=station.name "
  .. "version", [[run JOIN station ON station.id = run.station JOIN unit ON unit.id = run.unit
    JOIN procedure ON procedure.id = run.procedure WHERE num = ?]])
local END = part("end", "code duration_us ended_at interrupted marginal message outcome", "run_end WHERE run = ?")

-- In the order of their names.
local PARTS = {
  part("answers", "answer at_us prompt", "prompt_answer WHERE run = ? ORDER BY prompt"),
  part("attachments", "at_us mime name phase seq sha256", "attachment WHERE run = ? ORDER BY seq"),
  END,
  { name = "format", text = '"moonrig-record/1"' },
  part("instruments", "cal_certificate cal_due firmware maker model role serial simulated url",
    "run_instrument JOIN instrument ON id = instrument WHERE run = ? ORDER BY role"),
  part("logs", "at_us level message phase seq source", "log WHERE run = ? ORDER BY seq"),
  part("measurements", "at_us doc equals instrument limit_max limit_min limit_text marginal marginal_max marginal_min "
    .. "matches name nominal num one_of outcome phase seq series text type uncertainty unit within",
    "measurement WHERE run = ? ORDER BY seq"),
  part("phase_ends", "at_us code marginal message outcome phase", "phase_end WHERE run = ? ORDER BY phase"),
  part("phases", "at_us attempt grp name parent seq", "phase WHERE run = ? ORDER BY seq"),
  part("prompts", "at_us kind message options phase seq", "prompt WHERE run = ? ORDER BY seq"),
  RUN,
  part("series", "at_us columns name phase seq sha256=NULL unit x_log x_name x_unit",
    "series WHERE run = ? ORDER BY seq"),
  part("subunits", "at_us name part revision seq serial",
    "subunit JOIN unit ON unit.id = subunit.unit WHERE run = ? ORDER BY seq"),
}

-- Values that were written before, since most stand in many rows; forgotten when there are too many of them.
local MOST <const> = 1000
local function new_known() return { texts = {}, count = 0 } end

local function text_of(v, known)
  local text = known.texts[v]
  if text then return text end
  if known.count == MOST then known.texts, known.count = {}, 0 end
  text = type(v) == "string" and canon.text(v) or canon.number(v)
  known.texts[v], known.count = text, known.count + 1
  return text
end

-- An object: the keys in `names`, in order, each with its value unless that is nil. heads: '"name":' for each.
local function object(row, names, heads, known)
  local out, n = {}, 0
  for i = 1, #names do
    local v = row[names[i]]
    if v ~= nil then
      n = n + 1
      out[n] = heads[i] .. text_of(v, known)
    end
  end
  return "{" .. table.concat(out, ",") .. "}"
end

-- The SHA-256 of the points of a series: of each part its number and its time, as little-endian integers of 64 bits,
-- and its data.
local function hash_points(db, num, series)
  local hash, parts = core.store.hash(), 0
  for row in db:rows("SELECT part, at_us, data FROM series_data WHERE run = ? AND series = ? ORDER BY part", num,
    series) do
    hash:add(("<i8i8"):pack(row.part, row.at_us) .. row.data)
    parts = parts + 1
  end
  return hash:digits(), parts
end

-- A list of objects after its name; nothing when it is empty. Returns how many, and from how many rows.
local function put_list(db, p, num, head, known, put)
  local count, rows = 0, 0
  for row in db:rows(p.sql, num) do
    if p.name == "series" then
      local parts
      row.sha256, parts = hash_points(db, num, row.seq)
      rows = rows + parts
    end
    put((count == 0 and head .. "[" or ",") .. object(row, p.names, p.heads, known))
    count = count + 1
  end
  if count > 0 then put "]" end
  return count, rows + count
end

--- The canonical form of a run, piece by piece, for a run of any length.
---@param num integer
---@param put fun(text: string)
---@param ended? table   the row of run_end that will be, of a run that has not ended yet
---@return integer? rows  that its lists were made from; nil when there is no such run, or its end is missing
function canon.run(db, num, put, ended)
  local known, rows, comma = new_known(), 0, "{"
  for _, p in ipairs(PARTS) do
    local head, count = ('%s"%s":'):format(comma, p.name), 1
    if p == RUN or p == END then
      local row = p == END and ended or db:row(p.sql, num)
      if not row then return nil end
      put(head .. object(row, p.names, p.heads, known))
    elseif p.text then
      put(head .. p.text)
    else
      local of_list
      count, of_list = put_list(db, p, num, head, known, put)
      rows = rows + of_list
    end
    if count > 0 then comma = "," end
  end
  put "}"
  return rows
end

-- Counts the rows of all lists, and those that are hashed for one of them.
local COUNT = { "(SELECT count(*) FROM series_data WHERE run = ?1)" }
for _, p in ipairs(PARTS) do
  if p.sql and p ~= RUN and p ~= END then
    COUNT[#COUNT + 1] = ("(SELECT count(*) FROM %s WHERE run = ?1)"):format(p.sql:match "FROM ([%w_]+)")
  end
end
COUNT = "SELECT " .. table.concat(COUNT, " + ")

--- How many rows the lists of a run are made from. Since rows are never changed, as many are the same ones.
---@param num integer
---@return integer
function canon.count(db, num) return db:value(COUNT, num) end

local SEAL = part("seal", "doc format key note prev seq station", "seal")

--- The canonical form of a seal, which is what is hashed and signed.
---@param seal { doc: string, key: string?, note: string?, prev: string, seq: integer, station: string }
---@return string
function canon.seal(seal)
  local row = setmetatable({ format = "moonrig-seal/1" }, { __index = seal })
  return object(row, SEAL.names, SEAL.heads, new_known())
end

return canon
