local session = require "moonrig.session"
local station = require "moonrig.station"

local function refused(message, given, opts)
  local ok, e = pcall(station.new, given, opts)
  assert.is_false(ok)
  assert.equal("unsupported", e.code)
  assert.matches(message, e.message, 1, true)
end

-- A station file with that text, for as long as fn runs.
local function with_file(text, fn)
  local path = os.tmpname()
  local f <close> = assert(io.open(path, "w"))
  f:write(text)
  f:flush()
  local result = table.pack(pcall(fn, path))
  os.remove(path)
  return table.unpack(result, 1, result.n)
end

describe("a station file", function()
  it("names the station, its record and its instruments; paths are beside it", function()
    assert(with_file([[return {
      name = "ST-01", results = "results.db",
      instruments = { psu = { url = "socket://10.0.0.5:5555", idn = "RIGOL.*DP832", safe_state = { "OUTP OFF" },
        calibration = { due = "2027-01-31", certificate = "C-1" } } },
    }]], function(path)
      local st = station.load(path)
      assert.same({ "ST-01", path:match "^(.*/)" .. "results.db", path }, { st.name, st.results, st.path })
      assert.same({ "OUTP OFF" }, st.instruments.psu.safe_state)
    end))
    assert.equal("/var/results.db", station.new({ results = "/var/results.db" }, { path = "/etc/st.lua" }).results)
    assert.equal("postgresql://db/x", station.new({ results = "postgresql://db/x" }, { path = "/etc/st.lua" }).results)
  end)

  it("may be missing a name: then it is the machine's", function()
    assert.matches("%S", station.new({}).name)
  end)

  it("is refused with the field at fault", function()
    refused('station: there is no field "instrument" (there are calibration_policy, instruments, key, meta, name, '
      .. 'results, sites, traffic)',
      { instrument = {} })
    refused("a station file returns a table, this one a nil", nil)
    refused("meta = ", { meta = { laboratory = {} } })
    refused("meta = ", { meta = { "Weber" } })
    refused('there is no field "baud" (there are', { instruments = { psu = { url = "x", baud = 9600 } } })
    refused("instrument psu: idn = DP832[: wants a Lua pattern",
      { instruments = { psu = { url = "x", idn = "DP832[" } } })
    refused("instrument psu: it has neither url nor simulator", { instruments = { psu = {} } })
    refused("instrument psu: wants a table", { instruments = { psu = "socket://x:1" } })
    refused("procedures use t.log for something else", { instruments = { log = { url = "x" } } })
    refused('instrument "p-s": a name is letters', { instruments = { ["p-s"] = { url = "x" } } })
    refused("due = soon: wants a date", { instruments = { psu = { url = "x", calibration = { due = "soon" } } } })
    refused("safe_state = OUTP OFF: wants a list", { instruments = { psu = { url = "x", safe_state = "OUTP OFF" } } })
    refused("/etc/st.lua: name = ", { name = "" }, { path = "/etc/st.lua" })
  end)

  it("is refused when it is missing or does not run", function()
    local ok, e = pcall(station.load, "/nonexistent.lua")
    assert.is_false(ok)
    assert.same({ "not_found", "there is no station file /nonexistent.lua" }, { e.code, e.message })
    for text, message in pairs { ["return {"] = "near <eof>", ["error 'no license'"] = "no license",
      ["x.y = 1"] = "global 'x'" } do
      ok, e = with_file(text, station.load)
      assert.is_false(ok)
      assert.equal("unsupported", e.code)
      assert.matches(message, e.message, 1, true)
    end
  end)

  it("has sites, whose instruments go before those of the station", function()
    local given = {
      name = "ST", instruments = { dmm = { url = "a" }, psu = { url = "b" } },
      sites = { left = { instruments = { psu = { url = "l" } } }, { instruments = { psu = { url = "1" } } } },
    }
    local left = station.new(given, { site = "left" })
    assert.same({ "left", "a", "l" }, { left.site, left.instruments.dmm.url, left.instruments.psu.url })
    assert.equal("1", station.new(given, { site = "1" }).instruments.psu.url)
    refused("say which --site; it has the sites 1, left", given)
    refused('there is no site "right"; it has the sites 1, left', given, { site = "right" })
    assert.same({ "dmm" }, left.shared)
    refused('there is no site "2": this station has no sites', { name = "ST" }, { site = "2" })
  end)
end)

