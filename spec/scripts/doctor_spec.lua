-- moonrig doctor: is a station ready?
local calibration = require "moonrig.calibration"
local shell = require "support.shell"

describe("moonrig doctor", function()
  local path = os.tmpname()
  after_each(function() os.remove(path) end)

  local function look(station, more)
    local f <close> = assert(io.open(path, "w"))
    f:write("return " .. station)
    f:flush()
    return shell.run(("%s doctor --station %s %s"):format(shell.moonrig, path, more or ""))
  end

  local function sim(name) return ("sim:%s/examples/sims/%s.lua"):format(os.getenv "PWD", name) end

  it("says that a station is ready, and leaves nothing behind", function()
    local output, code = look(([[{ results = %q, instruments = {
      psu = { url = %q, idn = "^MOONRIG,PSU", calibration = { due = "2999-01-01" } },
      console = { url = %q, driver = "port" } } }]]):format(path .. ".db", sim "psu", sim "dut"))
    assert.equal(0, code, output)
    assert.matches("ok       instrument psu: MOONRIG,PSU%-3205,SIM320501,1.4.0 at sim:", output)
    assert.matches("the station is ready\n$", output)
    assert.is_nil(io.open(path .. ".db"))
  end)

  it("says what is wrong and how to put it right, all of it at once", function()
    local output, code = look(([[{ results = "/nonexistent/x.db", calibration_policy = { when_over = "refuse" },
      instruments = {
        psu = { url = %q, idn = "^RIGOL" }, dmm = { url = %q },
        old = { url = "loop://", driver = "port", calibration = { due = "2020-01-31" } },
        off = { url = "socket://127.0.0.1:1", simulator = "x.lua" } } }]]):format(sim "psu", sim "dmm"))
    assert.equal(1, code, output)
    for _, words in ipairs {
      "error    instrument psu: expected an instrument that matches ^RIGOL, found MOONRIG,PSU",
      "another instrument is connected there", "warning  instrument dmm: any instrument would do",
      'say which it is: idn = "^MOONRIG,DMM%-6500,"', "error    instrument old: its calibration was due on 2020-01-31",
      "Connection refused", "is it switched on, is the port number right?",
      "error    record: it cannot be made: No such file", "is its folder there?", "4 things are wrong",
    } do
      assert.matches(words, output, 1, true)
    end
  end)

  it("says where an instrument was found, and what is elsewhere; two entries do not get the same one", function()
    local output, code = look(([[{ results = %q, instruments = {
      a = { url = { %q, %q }, idn = "^MOONRIG,PSU" }, b = { url = { %q }, idn = "^MOONRIG,PSU" } } }]])
      :format(path .. ".db", sim "psu", sim "dmm", sim "psu"))
    assert.equal(1, code, output)
    assert.matches("ok       instrument a: MOONRIG,PSU%-3205,SIM320501,1.4.0 at sim:%S*psu.lua\n", output)
    assert.matches("ok       instrument a: not at sim:%S*dmm.lua: MOONRIG,DMM", output)
    assert.matches(("error    instrument b: no instrument that matches ^MOONRIG,PSU: %s: it is instrument a"):format(
      sim "psu"), output, 1, true)
    assert.matches("are its addresses and idn right?", output, 1, true)
  end)

  it("looks at the record without changing it", function()
    local db = path .. ".db"
    local rec = require "moonrig.record".open(db)
    rec:start_run { station = "S", dut = { serial = "1" }, procedure = { name = "P" } }
    rec:close()
    local function bytes()
      local f <close> = assert(io.open(db, "rb"))
      return f:read "a"
    end
    local before = bytes()
    local output, code = look(("{ results = %q }"):format(db))
    assert.equal(0, code, output)
    assert.is_true(bytes() == before)
    local f <close> = assert(io.open(db, "wb"))
    f:write "no database"
    f:flush()
    output, code = look(("{ results = %q }"):format(db))
    assert.equal(1, code, output)
    assert.matches("error    record: ", output)
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(db .. suffix) end
  end)

  it("looks at the simulators too", function()
    local output, code = look([[{ instruments = { psu = { url = "loop://" } } }]], "--simulate")
    assert.equal(1, code)
    assert.matches("it has no simulator", output)
  end)

  it("warns before a calibration is over, refuses after it when told so", function()
    assert.equal("ok", calibration.check(nil))
    assert.equal("ok", calibration.check("2027-03-31", nil, "2027-02-27"))
    assert.same({ "soon", "its calibration is due on 2027-03-31, in 1 day" },
      { calibration.check("2027-03-31", nil, "2027-03-30") })
    assert.equal("soon", (calibration.check("2027-03-31", nil, "2027-03-31")))
    assert.equal("ok", (calibration.check("2027-03-31", { warn_days = 0 }, "2027-03-30")))
    assert.same({ "over", "its calibration was due on 2027-03-31", false },
      { calibration.check("2027-03-31", nil, "2027-04-01") })
    assert.is_true((select(3, calibration.check("2027-03-31", { when_over = "refuse" }, "2027-04-01"))))
  end)
end)
