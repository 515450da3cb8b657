-- SPDX-License-Identifier: MIT
-- record/schema.lua: the tables of the record, and how older ones become these.
--
-- Nothing is ever changed or removed: triggers refuse UPDATE, DELETE and INSERT OR REPLACE on every table.
-- Things that begin and end have two tables (run, run_end); a row in the second is the end.
-- `num` numbers the runs of this database; `id` is the run's name everywhere.  Within a run everything
-- that happens takes the next `seq`, whatever table it goes to; (run, seq) is the key.
-- at_us: microseconds since the start of the run on the monotonic clock.  *_at: UTC as text.
-- JSON columns: config, meta, equals, one_of, options, answer (see json.lua, nonfinite = "literal",
-- invalid = "escape").
-- The value of a measurement: `type` is float, integer, boolean, string, or NULL when there is none.
-- `num` is the number (1 and 0 for booleans), for arithmetic; `text` is the string, or a number that
-- `num` cannot hold: NaN, -0.0, integers beyond 2^53.

local core = require "moonrig.core"
local process = require "moonrig.record.process"
local seal = require "moonrig.record.seal"

local schema = { application_id = 0x6d726967 }  -- "mrig"

local function append_only(name, key)
  return ([[
CREATE TRIGGER NAME_no_update BEFORE UPDATE ON NAME BEGIN SELECT raise(ABORT, 'append-only: NAME'); END;
CREATE TRIGGER NAME_no_delete BEFORE DELETE ON NAME BEGIN SELECT raise(ABORT, 'append-only: NAME'); END;
CREATE TRIGGER NAME_no_replace BEFORE INSERT ON NAME WHEN EXISTS (SELECT 1 FROM NAME WHERE KEY)
BEGIN SELECT raise(ABORT, 'append-only: NAME is there already'); END;
]]):gsub("NAME", name):gsub("KEY", key)
end

-- A run that is sealed takes nothing more.
local function not_sealed(...)
  local out = {}
  for i, name in ipairs { ... } do
    out[i] = ([[
CREATE TRIGGER NAME_not_sealed BEFORE INSERT ON NAME WHEN EXISTS (SELECT 1 FROM seal WHERE run = NEW.run)
BEGIN SELECT raise(ABORT, 'append-only: NAME, and the run has ended'); END;
]]):gsub("NAME", name)
  end
  return table.concat(out)
end

