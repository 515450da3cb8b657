-- SPDX-License-Identifier: MIT
-- report/sha1.lua: the SHA-1 digest (FIPS 180-4) of bytes, for foreign formats that name files by it.  It protects
-- nothing; the record uses SHA-256.

local function rotated(x, n) return (x << n | x >> (32 - n)) & 0xffffffff end

local function mix(round, b, c, d)
  if round < 20 then return b & c | ~b & d, 0x5a827999 end
  if round < 40 then return b ~ c ~ d, 0x6ed9eba1 end
  if round < 60 then return b & c | b & d | c & d, 0x8f1bbcdc end
  return b ~ c ~ d, 0xca62c1d6
end

local BLOCK <const> = ">" .. ("I4"):rep(16)

--- 40 hexadecimal digits.
---@param data string
---@return string
return function(data)
  local h0, h1, h2, h3, h4 = 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0
  local padded = data .. "\x80" .. ("\0"):rep((55 - #data) % 64) .. (">I8"):pack(#data * 8)
  for at = 1, #padded, 64 do
    local w = { BLOCK:unpack(padded, at) }
    for i = 17, 80 do w[i] = rotated(w[i - 3] ~ w[i - 8] ~ w[i - 14] ~ w[i - 16], 1) end
    local a, b, c, d, e = h0, h1, h2, h3, h4
    for i = 1, 80 do
      local f, k = mix(i - 1, b, c, d)
      a, b, c, d, e = (rotated(a, 5) + (f & 0xffffffff) + e + k + w[i]) & 0xffffffff, a, rotated(b, 30), c, d
    end
    h0, h1, h2 = h0 + a & 0xffffffff, h1 + b & 0xffffffff, h2 + c & 0xffffffff
    h3, h4 = h3 + d & 0xffffffff, h4 + e & 0xffffffff
  end
  return ("%08x%08x%08x%08x%08x"):format(h0, h1, h2, h3, h4)
end
