-- SPDX-License-Identifier: MIT
-- match.lua: which reply belongs to a command: the keys of a simulator's `on` table.
--   "MEASure:VOLTage[:DC]?"   SCPI: short and long form of each word, any case, [optional] words
--   "OUTPut# <boolean>"       # a number at the end of a word (1 when absent); typed parameters
--   "FUNCtion VOLT"           a parameter as written
--   "^set (%a+)$"             a Lua pattern, when it begins with ^; of several the longest is tried first
-- Pure.  For lines that are not SCPI: the whole line, then patterns, then the first word.
local number = require "moonrig.scpi.number"
local text = require "moonrig.scpi.text"

local Matcher = {}
Matcher.__index = Matcher

-- ---- headers -------------------------------------------------------------------------------------

local function forms(word)
  local short, long = word:gsub("%l", ""), word:upper()
  if short == "" or short == long then return { long } end
  return { short, long }
end

-- All the ways to write a header, upper case.
local function expand(header)
  local ways, at = { "" }, 1
  while at <= #header do
    local word, inner = header:match("^%a[%w_]*", at), header:match("^%[(.-)%]", at)
    local options
    if word then
      options, at = forms(word), at + #word
    elseif inner then
      options, at = expand(inner), at + #inner + 2
      options[#options + 1] = ""
    else
      options, at = { header:sub(at, at) }, at + 1
      if options[1] == "#" then options[2] = "" end
    end
    local longer = {}
    for _, way in ipairs(ways) do
      for _, option in ipairs(options) do longer[#longer + 1] = way .. option end
    end
    ways = longer
  end
  return ways
end

local function tidy(header) return (header:gsub("^:", ""):gsub("::+", ":"):upper()) end

-- ---- parameters ----------------------------------------------------------------------------------

local BOOLEAN = { ON = true, OFF = false, ["1"] = true, ["0"] = false }

-- Readers of one parameter: its value, or nil and the number of a SCPI error.
local READ = {
  any = function(s) return s end,
  string = function(s) return text.unquote(s) end,
  word = function(s)
    if not s:match("^%a[%w_]*$") then return nil, -141 end
    return s:upper()
  end,
  number = function(s)
    local value = number.parse(s)
    return value, not value and -104 or nil
  end,
  integer = function(s)
    local value = math.tointeger(number.parse(s) or 0.5)
    return value, not value and -104 or nil
  end,
  boolean = function(s)
    local value = BOOLEAN[s:upper()]
    return value, value == nil and -104 or nil
  end,
  block = function(s)
    local digits = tonumber(s:match("^#([1-9])"))
    if not digits then return nil, -160 end
    return s:sub(3 + digits)
  end,
}

-- "<number>[,<word>]" -> { {read=, optional=}... }, or nil for a parameter as written.
local function parse_signature(signature)
  if not signature:find("<", 1, true) then return nil end
  local list, depth = {}, 0
  for mark, kind in signature:gmatch "([%[%],%s]*)<(%a+)>" do
    depth = depth + (mark:find("[", 1, true) and 1 or 0)
    if not READ[kind] then return nil, kind end
    list[#list + 1] = { read = READ[kind], optional = depth > 0 }
  end
  return list
end

local function read_typed(list, rest)
  local given = rest == "" and {} or text.split(rest, ",")
  if #given > #list then return nil, -108 end
  local values = {}
  for i, parameter in ipairs(list) do
    local word = given[i] and text.trim(given[i])
    if not word then
      if parameter.optional then break end
      return nil, -109
    end
    local value, code = parameter.read(word)
    if code then return nil, code end
    values[i] = value
  end
  values.n = #given
  return values
end

-- What an entry makes of the text after the header: a list of values, or nil and a SCPI error.
local function read_parameters(entry, rest)
  if entry.typed then return read_typed(entry.typed, rest) end
  if entry.literal ~= "" then
    if rest:upper() == entry.literal then return { n = 0 } end
    return nil, -224
  end
  if rest == "" then return { n = 0 } end
  local values = text.split(rest, ",")
  for i, value in ipairs(values) do values[i] = text.trim(value) end
  values.n = #values
  return values
end

-- ---- the matcher ---------------------------------------------------------------------------------

--- Adds a command; a later one goes before an earlier one with the same key.
---@param key string
---@param reply any
---@return string? problem
function Matcher:add(key, reply)
  if key:sub(1, 1) == "^" then
    local ok, why = pcall(string.find, "", key)
    if not ok then return why end
    table.insert(self.patterns, 1, { key = key, reply = reply })
    table.sort(self.patterns, function(a, b) return #a.key > #b.key end)
    return nil
  end
  self.exact[key] = { key = key, reply = reply }
  local header, signature = key:match("^(%S+)%s*(.-)%s*$")
  if not header then return "empty" end
  local typed, bad = parse_signature(signature)
  if bad then return ("unknown parameter <%s> (number integer boolean word string block any)"):format(bad) end
  local entry = { key = key, reply = reply, typed = typed, literal = signature:upper() }
  for _, way in ipairs(expand(header)) do
    way = tidy(way)
    self.headers[way] = self.headers[way] or {}
    if self.headers[way][1] ~= entry then table.insert(self.headers[way], 1, entry) end
  end
end

local function with_suffixes(suffixes, values)
  local n = #suffixes
  table.move(values, 1, values.n, n + 1)
  table.move(suffixes, 1, n, 1, values)
  values.n = values.n + n
  return values
end

local function by_pattern(self, line)
  for _, entry in ipairs(self.patterns) do
    local found = table.pack(line:find(entry.key))
    if found[1] then return entry, { n = found.n - 2, table.unpack(found, 3, found.n) } end
  end
end

--- Finds what one SCPI command asks for.
---@param unit string "VOLT 5", without path, ; or blanks around it
---@return table? entry, table|integer? values or the number of a SCPI error
function Matcher:scpi(unit)
  local header, rest = unit:match("^(%S+)%s*(.*)$")
  local upper, suffixes = header:upper(), {}
  local entries = self.headers[upper]
  if not entries then
    entries = self.headers[upper:gsub("(%a)(%d+)", function(letter, digits)
      suffixes[#suffixes + 1] = math.tointeger(tonumber(digits))
      return letter .. "#"
    end)]
  elseif entries[1].key:find("#", 1, true) then
    suffixes[1] = 1
  end
  local problem
  for _, entry in ipairs(entries or {}) do
    local values, code = read_parameters(entry, rest)
    if values then return entry, with_suffixes(suffixes, values) end
    problem = problem or code
  end
  if problem then return nil, problem end
  return by_pattern(self, unit)
end

--- Finds what a line asks for that is not SCPI.
---@param line string
---@return table? entry, table? values
function Matcher:line(line)
  local entry = self.exact[line]
  if entry then return entry, { n = 0 } end
  local found, values = by_pattern(self, line)
  if found then return found, values end
  local word, rest = line:match("^%s*(%S+)%s*(.-)%s*$")
  entry = word and self.exact[word]
  if not entry or type(entry.reply) ~= "function" and rest ~= "" then return nil end
  return entry, rest == "" and { n = 0 } or { n = 1, rest }
end

return function() return setmetatable({ exact = {}, headers = {}, patterns = {} }, Matcher) end
