-- SPDX-License-Identifier: MIT
-- keygen.lua: moonrig keygen: makes the key that a station signs its runs with.
local cli = require "moonrig.cli"
local key = require "moonrig.record.key"

return function(args)
  local parser = cli.parser("keygen", "Makes a station's key (Ed25519), which only this user may read, and beside it "
    .. "FILE.pub with the public key, which is printed too. Nothing is overwritten.", "moonrig keygen station.key")
  parser:argument("file", "The file to make (default: station.key)."):argname "FILE":args "?"
  local given = parser:parse(args)
  local ok, public = pcall(key.create, given.file or "station.key")
  if not ok then cli.fail(cli.ERROR, "%s", tostring(public.message or public)) end
  cli.write(public .. "\n")
  return cli.PASS
end
