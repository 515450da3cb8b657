-- SPDX-License-Identifier: MIT
-- record/seal.lua: seals runs. A seal holds the SHA-256 of a run that has ended, its place in the row of runs of
-- its station, and the hash of the seal before it, so that nothing before it can be changed, removed, inserted or
-- moved without a trace. It is added in the transaction that ends the run. docs/record.md has it all; verify.lua
-- is the check.

local core = require "moonrig.core"
local canon = require "moonrig.record.canon"
local key = require "moonrig.record.key"

local seal = {}

--- What the first seal of a station has in place of the hash before it.
seal.FIRST = ("0"):rep(64)

-- The note of a run that had ended before there were seals.
local OLDER <const> = "older"

--- The newest seal of a station: seq, hash, key; nil when there is none.
---@param station integer
function seal.newest(db, station)
  return db:row("SELECT seq, hash, key FROM seal WHERE station = ? ORDER BY seq DESC LIMIT 1", station)
end

--- The SHA-256 of the canonical form of a run; nil when part of the run is gone.
---@param num integer
---@param ended? table   see canon.run
---@return { sha256: string, rows: integer }?
function seal.doc(db, num, ended)
  local hash = core.store.hash()
  local rows = canon.run(db, num, function(text) hash:add(text) end, ended)
  return rows and { sha256 = hash:digits(), rows = rows }
end

--- Seals a run whose end has been written in the transaction that is open.
---@param num integer
---@param signer moonrig.RecordSigner?
---@param note string?
---@param doc table?   seal.doc of what the run is with its end, made before the transaction, so that other writers
---  need not wait for it; made here when the run has got more rows since
function seal.add(db, num, signer, note, doc)
  if not doc or doc.rows ~= canon.count(db, num) then doc = seal.doc(db, num) end
  local station = db:row("SELECT station.id, name FROM run JOIN station ON station.id = run.station WHERE num = ?", num)
  local before = seal.newest(db, station.id)
  local new = { doc = doc.sha256, key = signer and signer.public, note = note,
    prev = before and before.hash or seal.FIRST, seq = before and before.seq + 1 or 1, station = station.name }
  local text = canon.seal(new)
  db:exec([[INSERT INTO seal (run, station, seq, prev, doc, hash, key, signature, note)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)]], num, station.id, new.seq, new.prev, new.doc, core.store.sha256(text), new.key,
    signer and key.sign(signer, text), note)
end

--- Seals the runs that had ended before there were seals, in the order in which they ended.
function seal.add_older(db)
  local nums = {}
  for row in db:rows "SELECT run FROM run_end ORDER BY ended_at, run" do nums[#nums + 1] = row.run end
  for _, num in ipairs(nums) do seal.add(db, num, nil, OLDER) end
end

--- Refuses to start a run that would not be signed at a station that signs.
---@param station integer
---@param signer moonrig.RecordSigner?
function seal.check_signer(db, station, signer)
  local newest = not signer and seal.newest(db, station)
  if newest and newest.key then
    error(core.error { code = "permission", message = ("the runs of station %s are signed, this one would not be; "
      .. 'say with which key (key = "station.key" in the station file), or give the station another name')
      :format(db:value("SELECT name FROM station WHERE id = ?", station)) }, 0)
  end
end

--- Who signs the end of a run that this program did not write: nobody, or the signer when the station's last run
--- was signed by it, or when there is none before it. False: that run has to wait for a program with the key.
function seal.signer_of_other(db, station, signer)
  local newest = seal.newest(db, station)
  if not newest then return signer end
  if not newest.key then return nil end
  return signer and signer.public == newest.key and signer or false
end

return seal
