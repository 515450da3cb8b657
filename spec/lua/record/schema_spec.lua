local core = require "moonrig.core"
local record = require "moonrig.record"
local records = require "support.records"
local schema = require "moonrig.record.schema"
local shell = require "support.shell"

local function fails(code, message, fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal(code, e.code)
  assert.matches(message, e.message, 1, true)
end

describe("record.schema", function()
  teardown(records.close)

  local path, db

  before_each(function()
    path = os.tmpname()
    db = core.store.open(path)
  end)

  after_each(function()
    db:close()
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end)

  it("marks the file as a record of its version", function()
    schema.prepare(db, path, false)
    assert.equal(#schema.steps, db:value "PRAGMA user_version")
    assert.equal(0x6d726967, db:value "PRAGMA application_id")
    schema.prepare(db, path, false)
    schema.prepare(db, path, true)
  end)

  it("knows its triggers by their hash, and tells which is not as it was", function()
    schema.prepare(db, path, false)
    assert.is_nil(schema.trigger_break(db))
    local bytes = {}
    for row in db:rows "SELECT sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name" do
      bytes[#bytes + 1] = row.sql .. "\n"
    end
    local hash = core.store.sha256(table.concat(bytes))
    for _, file in ipairs { "docs/record.md", "docs/verify.py", "lua/moonrig/record/schema.lua" } do
      local f <close> = assert(io.open(file))
      assert.is_truthy(f:read("a"):find(hash, 1, true), file)
    end
    db:script "DROP TRIGGER log_no_update"
    assert.equal("trigger log_no_update is gone", schema.trigger_break(db))
    fails("permission", "trigger log_no_update is gone", record.open, path)
  end)

  it("brings an older record up to date and keeps what is in it", function()
    do
      local rec <close> = record.open(path)
      rec:start_run { station = "ST1", dut = { serial = "1" }, procedure = { name = "p" } }:finish { outcome = "PASS" }
    end
    local steps = table.move(schema.steps, 1, #schema.steps, 1, {})
    steps[#steps + 1] = "ALTER TABLE run ADD COLUMN fixture TEXT; CREATE TABLE later (a)"
    steps[#steps + 1] = "INSERT INTO later SELECT num FROM run"
    fails("unsupported", "older format", schema.prepare, db, path, true, steps)
    schema.prepare(db, path, false, steps)
    assert.equal(#steps, db:value "PRAGMA user_version")
    assert.equal(1, db:value "SELECT a FROM later")
    assert.equal(1, db:value "SELECT count(*) FROM run WHERE fixture IS NULL")
  end)

  -- spec/fixtures/record/versionN.sql: what a moonrig of that version wrote of two runs of a unit that failed, dumped.
  for version = 1, #schema.steps - 1 do
    it(("reads what was written in version %d as it was, and goes on in it"):format(version), function()
      db:close()
      os.remove(path)
      shell.run(("sqlite3 -bail '%s' < spec/fixtures/record/version%d.sql"):format(path, version))
      fails("unsupported", "older format", record.open, path, { readonly = true })
      local rec <close> = record.open(path)
      assert.equal(#schema.steps, rec.db:value "PRAGMA user_version")
      for num, serial in ipairs { "OLDA", "OLDB" } do
        local run = rec:load(num)
        assert.same({ serial, "OLD-1", "FAIL", "Ada" }, { run.dut.serial, run.dut.part, run.outcome, run.operator })
        local first, second = run.phases[2], run.phases[3]
        assert.same({ 1, 5.02, "FAIL", "A\xff" }, { first.attempt, first.measurements[1].value,
          first.measurements[1].outcome, first.measurements[2].value })
        assert.same({ 2, { min = 4.95, max = 5.015, marginal_max = 5.005 } }, { second.attempt,
          second.measurements[1].limits })
        local nan = run.phases[4].measurements[1].value
        assert.is_true(nan ~= nan)
        assert.equal("UNSET", run.phases[5].measurements[1].outcome)
      end
      records.run(rec, 1)
      assert.equal("UNSET", rec:load(1).phases[5].measurements[1].outcome)
      local words, code = records.verify(path)
      assert.equal(0, code, words)
    end)
  end

  it("refuses a record from a newer moonrig and says what to do", function()
    schema.prepare(db, path, false)
    db:exec(("PRAGMA user_version = %d"):format(#schema.steps + 1))
    fails("unsupported", "was written by a newer moonrig", record.open, path)
    fails("unsupported", "update moonrig on this machine", record.open, path, { readonly = true })
  end)

  it("leaves everything as it was when a step fails", function()
    schema.prepare(db, path, false)
    local steps = table.move(schema.steps, 1, #schema.steps, 1, {})
    steps[#steps + 1] = "CREATE TABLE later (a); INSERT INTO nowhere VALUES (1)"
    fails("unsupported", "no such table: nowhere", schema.prepare, db, path, false, steps)
    assert.equal(#schema.steps, db:value "PRAGMA user_version")
    assert.equal(0, db:value "SELECT count(*) FROM sqlite_schema WHERE name = 'later'")
    db:exec "BEGIN IMMEDIATE"
    db:exec "ROLLBACK"
  end)

  it("refuses databases of other programs and empty ones that are only to be read", function()
    db:script "CREATE TABLE customers (name)"
    fails("unsupported", path .. " is a database, but not a moonrig record", record.open, path)
    assert.equal(1, db:value "SELECT count(*) FROM sqlite_schema")
    db:script "DROP TABLE customers"
    fails("unsupported", "holds no record yet", record.open, path, { readonly = true })
  end)

  it("refuses what is no database, or no file", function()
    local f = assert(io.open(path .. "-text", "w"))
    f:write(("text "):rep(1000))
    f:close()
    fails("unsupported", "is not a SQLite database", record.open, path .. "-text")
    os.remove(path .. "-text")
    fails("not_found", path .. "-none", record.open, path .. "-none", { readonly = true })
    fails("not_found", "does its folder exist?", record.open, "/nonexistent/record.db")
  end)

  describe("atomic", function()
    it("does all or nothing, and gives results and errors through", function()
      db:script "CREATE TABLE t (a UNIQUE)"
      assert.same({ 1, nil, 3 }, { schema.atomic(db, function(...) return ... end, 1, nil, 3) })
      fails("refused", "UNIQUE", schema.atomic, db, function()
        db:exec "INSERT INTO t VALUES (1)"
        db:exec "INSERT INTO t VALUES (1)"
      end)
      assert.equal(0, db:value "SELECT count(*) FROM t")
      db:script "CREATE TABLE c (a REFERENCES t (a) DEFERRABLE INITIALLY DEFERRED)"
      fails("refused", "FOREIGN KEY", schema.atomic, db, db.exec, db, "INSERT INTO c VALUES (7)")
      assert.equal(0, db:value "SELECT count(*) FROM c")
    end)
  end)
end)
