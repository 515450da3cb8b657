-- SPDX-License-Identifier: MIT
-- record/key.lua: the station's key, with which its runs are signed: Ed25519, in the PEM file (PKCS #8) that OpenSSL
-- reads and writes too. A public key is written as 64 hexadecimal digits.

local core = require "moonrig.core"

local key = {}

-- What stands before the 32 bytes of an Ed25519 key in PKCS #8 and in SubjectPublicKeyInfo (RFC 8410).
local SECRET <const> = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"
local PUBLIC <const> = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"

local function fail(code, message, ...) error(core.error { code = code, message = message:format(...) }, 0) end

--- Bytes as hexadecimal digits, and back (nil when they are none).
function key.to_hex(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
function key.from_hex(text)
  if not text:find "^%x*$" or #text % 2 == 1 then return nil end
  return (text:gsub("%x%x", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- Only when there are keys: it makes a table of its own.
local function base64(bytes) return require("moonrig.report.escape").base64(bytes) end

local function from_base64(text)
  local values, bits, n, out = {}, 0, 0, {}
  for i = 0, 63 do values[base64(string.char(i << 2)):byte(1)] = i end
  for i = 1, #text do
    local value = values[text:byte(i)]
    if value then
      bits, n = bits << 6 | value, n + 6
      if n >= 8 then
        n = n - 8
        out[#out + 1] = string.char(bits >> n & 255)
      end
    end
  end
  return table.concat(out)
end

local function from_pem(text, label, prefix)
  local body = text:match("%-%-%-%-%-BEGIN " .. label .. "%-%-%-%-%-(.-)%-%-%-%-%-END " .. label .. "%-%-%-%-%-")
  local bytes = body and from_base64(body)
  if bytes and #bytes == #prefix + 32 and bytes:sub(1, #prefix) == prefix then return bytes:sub(-32) end
end

local function to_pem(bytes, label)
  return ("-----BEGIN %s-----\n%s\n-----END %s-----\n"):format(label, base64(bytes), label)
end

---@class moonrig.RecordSigner
---@field secret string   32 bytes
---@field public string   64 hexadecimal digits

--- Reads the file of a key.
---@param path string
---@return moonrig.RecordSigner
---  Raises: not_found, permission (others may read it), unsupported (no such key)
function key.load(path)
  local secret = from_pem(core.key.read(path), "PRIVATE KEY", SECRET)
  if not secret then
    fail("unsupported", "%s is no Ed25519 key in PEM; make one with: moonrig keygen NAME", path)
  end
  return { secret = secret, public = key.to_hex(core.key.public(secret)) }
end

--- Makes a key and its file, which only this user may read. Beside it comes NAME.pub, with the public key.
---@param path string
---@return string public  64 hexadecimal digits
function key.create(path)
  local random <close> = assert(io.open("/dev/urandom", "rb"))
  random:setvbuf "no"
  local secret = random:read(32)
  local public = core.key.public(secret)
  core.key.create(path, to_pem(SECRET .. secret, "PRIVATE KEY"))
  local ok, e = pcall(core.key.create, path .. ".pub", to_pem(PUBLIC .. public, "PUBLIC KEY"), true)
  if not ok then
    os.remove(path)
    error(e, 0)
  end
  return key.to_hex(public)
end

--- A public key as it is given to a command: its digits, or a file (PEM, or the digits).
---@param text string
---@return string public  64 hexadecimal digits
function key.public(text)
  if text:find "^%x+$" and #text == 64 then return text:lower() end
  local f <close> = io.open(text, "rb")
  if not f then fail("not_found", "%s is neither a public key (64 hexadecimal digits) nor a file", text) end
  local content = f:read(4096) or ""
  local digits = content:match "^%s*(%x+)%s*$"
  if digits and #digits == 64 then return digits:lower() end
  local bytes = from_pem(content, "PUBLIC KEY", PUBLIC)
  if not bytes then
    fail("unsupported", "%s holds no Ed25519 public key; moonrig keygen writes one beside the key, in NAME.pub", text)
  end
  return key.to_hex(bytes)
end

--- The signature of s, in hexadecimal digits.
function key.sign(signer, s) return key.to_hex(core.key.sign(signer.secret, s)) end

--- Whether a signature is that of s by the key; all in hexadecimal digits.
function key.verify(public, s, signature)
  public, signature = key.from_hex(public), key.from_hex(signature)
  return public ~= nil and signature ~= nil and #public == 32 and #signature == 64
    and core.key.verify(public, s, signature)
end

return key
