-- What passes between a run and its instruments, attached to the run.
local bench = require "support.bench"
local core = require "moonrig.core"
local program = require "support.program"
local rig = require "moonrig"
local runner = require "moonrig.runner"
local sites = require "moonrig.sites"
local station = require "moonrig.station"
local traffic = require "moonrig.traffic"

-- The packets of a pcapng file: "TX bytes", "RX bytes", or the comment; and how many sections it has.
local function packets(data)
  local list, sections, at = {}, 0, 1
  while at <= #data do
    local kind, size = ("<I4I4"):unpack(data, at)
    if kind == 0x0a0d0d0a then sections = sections + 1 end
    if kind == 6 then
      local length = ("<I4"):unpack(data, at + 20)
      local event = data:byte(at + 28 + 8)
      local options = at + 28 + (length + 3) // 4 * 4
      local code, count = ("<I2I2"):unpack(data, options)
      local words = event == 1 and "TX " or event == 2 and "RX " or ""
      list[#list + 1] = words .. data:sub(at + 28 + 12, at + 28 + length - 1)
        .. (code == 1 and data:sub(options + 4, options + 3 + count) or "")
    end
    at = at + size
  end
  return list, sections
end

describe("the traffic of a run", function()
  local b, listener, connections

  -- A supply on TCP that answers "*IDN?" and "V?", and hangs up at "DIE".
  before_each(function()
    b = bench.new()
    connections = 0
    listener = rig.listen("socket://127.0.0.1:0", function(port)
      connections = connections + 1
      for line in port:lines() do
        if line == "DIE" then return port:close() end
        if line == "*IDN?" then port:write_line "ACME,PSU,1,1.0" end
        if line == "V?" then port:write_line "5.0" end
      end
    end)
  end)
  after_each(function()
    listener:close()
    b:close()
  end)

  local function run(text, instruments, more)
    local opts = { serial = "SN1", record = b.record, traffic = true,
      station = station.new { name = "ST1", instruments = instruments or { psu = { url = listener.url,
        safe_state = { "SAFE" } } } } }
    for name, value in pairs(more or {}) do opts[name] = value end
    local result = runner.run(b:load(text), opts)
    return b.record:load(result.id), result
  end

  local function attached(of)
    local files = {}
    for i, file in ipairs(of.attachments) do
      files[i] = { name = file.name, mime = file.mime, packets = { packets(b.record:blob(file.sha256)) } }
    end
    return files
  end

  it("is a file for each instrument that was used, from its identification to its end", function()
    local events = {}
    local of = run([[
      test.phase("a", function(t) t:measure("v", t.psu:query_number "V?") end)
    ]], { psu = { url = listener.url, safe_state = { "SAFE" } }, load = { url = "loop://", idn = false } },
      { observer = function(e) events[#events + 1] = e.event end })
    local files = attached(of)
    assert.equal(1, #files)
    assert.same({ "psu.pcapng", "application/vnd.tcpdump.pcap" }, { files[1].name, files[1].mime })
    assert.same({ "open", "TX *IDN?\n", "RX ACME,PSU,1,1.0\n", "TX V?\n", "RX 5.0\n", "TX SAFE\n", "drain", "close" },
      files[1].packets[1])
    assert.matches("attachment run_ended$", table.concat(events, " "))
    assert.equal("PASS", of.outcome)
  end)

  it("is kept only when it is asked for, in the call or by the station", function()
    local text = [[test.phase("a", function(t) t.psu:query "V?" end)]]
    assert.same({}, attached((run(text, nil, { traffic = false }))))
    local given = { name = "ST1", traffic = true, instruments = { psu = { url = listener.url } } }
    assert.equal(1, #attached((run(text, nil, { traffic = false, station = station.new(given) }))))
    local ok, e = pcall(station.new, { traffic = "yes" })
    assert.is_false(ok)
    assert.matches("traffic = yes: wants true or false", e.message, 1, true)
  end)

  it("is there too when the run fails, errs or is aborted", function()
    for outcome, text in pairs {
      FAIL = [[test.phase("a", function(t) t.psu:query "V?"; t:fail "bad" end)]],
      ERROR = [[test.phase("a", function(t) t.psu:query "V?"; error "no" end)]],
      ABORTED = [[test.phase("a", function(t) t.psu:query "V?"; t:abort "stop" end)]],
    } do
      local of = run(text)
      assert.equal(outcome, of.outcome)
      local list = attached(of)[1].packets[1]
      assert.equal("TX SAFE\ndrainclose", table.concat(list, "", #list - 2))
    end
  end)

  it("goes on in the same file when an instrument is opened again", function()
    local of = run [[
      test.phase("a", function(t) t.psu:write "DIE"; t.psu:query "V?" end)
    ]]
    assert.equal("ERROR", of.outcome)
    local list, sections = table.unpack(attached(of)[1].packets)
    assert.equal(2, sections)
    assert.equal(2, connections)
    assert.matches("^open|TX %*IDN%?\n|RX ACME,PSU,1,1.0\n|TX DIE\n|.*lost: .*|close|open|TX %*IDN%?\n|.*"
      .. "TX SAFE\n|drain|close$", table.concat(list, "|"))
  end)

  it("is cut at a size, which the file and the log of the run say", function()
    local limit = traffic.LIMIT
    local _ <close> = setmetatable({}, { __close = function() traffic.LIMIT = limit end })
    traffic.LIMIT = 8192
    local of = run [[
      test.phase("a", function(t) for _ = 1, 200 do t.psu:query "V?" end end)
    ]]
    local file = of.attachments[1]
    assert.is_true(file.size <= 8192 and file.size > 7500)
    local list = packets(b.record:blob(file.sha256))
    assert.equal("cut here: more than 0.007812 MiB", list[#list])
    assert.same({ "TX V?\n", "RX 5.0\n" }, { list[4], list[5] })
    local last = of.logs[#of.logs]
    assert.same({ "warning", "psu.pcapng is cut: it has reached 0.0078125 MiB" }, { last.level, last.message })
    assert.equal("PASS", of.outcome)
  end)

  it("of an instrument that sites share goes to the run whose phase has it", function()
    local given = { name = "ST", traffic = true, instruments = { psu = { url = listener.url,
      safe_state = { "SAFE" } } }, sites = { {}, {} } }
    local stations = { station.new(given, { site = "1" }), station.new(given, { site = "2" }) }
    local shared, jobs = sites.share(stations), {}
    for i, of in ipairs(stations) do
      jobs[i] = { plan = b:load [[
        for _, name in ipairs { "one", "two" } do
          test.phase(name, function(t)
            t.psu:write(name .. " of " .. t.dut.serial)
            rig.sleep(0.005)
            t.psu:query "V?"
          end)
        end
      ]], opts = { serial = "SN" .. i, record = b.record, station = of, shared = shared } }
    end
    sites.run(jobs)
    local safe = 0
    for _, head in ipairs(b.record:runs()) do
      local text = table.concat(attached(b.record:load(head.id))[1].packets[1], "|")
      local mine, other = head.dut.serial, head.dut.serial == "SN1" and "SN2" or "SN1"
      assert.equal("PASS", head.outcome)
      assert.matches("one of " .. mine .. "\n|TX V%?\n|RX 5%.0\n|TX two of " .. mine .. "\n|TX V%?\n|RX 5%.0\n", text)
      assert.is_nil(text:find(other, 1, true), text)
      safe = safe + select(2, text:gsub("TX SAFE", ""))
    end
    assert.equal(1, safe)
    assert.equal(1, connections)
  end)

  it("is an error when there is no place for it", function()
    local path = program.file([[
      local test = require "moonrig".test
      test.procedure { name = "P" }
      test.phase("a", function(t) t.psu:query "V?" end)
    ]], ".lua")
    local at = program.file(('return { name = "S", traffic = true, instruments = { psu = { url = %q } } }')
      :format("loop://"), ".lua")
    local p = program.command({ "test", path, "--dut", "1", "--station", at, "--results", b.path },
      "env TMPDIR=/nowhere/at/all"):finish()
    assert.equal(2, p.code)
    assert.matches("instrument psu (loop://): cannot keep traffic in /nowhere/at/all: No such file", p.out, 1, true)
    os.remove(path)
    os.remove(at)
  end)

  it("is left out when the end of the run needs the room on the disk", function()
    local space = core.store.space
    core.store.space = function() return 513 * 1024 end   -- a KiB more than is kept for the end
    local _, back, result = pcall(run, [[test.phase("a", function(t) t.psu:query "V?" end)]])
    core.store.space = space
    assert.same({ "PASS", 0 }, { result.outcome, #back.attachments })
    assert.equal("psu.pcapng is left out: there is no room for it on the disk", back.logs[#back.logs].message)
  end)
end)

describe("a capture", function()
  it("takes what passes at a port, but not while it is paused or closed", function()
    local near, far = rig.pair()
    local capture = core.capture(10000)
    capture:tap(near)
    near:write "a"
    capture:pause(true)
    near:write "b"
    far:write "c"
    near:read(1)
    capture:pause(false)
    near:write "d"
    assert.same({ "open, 9600 8N1", "TX a", "TX d" }, (packets(capture:bytes())))
    assert.is_nil(capture:problem())
    capture:close()
    near:write "e"
    assert.equal("", capture:bytes())
    near:close()
    far:close()
  end)

  it("is kept by the port that it is at", function()
    local near, far = rig.pair()
    core.capture(10000):tap(near)
    collectgarbage()
    collectgarbage()
    near:write "a"
    assert.equal("a", far:read(1))
    near:close()
    far:close()
  end)

  it("wants a port", function()
    assert.has_error(function() core.capture(100):tap "x" end)
  end)
end)
