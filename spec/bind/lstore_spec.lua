local core = require "moonrig.core"
local store = core.store

local function fails(code, message, fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal(code, e.code)
  assert.matches(message, e.message, 1, true)
end

local function shell(command)
  local p = assert(io.popen(command .. " 2>&1"))
  local output = p:read("a")
  p:close()
  return output
end

describe("moonrig.core.store", function()
  local path, db

  before_each(function()
    path = os.tmpname()
    db = store.open(path)
  end)

  after_each(function()
    db:close()
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end)

  describe("values", function()
    local function echo(v) return db:value("SELECT ?1", v) end

    it("come back as they went in", function()
      db:script "CREATE TABLE t (v ANY) STRICT"
      local all = {}
      for i = 0, 255 do all[i + 1] = string.char(i) end
      for _, v in ipairs { 0, -1, math.maxinteger, math.mininteger, 2 ^ 53 | 0, 5.0, -0.0, 0.1, 5e-324, -1e308, 1 / 3,
        math.huge, -math.huge, "", "a", "a\0b", "\0", table.concat(all), "é🌕", ("x"):rep(100000) } do
        local _, id = db:exec("INSERT INTO t VALUES (?)", v)
        local back = db:value("SELECT v FROM t WHERE rowid = ?", id)
        assert.equal(v, back)
        assert.equal(math.type(v), math.type(back))
        if v == 0 then assert.equal(1 / v, 1 / back) end
      end
    end)

    it("are NULL for nil, 1 and 0 for booleans", function()
      assert.is_nil(echo(nil))
      assert.equal("null", db:value("SELECT typeof(?)", nil))
      assert.equal(1, echo(true))
      assert.equal(0, echo(false))
    end)

    it("are BLOB when marked so, TEXT otherwise", function()
      assert.equal("text", db:value("SELECT typeof(?)", "a\0b"))
      assert.equal("blob", db:value("SELECT typeof(?)", store.blob "a\0b"))
      assert.equal("a\0b", echo(store.blob "a\0b"))
      assert.equal("", echo(store.blob ""))
      assert.equal(0, db:value("SELECT length(?)", store.blob ""))
    end)

    it("refuse NaN, which SQL would turn into NULL", function() fails("unsupported", "value 1 is NaN", echo, 0 / 0) end)

    it("refuse what is no value", function()
      fails("unsupported", "argument 2: expected a value for SQL", echo, {})
      fails("unsupported", "argument 2: expected a value for SQL", echo, print)
      fails("unsupported", "argument 2: expected a value for SQL", echo, io.stdout)
    end)

    it("are counted", function()
      fails("unsupported", "places for 2 values, 1 given", db.value, db, "SELECT ? + ?", 1)
      fails("unsupported", "places for 0 values, 1 given", db.exec, db, "SELECT 1", nil)
      local many = {}
      for i = 1, 101 do many[i] = i end
      fails("unsupported", "101 values", db.exec, db, "SELECT 1", table.unpack(many))
    end)

    it("are never read as SQL", function()
      db:script "CREATE TABLE t (v TEXT)"
      local name = "X'); DROP TABLE t; --"
      db:exec("INSERT INTO t VALUES (?)", name)
      assert.equal(name, db:value "SELECT v FROM t")
    end)
  end)

  describe("statements", function()
    before_each(function() db:script "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); CREATE TABLE u (x)" end)

    it("tell how many rows changed and the last rowid", function()
      assert.same({ 1, 1 }, { db:exec("INSERT INTO t (b) VALUES (?)", "one") })
      assert.same({ 2, 3 }, { db:exec "INSERT INTO t (b) VALUES ('two'), ('three')" })
      assert.equal(3, (db:exec "UPDATE t SET b = b || '!'"))
      assert.equal(0, (db:exec "UPDATE t SET b = '' WHERE a > 100"))
      assert.equal(0, (db:exec "SELECT 1"))
    end)

    it("give rows by column name", function()
      db:exec "INSERT INTO t VALUES (1, 'one'), (2, NULL)"
      local rows = {}
      for row in db:rows("SELECT a, b, a * 1.5 AS c FROM t WHERE a < ? ORDER BY a", 10) do rows[#rows + 1] = row end
      assert.same({ { a = 1, b = "one", c = 1.5 }, { a = 2, c = 3.0 } }, rows)
      assert.same({ a = 2 }, db:row "SELECT * FROM t WHERE b IS NULL")
      assert.is_nil(db:row "SELECT * FROM t WHERE a = 99")
      assert.is_nil(db:value "SELECT a FROM t WHERE a = 99")
    end)

    it("end when a loop is left", function()
      db:exec "INSERT INTO t VALUES (1, 'one'), (2, 'two')"
      for row in db:rows "SELECT * FROM t" do
        fails("busy", "rows are still being read here", db.exec, db, "DROP TABLE t")
        if row.a then break end
      end
      pcall(function() for _ in db:rows "SELECT * FROM t" do error "out" end end)
      db:exec "DROP TABLE t"
      assert.equal(0, db:value "SELECT count(*) FROM sqlite_schema WHERE name = 't'")
    end)

    it("of the same text may run inside each other", function()
      db:exec "INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')"
      local sql, seen = "SELECT a FROM t ORDER BY a", {}
      for x in db:rows(sql) do
        for y in db:rows(sql) do seen[#seen + 1] = x.a * 10 + y.a end
      end
      assert.same({ 11, 12, 13, 21, 22, 23, 31, 32, 33 }, seen)
    end)

    it("keep their values alive while rows are read", function()
      local rows = db:rows("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) "
        .. "SELECT i, ? AS text, ? AS bytes FROM n", ("t"):rep(3000), store.blob(("b"):rep(3000)))
      for row in rows do
        collectgarbage()
        assert.equal(("t"):rep(3000), row.text)
        assert.equal(("b"):rep(3000), row.bytes)
      end
    end)

    it("are prepared again when more of them are used than are kept", function()
      for _ = 1, 2 do
        for i = 1, 200 do assert.equal(i, db:value("SELECT " .. i)) end
      end
    end)

    it("see a schema changed by another connection", function()
      assert.same({ a = 1, b = "x" }, db:exec "INSERT INTO t VALUES (1, 'x')" and db:row "SELECT * FROM t")
      local other <close> = store.open(path)
      other:script "ALTER TABLE t ADD COLUMN c DEFAULT 7"
      assert.same({ a = 1, b = "x", c = 7 }, db:row "SELECT a, b, c FROM t")
      assert.equal("x", db:row("SELECT * FROM t").b)
    end)

    it("report what is wrong with them", function()
      fails("unsupported", 'near "SELEKT"', db.exec, db, "SELEKT 1")
      fails("unsupported", "no such table: nowhere", db.exec, db, "SELECT * FROM nowhere")
      fails("unsupported", "one SQL statement at a time", db.exec, db, "SELECT 1; DELETE FROM t")
      fails("unsupported", "one SQL statement at a time", db.exec, db, "SELECT 1\0; DELETE FROM t")
      fails("unsupported", "one SQL statement at a time", db.exec, db, "  ")
      fails("unsupported", "expected a string", db.exec, db, nil)
      fails("unsupported", "no such column", db.value, db, 'SELECT "text in double quotes"')
      db:exec "INSERT INTO t VALUES (1, 'one')"
      fails("refused", "UNIQUE constraint failed", db.exec, db, "INSERT INTO t VALUES (1, 'again')")
      fails("unsupported", "without NUL", db.script, db, "SELECT 1;\0")
      fails("unsupported", "columns in one row", db.row, db, "SELECT 1" .. (",1"):rep(250))
    end)

    it("leave a transaction usable after an error", function()
      db:exec "BEGIN IMMEDIATE"
      db:exec "INSERT INTO t VALUES (1, 'one')"
      pcall(db.exec, db, "INSERT INTO t VALUES (1, 'again')")
      db:exec "COMMIT"
      assert.equal(1, db:value "SELECT count(*) FROM t")
    end)
  end)

  describe("close", function()
    it("may be called twice; then everything raises closed", function()
      db:close()
      db:close()
      fails("closed", "the store is closed", db.exec, db, "SELECT 1")
      fails("closed", "the store is closed", db.rows, db, "SELECT 1")
      fails("closed", "the store is closed", db.script, db, "SELECT 1")
    end)

    it("ends the rows being read, loudly", function()
      db:script "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)"
      local n = 0
      fails("closed", "before all rows were read", function()
        for _ in db:rows "SELECT a FROM t" do
          n = n + 1
          db:close()
        end
      end)
      assert.equal(1, n)
    end)

    it("happens by <close> and by garbage collection, and lets go of the file", function()
      do
        local other <close> = store.open(path)
        other:exec "BEGIN IMMEDIATE"
      end
      db:exec "BEGIN IMMEDIATE"
      db:exec "COMMIT"
      store.open(path):exec "BEGIN IMMEDIATE"
      collectgarbage()
      collectgarbage()
      db:exec "BEGIN IMMEDIATE"
      db:exec "COMMIT"
    end)

    it("of a store collected together with its cursor is safe", function()
      for _ = 1, 20 do
        local other = store.open(path)
        local rows = other:rows "SELECT 1 UNION SELECT 2"
        rows()
      end
      collectgarbage()
      collectgarbage()
      assert.equal(1, db:value "SELECT 1")
    end)
  end)

  it("tells the time", function()
    local utc, monotonic = store.time()
    assert.is_true(math.abs(utc // 1000000 - os.time()) <= 1)
    local later, further = store.time()
    assert.is_true(later >= utc and further >= monotonic)
  end)

  it("computes SHA-256 as sha256sum does", function()
    local name = os.tmpname()
    for _, n in ipairs { 0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, 100003 } do
      local text = ("\0\xffabc"):rep(n // 5 + 1):sub(1, n)
      local f = assert(io.open(name, "wb"))
      f:write(text)
      f:close()
      assert.equal(shell("sha256sum " .. name):match("^%x+"), store.sha256(text))
    end
    os.remove(name)
  end)
end)
