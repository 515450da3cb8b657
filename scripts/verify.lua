-- SPDX-License-Identifier: MIT
-- verify.lua: moonrig verify: recomputes the seals of a record and names the first run that does not fit.
local cli = require "moonrig.cli"
local key = require "moonrig.record.key"
local results = require "moonrig.results"
local show = require("moonrig.report.escape").terminal
local verify = require "moonrig.record.verify"

local function parse(args)
  local parser = cli.parser("verify",
    "Checks that a record is as it was written: the chain of its runs, their content, their signatures. "
      .. "Exit code: 0 it is, 1 it is not, 2 it cannot be read.",
    "moonrig verify results.db --key station.key.pub --head 9c1f...")
  parser:argument("record", "The record: a file, or sqlite:FILE."):argname "RECORD":args "?"
  parser:option("--key", "Public key that the runs have to be signed with: a file, or its 64 digits. Several: any.")
    :argname "PUBLIC":count "*"
  parser:option("--from", "With --key: runs with a lower number were made before there was a key (default 1).")
    :argname "N":convert(math.tointeger)
  parser:option("--head", "Hash from a report or a list kept elsewhere: the chain has to contain it.")
    :argname "HASH":count "*"
  parser:option("--station", "Only the runs of this station."):argname "NAME"
  local given = parser:parse(args)
  for i, text in ipairs(given.key) do
    local ok, public = pcall(key.public, text)
    if not ok then parser:error("--key " .. public.message) end
    given.key[i] = public
  end
  for i, text in ipairs(given.head) do
    if not text:find "^%x+$" or #text ~= 64 then
      parser:error(("--head %s: wants a hash of 64 hexadecimal digits"):format(show(text)))
    end
    given.head[i] = text:lower()
  end
  return given
end

local function count(n, one, many) return ("%d %s"):format(n, n == 1 and one or many) end

local function line_of(found)
  local name, b = show(found.name), found.broken
  if b then
    local id = show(b.id or "gone")
    local which = b.seq and ("run %d (%s)"):format(b.seq, id) or "run " .. id
    return ("%s: %s: %s: %s"):format(name, which, b.what, show(b.why))
  end
  local parts = { count(found.sealed, "run", "runs") }
  if found.signed > 0 then
    parts[#parts + 1] = ("%d signed with %s"):format(found.signed, table.concat(found.keys, ", "))
  end
  if found.older > 0 then parts[#parts + 1] = ("%d from before there were seals"):format(found.older) end
  if found.open > 0 then parts[#parts + 1] = ("%d without end"):format(found.open) end
  if found.head then parts[#parts + 1] = "head " .. found.head end
  return ("%s: %s"):format(name, table.concat(parts, ", "))
end

return function(args)
  local given = parse(args)
  local path = given.record or results.DEFAULT
  local ok, rec = pcall(results.open, path, { readonly = true })
  if not ok then cli.fail(cli.ERROR, "%s", tostring(rec.message or rec)) end
  local rec_open <close> = rec
  local checked, stations, missing, triggers = pcall(verify.check, rec_open.db, { keys = given.key, from = given.from,
    heads = given.head, station = given.station })
  if not checked then cli.fail(cli.ERROR, "%s cannot be checked: %s", path, tostring(stations.message or stations)) end
  if given.station and not stations[1] then cli.fail(cli.ERROR, "%s has no station %s", path, show(given.station)) end
  local lines, code = {}, cli.PASS
  for i, found in ipairs(stations) do
    lines[i] = line_of(found)
    if found.broken then code = cli.FAIL end
  end
  for _, head in ipairs(missing) do
    lines[#lines + 1] = ("head %s: removed: no chain contains it; the newest runs are gone, or were made anew")
      :format(head)
    code = cli.FAIL
  end
  if triggers then
    lines[#lines + 1] = "triggers: changed: " .. show(triggers)
    code = cli.FAIL
  end
  lines[#lines + 1] = ("%s: %s"):format(show(path), code == cli.PASS and "as it was written" or "NOT as it was written")
  cli.write(table.concat(lines, "\n") .. "\n")
  return code
end
