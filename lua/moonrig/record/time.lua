-- SPDX-License-Identifier: MIT
-- record/time.lua: points in time as text, and the UUIDs that sort by them.  Microseconds since 1970, UTC.

local time = {}

--- "2026-07-01T12:00:00.123456Z"
function time.text(us) return os.date("!%Y-%m-%dT%H:%M:%S", us // 1000000) .. (".%06dZ"):format(us % 1000000) end

--- A version 7 UUID (RFC 9562): milliseconds, 12 bits of their fraction, 62 random bits.
function time.uuid7(us)
  local f <close> = assert(io.open("/dev/urandom", "rb"))
  f:setvbuf "no"
  local random = string.unpack(">I8", f:read(8))
  local hex = ("%012x7%03x%016x"):format(us // 1000, us % 1000 * 4096 // 1000, random >> 2 | 1 << 63)
  return (hex:gsub("^(" .. ("%x"):rep(8) .. ")(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)", "%1-%2-%3-%4-"))
end

return time
