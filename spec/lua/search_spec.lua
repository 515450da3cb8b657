-- An instrument that is found by its identity: at which of several addresses is the one that is meant?
local plan = require "moonrig.plan"
local record = require "moonrig.record"
local rig = require "moonrig"
local runner = require "moonrig.runner"
local session = require "moonrig.session"
local sites = require "moonrig.sites"
local station = require "moonrig.station"

describe("an instrument found by its identity", function()
  local dir, places, sessions

  before_each(function()
    dir = os.tmpname()
    os.remove(dir)
    assert(os.execute("mkdir " .. dir))
    places, sessions = {}, {}
  end)

  after_each(function()
    for _, s in ipairs(sessions) do s:close() end
    for _, place in ipairs(places) do place.listener:close() end
    os.execute("rm -r " .. dir)
  end)

  -- Something that answers *IDN? at an address; nil: it answers nothing. What it is sent is in `received`; of a socket,
  -- how often it was opened in `opened`, how often it is open now in `open`.
  local function place(url, idn)
    local new = { received = {}, opened = 0, open = 0 }
    new.listener = rig.listen(url, function(port)
      new.opened, new.open = new.opened + 1, new.open + 1
      pcall(function()
        for line in port:lines() do
          new.received[#new.received + 1] = line
          if idn and line == "*IDN?" then port:write_line(idn) end
        end
      end)
      new.open = new.open - 1
    end)
    new.url = new.listener.url
    places[#places + 1] = new
    return new
  end

  local function tcp(idn) return place("socket://127.0.0.1:0", idn) end

  local function use(given, opts)
    sessions[#sessions + 1] = session.new(station.new(given, opts and opts.station), opts)
    return sessions[#sessions]
  end

  local function fails(fn, ...)
    local ok, e = pcall(fn, ...)
    assert.is_false(ok)
    return e
  end

  -- The others are closed; that is seen at the far end a moment later.
  local function wait_until_closed(...)
    for _, one in ipairs { ... } do
      while one.open > 0 do rig.sleep(0.001) end
    end
  end

  it("is the one that matches, wherever it is; the others were asked for their name and no more", function()
    local load = place("pty:" .. dir .. "/tty1", "ACME,LOAD,7,1")
    place("pty:" .. dir .. "/tty2", "RIGOL TECHNOLOGIES,DP832,DP8A1,1.16")
    local silent, dmm = tcp(), tcp "ACME,DMM,3,1"
    local info
    local s = use({ instruments = { psu = { url = { dir .. "/tty*", silent.url, dmm.url, "socket://127.0.0.1:1" },
      idn = "^RIGOL TECHNOLOGIES,DP832,", options = { timeout = 1 } } } }, { opened = function(i) info = i end })
    assert.equal("DP8A1", s:get("psu"):idn().serial)
    assert.same({ dir .. "/tty2", "DP832" }, { info.url, info.model })
    local others = {}
    for _, other in ipairs(info.others) do others[other.url] = other.why end
    assert.same({ [dir .. "/tty1"] = "ACME,LOAD,7,1", [silent.url] = "no answer within 1 s",
      [dmm.url] = "ACME,DMM,3,1", ["socket://127.0.0.1:1"] = "Connection refused" }, others)
    wait_until_closed(silent, dmm)
    for _, one in ipairs { load, silent, dmm } do assert.same({ "*IDN?" }, one.received) end
  end)

  it("is not waited for at a port that somebody has open", function()
    local psu = tcp "ACME,PSU,1,1"
    place("pty:" .. dir .. "/tty1", "ACME,PSU,2,1")
    local held <close> = rig.open(dir .. "/tty1") -- luacheck: ignore held
    local info
    local s = use({ instruments = { psu = { idn = "^ACME", url = { dir .. "/tty*", psu.url } } } },
      { opened = function(i) info = i end })
    s:get "psu"
    assert.equal(psu.url, info.url)
    assert.matches("is in use by", info.others[1].why)
  end)

  it("is not there: the error names each address, and what is at it", function()
    local dmm = tcp "ACME,DMM,3,1"
    local s = use { instruments = { psu = { idn = "^RIGOL",
      url = { dir .. "/tty*", dmm.url, "hwgrep://no such device" } } } }
    local e = fails(s.get, s, "psu")
    assert.equal("not_found", e.code)
    assert.equal(("instrument psu: no instrument that matches ^RIGOL: %s/tty*: there is none; hwgrep://no such device: "
      .. "there is none; %s: ACME,DMM,3,1"):format(dir, dmm.url), e.message)
    wait_until_closed(dmm)
  end)

  it("is refused when two match, and none stays open", function()
    local left, right = tcp "ACME,PSU,1,1", tcp "ACME,PSU,2,1"
    local s = use { instruments = { psu = { idn = "^ACME,PSU,", url = { left.url, right.url } } } }
    local e = fails(s.get, s, "psu")
    assert.matches("2 instruments match ^ACME,PSU,, and only one can be meant: ", e.message, 1, true)
    assert.matches(left.url .. ": ACME,PSU,1,1; " .. right.url .. ": ACME,PSU,2,1", e.message, 1, true)
    wait_until_closed(left, right)
  end)

  it("is told from a second one of its kind by the serial number, also when both are looked for at once", function()
    local left, right = tcp "ACME,PSU,1,1", tcp "ACME,PSU,2,1"
    local urls, infos = { left.url, right.url }, {}
    local function psu(n) return { idn = "^ACME,PSU," .. n, url = urls } end
    local s = use({ instruments = { a = psu(1), b = psu(2) } }, { opened = function(i) infos[i.role] = i end })
    rig.group(function(tasks)
      tasks:spawn(s.get, s, "a")
      tasks:spawn(s.get, s, "b")
    end)
    assert.same({ left.url, right.url }, { infos.a.url, infos.b.url })
    assert.same({ url = left.url, why = "it is instrument a" }, infos.b.others[1])
    assert.equal(1, left.opened)      -- nobody else came to it once it was taken
  end)

  it("is not looked for where the station file says that another instrument is, under whatever name", function()
    local fixture = place("pty:" .. dir .. "/tty1", "ACME,PSU,9,9")
    local psu = place("pty:" .. dir .. "/tty2", "ACME,PSU,1,1")
    assert(os.execute(("ln -s %s/tty1 %s/fixture"):format(dir, dir)))
    local infos = {}
    local s = use({ instruments = { psu = { idn = "^ACME", url = { dir .. "/tty*", dir .. "/tty2" } } },
      sites = { { instruments = {} }, { instruments = { fixture = { url = dir .. "/fixture", driver = "port" } } } } },
      { station = { site = "1" }, opened = function(i) infos[i.role] = i end })
    s:get "psu"
    assert.equal(dir .. "/tty2", infos.psu.url)
    assert.same({ { url = dir .. "/tty1", why = "it is instrument fixture of site 2" } }, infos.psu.others)
    assert.same({ {}, { "*IDN?" } }, { fixture.received, psu.received })
  end)

  it("is found by each site for itself", function()
    local left, right = tcp "ACME,PSU,1,1", tcp "ACME,PSU,2,1"
    local function site(n)
      return { instruments = { psu = { idn = "^ACME,PSU," .. n, url = { left.url, right.url } } } }
    end
    local given = { name = "ST", sites = { site(1), site(2) } }
    local stations = { station.new(given, { site = "1" }), station.new(given, { site = "2" }) }
    local shared, urls = sites.share(stations), {}
    rig.group(function(tasks)
      for i, of in ipairs(stations) do
        local s = session.new(of, { shared = shared, opened = function(info) urls[i] = info.url end })
        sessions[#sessions + 1] = s
        tasks:spawn(s.get, s, "psu")
      end
    end)
    assert.same({ left.url, right.url }, urls)
  end)

  it("is opened where it was when the connection is lost, else looked for again", function()
    local first, second = tcp "ACME,PSU,1,1", tcp()
    local s = use { instruments = { psu = { idn = "^ACME", url = { first.url, second.url },
      options = { timeout = 1 } } } }
    s:get("psu").port:close()
    s:forget_lost()
    s:get "psu"
    assert.same({ 2, 1 }, { first.opened, second.opened })
    first.listener:close()
    local moved = tcp "ACME,PSU,1,1"
    s.station.instruments.psu.url[2] = moved.url
    s:get("psu").port:close()
    s:forget_lost()
    assert.equal(moved.url, s:get("psu").port.url)
  end)

  it("is in the record with its real address; a simulator takes its place as ever", function()
    local path = os.tmpname()
    local rec <close> = record.open(path)
    local psu = tcp "ACME,PSU,1,1"
    local procedure = dir .. "/p.lua"
    local f <close> = assert(io.open(procedure, "w"))
    f:write [[local test = require "moonrig".test; test.procedure { name = "P" }
      test.phase("a", function(t) t.psu:idn() end)]]
    f:flush()
    local sim = os.getenv "PWD" .. "/examples/sims/psu.lua"
    for _, simulate in ipairs { false, true } do
      local of = station.new { instruments = { psu = { idn = simulate and "^MOONRIG" or "^ACME", url = { psu.url },
        simulator = sim } } }
      local run = rec:load(runner.run(plan.load(procedure), { serial = "1", record = rec, station = of,
        simulate = simulate }).id)
      assert.equal("PASS", run.outcome, run.message)
      assert.same({ simulate and "sim:" .. sim or psu.url, simulate, simulate },
        { run.instruments[1].url, run.simulated, run.instruments[1].simulated })
    end
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end)

  it("has an idn to be known by, and a driver that can ask", function()
    for words, entry in pairs {
      ["wants idn, the identity of the one that is meant"] = { url = { "a", "b" } },
      ['the driver "port" cannot ask for it'] = { url = { "a" }, idn = "x", driver = "port" },
      ["wants a URL, or a list of them"] = { url = { "a", 5 }, idn = "x" },
    } do
      local e = fails(station.new, { instruments = { psu = entry } })
      assert.matches(words, e.message, 1, true)
    end
  end)
end)
