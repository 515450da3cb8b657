-- SPDX-License-Identifier: MIT
-- record/time.lua: points in time as text, and the UUIDs that sort by them.  Microseconds since 1970, UTC.

local time = {}

--- "2026-07-01T12:00:00.123456Z"
function time.text(us) return os.date("!%Y-%m-%dT%H:%M:%S", us // 1000000) .. (".%06dZ"):format(us % 1000000) end

local PATTERN <const> = "^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)%.?(%d*)Z$"

-- Days from 1970-01-01; counted by months from March, so that a leap day is the last of its year.
local function days(year, month, day)
  local march = (month + 9) % 12
  local y = year - march // 10
  return 365 * y + y // 4 - y // 100 + y // 400 + (153 * march + 2) // 5 + day - 719469
end

--- The inverse of text(); nil when it is no time as text() writes it, with any number of decimals.
function time.us(text)
  local year, month, day, hour, minute, second, fraction = text:match(PATTERN)
  if not year then return nil end
  local int = math.tointeger
  local at = days(int(year), int(month), int(day)) * 86400 + int(hour) * 3600 + int(minute) * 60 + int(second)
  return at * 1000000 + int((fraction .. "000000"):sub(1, 6))
end

--- A version 7 UUID (RFC 9562): milliseconds, 12 bits of their fraction, 62 random bits.
function time.uuid7(us)
  local f <close> = assert(io.open("/dev/urandom", "rb"))
  f:setvbuf "no"
  local random = string.unpack(">I8", f:read(8))
  local hex = ("%012x7%03x%016x"):format(us // 1000, us % 1000 * 4096 // 1000, random >> 2 | 1 << 63)
  return (hex:gsub("^(" .. ("%x"):rep(8) .. ")(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)", "%1-%2-%3-%4-"))
end

return time
