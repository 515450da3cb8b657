local store = require("moonrig.core").store

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

describe("store, on SQLite", function()
  local path, db

  before_each(function()
    path = os.tmpname()
    db = store.open(path)
  end)

  after_each(function()
    db:close()
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end)

  it("opens with the settings that a record needs", function()
    assert.equal("wal", db:value "PRAGMA journal_mode")
    assert.equal(2, db:value "PRAGMA synchronous")
    assert.equal(1, db:value "PRAGMA foreign_keys")
    assert.equal(0, db:value "PRAGMA trusted_schema")
    db:script "CREATE TABLE t (a)"
    db:exec "PRAGMA writable_schema = ON"
    fails("unsupported", "may not be modified", db.exec, db, "DELETE FROM sqlite_schema")
  end)

  it("is made by several programs at once", function()
    local script = path .. "-script"
    local f = assert(io.open(script, "w"))
    f:write 'require("moonrig.core").store.open(arg[1], { timeout = 20 }):close()'
    f:close()
    local self = "/proc/" .. io.open("/proc/self/stat"):read("a"):match("^%d+") .. "/exe"
    for i = 1, 10 do
      local command = ("%s '%s' '%s-%d'"):format(self, script, path, i)
      assert.equal("", shell(("(%s & %s & %s & wait) 2>&1"):format(command, command, command)))
      for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. "-" .. i .. suffix) end
    end
    os.remove(script)
  end)

  describe("refusals", function()
    it("of a path", function()
      fails("unsupported", "expected the path of a file", store.open, "postgresql://host/db")
      fails("unsupported", "expected the path of a file", store.open, "")
      fails("unsupported", "expected a string", store.open)
      fails("not_found", "does its folder exist?", store.open, "/nonexistent/folder/x.db")
      fails("not_found", "/tmp/no-such-record.db", store.open, "/tmp/no-such-record.db", { readonly = true })
    end)

    it("of an option", function()
      fails("unsupported", "bad option read_only = true", store.open, path, { read_only = true })
      fails("unsupported", "bad option timeout = -1", store.open, path, { timeout = -1 })
      fails("unsupported", "expected a table of options", store.open, path, 5)
    end)

    it("of a file that is something else", function()
      local other = os.tmpname()
      local f = assert(io.open(other, "w"))
      f:write(("this is a text file\n"):rep(100))
      f:close()
      fails("unsupported", other .. " is not a SQLite database", store.open, other)
      os.remove(other)
    end)

    it("of writing when opened for reading", function()
      db:script "CREATE TABLE t (a)"
      local reader <close> = store.open(path, { readonly = true })
      fails("permission", "open it for writing", reader.exec, reader, "INSERT INTO t VALUES (1)")
      db:exec "INSERT INTO t VALUES (1)"
      assert.equal(1, reader:value "SELECT a FROM t")
    end)

    it("when another program holds the lock for longer than the timeout", function()
      db:script "CREATE TABLE t (a)"
      db:exec "BEGIN IMMEDIATE"
      local other <close> = store.open(path, { timeout = 0.05 })
      local _, start = store.time()
      fails("busy", "locked by another program for more than 0.05 s", other.exec, other, "INSERT INTO t VALUES (1)")
      local _, stop = store.time()
      assert.is_true(stop - start > 40000 and stop - start < 2000000)
      db:exec "COMMIT"
      other:exec "INSERT INTO t VALUES (1)"
    end)

    it("when the disk is full, after which it goes on", function()
      db:script "CREATE TABLE t (a)"
      db:exec("INSERT INTO t VALUES (?)", "kept")
      db:value("PRAGMA max_page_count = " .. db:value "PRAGMA page_count")
      fails("system", "the disk is full; what was stored before is safe", db.exec, db, "INSERT INTO t VALUES (?)",
        ("x"):rep(50000))
      assert.equal("kept", db:value "SELECT a FROM t")
      db:value "PRAGMA max_page_count = 1000"
      db:exec("INSERT INTO t VALUES (?)", ("x"):rep(50000))
      assert.equal(2, db:value "SELECT count(*) FROM t")
    end)
  end)

  it("takes a relative path that looks like a URI for the path it is", function()
    local name = "file:" .. path:match("[^/]*$") .. "?mode=memory"
    local other = store.open(name)
    other:script "CREATE TABLE t (a)"
    other:close()
    local f = io.open("./" .. name)
    assert.is_not_nil(f)
    f:close()
    os.remove("./" .. name)
  end)

  it("is read by sqlite3 and Python, and reads what they write", function()
    db:script "CREATE TABLE t (k TEXT PRIMARY KEY, v ANY) STRICT"
    db:exec("INSERT INTO t VALUES ('integer', ?), ('real', ?), ('text', ?), ('bytes', ?)", math.mininteger, 0.1, "a\0é",
      store.blob "\0\xff")
    assert.equal("bytes|X'00FF'\ninteger|-9223372036854775808\nreal|0.1\n",
      shell(("sqlite3 '%s' \"SELECT k, quote(v) FROM t WHERE k <> 'text' ORDER BY k\""):format(path)))
    assert.equal("", shell(([[python3 -c "
import sqlite3
db = sqlite3.connect('%s')
v = dict(db.execute('SELECT k, v FROM t'))
assert v == {'integer': -2**63, 'real': 0.1, 'text': 'a\0\xe9', 'bytes': b'\0\xff'}, v
db.execute('INSERT INTO t VALUES (?, ?)', ('python', 'b\0c'))
db.commit()
"]]):format(path)))
    assert.equal("b\0c", db:value "SELECT v FROM t WHERE k = 'python'")
  end)
end)
