-- What `moonrig verify` and docs/verify.py say of records that were edited by hand.
local core = require "moonrig.core"
local canon = require "moonrig.record.canon"
local key = require "moonrig.record.key"
local record = require "moonrig.record"
local records = require "support.records"
local seal = require "moonrig.record.seal"
local verification = require "moonrig.record.verify"

-- Run 1 once more, as run 9.
local INSERT_NINE = [[
INSERT INTO run SELECT 9, '0197c2a1-0000-7000-8000-000000000012', station, unit, procedure, site, operator, revision,
  batch, mode, simulated, attempt, started_at, runtime, host, boot, pid, pid_start, config, meta FROM run WHERE num = 1;
INSERT INTO run_end SELECT 9, ended_at, duration_us, outcome, marginal, interrupted, code, message FROM run_end
  WHERE run = 1]]
local DELETE_FIVE = "DELETE FROM seal WHERE run = 5; DELETE FROM run_end WHERE run = 5; DELETE FROM run WHERE num = 5"

describe("verify", function()
  local path, key_path, public, five

  setup(function()
    five = os.tmpname()
    os.remove(five)
    records.make(five, 5)
  end)
  teardown(function()
    records.remove(five)
    records.close()
  end)

  before_each(function()
    path, key_path = os.tmpname(), os.tmpname()
    os.remove(path)
    public = records.key(key_path)
  end)
  after_each(function()
    records.remove(path)
    os.execute(("rm -f '%s'-*"):format(path))  -- copies
    os.remove(key_path)
    os.remove(key_path .. ".pub")
  end)

  local function is_good(options)
    local ours, code, theirs, their_code = records.verify(path, options)
    assert.equal(0, code, ours)
    assert.equal(0, their_code, theirs)
    assert.matches("as it was written\n$", ours)
    return ours
  end

  -- Both name the same run, and why.
  local function breaks(number, what, options)
    local ours, code, theirs, their_code = records.verify(path, options)
    assert.equal(1, code, ours)
    assert.equal(1, their_code, theirs)
    local pattern = number and ("^ST1: (run %d %%(.-%%): %s)"):format(number, what) or "^ST1: (run %S+: " .. what .. ")"
    local told = ours:match(pattern)
    assert.is_not_nil(told, ours)
    assert.matches("NOT as it was written\n$", ours)
    assert.equal(told:gsub("^run ([^%d]*%x+%-)", "run None (%1"):gsub("(None .-): ", "%1): "),
      theirs:match "^ST1: (run .-)\n", theirs)
    return ours
  end

  local function head_of(seq)
    local rec <close> = record.open(path, { readonly = true })
    return rec.db:value("SELECT hash FROM seal WHERE seq = ?", seq or 1000)
      or rec.db:value "SELECT hash FROM seal ORDER BY seq DESC"
  end

  it("finds nothing wrong with a record as it was written", function()
    records.make(path, 5)
    assert.matches("^ST1: 5 runs, head " .. head_of(5) .. "\n", is_good())
    is_good("--head " .. head_of(1))
    is_good(("--head %s --head %s"):format(head_of(5), head_of(3)))
  end)

  it("finds nothing wrong with signed runs", function()
    records.make(path, 3, { key = key_path })
    assert.matches("^ST1: 3 runs, 3 signed with " .. public .. ", head ", is_good())
    is_good("--key " .. public)
    is_good(("--key %s --key %s"):format(("0"):rep(64), public))
  end)

  -- what is done -> the run that is named, and why; five runs
  local edits = {
    { "a value", "UPDATE measurement SET num = 5.011 WHERE run = 3 AND name = 'v1'", 3, "changed" },
    { "the sign of a zero", "UPDATE measurement SET text = NULL WHERE run = 2 AND name = 'v4'", 2, "changed" },
    { "a limit", "UPDATE measurement SET limit_max = 5.06 WHERE run = 1 AND name = 'v1'", 1, "changed" },
    { "the outcome of a measurement", "UPDATE measurement SET outcome = 'FAIL' WHERE run = 5 AND name = 'v1'", 5,
      "changed" },
    { "the outcome of a run", "UPDATE run_end SET outcome = 'FAIL' WHERE run = 4", 4, "changed" },
    { "the text of a log", "UPDATE log SET message = 'x' WHERE run = 2", 2, "changed" },
    { "a log line", "DELETE FROM log WHERE run = 2", 2, "changed" },
    { "the operator", "UPDATE run SET operator = 'A. Weber' WHERE num = 3", 3, "changed" },
    { "the serial number", "UPDATE unit SET serial = 'PSU9999' WHERE serial = 'PSU0002'", 2, "changed" },
    { "an answer", "UPDATE prompt_answer SET answer = '\"no\"' WHERE run = 3", 3, "changed" },
    { "an instrument", "UPDATE instrument SET serial = 'DM4'", 1, "changed" },
    { "a calibration date", "UPDATE run_instrument SET cal_due = '2030-01-01' WHERE run = 2", 2, "changed" },
    { "the bytes of the script", "UPDATE blob SET data = x'72657475726e2032' WHERE size = 8 AND data = CAST('return 1'"
      .. " AS BLOB)", 1, "changed" },
    { "which script", "UPDATE procedure SET script_sha256 = (SELECT sha256 FROM attachment WHERE run = 1)", 1,
      "changed" },
    { "the bytes of an attachment", "UPDATE blob SET data = x'00' WHERE sha256 = (SELECT sha256 FROM attachment "
      .. "WHERE run = 4)", 4, "changed" },
    { "an attachment that is gone", "DELETE FROM blob WHERE sha256 = (SELECT sha256 FROM attachment WHERE run = 4)", 4,
      "changed" },
    { "the bytes of two attachments swapped", [[UPDATE blob SET data = (SELECT b.data FROM blob b JOIN attachment a
      ON a.sha256 = b.sha256 WHERE a.run = CASE blob.sha256 WHEN (SELECT sha256 FROM attachment WHERE run = 2) THEN 4
      ELSE 2 END) WHERE sha256 IN (SELECT sha256 FROM attachment WHERE run IN (2, 4))]], 2, "changed" },
    { "which attachments two runs have", [[UPDATE attachment SET sha256 = (SELECT a.sha256 FROM attachment a
      WHERE a.run = 7 - attachment.run) WHERE run IN (3, 4)]], 3, "changed" },
    { "the number of bytes of an attachment", "UPDATE blob SET size = size + 1 WHERE sha256 = "
      .. "(SELECT sha256 FROM attachment WHERE run = 4)", 4, "changed" },
    { "an attachment that was added", "INSERT INTO attachment SELECT 2, 99, phase, at_us, 'more.bin', mime, sha256 "
      .. "FROM attachment WHERE run = 2", 2, "changed" },
    { "a measurement that was added", "INSERT INTO measurement (run, seq, phase, at_us, name, outcome, marginal) "
      .. "VALUES (4, 99, 4, 1, 'more', 'PASS', 0)", 4, "changed" },
    { "two values swapped", [[UPDATE measurement SET num = (SELECT m.num FROM measurement m WHERE m.run = 7
      - measurement.run AND m.name = 'v1') WHERE name = 'v1' AND run IN (3, 4)]], 3, "changed" },
    { "two measurements in another order", "UPDATE measurement SET seq = 99 WHERE run = 3 AND name = 'v1';"
      .. "UPDATE measurement SET seq = seq - 1 WHERE run = 3 AND name = 'v2';"
      .. "UPDATE measurement SET seq = (SELECT seq + 1 FROM measurement WHERE run = 3 AND name = 'v2') WHERE seq = 99",
      3, "changed" },
    { "the values of one run in another", "DELETE FROM measurement WHERE run = 4; UPDATE measurement SET run = 4 "
      .. "WHERE run = 2", 2, "changed" },
    { "the start of two runs swapped", [[UPDATE run SET started_at = (SELECT r.started_at FROM run r
      WHERE r.num = 6 - run.num) WHERE num IN (2, 4)]], 2, "changed" },
    { "how long a series is", "DELETE FROM series_data WHERE run = 5 AND part = 2", 5, "changed" },
    { "the signature of a run that has none", "UPDATE seal SET signature = hex(zeroblob(64)) WHERE run = 2", 2,
      "unsigned" },
    { "a seal that says it is older", "UPDATE seal SET note = 'older' WHERE run = 4", 4, "changed" },
    { "a seal for another station", "INSERT INTO station VALUES (9, 'ST9'); UPDATE seal SET station = 9 "
      .. "WHERE run = 3", 3, "removed" },
    { "a series", "UPDATE series SET x_unit = 'h' WHERE run = 3", 3, "changed" },
    { "a point", "UPDATE series_data SET data = zeroblob(16) WHERE run = 3 AND part = 1", 3, "changed" },
    { "the time of a point", "UPDATE series_data SET at_us = at_us + 1 WHERE run = 3 AND part = 2", 3, "changed" },
    { "the order of points", [[UPDATE series_data SET part = 9 WHERE run = 3 AND part = 1;
      UPDATE series_data SET part = 1 WHERE run = 3 AND part = 2;
      UPDATE series_data SET part = 2 WHERE run = 3 AND part = 9]], 3, "changed" },
    { "what a series came to", "UPDATE measurement SET series = NULL WHERE run = 3 AND name = 'curve'", 3, "changed" },
    { "the group of a phase", "UPDATE phase SET parent = 1 WHERE run = 3", 3, "changed" },
    { "the revision of a sub-unit", "UPDATE subunit SET revision = 'D' WHERE run = 3", 3, "changed" },
    { "the serial number of a sub-unit", "UPDATE unit SET serial = 'MB9' WHERE serial = 'MB2'", 2, "changed" },
    { "a sub-unit that is gone", "DELETE FROM subunit WHERE run = 4 AND name = 'radio'", 4, "changed" },
    { "the start", "UPDATE run SET started_at = '2020-01-01T00:00:00.000000Z' WHERE num = 2", 2, "changed" },
    { "a clock field", "UPDATE measurement SET at_us = at_us + 1 WHERE run = 2 AND name = 'v2'", 2, "changed" },
    { "the end", "UPDATE run_end SET ended_at = '2020-01-01T00:00:00.000000Z' WHERE run = 5", 5, "changed" },
    { "an end that is gone", "DELETE FROM run_end WHERE run = 5", 5, "changed" },
    { "two runs", [[UPDATE measurement SET num = 1 WHERE run = 4 AND name = 'v1';
      UPDATE measurement SET num = 1 WHERE run = 2 AND name = 'v1']], 2, "changed" },
    { "a run removed in the middle", [[DELETE FROM seal WHERE run = 3; DELETE FROM run_end WHERE run = 3;
      DELETE FROM run WHERE num = 3]], 3, "removed" },
    { "the station of a run", "INSERT INTO station VALUES (9, 'ST9'); UPDATE run SET station = 9 WHERE num = 3", 3,
      "removed" },
    { "a unit that is gone", "DELETE FROM unit WHERE serial = 'PSU0004'", 4, "changed" },
    { "a run removed, its seal kept", "DELETE FROM run WHERE num = 3", 3, "removed" },
    { "a run removed, the others numbered anew", [[DELETE FROM seal WHERE run = 3; DELETE FROM run_end WHERE run = 3;
      DELETE FROM run WHERE num = 3; UPDATE seal SET seq = 3 WHERE seq = 4; UPDATE seal SET seq = 4 WHERE seq = 5]], 3,
      "changed" },
    { "the first run removed", [[DELETE FROM seal WHERE run = 1; DELETE FROM run_end WHERE run = 1;
      DELETE FROM run WHERE num = 1]], 1, "removed" },
    { "a run inserted", INSERT_NINE, nil, "inserted" },
    { "two runs swapped", "UPDATE seal SET seq = 99 WHERE seq = 2; UPDATE seal SET seq = 2 WHERE seq = 4;"
      .. "UPDATE seal SET seq = 4 WHERE seq = 99", 2, "reordered" },
    { "neighbours swapped", "UPDATE seal SET seq = 99 WHERE seq = 3; UPDATE seal SET seq = 3 WHERE seq = 4;"
      .. "UPDATE seal SET seq = 4 WHERE seq = 99", 3, "reordered" },
    { "what two seals are about swapped", "UPDATE seal SET run = 99 WHERE run = 2; UPDATE seal SET run = 2 "
      .. "WHERE run = 4; UPDATE seal SET run = 4 WHERE run = 99", 2, "reordered" },
    { "the hash of a seal", "UPDATE seal SET hash = substr(hash, 2) || 'x' WHERE run = 5", 5, "changed" },
    { "the hash before", "UPDATE seal SET prev = substr(prev, 2) || 'x' WHERE run = 5", 5, "changed" },
    { "a seal removed", "DELETE FROM seal WHERE run = 5", nil, "inserted" },
    { "the name of the station", "UPDATE station SET name = 'ST1' || char(9)", 1, "changed" },
  }
  for _, edit in ipairs(edits) do
    it("finds a change of " .. edit[1], function()
      assert(os.execute(("cp '%s' '%s'"):format(five, path)))
      records.edit(path, edit[2])
      if edit[1] == "the name of the station" then
        local ours, code, _, their_code = records.verify(path)
        assert.same({ 1, 1 }, { code, their_code })
        assert.matches("ST1\\t: run 1 (", ours, 1, true)
        return
      end
      breaks(edit[3], edit[4])
    end)
  end

  -- By these tables refer to each other; they are not part of what was sealed.
  local NAMES_OF_ROWS <const> = { id = true, num = true, run = true }

  it("finds a change of any column of any table, and no table is forgotten", function()
    local db <close> = core.store.open(five)
    local count = 0
    for t in db:rows "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name" do
      for c in db:rows("SELECT name, type FROM pragma_table_info(?)", t.name) do
        if not NAMES_OF_ROWS[c.name] then
          local what = t.name .. "." .. c.name
          count = count + 1
          assert(os.execute(("cp '%s' '%s'"):format(five, path)))
          local x = c.type == "BLOB" and "x'00'" or c.type == "TEXT" and ("coalesce(%s, '') || 'x'"):format(c.name)
            or ("coalesce(%s, 0) + 100"):format(c.name)
          local is_of_run = db:value("SELECT count(*) FROM pragma_table_info(?) WHERE name = 'run'", t.name) > 0
          local row = is_of_run and "WHERE run = 3" or t.name == "run" and "WHERE num = 3" or ""
          records.edit(path, ("PRAGMA ignore_check_constraints = ON;UPDATE %s SET %s = %s %s"):format(t.name,
            c.name, x, row))
          local edited <close> = core.store.open(path)
          local found = verification.check(edited, {})[1].broken
          assert.is_table(found, what)
          assert.equal(("run %s (%s): %s"):format(found.seq or "None", found.id or "gone", found.what),
            records.second_check(path):match "^[^:]*: ([^\n]*)\n", what)
          if row ~= "" then assert.matches("^3$", found.seq or "3", what) end
        end
      end
    end
    assert.is_true(count > 90)
  end)

  it("finds runs of a station that is gone", function()
    assert(os.execute(("cp '%s' '%s'"):format(five, path)))
    records.edit(path, "DELETE FROM station")
    local ours, code, theirs, their_code = records.verify(path)
    assert.same({ 1, 1 }, { code, their_code })
    assert.matches("^station 1: run 1 %(%x[%x-]+%): removed: the name of its station is gone\n", ours)
    assert.matches("^station 1: run 1 %(%x[%x-]+%): removed\n", theirs)
  end)

  -- Seals run `num` as somebody would who has read the documentation: document and hash, the key only by name.
  local function reseal(num, change, signer)
    local db = core.store.open(path)
    local s = db:row("SELECT seal.*, station.name AS station FROM seal JOIN station ON id = seal.station WHERE run = ?",
      num)
    db:close()
    for name, value in pairs(change or {}) do s[name] = value or nil end
    db = core.store.open(path)
    s.doc = seal.doc(db, num).sha256
    db:close()
    s.hash = core.store.sha256(canon.seal(s))
    s.signature = signer and key.sign(signer, canon.seal(s)) or s.signature
    local function quoted(v) return v and "'" .. v .. "'" or "NULL" end
    records.edit(path, ("UPDATE seal SET seq = %d, prev = '%s', doc = '%s', hash = '%s', key = %s, signature = %s "
      .. "WHERE run = %d"):format(s.seq, s.prev, s.doc, s.hash, quoted(s.key), quoted(s.signature), num))
    return s.hash
  end

  -- Two stations in one record, of two runs each.
  local function make_two()
    local rec <close> = record.open(path)
    for n = 1, 4 do
      rec:start_run({ station = "ST" .. (n - 1) % 2 + 1, dut = { serial = "S" .. n }, procedure = { name = "p" } })
        :finish { outcome = "PASS" }
    end
  end

  local function breaks_both(what, first, second)
    local ours, code, theirs, their_code = records.verify(path)
    assert.same({ 1, 1 }, { code, their_code })
    for i, seq in ipairs { first, second } do
      local line = ("ST%d: run %s %%([^)]*%%): %s"):format(i, seq, what)
      assert.matches(line .. ": ", ours)
      assert.matches(line .. "\n", theirs)
    end
  end

  it("finds that the chains of two stations were exchanged", function()
    make_two()
    is_good()
    records.edit(path, "UPDATE station SET name = 'x' WHERE id = 1; UPDATE station SET name = 'ST1' WHERE id = 2;"
      .. "UPDATE station SET name = 'ST2' WHERE id = 1")
    breaks_both("changed", 1, 1)
  end)

  it("finds that the runs of two stations were exchanged, with their seals or without", function()
    make_two()
    assert(os.execute(("cp '%s' '%s-2'"):format(path, path)))
    records.edit(path, "UPDATE run SET station = 3 - station")
    breaks_both("removed", 1, 1)
    assert(os.execute(("mv '%s-2' '%s'"):format(path, path)))
    records.edit(path, "UPDATE run SET station = 3 - station; UPDATE seal SET station = -station;"
      .. "UPDATE seal SET station = 3 + station")
    breaks_both("changed", 1, 1)
  end)

  it("finds a record with a trigger less, with another, and with one of somebody else, and writes to none", function()
    local other = [[CREATE TRIGGER good AFTER INSERT ON measurement WHEN NEW.outcome = 'FAIL'
      BEGIN UPDATE measurement SET outcome = 'PASS' WHERE run = NEW.run AND seq = NEW.seq; END]]
    local changed = [[DROP TRIGGER run_no_delete; CREATE TRIGGER run_no_delete BEFORE DELETE ON run
      BEGIN SELECT 1; END]]
    for sql, why in pairs { ["DROP TRIGGER log_no_update"] = "trigger log_no_update is gone",
        [changed] = "trigger run_no_delete is not as it was",
        [other] = "there is a trigger good, which is none of the record's" } do
      assert(os.execute(("cp '%s' '%s'"):format(five, path)))
      local db = core.store.open(path)
      db:script(sql)
      db:close()
      local ours, code, theirs, their_code = records.verify(path)
      assert.same({ 1, 1 }, { code, their_code })
      assert.matches("\ntriggers: changed: " .. why .. "\n", ours, 1, true)
      assert.matches("\ntriggers: changed\n", theirs, 1, true)
      local ok, e = pcall(record.open, path)
      assert.is_false(ok)
      assert.equal("permission", e.code)
      assert.matches(why .. ": somebody has changed the file", e.message, 1, true)
      record.open(path, { readonly = true }):close()
    end
  end)

  it("is 2 for a file of which the end is missing", function()
    assert(os.execute(("head -c 40000 '%s' >'%s'"):format(five, path)))
    local ours, code, theirs, their_code = records.verify(path)
    assert.same({ 2, 2 }, { code, their_code })
    assert.matches("malformed", ours, 1, true)
    assert.matches("malformed", theirs, 1, true)
  end)

  it("finds a run that was changed and sealed again, without a key", function()
    records.make(path, 5)
    local head = head_of()
    records.edit(path, "UPDATE measurement SET num = 5.02 WHERE run = 3 AND name = 'v1'")
    local hash = reseal(3)
    assert.matches("run 4 was sealed after another one", breaks(3, "replaced"), 1, true)
    -- and all after it: that is seen by the head of a report, and not else
    for num = 4, 5 do hash = reseal(num, { prev = hash }) end
    is_good()
    local ours, code, _, their_code = records.verify(path, "--head " .. head)
    assert.same({ 1, 1 }, { code, their_code })
    assert.matches("\nhead " .. head .. ": removed: no chain contains it", ours, 1, true)
  end)

  it("finds a run that was changed and sealed again where runs are signed", function()
    records.make(path, 5, { key = key_path })
    records.edit(path, "UPDATE measurement SET num = 5.02 WHERE run = 5 AND name = 'v1'")
    reseal(5)
    breaks(5, "forged")
    reseal(5, { key = false, signature = false })
    breaks(5, "unsigned")
  end)

  it("finds the signature of another key, when told which is right", function()
    records.make(path, 3, { key = key_path })
    local other_path = os.tmpname()
    local other_public = records.key(other_path)
    local other = key.load(other_path)
    reseal(3, { key = other.public }, other)
    is_good()
    breaks(3, "wrong key", "--key " .. public)
    local ours = breaks(1, "wrong key", "--key " .. other_public)
    assert.matches("signed with " .. public, ours, 1, true)
    is_good(("--key %s --key %s"):format(public, other_public))
    os.remove(other_path)
    os.remove(other_path .. ".pub")
  end)

  it("finds a signature that is gone or not right", function()
    records.make(path, 3, { key = key_path })
    records.edit(path, "UPDATE seal SET signature = NULL WHERE run = 2")
    breaks(2, "unsigned")
    records.edit(path, "UPDATE seal SET signature = (SELECT signature FROM seal WHERE run = 1) WHERE run = 2")
    breaks(2, "forged")
    records.edit(path, "UPDATE seal SET signature = 'what' WHERE run = 2")
    breaks(2, "forged")
  end)

  it("finds that nothing is signed where that is expected, and is told from where", function()
    records.make(path, 2)
    breaks(1, "unsigned", "--key " .. public)
    do
      local rec <close> = record.open(path, { key = key_path })
      records.run(rec, 3)
    end
    breaks(1, "unsigned", "--key " .. public)
    breaks(2, "unsigned", "--from 2 --key " .. public)
    assert.matches("^ST1: 3 runs, 1 signed with ", is_good("--from 3 --key " .. public))
    -- a chain that was made anew without key, and goes on with signatures
    records.edit(path, "UPDATE seal SET key = NULL, signature = NULL WHERE run = 3")
    reseal(3)
    do
      local rec <close> = record.open(path, { key = key_path })
      records.run(rec, 4)
    end
    is_good()
    breaks(3, "unsigned", "--from 3 --key " .. public)
  end)

  it("finds that the newest runs are gone by a head that was kept elsewhere", function()
    records.make(path, 5, { key = key_path })
    local head = head_of()
    records.edit(path, DELETE_FIVE)
    is_good("--key " .. public)
    local ours, code, theirs, their_code = records.verify(path, "--head " .. head)
    assert.same({ 1, 1 }, { code, their_code })
    assert.matches("head " .. head .. ": removed", ours, 1, true)
    assert.matches("head " .. head .. ": removed", theirs, 1, true)
  end)

  it("finds a run that was put between others, all numbered anew", function()
    records.make(path, 5)
    records.edit(path, "UPDATE seal SET seq = seq + 100 WHERE seq >= 3; UPDATE seal SET seq = seq - 99 WHERE seq > 100;"
      .. INSERT_NINE .. ";INSERT INTO seal SELECT 9, station, 3, hash, '', '', NULL, NULL, NULL FROM seal "
      .. "WHERE run = 2")
    reseal(9)
    breaks(3, "inserted")
  end)

  it("finds the runs of a station file with a key signed, wherever the program was started", function()
    local folder = path .. "-station"
    assert(os.execute(("mkdir '%s' && mv '%s' '%s/station.key'"):format(folder, key_path, folder)))
    local function file(name, text)
      local f <close> = assert(io.open(folder .. "/" .. name, "w"))
      f:write(text)
    end
    file("station.lua", 'return { name = "ST1", results = "results.db", key = "station.key" }')
    file("p.lua", 'local test = require("moonrig").test test.procedure { name = "p" } '
      .. 'test.phase("a", function(t) t:measure("v", 1, { max = 2 }) end)')
    local function test()
      local pipe = assert(io.popen(("%s test '%s/p.lua' --dut 1 --station '%s/station.lua' 2>&1")
        :format(records.moonrig, folder, folder)))
      local text = pipe:read "a"
      return text, select(3, pipe:close())
    end
    local text, code = test()
    assert.equal(0, code, text)
    local was = path
    path = folder .. "/results.db"
    assert.matches("^ST1: 1 run, 1 signed with ", is_good("--key " .. public))
    os.execute(("chmod 644 '%s/station.key'"):format(folder))
    text, code = test()
    assert.equal(2, code)
    assert.matches("station.key is a key, and others than its owner may open it (mode 644); chmod 600", text, 1, true)
    file("station.lua", 'return { name = "ST1", results = "results.db" }')
    text, code = test()
    assert.equal(2, code)
    assert.matches("the runs of station ST1 are signed, this one would not be", text, 1, true)
    assert.matches("^ST1: 1 run, 1 signed with ", is_good("--key " .. public))
    file("station.lua", 'return { name = "ST1", key = 5 }')
    text, code = test()
    assert.equal(64, code)
    assert.matches("key = 5: wants the path of a key", text, 1, true)
    os.execute(("rm -r '%s'"):format(folder))
    path = was
  end)

  it("is 2 for what cannot be read, 64 for wrong arguments", function()
    local ours, code, _, their_code = records.verify "/nonexistent/x.db"
    assert.same({ 2, 2 }, { code, their_code })
    assert.matches("/nonexistent/x.db", ours, 1, true)
    local f <close> = assert(io.open(path, "w"))
    f:write(("text "):rep(1000))
    f:close()
    ours, code, _, their_code = records.verify(path)
    assert.same({ 2, 2 }, { code, their_code })
    assert.matches("is not a SQLite database", ours, 1, true)
    for arguments, message in pairs { ["--head 12"] = "--head 12: wants a hash", ["--key 12"] = "--key 12 is neither",
        ["a b"] = "too many arguments", ["--key " .. key_path] = "holds no Ed25519 public key" } do
      local pipe = assert(io.popen(("%s verify %s 2>&1"):format(records.moonrig, arguments)))
      ours = pipe:read "a"
      assert.same({ 64, 1 }, { select(3, pipe:close()), select(2, ours:gsub("\n", "")) }, ours)
      assert.is_truthy(ours:find(message, 1, true), ours)
    end
  end)

  it("checks one station when asked to, and takes the public key as a file", function()
    records.make(path, 2, { key = key_path })
    do
      local rec <close> = record.open(path)
      rec:start_run({ station = "ST2", dut = { serial = "1" }, procedure = { name = "p" } }):finish { outcome = "PASS" }
    end
    local function verify(arguments)
      local pipe = assert(io.popen(("%s verify '%s' %s 2>&1"):format(records.moonrig, path, arguments)))
      local text = pipe:read "a"
      return text, select(3, pipe:close())
    end
    local text, code = verify(("--key '%s.pub'"):format(key_path))
    assert.equal(1, code)
    assert.matches("\nST2: run 1 %(.-%): unsigned", text)
    text, code = verify(("--key '%s.pub' --station ST1"):format(key_path))
    assert.equal(0, code, text)
    text, code = verify "--station ST3"
    assert.equal(2, code)
    assert.matches("has no station ST3", text, 1, true)
  end)
end)