describe("a session", function()
  local function open(instruments, opts)
    return session.new(station.new { name = "ST", instruments = instruments }, opts)
  end

  local function fails(fn, ...)
    local ok, e = pcall(fn, ...)
    assert.is_false(ok)
    return e
  end

  it("opens ports with their options", function()
    local s <close> = open { fixture = { url = "loop://", driver = "port", options = { baudrate = 115200 } } }
    assert.equal(115200, s:get("fixture").baudrate)
    assert.equal(s:get "fixture", s:get "fixture")
  end)

  it("closes what it opened", function()
    local s = open { fixture = { url = "loop://", driver = "port" } }
    local port = s:get "fixture"
    s:close()
    s:close()
    assert.is_false(port.is_open)
  end)

  it("opens once for two tasks at the same time", function()
    local rig = require "moonrig"
    local count = 0
    package.loaded["fake.slow"] = { open = function()
      count = count + 1
      rig.sleep(0.005)
      return { count = count }
    end }
    local s <close> = open { slow = { url = "loop://", driver = "fake.slow", idn = false } }
    local other = rig.spawn(s.get, s, "slow")
    assert.equal(1, s:get("slow").count)
    assert.equal(1, other:join().count)
    package.loaded["fake.slow"] = nil
  end)

  it("says which instrument could not be opened, where, and why", function()
    local s <close> = open { psu = { url = "socket://127.0.0.1:1" } }
    local e = fails(s.get, s, "psu")
    assert.equal("refused", e.code)
    assert.matches("^instrument psu %(socket://127.0.0.1:1%): ", e.message)
    e = fails(s.get, s, "pus")
    assert.same({ "not_found", 'station ST has no instrument "pus" (there are psu)' }, { e.code, e.message })
  end)

  it("refuses a driver that is none", function()
    package.loaded["fake.none"] = {}
    local s <close> = open {
      psu = { url = "loop://", driver = "fake.none" },
      dmm = { url = "loop://", driver = "nowhere" },
    }
    assert.matches("a driver is a module with a function open", fails(s.get, s, "psu").message)
    assert.matches("module 'nowhere' not found", fails(s.get, s, "dmm"))
    package.loaded["fake.none"] = nil
  end)

  it("takes a simulator only when there is one", function()
    local s <close> = open({ psu = { url = "loop://" } }, { simulate = true })
    assert.matches("instrument psu: %-%-simulate: it has no simulator in the station file",
      fails(s.get, s, "psu").message)
    assert.is_true(s:is_simulated())
    assert.is_false(open({ psu = { url = "loop://" } }):is_simulated())
    assert.is_true(open({ psu = { url = "loop://", simulated = true } }):is_simulated())
    assert.is_true(open({ psu = { url = "sim:psu.lua" } }):is_simulated())
  end)

  it("does not let one instrument's safe state wait for another's", function()
    local rig = require "moonrig"
    local sent = {}
    local function driver(name, seconds)
      package.loaded["fake." .. name] = { open = function()
        return { write = function()
          rig.sleep(seconds)
          sent[#sent + 1] = name
        end }
      end }
    end
    driver("stuck", 0.02)
    driver("quick", 0)
    local s <close> = open {
      stuck = { url = "loop://", driver = "fake.stuck", idn = false, safe_state = { "OFF" } },
      quick = { url = "loop://", driver = "fake.quick", idn = false, safe_state = { "OFF" } },
    }
    s:get "stuck"
    s:get "quick"
    assert.same({ { role = "stuck", commands = "OFF" }, { role = "quick", commands = "OFF" } }, s:safe_state())
    assert.same({ "quick", "stuck" }, sent)
    package.loaded["fake.stuck"], package.loaded["fake.quick"] = nil, nil
  end)
end)