--- One script for each version of the schema: steps[1] makes version 1, steps[2] turns that into version 2.
--- A step that has been released is never edited.
schema.steps = { [[
CREATE TABLE station (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE unit (
  id INTEGER PRIMARY KEY,
  part TEXT NOT NULL,                  -- '': not said
  serial TEXT NOT NULL,
  UNIQUE (part, serial)
) STRICT;
CREATE INDEX unit_by_serial ON unit (serial);

CREATE TABLE blob (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, data BLOB NOT NULL) STRICT;

CREATE TABLE procedure (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,               -- '': not said
  script_sha256 TEXT NOT NULL,         -- '': not said; else in blob
  UNIQUE (name, version, script_sha256)
) STRICT;

CREATE TABLE instrument (
  id INTEGER PRIMARY KEY,
  maker TEXT NOT NULL, model TEXT NOT NULL, serial TEXT NOT NULL, firmware TEXT NOT NULL,    -- '': not known
  UNIQUE (maker, model, serial, firmware)
) STRICT;

CREATE TABLE run (
  num INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,             -- UUIDv7
  station INTEGER NOT NULL REFERENCES station,
  unit INTEGER NOT NULL REFERENCES unit,
  procedure INTEGER NOT NULL REFERENCES procedure,
  site TEXT, operator TEXT, revision TEXT, batch TEXT,
  mode TEXT NOT NULL,                  -- production, debug, ...
  simulated INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  started_at TEXT NOT NULL,
  runtime TEXT NOT NULL,
  host TEXT NOT NULL, boot TEXT NOT NULL, pid INTEGER NOT NULL, pid_start INTEGER NOT NULL,  -- who writes it
  config TEXT NOT NULL, meta TEXT NOT NULL
) STRICT;
CREATE INDEX run_by_unit ON run (unit, procedure);
CREATE INDEX run_by_procedure ON run (procedure, started_at);
CREATE INDEX run_by_time ON run (started_at);

CREATE TABLE run_end (
  run INTEGER PRIMARY KEY REFERENCES run,
  ended_at TEXT NOT NULL,              -- of an interrupted run: when that was noticed
  duration_us INTEGER NOT NULL,        -- of an interrupted run: until the last thing recorded
  outcome TEXT NOT NULL CHECK (outcome IN ('PASS', 'FAIL', 'ERROR', 'TIMEOUT', 'ABORTED')),
  marginal INTEGER NOT NULL,
  interrupted INTEGER NOT NULL,
  code TEXT, message TEXT
) STRICT;

CREATE TABLE run_instrument (
  run INTEGER NOT NULL REFERENCES run,
  role TEXT NOT NULL,
  instrument INTEGER NOT NULL REFERENCES instrument,
  url TEXT, simulated INTEGER NOT NULL, cal_due TEXT, cal_certificate TEXT,
  PRIMARY KEY (run, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE phase (
  run INTEGER NOT NULL REFERENCES run, seq INTEGER NOT NULL, at_us INTEGER NOT NULL,
  name TEXT NOT NULL,
  grp TEXT NOT NULL,                   -- setup, main, teardown
  attempt INTEGER NOT NULL,
  PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE phase_end (
  run INTEGER NOT NULL, phase INTEGER NOT NULL, at_us INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('PASS', 'FAIL', 'SKIP', 'ERROR')),
  marginal INTEGER NOT NULL,
  code TEXT, message TEXT,
  PRIMARY KEY (run, phase),
  FOREIGN KEY (run, phase) REFERENCES phase (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE measurement (
  run INTEGER NOT NULL, seq INTEGER NOT NULL, phase INTEGER NOT NULL, at_us INTEGER NOT NULL,
  name TEXT NOT NULL,
  type TEXT, num REAL, text TEXT, unit TEXT,
  outcome TEXT NOT NULL CHECK (outcome IN ('PASS', 'FAIL', 'UNSET', 'SKIPPED')),
  marginal INTEGER NOT NULL,
  limit_min REAL, limit_max REAL, marginal_min REAL, marginal_max REAL, nominal REAL, within REAL,
  equals TEXT, one_of TEXT, matches TEXT, limit_text TEXT,
  instrument TEXT,                     -- role
  uncertainty REAL, doc TEXT,
  PRIMARY KEY (run, seq),
  FOREIGN KEY (run, phase) REFERENCES phase (run, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX measurement_by_name ON measurement (name, run);

CREATE TABLE log (
  run INTEGER NOT NULL REFERENCES run, seq INTEGER NOT NULL, phase INTEGER, at_us INTEGER NOT NULL,
  level TEXT NOT NULL, message TEXT NOT NULL, source TEXT,
  PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE attachment (
  run INTEGER NOT NULL REFERENCES run, seq INTEGER NOT NULL, phase INTEGER, at_us INTEGER NOT NULL,
  name TEXT NOT NULL, mime TEXT NOT NULL, sha256 TEXT NOT NULL REFERENCES blob,
  PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE prompt (
  run INTEGER NOT NULL REFERENCES run, seq INTEGER NOT NULL, phase INTEGER, at_us INTEGER NOT NULL,
  kind TEXT NOT NULL, message TEXT NOT NULL, options TEXT,
  PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE prompt_answer (
  run INTEGER NOT NULL, prompt INTEGER NOT NULL, at_us INTEGER NOT NULL,
  answer TEXT NOT NULL,
  PRIMARY KEY (run, prompt),
  FOREIGN KEY (run, prompt) REFERENCES prompt (run, seq)
) STRICT, WITHOUT ROWID;
]]
  .. append_only("station", "id = NEW.id OR name = NEW.name")
  .. append_only("unit", "id = NEW.id OR (part = NEW.part AND serial = NEW.serial)")
  .. append_only("blob", "sha256 = NEW.sha256")
  .. append_only("procedure", "id = NEW.id OR "
    .. "(name, version, script_sha256) = (NEW.name, NEW.version, NEW.script_sha256)")
  .. append_only("instrument", "id = NEW.id OR "
    .. "(maker, model, serial, firmware) = (NEW.maker, NEW.model, NEW.serial, NEW.firmware)")
  .. append_only("run", "num = NEW.num OR id = NEW.id")
  .. append_only("run_end", "run = NEW.run")
  .. append_only("run_instrument", "run = NEW.run AND role = NEW.role")
  .. append_only("phase", "run = NEW.run AND seq = NEW.seq")
  .. append_only("phase_end", "run = NEW.run AND phase = NEW.phase")
  .. append_only("measurement", "run = NEW.run AND seq = NEW.seq")
  .. append_only("log", "run = NEW.run AND seq = NEW.seq")
  .. append_only("attachment", "run = NEW.run AND seq = NEW.seq")
  .. append_only("prompt", "run = NEW.run AND seq = NEW.seq")
  .. append_only("prompt_answer", "run = NEW.run AND prompt = NEW.prompt"),

[[
-- How the record is made evident to be as it was written: see docs/record.md.
CREATE TABLE seal (
  run INTEGER PRIMARY KEY REFERENCES run,
  station INTEGER NOT NULL REFERENCES station,
  seq INTEGER NOT NULL,                -- 1, 2, ... at this station, without gap
  prev TEXT NOT NULL,                  -- hash of the one before; of the first: 64 zeros
  doc TEXT NOT NULL,                   -- SHA-256 of the run's canonical form
  hash TEXT NOT NULL,                  -- SHA-256 of the seal's canonical form
  key TEXT, signature TEXT,            -- Ed25519, hexadecimal
  note TEXT,                           -- 'older': of a run from before there were seals
  UNIQUE (station, seq)
) STRICT;

CREATE TABLE series (
  run INTEGER NOT NULL, measurement INTEGER NOT NULL,
  axis INTEGER NOT NULL,               -- 0, 1, ...
  name TEXT, unit TEXT,
  n INTEGER NOT NULL,
  data BLOB NOT NULL,                  -- n little-endian doubles
  PRIMARY KEY (run, measurement, axis),
  FOREIGN KEY (run, measurement) REFERENCES measurement (run, seq)
) STRICT, WITHOUT ROWID;

ALTER TABLE phase ADD COLUMN parent INTEGER;  -- seq of the group around it; NULL: none
]]
  .. append_only("seal", "run = NEW.run OR (station = NEW.station AND seq = NEW.seq)")
  .. append_only("series", "run = NEW.run AND measurement = NEW.measurement AND axis = NEW.axis")
  .. not_sealed("run_instrument", "phase", "phase_end", "measurement", "series", "log", "attachment", "prompt",
    "prompt_answer"),

[[
-- Series are kept while they grow: a row in series when one begins, one in series_data for points as they come.
DROP TABLE series;                     -- which nothing has been written to

CREATE TABLE series (
  run INTEGER NOT NULL, seq INTEGER NOT NULL, phase INTEGER NOT NULL, at_us INTEGER NOT NULL,
  name TEXT NOT NULL, unit TEXT,
  x_name TEXT, x_unit TEXT, x_log INTEGER NOT NULL,
  columns TEXT NOT NULL CHECK (columns IN ('x y', 'x y min', 'x y max', 'x y min max')),
  PRIMARY KEY (run, seq),
  FOREIGN KEY (run, phase) REFERENCES phase (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE series_data (
  run INTEGER NOT NULL, series INTEGER NOT NULL,
  part INTEGER NOT NULL,               -- 1, 2, ...
  at_us INTEGER NOT NULL,
  data BLOB NOT NULL,                  -- little-endian doubles, the columns of one point after the other
  PRIMARY KEY (run, series, part),
  FOREIGN KEY (run, series) REFERENCES series (run, seq)
) STRICT, WITHOUT ROWID;

ALTER TABLE measurement ADD COLUMN series INTEGER;  -- seq of the series of which it is the verdict

CREATE TABLE subunit (                 -- what the unit of a run is made of
  run INTEGER NOT NULL REFERENCES run, seq INTEGER NOT NULL, at_us INTEGER NOT NULL,
  name TEXT NOT NULL,                  -- its place in the unit: "radio"
  unit INTEGER NOT NULL REFERENCES unit,
  revision TEXT,
  PRIMARY KEY (run, seq),
  UNIQUE (run, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX subunit_by_unit ON subunit (unit);
]]
  .. append_only("series", "run = NEW.run AND seq = NEW.seq")
  .. append_only("series_data", "run = NEW.run AND series = NEW.series AND part = NEW.part")
  .. append_only("subunit", "run = NEW.run AND (seq = NEW.seq OR name = NEW.name)")
  .. not_sealed("series", "series_data", "subunit"),
}

local function fail(code, message, ...) error(core.error { code = code, message = message:format(...) }, 0) end

-- Runs fn in a transaction that has the write lock from its beginning.
function schema.atomic(db, fn, ...)
  db:exec "BEGIN IMMEDIATE"
  local done = table.pack(pcall(fn, ...))
  if done[1] then
    local ok, e = pcall(db.exec, db, "COMMIT")
    if ok then return table.unpack(done, 2, done.n) end
    done[2] = e
  end
  pcall(db.exec, db, "ROLLBACK")  -- which SQLite may have done by itself
  error(done[2], 0)
end

-- A program of before version 2 would end its run without a seal.
local function refuse_while_running(db, path)
  for row in db:rows "SELECT * FROM run WHERE num NOT IN (SELECT run FROM run_end)" do
    if process.is_alive(row) then
      fail("busy", "%s is to be brought up to date, but an older moonrig (process %d) is writing a run to it; "
        .. "wait until that has ended, then try again", path, row.pid)
    end
  end
end

local function migrate(db, path, steps)
  local from = db:value "PRAGMA user_version"  -- asked again: another process may have been first
  if from == 1 then refuse_while_running(db, path) end
  for version = from + 1, #steps do
    db:script(steps[version])
    db:script(("PRAGMA user_version = %d"):format(version))
  end
  if from == 1 and #steps > 1 then seal.add_older(db) end
  db:script(("PRAGMA application_id = %d"):format(schema.application_id))
end

-- The SHA-256 of all triggers of the newest version; see docs/record.md.
local TRIGGERS <const> = "90a9eb56dd74b26636a7ed89d9a9f67929644a8bd2b3555d5d53c5ab50c8377e"

-- Names in order, texts by name, and the SHA-256 of all texts.
local function triggers_of(db)
  local triggers, texts = {}, {}
  for row in db:rows "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name" do
    triggers[#triggers + 1], triggers[row.name] = row.name, row.sql
    texts[#texts + 1] = row.sql .. "\n"
  end
  return triggers, core.store.sha256(table.concat(texts))
end

--- What is not as it should be with the triggers of a record: without ours it is not append-only, and one of somebody
--- else's may change what is measured before it is sealed. Nil: nothing.
---@param db userdata   of the newest version
---@return string?
function schema.trigger_break(db)
  local found, hash = triggers_of(db)
  if hash == TRIGGERS then return nil end
  local ours <close> = core.store.open ":memory:"
  for _, step in ipairs(schema.steps) do ours:script(step) end
  local expected = triggers_of(ours)
  for _, name in ipairs(expected) do
    if not found[name] then return ("trigger %s is gone"):format(name) end
    if found[name] ~= expected[name] then return ("trigger %s is not as it was"):format(name) end
  end
  for _, name in ipairs(found) do
    if not expected[name] then return ("there is a trigger %s, which is none of the record's"):format(name) end
  end
end

local function refuse_other_triggers(db, path)
  local why = schema.trigger_break(db)
  if why then
    fail("permission", "%s: %s: somebody has changed the file, and what is written to it now may not be what it will "
      .. "hold; let it be looked at (moonrig verify), and name another file for results", path, why)
  end
end

--- Makes sure that a database is a record of the newest version: fills an empty one, brings an older one up to
--- date, refuses what it does not know.
---@param steps string[]?  schema.steps unless a test brings its own
function schema.prepare(db, path, readonly, steps)
  steps = steps or schema.steps
  local version = db:value "PRAGMA user_version"
  local application = db:value "PRAGMA application_id"
  local is_empty = version == 0 and application == 0 and db:value "SELECT count(*) FROM sqlite_schema" == 0
  if not is_empty and application ~= schema.application_id then
    fail("unsupported", "%s is a database, but not a moonrig record; name another file", path)
  elseif version > #steps then
    fail("unsupported", "%s was written by a newer moonrig (its format is %d, this one knows up to %d); "
      .. "update moonrig on this machine", path, version, #steps)
  elseif version == #steps then
    if not readonly and steps == schema.steps then refuse_other_triggers(db, path) end
    return
  elseif readonly then
    fail("unsupported", is_empty and "%s holds no record yet; run a test first"
      or "%s has an older format; any `moonrig test` that records to it brings it up to date", path)
  end
  schema.atomic(db, migrate, db, path, steps)
end

return schema
