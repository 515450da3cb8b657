-- SPDX-License-Identifier: MIT
-- record.lua: the append-only record of test runs, in SQLite.
--
-- A call that writes (start_run, phase, measurement, log, ...) returns after its commit: what it
-- wrote survives kill -9 and a power cut.  Nothing is ever changed: the end of a run or phase is a
-- row of its own.  What a run looks like when it is read back is the class moonrig.Run below; every
-- report is made from it.  The tables are in record/schema.lua.

---@alias moonrig.RunOutcome "PASS"|"FAIL"|"ERROR"|"TIMEOUT"|"ABORTED"
---@alias moonrig.PhaseOutcome "PASS"|"FAIL"|"SKIP"|"ERROR"
---@alias moonrig.MeasurementOutcome "PASS"|"FAIL"|"UNSET"|"SKIPPED"

--- One run as rec:load() gives it: a plain tree, each thing in it once, lists in the order in which
--- things happened.  Wall times are UTC, ISO 8601 with microseconds ("2026-07-01T12:00:00.123456Z");
--- `at` and `duration` are seconds on the monotonic clock, `at` counted from the start of the run.
---@class moonrig.Run: moonrig.RunHead
---@field phases moonrig.Phase[]
---@field instruments moonrig.RunInstrument[]
---@field logs moonrig.Log[]                 those outside of any phase; record.logs(run) has all
---@field attachments moonrig.Attachment[]   those outside of any phase
---@field prompts moonrig.Prompt[]           those outside of any phase
---@field seal moonrig.Seal?                 nil: it has not ended

--- What makes evident that a run is as it was written; see docs/record.md. Hashes are SHA-256, hexadecimal.
---@class moonrig.Seal
---@field seq integer            number at its station: 1, 2, ...
---@field prev string            hash of the one before
---@field doc string             of the canonical form of the run
---@field hash string            of this seal
---@field key string?            public key (Ed25519) of who signed it
---@field signature string?
---@field note string?           "older": the run had ended before there were seals
---@field head { seq: integer, hash: string }  the newest one of its station when this was read

--- What rec:runs() lists.
---@class moonrig.RunHead
---@field id string              UUIDv7; sorts by time
---@field num integer            short number, good in this database only
---@field outcome moonrig.RunOutcome?   nil while the run goes on
---@field running boolean        its process is alive and has not finished it
---@field interrupted boolean    its process went away without finishing it (outcome is ABORTED)
---@field marginal boolean       passed, with a measurement in its marginal zone
---@field code string?           what kind of failure: an error code such as "timeout", or the procedure's own
---@field message string?        why, for a person
---@field started_at string
---@field ended_at string?       nil while the run goes on; of an interrupted run: when that was noticed
---@field duration number        seconds; of a run without end: up to the last thing recorded
---@field station string
---@field site string?           which of the station's sites
---@field operator string?
---@field dut moonrig.Dut
---@field procedure moonrig.RunProcedure
---@field mode string            "production" unless the run said otherwise
---@field simulated boolean      some instrument was a simulator: not evidence about the unit
---@field attempt integer        1 for the first run of this unit through this procedure
---@field runtime string         "moonrig 0.1.0"
---@field host string
---@field config table           settings in force, as given to start_run
---@field meta table             whatever else was given to start_run

---@class moonrig.Dut
---@field serial string
---@field part string?
---@field revision string?
---@field batch string?
---@field subunits moonrig.Subunit[]?  what it is made of; nil in what rec:runs() lists

--- A part of the unit that has a serial number of its own.
---@class moonrig.Subunit
---@field name string            its place in the unit: "radio"
---@field serial string
---@field part string?
---@field revision string?

---@class moonrig.RunProcedure
---@field name string
---@field version string?
---@field script_sha256 string?  of the script's text; rec:blob(script_sha256) gives the text

---@class moonrig.Phase
---@field seq integer            place among all things of the run
---@field name string
---@field group string           "setup", "main", "teardown"
---@field parent integer?        seq of the group of phases around it
---@field attempt integer        1, 2, ... when retried: each attempt is a phase of its own
---@field at number
---@field duration number?       nil when it never ended
---@field outcome moonrig.PhaseOutcome?  nil while it goes on; ERROR when the run was interrupted in it
---@field marginal boolean
---@field code string?           error code of an ERROR
---@field message string?
---@field measurements moonrig.Measurement[]
---@field logs moonrig.Log[]
---@field attachments moonrig.Attachment[]
---@field prompts moonrig.Prompt[]

---@class moonrig.Measurement
---@field seq integer
---@field name string
---@field at number
---@field value boolean|integer|number|string|nil  exactly what was measured, NaN and inf too; nil when UNSET or SKIPPED
---@field unit string?
---@field outcome moonrig.MeasurementOutcome
---@field marginal boolean
---@field limits moonrig.RecordedLimits?  nil: recorded for information
---@field instrument string?     role of the instrument that measured it
---@field uncertainty number?    in `unit`
---@field doc string?
---@field series moonrig.Series?  the points of which this is the verdict; `value` is that of the worst one

---@class moonrig.Series
---@field x number[]
---@field y number[]             in the measurement's unit
---@field min number[]?          the limits at each x, when they change; infinite where there is none
---@field max number[]?
---@field x_name string?         "frequency"
---@field x_unit string?
---@field x_log boolean          its axis is logarithmic

--- The limits that were in force, whatever the procedure says today.
---@class moonrig.RecordedLimits
---@field min number?
---@field max number?
---@field marginal_min number?   below it (and not below min): PASS, marginal
---@field marginal_max number?
---@field nominal number?
---@field within number?         percent of nominal, either side
---@field equals boolean|number|string|nil
---@field one_of (boolean|number|string)[]?
---@field matches string?        Lua pattern
---@field text string?           for a person; all there is of a function

