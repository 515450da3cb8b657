-- SPDX-License-Identifier: MIT
-- number.lua: numbers as instruments write them: text -> Lua number.  Pure: no port, no errors raised.
-- SCPI-99 volume 1, chapter 7 (9.91E37 is "not a number", 9.9E37 infinity; suffixes) and IEEE 488.2,
-- 8.7 (#H #Q #B).  A decimal multiplier moves the exponent in the text, so that "1500 MV" is exactly
-- the number that Lua reads as 1500e-3.
local number = {}

local find <const> = string.find

local NAN <const> = -(0 / 0) -- prints as nan
local HUGE <const> = math.huge

local WORDS = {
  NAN = NAN, INF = HUGE, ["+INF"] = HUGE, ["-INF"] = -HUGE, NINF = -HUGE,
  INFINITY = HUGE, ["+INFINITY"] = HUGE, ["-INFINITY"] = -HUGE, NINFINITY = -HUGE,
}

local POWER = {
  EX = 18, PE = 15, T = 12, G = 9, MA = 6, K = 3, M = -3, U = -6, N = -9, P = -12, F = -15, A = -18,
}

local UNITS = {}
for unit in ([[
  V VPP VRMS VPK VAC VDC A AAC ADC APP ARMS W VA VAR OHM SIE F H S SEC MIN HR D HZ RPM DEG RAD C CEL FAR K
  J EV N PAL BAR G T WB M LM CD LX MOL PCT % PPM DB DBM DBV DBUV DBW DBMV DBC UNIT COUNT
]]):gmatch "%S+" do UNITS[unit] = true end

-- A letter alone that is a unit and a multiplier: "4.7 K" may be kelvin or kilo.
local AMBIGUOUS = { K = true, M = true, G = true, T = true, N = true }

-- What is written outside ASCII, in SCPI's letters.
local SIGNS = {
  ["\xC2\xB5"] = "U", ["\xCE\xBC"] = "U", ["\xB5"] = "U", ["\xCE\xA9"] = "OHM", ["\xE2\x84\xA6"] = "OHM",
  ["\xC2\xB0"] = "",
}

-- A unit, maybe with a multiplier before it: the power of ten, or nil.
local function power_of(word)
  if UNITS[word] then return 0 end
  for length = 2, 1, -1 do
    local power, unit = POWER[word:sub(1, length)], word:sub(length + 1)
    if power and UNITS[unit] then
      if length == 1 and power == -3 and (unit == "OHM" or unit == "HZ") then return 6 end
      return power
    end
  end
end

-- A suffix such as MV, KHZ, V/S: the power of ten, or nil and why not.
local function suffix_power(suffix)
  if suffix == "" then return 0 end
  local milliohm = suffix == "m\xCE\xA9" or suffix == "m\xE2\x84\xA6" -- with the sign, m is milli
  local text = suffix:gsub("\xE2\x84\xA6", "OHM"):gsub("[\xC2\xCE][\x80-\xBF]", SIGNS):gsub("\xB5", "U"):upper()
  if AMBIGUOUS[text] then return nil, ("%q may be a unit or a multiplier"):format(suffix) end
  local first, rest = text:match("^([%a%%]+)(.*)$")
  local power = milliohm and -3 or first and power_of(first)
  local unread = rest and rest:gsub("[/.*](%a+)%-?%d*", function(unit) return UNITS[unit] and "" or nil end)
  if not power or unread ~= "" then return nil, ("unknown suffix %q"):format(suffix) end
  return power
end

local RADIX = { H = { 16, "^%x+$" }, Q = { 8, "^[0-7]+$" }, B = { 2, "^[01]+$" } }

local function non_decimal(text)
  local kind, digits = text:match("^#(%a)(.*)$")
  local radix = kind and RADIX[kind:upper()]
  if not radix or not digits:match(radix[2]) then return nil, "not a #H, #Q or #B number" end
  local value = 0
  for digit in digits:gmatch "." do
    if value >= 1 << 58 then return nil, "more than 62 bits" end
    value = value * radix[1] + tonumber(digit, 16)
  end
  return value
end

local function with_sentinels(value)
  if value < 1e37 and value > -1e37 then return value end
  if value > 9.8e37 and value < 1e38 then
    if math.abs(value / 9.91e37 - 1) < 1e-6 then return NAN end
    if math.abs(value / 9.9e37 - 1) < 1e-6 then return HUGE end
  elseif value < -9.8e37 and math.abs(value / -9.9e37 - 1) < 1e-6 then
    return -HUGE
  end
  return value
end

--- Reads a number: "+1.50000E-03", "1.5E-3 V", "10 MOHM" (1e7), "9.91E37" (nan), "-INF", "#HFF".
---@param text string
---@return number? value nil when it is not a number
---@return string? reason why it is not
function number.parse(text)
  local plain = tonumber(text)
  if plain and not find(text, "[xX]") then -- Lua takes 0x10 too
    return with_sentinels(plain)
  end
  text = text:match("^%s*(.-)%s*$")
  local word = WORDS[text:upper()]
  if word then return word end
  if text:byte() == 35 then return non_decimal(text) end
  local mantissa, rest = text:match("^([+-]?%d*%.?%d*)%s*(.*)$")
  if not mantissa:find("%d") then return nil, text == "" and "empty" or "not a number" end
  local exponent, suffix = rest:match("^[eE]%s*([+-]?%d+)%s*(.*)$")
  local power, reason = suffix_power(suffix or rest)
  if not power then return nil, reason end
  if power == 0 and not exponent then return with_sentinels(tonumber(mantissa)) end
  return with_sentinels(tonumber(("%se%d"):format(mantissa, (math.tointeger(tonumber(exponent or 0)) or 0) + power)))
end

return number
