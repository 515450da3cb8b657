-- SPDX-License-Identifier: MIT
-- record/verify.lua: recomputes the seals of a record, and says for each station which run is the first that does
-- not fit, and why. What each word means is in docs/record.md; docs/verify.py is the same check once more.

local core = require "moonrig.core"
local canon = require "moonrig.record.canon"
local key = require "moonrig.record.key"
local schema = require "moonrig.record.schema"
local seal = require "moonrig.record.seal"

local verify = {}

--- The first run of a station that does not fit.
---@class moonrig.RecordBreak
---@field seq integer?   its number at the station; nil: it has none
---@field id string?     nil: the run is gone
---@field what "changed"|"removed"|"inserted"|"reordered"|"replaced"|"unsigned"|"forged"|"wrong key"
---@field why string

---@class moonrig.StationCheck
---@field name string
---@field sealed integer       runs with a seal
---@field signed integer
---@field older integer        runs from before there were seals
---@field open integer         runs without end
---@field head string?         hash of the newest seal
---@field keys string[]        that signed, in order
---@field broken moonrig.RecordBreak?

-- One station: its seals in order, and where each hash and document stands.
local function read_seals(db, station)
  local all = { seq_of_hash = {}, seq_of_doc = {} }
  for row in db:rows([[SELECT seal.*, run.id, run.station AS run_station FROM seal LEFT JOIN run ON run.num = seal.run
      WHERE seal.station = ? ORDER BY seal.seq]], station.id) do
    row.station_id, row.station = row.station, station.name
    all[#all + 1] = row
    all.seq_of_hash[row.hash], all.seq_of_doc[row.doc] = row.seq, row.seq
  end
  return all
end

local function broken(row, what, why, ...)
  return { seq = row and row.seq, id = row and row.id, what = what, why = why:format(...) }
end

local NAMELESS <const> = "the name of its station is gone"

-- Each of these gives a break, or nil.

local function check_place(s, expected)
  if s.seq ~= expected then
    return { seq = expected, what = "removed", why = ("there is no run %d; the next one is %d, %s"):format(expected,
      s.seq, s.id or "also gone") }
  elseif not s.id or s.run_station ~= s.station_id then
    return broken(s, "removed", "its seal is there, the run is not")
  elseif not s.station then
    return broken(s, "removed", NAMELESS)
  end
  return nil
end

local function check_link(all, i, own_hash)
  local s, before = all[i], all[i - 1]
  if s.prev == (before and before.hash or seal.FIRST) then return nil end
  local at = s.prev == seal.FIRST and 0 or all.seq_of_hash[s.prev]
  if at and at < s.seq - 1 then
    return broken(all[at + 1], "inserted", "run %d was sealed as the next one after %s", s.seq,
      at == 0 and "the beginning" or "run " .. at)
  elseif at then
    return broken(s, "reordered", "it was sealed after what is run %d now", at)
  elseif before and own_hash == s.hash then
    return broken(before, "replaced", "run %d was sealed after another one (hash %s)", s.seq, s.prev)
  end
  return broken(s, "changed", "its seal is not as it was written: wrong hash of the run before")
end

-- The bytes that a run names by their hash: script and attachments. `known` has those that were looked at.
local function check_blobs(db, s, known)
  for row in db:rows([[SELECT script_sha256 AS sha256, 'script' AS name FROM run
      JOIN procedure ON procedure.id = procedure WHERE num = ?1 AND script_sha256 <> ''
      UNION ALL SELECT sha256, name FROM attachment WHERE run = ?1]], s.run) do
    if known[row.sha256] == nil then
      local blob = db:row("SELECT size, data FROM blob WHERE sha256 = ?", row.sha256)
      known[row.sha256] = blob ~= nil and blob.size == #blob.data and core.store.sha256(blob.data) == row.sha256
    end
    if not known[row.sha256] then
      return broken(s, "changed", "the bytes of %s are not those with the SHA-256 %s", row.name, row.sha256)
    end
  end
  return nil
end

local function check_run(db, all, s, known)
  local doc = seal.doc(db, s.run)
  if not doc then
    return broken(s, "changed", "part of it is gone (its end, unit or procedure)")
  elseif doc.sha256 == s.doc then
    return check_blobs(db, s, known)
  elseif all.seq_of_doc[doc.sha256] then
    return broken(s, "reordered", "it is what was sealed as run %d", all.seq_of_doc[doc.sha256])
  end
  return broken(s, "changed", "what is recorded of it is not what was sealed")
end

local function check_signature(s, text, found, keys)
  if not s.key or not s.signature then
    if s.key or s.signature then return broken(s, "unsigned", "it was signed, and the signature is gone") end
    if found.keys[1] then return broken(s, "unsigned", "the runs before it are signed, this one is not") end
    return keys and s.seq >= keys.from and broken(s, "unsigned",
      "there is no signature; with a key, runs from number %d on have to be signed", keys.from)
  elseif not key.verify(s.key, text, s.signature) then
    return broken(s, "forged", "the signature is not that of key %s", s.key)
  elseif keys and not keys.known[s.key] then
    return broken(s, "wrong key", "signed with %s", s.key)
  end
  if found.keys[#found.keys] ~= s.key then found.keys[#found.keys + 1] = s.key end
  found.signed = found.signed + 1
end

local function check_seals(db, station, found, keys, known)
  local all = read_seals(db, station)
  for i, s in ipairs(all) do
    local text = canon.seal(s)
    local own_hash = core.store.sha256(text)
    local break_at = check_place(s, i) or check_link(all, i, own_hash) or check_run(db, all, s, known)
      or own_hash ~= s.hash and broken(s, "changed", "its seal is not as it was written: wrong hash")
      or check_signature(s, text, found, keys)
    if break_at then return break_at end
    found.sealed, found.head, found.heads[s.hash] = i, s.hash, true
    if s.note then found.older = found.older + 1 end
  end
end

local function check_station(db, station, keys, known)
  local found = { name = station.name or "station " .. station.id, sealed = 0, signed = 0, older = 0, open = 0,
    keys = {}, heads = {} }
  found.broken = check_seals(db, station, found, keys, known)
  for row in db:rows([[SELECT run.id, run_end.run AS ended FROM run LEFT JOIN run_end ON run_end.run = run.num
      WHERE run.station = ? AND run.num NOT IN (SELECT run FROM seal) ORDER BY run.num]], station.id) do
    if station.name and not row.ended then
      found.open = found.open + 1
    elseif not found.broken then
      found.broken = { id = row.id, what = station.name and "inserted" or "removed",
        why = station.name and "it has an end, and no seal" or NAMELESS }
    end
  end
  return found
end

-- Those that runs or seals name, too, although they are not there.
local STATIONS = [[
SELECT id, name FROM station UNION ALL
SELECT station, NULL FROM (SELECT station FROM run UNION SELECT station FROM seal)
  WHERE station NOT IN (SELECT id FROM station) ORDER BY 1
]]

--- Checks a record, all of it as it is at one moment.
---@param db userdata
---@param opts { keys: string[]?, from: integer?, heads: string[]?, station: string? }  keys: one of them has to have
---  signed the runs from this number on (default 1); heads: hashes that the chains have to contain; station: only this
---@return moonrig.StationCheck[] stations
---@return string[] missing    heads that are in no chain
---@return string? triggers    what is wrong with the triggers
function verify.check(db, opts)
  local keys, stations, known = nil, {}, {}
  for _, public in ipairs(opts.keys or {}) do
    keys = keys or { known = {}, from = opts.from or 1 }
    keys.known[public] = true
  end
  db:exec "BEGIN"
  local triggers
  local ok, e = pcall(function()
    triggers = schema.trigger_break(db)
    local names = {}
    for row in db:rows(STATIONS) do
      if not opts.station or row.name == opts.station then names[#names + 1] = row end
    end
    for i, station in ipairs(names) do stations[i] = check_station(db, station, keys, known) end
  end)
  db:exec "COMMIT"
  if not ok then error(e, 0) end
  local missing = {}
  for _, head in ipairs(opts.heads or {}) do
    local is_there = false
    for _, found in ipairs(stations) do is_there = is_there or found.heads[head] end
    if not is_there then missing[#missing + 1] = head end
  end
  return stations, missing, triggers
end

return verify