---@class moonrig.Log
---@field seq integer
---@field at number
---@field level "debug"|"info"|"warning"|"error"
---@field message string
---@field source string?         "psu.lua:12"

---@class moonrig.Attachment
---@field seq integer
---@field at number
---@field name string
---@field mime string
---@field size integer           bytes
---@field sha256 string          hexadecimal; rec:blob(sha256) gives the bytes

---@class moonrig.Prompt
---@field seq integer
---@field at number
---@field kind string            "text", "number", "choice", "yesno", "image"
---@field message string
---@field options string[]?      of a choice
---@field answer boolean|integer|number|string|nil  nil: never answered
---@field duration number?       seconds until the answer

---@class moonrig.RunInstrument
---@field role string            its name in the station file: "psu"
---@field url string?
---@field maker string?
---@field model string?
---@field serial string?
---@field firmware string?
---@field simulated boolean
---@field cal_due string?        ISO date
---@field cal_certificate string?

local core = require "moonrig.core"
local key = require "moonrig.record.key"
local reader = require "moonrig.record.reader"
local schema = require "moonrig.record.schema"
local writer = require "moonrig.record.writer"

local record = {}

---@class moonrig.Record
---@field path string
---@field signer moonrig.RecordSigner?
---@field db userdata          the store, for statistics; see core/bind/lstore.c
local Record = {}
Record.__index = Record

--- Opens a record, and makes it when it is new. Runs whose process went away without finishing them are ended as
--- ABORTED; those of living processes are left alone. Several processes may have it open.
---@param path string          a file; SQLite keeps two more beside it, ending in -wal and -shm
---@param opts { readonly: boolean?, timeout: number?, key: string? }?  readonly: change nothing, not even that;
---  timeout: seconds to wait for another program's lock (default 5); key: file of the station's key, with which runs
---  are signed
---@return moonrig.Record
---  Raises: not_found (no such folder; no such file, when readonly), permission (others may read the key, too),
---  unsupported (not a record, or from
---  a newer moonrig), busy (locked), system (disk full, damaged).
function record.open(path, opts)
  local of_store = {}
  for name, value in pairs(opts or of_store) do
    if name ~= "key" then of_store[name] = value end
  end
  local signer = opts and opts.key and key.load(opts.key)
  local db = core.store.open(path, of_store)
  local readonly = of_store.readonly or false
  local ok, e = pcall(schema.prepare, db, path, readonly)
  if ok and not readonly then ok, e = pcall(reader.end_interrupted, db, signer) end
  if not ok then
    db:close()
    error(e, 0)
  end
  return setmetatable({ path = path, db = db, signer = signer }, Record)
end

--- Closes it; twice does no harm. A run that goes on in it can no longer be written.
function Record:close() self.db:close() end
Record.__close = Record.close

--- Makes the -wal file's space free for what is written next, as far as nobody has to be waited for: what waits in it
--- goes into the database.
function Record:make_room() self.db:value "PRAGMA wal_checkpoint(PASSIVE)" end

--- Starts a run. Its methods phase, log, attachment, prompt, instrument, subunit and finish are in record/writer.lua.
---@param given { station: string, dut: moonrig.Dut, procedure: { name: string, version: string?, script: string? },
---  site: string?, operator: string?, mode: string?, simulated: boolean?, attempt: integer?, runtime: string?,
---  config: table?, meta: table? }  script: the text, of which the SHA-256 is kept with the procedure;
---  attempt: counted unless given
---@return moonrig.RecordRun
function Record:start_run(given) return writer.start_run(self.db, given, self.signer) end

--- Lists runs, the oldest first. With `serial`, those of the unit and those in which it was a sub-unit.
---@param filter { serial: string?, part: string?, procedure: string?, station: string?, operator: string?,
---  outcome: moonrig.RunOutcome?, since: string?, before: string?, last: integer? }?  since and before: UTC,
---  "2026-07-01" or longer; last: only so many, the newest
---@return moonrig.RunHead[]
function Record:runs(filter) return reader.runs(self.db, filter or {}) end

--- The numbers of runs, the oldest first, for `all`.
---@param filter table?  as of `runs`, without outcome
---@return integer[]
function Record:numbers(filter) return reader.numbers(self.db, filter or {}) end

--- A list of whole runs, each of which is read when it is asked for and not kept, so that there can be any number of
--- them.
---@param refs (string|integer)[]   ids or numbers in this database
---@return moonrig.Run[]
---  Raises, when a run is asked for: not_found
function Record:all(refs)
  return setmetatable({}, { __len = function() return #refs end, __index = function(_, i)
    return refs[i] and self:load(refs[i])
  end })
end

--- Reads one run.
---@param ref string|integer   its id, or its number in this database
---@return moonrig.Run
---  Raises: not_found
function Record:load(ref) return reader.load(self.db, self.path, ref) end

--- The bytes of an attachment or script; nil when there are none.
---@param sha256 string
---@return string?
function Record:blob(sha256) return self.db:value("SELECT data FROM blob WHERE sha256 = ?", sha256) end

--- All log lines of a run in order, each with `phase`, the name of its phase, added.
---@param run moonrig.Run
---@return { at: number, level: string, message: string, source: string?, phase: string? }[]
function record.logs(run)
  local all = {}
  local function add(logs, phase)
    for _, log in ipairs(logs) do
      all[#all + 1] = { seq = log.seq, at = log.at, level = log.level, message = log.message, source = log.source,
        phase = phase }
    end
  end
  add(run.logs)
  for _, phase in ipairs(run.phases) do add(phase.logs, phase.name) end
  table.sort(all, function(a, b) return a.seq < b.seq end)
  return all
end

return record
