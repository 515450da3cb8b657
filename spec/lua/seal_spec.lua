local canon = require "moonrig.record.canon"
local core = require "moonrig.core"
local key = require "moonrig.record.key"
local program = require "support.program"
local record = require "moonrig.record"
local records = require "support.records"
local schema = require "moonrig.record.schema"
local seal = require "moonrig.record.seal"
local verify = require "moonrig.record.verify"

local function fails(code, message, fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal(code, e.code)
  assert.matches(message, e.message, 1, true)
end

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  assert(pipe:close(), text)
  return text
end

local function canonical(db, num)
  local pieces = {}
  canon.run(db, num, function(text) pieces[#pieces + 1] = text end)
  return table.concat(pieces)
end

describe("canon", function()
  it("writes numbers as RFC 8785 does", function()
    for text, x in pairs {
      -- from the RFC's appendix B
      ["0"] = -0.0, ["5e-324"] = 5e-324, ["-5e-324"] = -5e-324, ["1.7976931348623157e+308"] = 0x1.fffffffffffffp1023,
      ["9007199254740992"] = 0x1p53, ["-9007199254740992"] = -0x1p53, ["295147905179352830000"] = 0x1p68,
      ["9.999999999999997e+22"] = 9.999999999999997e22, ["1e+23"] = 1e23,
      ["1.0000000000000001e+23"] = 1.0000000000000001e23,
      ["999999999999999700000"] = 999999999999999700000.0, ["999999999999999900000"] = 999999999999999900000.0,
      ["1e+21"] = 1e21, ["9.999999999999997e-7"] = 9.999999999999997e-7, ["0.000001"] = 1e-6,
      ["333333333.3333332"] = 333333333.3333332, ["-0.0000033333333333333333"] = -0.0000033333333333333333,
      ["1424953923781206.2"] = 1424953923781206.2,
      -- and ours
      ["5.684341886080802e-14"] = 2 ^ -44, ["9223372036854775807"] = math.maxinteger, ["5"] = 5.0, ["-1.5"] = -1.5,
      ["-9223372036854775808"] = math.mininteger, ['"Infinity"'] = math.huge, ['"-Infinity"'] = -math.huge,
    } do
      assert.equal(text, canon.number(x))
    end
  end)

  it("writes numbers and texts as docs/verify.py does", function()
    local lines, state = {}, 1
    local function bits()  -- the same numbers each time
      state = state * 6364136223846793005 + 1442695040888963407
      return state ~ state >> 29
    end
    local function add(x)
      if x == x then lines[#lines + 1] = key.to_hex((">d"):pack(x)) .. " " .. canon.number(x) end
    end
    for exponent = -1074, 1023, program.sanitized and 7 or 1 do
      local x = 2.0 ^ exponent
      for _, near in ipairs { x, x * (1 + 2 ^ -52), x * (1 - 2 ^ -53) } do add(near) end
    end
    for _ = 1, 5000 do add((string.unpack(">d", (">i8"):pack(bits())))) end
    for digits = 1, 17 do
      for _ = 1, 200 do add(tonumber(("%de%d"):format(bits() % 10 ^ digits // 1 | 0, bits() % 40 - 30))) end
    end
    for _ = 1, 2000 do
      local bytes = {}
      for i = 1, 9 do bytes[i] = string.char(bits() >> 11 & (i % 2 == 0 and 0x7f or 0xff)) end
      local s = table.concat(bytes)
      lines[#lines + 1] = key.to_hex(s) .. "t " .. canon.text(s)
    end
    for _, s in ipairs { "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\u{10ffff}\xff",
      "\0\1\31\127\"\\/", "\u{2028}\b\f\n\r\t" } do
      lines[#lines + 1] = key.to_hex(s) .. "t " .. canon.text(s)
    end
    local data, script = program.file(table.concat(lines, "\n")), program.file [[
import sys
source = open("docs/verify.py").read().split("\nparser = ")[0]
exec(source)
import struct
for line in open(sys.argv[1], newline="\n").read().split("\n"):
    given, _, ours = line.partition(" ")
    if given.endswith("t"): v = bytes.fromhex(given[:-1]).decode("utf-8", "surrogateescape")
    else: v = struct.unpack(">d", bytes.fromhex(given))[0]
    if canonical(v) != ours: print(given, ours, canonical(v))
    if isinstance(v, float) and abs(v) < 1e309 and float(ours) != v: print(given, "does not read back")
]]
    assert.equal("", output_of(("python3 '%s' '%s' 2>&1"):format(script, data)))
    os.remove(data)
    os.remove(script)
  end)
end)

describe("a seal", function()
  teardown(records.close)

  local path

  before_each(function()
    path = os.tmpname()
    os.remove(path)
  end)
  after_each(function() records.remove(path) end)

  local function start(rec, station)
    return rec:start_run { station = station or "ST1", dut = { serial = "1" }, procedure = { name = "p" } }
  end

  local function is_good(options)
    local ours, code, theirs, their_code = records.verify(path, options)
    assert.equal(0, code, ours)
    assert.equal(0, their_code, theirs)
    return ours
  end

  it("is what docs/record.md says, byte for byte", function()
    local rec <close> = record.open(path)
    local run = start(rec)
    local phase = run:phase { name = "\u{fc}\xff" }
    phase:measurement { name = "v", value = 0 / 0, outcome = "FAIL", limits = { max = 1e21 } }
    run:finish { outcome = "FAIL" }
    local row = rec.db:row "SELECT run.*, duration_us, ended_at FROM run JOIN run_end ON run = num"
    local at = {}
    for m in rec.db:rows "SELECT at_us FROM phase UNION ALL SELECT at_us FROM measurement" do at[#at + 1] = m.at_us end
    local text = canonical(rec.db, 1)
    assert.equal(('{"end":{"duration_us":%d,"ended_at":"%s","interrupted":0,"marginal":0,"outcome":"FAIL"},'
      .. '"format":"moonrig-record/1","measurements":[{"at_us":%d,"limit_max":1e+21,"marginal":0,"name":"v",'
      .. '"outcome":"FAIL","phase":1,"seq":2,"text":"nan","type":"float"}],"phases":[{"at_us":%d,"attempt":1,'
      .. '"grp":"main","name":"\u{fc}\\udcff","seq":1}],"run":{"attempt":1,"boot":"%s","config":"{}","host":"%s",'
      .. '"id":"%s","meta":"{}","mode":"production","part":"","pid":%d,"pid_start":%d,"procedure":"p","runtime":"%s",'
      .. '"script_sha256":"","serial":"1","simulated":0,"started_at":"%s","station":"ST1","version":""}}')
      :format(row.duration_us, row.ended_at, at[2], at[1], row.boot, row.host, row.id,
        row.pid, row.pid_start, row.runtime, row.started_at), text)
    local sealed = rec.db:row "SELECT * FROM seal"
    assert.same({ 1, ("0"):rep(64), core.store.sha256(text) }, { sealed.seq, sealed.prev, sealed.doc })
    assert.equal(core.store.sha256(('{"doc":"%s","format":"moonrig-seal/1","prev":"%s","seq":1,"station":"ST1"}')
      :format(sealed.doc, sealed.prev)), sealed.hash)
  end)

  it("is part of the transaction that ends the run", function()
    local rec <close> = record.open(path)
    local run = start(rec)
    rec.db:script "CREATE TRIGGER stop BEFORE INSERT ON seal BEGIN SELECT raise(ABORT, 'no'); END"
    fails("refused", "no", run.finish, run, { outcome = "PASS" })
    assert.equal(0, rec.db:value "SELECT count(*) FROM run_end")
    rec.db:script "DROP TRIGGER stop"
    run:finish { outcome = "PASS" }
    assert.equal(1, rec.db:value "SELECT count(*) FROM seal")
  end)

  it("closes its run: nothing can be added to it, from any program", function()
    local rec <close> = record.open(path)
    records.run(rec, 1)
    local columns = { run_instrument = "role", phase = "seq", phase_end = "phase", measurement = "seq", series = "seq",
      series_data = "part", log = "seq", attachment = "seq", prompt = "seq", prompt_answer = "prompt",
      subunit = "seq = 99, name" }
    for name, column in pairs(columns) do
      rec.db:script(("CREATE TEMP TABLE copy AS SELECT * FROM %s LIMIT 1"):format(name))
      rec.db:script(("UPDATE copy SET %s = 99"):format(column))
      fails("refused", "append-only: " .. name .. ", and the run has ended", rec.db.exec, rec.db,
        ("INSERT INTO %s SELECT * FROM copy"):format(name))
      rec.db:script "DROP TABLE copy"
    end
  end)

  it("keeps other writers waiting only for its own row, and is of all that is there", function()
    local rec <close> = record.open(path)
    local other <close> = core.store.open(path, { timeout = 0 })
    local run, doc_of, given = start(rec), seal.doc, {}
    local _ <close> = setmetatable({}, { __close = function() seal.doc = doc_of end })
    function seal.doc(...)
      local doc = doc_of(...)
      given[#given + 1] = doc.sha256
      if #given == 1 then     -- another program can write now
        other:exec("INSERT INTO log VALUES (?, 77, NULL, 1, 'info', 'from elsewhere', NULL)", run.num)
      end
      return doc
    end
    run:finish { outcome = "PASS" }
    assert.equal(2, #given)
    assert.not_equal(given[1], given[2])
    assert.equal(given[2], rec:load(run.id).seal.doc)
    start(rec):finish { outcome = "PASS" }
    assert.equal(3, #given)
    is_good()
  end)

  it("is of a run of any length", function()
    local hash, text = core.store.hash(), ""
    for size = 0, 200 do
      local piece = ("x"):rep(size)
      text = text .. piece
      hash:add(piece)
      assert.equal(core.store.sha256(text), hash:digits())
    end
    assert.has_error(function() hash:add() end)
    assert.has_error(function() hash.add("x", "y") end)
  end)

  it("has its place in the chain of its station", function()
    do
      local rec <close> = record.open(path)
      local first = start(rec)
      for _, station in ipairs { "ST2", "ST1", "ST2" } do start(rec, station):finish { outcome = "PASS" } end
      first:finish { outcome = "PASS" }
      local seen = {}
      for row in rec.db:rows "SELECT * FROM seal ORDER BY station, seq" do
        seen[#seen + 1] = ("%d %d %d"):format(row.station, row.seq, row.run)
      end
      assert.same({ "1 1 3", "1 2 1", "2 1 2", "2 2 4" }, seen)
      start(rec)
      local stations = verify.check(rec.db, {})
      assert.same({ "ST1", 2, 1 }, { stations[1].name, stations[1].sealed, stations[1].open })
    end
    is_good()
  end)

  it("is added by two processes at once without gap and fork", function()
    local script = program.file [[
      local record = require "moonrig.record"
      local rec <close> = record.open(arg[1], { timeout = 60 })
      for i = 1, 50 do
        require("moonrig").sleep(0.02)  -- lets the other one have the lock
        local run = rec:start_run { station = "ST1", dut = { serial = arg[2] .. i }, procedure = { name = "p" } }
        local phase = run:phase { name = "a" }
        phase:measurement { name = "v", value = i, outcome = "PASS" }
        phase:finish { outcome = "PASS" }
        run:finish { outcome = "PASS" }
      end
    ]]
    local writers = {}
    for i = 1, 2 do
      writers[i] = assert(io.popen(("%s '%s' '%s' %d 2>&1"):format(records.moonrig, script, path, i)))
    end
    for i = 1, 2 do
      assert.equal("", writers[i]:read "a")
      assert.is_true(writers[i]:close())
    end
    os.remove(script)
    assert.matches("^ST1: 100 runs, head ", is_good())
    local rec <close> = record.open(path)
    local turns, last = 0, nil
    for row in rec.db:rows "SELECT pid FROM seal JOIN run ON num = run ORDER BY seal.seq" do
      turns = turns + (last and last ~= row.pid and 1 or 0)
      last = row.pid
    end
    assert.is_true(turns > 3, "they did not write at once: " .. turns)
  end)

  it("is added by the next program when a run was killed", function()
    local script = program.file [[
      local record = require "moonrig.record"
      local rec = record.open(arg[1], { key = arg[2] })
      local run = rec:start_run { station = "ST1", dut = { serial = "1" }, procedure = { name = "p" } }
      if arg[3] == "whole" then
        run:finish { outcome = "PASS" }
      else
        run:phase({ name = "a" }):measurement { name = "v", value = 1, outcome = "PASS" }
        os.execute("kill -9 " .. io.open("/proc/self/stat"):read("a"):match "^%d+")
      end
    ]]
    local key_path = os.tmpname()
    local public = records.key(key_path)
    local function run(whole)
      os.execute(("%s '%s' '%s' '%s' %s >/dev/null 2>&1"):format(records.moonrig, script, path, key_path, whole or ""))
    end
    local function seals()
      local rec <close> = record.open(path, { readonly = true })
      return rec.db:value "SELECT count(*) FROM seal"
    end
    -- before the first signature, by anybody
    run()
    assert.equal(0, seals())
    record.open(path):close()
    assert.equal(1, seals())
    is_good()
    -- where runs are signed, by a program with the key
    run "whole"
    run()
    assert.equal(2, seals())
    record.open(path):close()
    assert.equal(2, seals())
    assert.matches("^ST1: 2 runs, 1 signed with " .. public .. ", 1 without end, head ", is_good())
    record.open(path, { key = key_path }):close()
    assert.equal(3, seals())
    assert.matches("^ST1: 3 runs, 2 signed with ", is_good("--from 2 --key " .. public))
    -- the first run of a station is signed too
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
    run()
    run "whole"
    assert.matches("^ST1: 2 runs, 2 signed with ", is_good("--key " .. public))
    for _, name in ipairs { script, key_path, key_path .. ".pub" } do os.remove(name) end
  end)

  it("is given back with the run, and printed on reports of our own, with the head of the chain", function()
    local report = require "moonrig.report"
    local rec <close> = record.open(path)
    local going = records.run(rec, 1, true)
    assert.is_nil(rec:load(1).seal)
    assert.is_nil(report.render("text", rec:load(1)):find("sealed", 1, true))
    going:finish { outcome = "PASS" }
    records.run(rec, 2)
    local hash = rec.db:value "SELECT hash FROM seal WHERE seq = 1"
    local head = rec.db:value "SELECT hash FROM seal WHERE seq = 2"
    local run = rec:load(1)
    assert.same({ 1, hash, { seq = 2, hash = head } }, { run.seal.seq, run.seal.hash, run.seal.head })
    for _, format in ipairs { "text", "html", "json", "junit" } do
      local text = report.render(format, run)
      assert.is_truthy(text:find(hash, 1, true), format)
      assert.is_truthy(text:find(head, 1, true), format)
    end
    local newest = report.render("text", rec:load(2))
    assert.is_truthy(newest:find("\n  sealed as run 2 of station ST1, not signed\n  hash " .. head .. "\n$"))
    assert.is_truthy(report.render("junit", run):find('<property name="seal.head" value="' .. head, 1, true))
  end)

  it("covers series and groups of phases, which are given back with the run", function()
    local rec <close> = record.open(path)
    local run = start(rec)
    local group, phase = run:phase { name = "group" }, run:phase { name = "a" }
    phase:measurement { name = "v", value = 1, outcome = "PASS" }
    local trigger = rec.db:value "SELECT sql FROM sqlite_schema WHERE name = 'phase_no_update'"
    rec.db:script "DROP TRIGGER phase_no_update"
    rec.db:exec("UPDATE phase SET parent = ? WHERE seq = ?", group.seq, phase.seq)
    rec.db:script(trigger)
    local series = phase:series { name = "v", x_log = true, columns = "x y" }
    local first, second = ("<dd"):pack(0, math.huge), ("<dddd"):pack(1, 0.1, 2, 0.2)
    series:points(first)
    series:points(second)
    phase:measurement { name = "v", value = 0.1, outcome = "PASS", series = series }
    run:finish { outcome = "PASS" }
    local text = canonical(rec.db, 1)
    assert.is_truthy(text:find('"grp":"main","name":"a","parent":1,"seq":2}]', 1, true), text)
    local bytes = {}
    for row in rec.db:rows "SELECT part, at_us, data FROM series_data ORDER BY part" do
      bytes[#bytes + 1] = ("<i8i8"):pack(row.part, row.at_us) .. row.data
    end
    assert.equal(2, #bytes)
    assert.is_truthy(text:find(('"columns":"x y","name":"v","phase":2,"seq":4,"sha256":"%s","x_log":1}]'):format(
      core.store.sha256(table.concat(bytes))), 1, true), text)
    assert.is_truthy(text:find('"seq":7,"series":4,"type":"float"}', 1, true), text)
    local back = rec:load(1)
    assert.is_nil(back.phases[1].parent)
    assert.equal(1, back.phases[2].parent)
    assert.same({ x = { 0, 1, 2 }, y = { math.huge, 0.1, 0.2 }, x_log = true },
      back.phases[2].measurements[2].series)
    assert.is_truthy(require("moonrig.report").render("json", back):find('"inf",', 1, true))
    is_good()
  end)

  it("covers the sub-units of a unit", function()
    local rec <close> = record.open(path)
    local run = start(rec)
    run:subunit { name = "radio", serial = "RB7" }
    run:finish { outcome = "PASS" }
    assert.matches('"subunits":%[{"at_us":%d+,"name":"radio","part":"","seq":1,"serial":"RB7"}%]}$',
      canonical(rec.db, 1))
    is_good()
    records.edit(path, "INSERT INTO unit VALUES (99, '', 'RB8'); UPDATE subunit SET unit = 99")
    assert.matches("run 1 .*changed", (records.verify(path)))
  end)

  describe("in a record of version 1", function()
    local function make_old(runs)
      local db = core.store.open(path)
      schema.prepare(db, path, false, { schema.steps[1] })
      db:script [[INSERT INTO station VALUES (1, 'ST1'); INSERT INTO unit VALUES (1, '', 'S1');
        INSERT INTO procedure VALUES (1, 'p', '', '')]]
      local this = require("moonrig.record.process").this()
      for num = 1, runs do
        db:exec([[INSERT INTO run VALUES (?, ?, 1, 1, 1, NULL, NULL, NULL, NULL, 'production', 0, 1,
          '2026-01-01T00:00:00.000000Z', 'moonrig 0.1.0', ?, ?, ?, ?, '{}', '{}')]], num, "id" .. num, this.host,
          this.boot, this.pid, this.pid_start)
        db:exec("INSERT INTO phase VALUES (?, 1, 10, 'a', 'main', 1)", num)
        db:exec([[INSERT INTO measurement (run, seq, phase, at_us, name, type, num, outcome, marginal)
          VALUES (?, 2, 1, 20, 'v', 'float', 1.5, 'PASS', 0)]], num)
      end
      return db
    end

    it("marks the runs that were there", function()
      local db = make_old(3)
      for _, num in ipairs { 2, 1, 3 } do
        db:exec("INSERT INTO run_end VALUES (?, ?, 30, 'PASS', 0, 0, NULL, NULL)", num,
          ("2026-01-0%d"):format(num % 3 + 1))
      end
      db:close()
      fails("unsupported", "older format", record.open, path, { readonly = true })
      local _, code = records.verify(path)
      assert.equal(2, code)
      local rec <close> = record.open(path)
      assert.equal("PASS", rec:load(2).outcome)
      local seen = {}
      for row in rec.db:rows "SELECT run, note FROM seal ORDER BY seq" do seen[#seen + 1] = row.run .. row.note end
      assert.same({ "3older", "1older", "2older" }, seen)
      start(rec):finish { outcome = "PASS" }
      assert.matches("^ST1: 4 runs, 3 from before there were seals, head ", is_good())
      records.edit(path, "UPDATE measurement SET num = 1.6 WHERE run = 1")
      assert.equal("changed", verify.check(rec.db, {})[1].broken.what)
    end)

    it("waits for a run that an older program is writing", function()
      local db = make_old(1)
      fails("busy", "an older moonrig", record.open, path)
      assert.equal(1, db:value "PRAGMA user_version")
      db:exec "INSERT INTO run_end VALUES (1, '2026-01-01', 30, 'PASS', 0, 0, NULL, NULL)"
      db:close()
      record.open(path):close()
      is_good()
    end)

    it("ends the runs whose process went away, as ever", function()
      local db = make_old(0)
      db:exec [[INSERT INTO run VALUES (1, 'id1', 1, 1, 1, NULL, NULL, NULL, NULL, 'production', 0, 1,
          '2026-01-01T00:00:00.000000Z', 'moonrig 0.1.0', 'h', 'b', 1, 1, '{}', '{}')]]
      db:close()
      local rec <close> = record.open(path)
      assert.equal("ABORTED", rec:load(1).outcome)
      assert.is_nil(rec.db:value "SELECT note FROM seal")
      is_good()
    end)
  end)
end)

describe("a station's key", function()
  local path, key_path

  before_each(function()
    path, key_path = os.tmpname(), os.tmpname()
    os.remove(path)
    os.remove(key_path)
  end)
  after_each(function()
    records.remove(path)
    os.remove(key_path)
    os.remove(key_path .. ".pub")
  end)

  local function keygen(arguments)
    local pipe = assert(io.popen(("%s keygen %s 2>&1"):format(records.moonrig, arguments)))
    local text = pipe:read "a"
    return text, select(3, pipe:close())
  end

  it("is made by moonrig keygen, for its owner only, and never overwritten", function()
    local text, code = keygen("'" .. key_path .. "'")
    assert.equal(0, code, text)
    assert.matches("^" .. ("%x"):rep(64) .. "\n$", text)
    local public = text:sub(1, 64)
    assert.equal("600\n644\n", output_of(("stat -c %%a '%s' '%s.pub'"):format(key_path, key_path)))
    assert.equal(public, key.load(key_path).public)
    assert.equal(public, key.public(key_path .. ".pub"))
    assert.equal(public, key.public(public:upper()))
    local before = program.read(key_path)
    text, code = keygen("'" .. key_path .. "'")
    assert.equal(2, code)
    assert.matches("is there already, and a key is never overwritten", text, 1, true)
    assert.equal(before, program.read(key_path))
    os.remove(key_path)                          -- nor is a public key
    text, code = keygen("'" .. key_path .. "'")
    assert.equal(2, code)
    assert.matches(".pub is there already", text, 1, true)
    assert.is_nil(io.open(key_path))
    text, code = keygen "/nonexistent/k"
    assert.equal(2, code)
    assert.matches("cannot make /nonexistent/k", text, 1, true)
  end)

  it("is one that OpenSSL reads, and OpenSSL's is one of ours", function()
    local public = records.key(key_path)
    local function public_of_openssl()
      return key.to_hex(output_of(("openssl pkey -in '%s' -pubout -outform DER"):format(key_path)):sub(-32))
    end
    assert.equal(public, public_of_openssl())
    os.remove(key_path)
    output_of(("openssl genpkey -algorithm ed25519 -out '%s' 2>&1 && chmod 600 '%s'"):format(key_path, key_path))
    assert.equal(public_of_openssl(), key.load(key_path).public)
  end)

  it("is refused when others may read it, or it is none", function()
    records.key(key_path)
    for _, mode in ipairs { "640", "604", "660" } do
      os.execute(("chmod %s '%s'"):format(mode, key_path))
      fails("permission", ("(mode %s); chmod 600 %s"):format(mode, key_path), record.open, path, { key = key_path })
    end
    assert.is_nil(io.open(path), "nothing is made before the key is known to be good")
    fails("not_found", "cannot read the key /nonexistent", record.open, path, { key = "/nonexistent" })
    fails("unsupported", "/tmp is no file", record.open, path, { key = "/tmp" })
    os.remove(key_path)
    local f <close> = assert(io.open(key_path, "w"))
    f:write "text"
    f:close()
    os.execute(("chmod 600 '%s'"):format(key_path))
    fails("unsupported", "is no Ed25519 key in PEM; make one with: moonrig keygen", record.open, path,
      { key = key_path })
  end)

  it("has to be there at a station that signs", function()
    records.key(key_path)
    local rec = record.open(path, { key = key_path })
    records.run(rec, 1)
    rec:close()
    rec = record.open(path)
    fails("permission", "the runs of station ST1 are signed, this one would not be", records.run, rec, 2)
    rec:start_run({ station = "ST2", dut = { serial = "1" }, procedure = { name = "p" } }):finish { outcome = "PASS" }
    assert.equal(2, rec.db:value "SELECT count(*) FROM run")
    rec:close()
  end)

  it("signs as RFC 8032 says (test 1 of section 7.1)", function()
    local secret = key.from_hex "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    assert.equal("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      key.to_hex(core.key.public(secret)))
    local signature = core.key.sign(secret, "")
    assert.equal("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
      .. "d25bf5f0595bbe24655141438e7a100b", key.to_hex(signature))
    assert.is_true(core.key.verify(core.key.public(secret), "", signature))
    assert.is_false(core.key.verify(core.key.public(secret), "x", signature))
    assert.is_false(core.key.verify(("\xff"):rep(32), "", signature))
    fails("unsupported", "a key of 32 bytes", core.key.sign, "short", "")
  end)
end)
