-- spec of core/port/record.c and core/port/replay.c
local rig = require "moonrig"

local path

local function contents()
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function write_recording(events)
  local file <close> = assert(io.open(path, "wb"))
  file:write("# moonrig recording 1\n", events)
end

-- The events without their times.
local function events()
  return (contents():gsub("^#[^\n]*\n", ""):gsub("%f[^\n\0]%d+%.%d%d%d%d%d%d ", ""))
end

local function fails(...)
  local ok, err = pcall(...)
  assert.is_false(ok)
  return err
end

local function instrument()
  local answers = { ["*IDN?"] = "ACME,PSU-100,7,1.0", ["MEAS?"] = "5.01" }
  return rig.listen("socket://127.0.0.1:0", function(port)
    for line in port:lines() do
      if answers[line] then port:write_line(answers[line]) end
    end
  end)
end

local function session(port)
  local idn = port:query("*IDN?")
  port:write_line("VOLT 5")
  return idn, port:query("MEAS?")
end

before_each(function() path = os.tmpname() end)
after_each(function() os.remove(path) end)

describe("record", function()
  it("keeps what passed, to be read and to be played", function()
    local listener = instrument()
    local port = rig.open("record:" .. path .. "?url=" .. listener.url)
    session(port)
    port:close()
    listener:close()
    assert.matches("^# moonrig recording 1, %d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ\n", contents())
    assert.are.equal(('open "%s"\n'):format(listener.url) ..
      'tx "*IDN?\\n"\nrx "ACME,PSU-100,7,1.0\\n"\ntx "VOLT 5\\n"\ntx "MEAS?\\n"\nrx "5.01\\n"\nclose\n', events())
    local again <close> = rig.open("replay:" .. path)
    assert.are.same({ "ACME,PSU-100,7,1.0", "5.01" }, { session(again) })
  end)

  it("keeps signals, breaks, settings and flushes", function()
    local port = rig.open("record:" .. path .. "?url=loop://")
    port.rts = false
    local _ = port.cts
    port:set { baudrate = 115200, parity = "E" }
    port:send_break(0.01)
    port.break_condition = true
    port.break_condition = false
    port:flush_input()
    port:flush_output()
    port:drain()
    port:close()
    assert.are.equal('open "loop://" 9600 8N1\nset rts off\nasked cts off\nsettings 115200 8E1\nbreak 0.01\n' ..
      "break on\nbreak off\nflush_input\nflush_output\ndrain\nclose\n", (events():gsub("signals[^\n]*\n", "")))
  end)

  it("keeps all 256 byte values, both ways", function()
    local all = {}
    for byte = 0, 255 do all[byte + 1] = string.char(byte) end
    all = table.concat(all)
    local port = rig.open("record:" .. path .. "?url=loop://")
    port:write(all)
    port:read(256)
    port:close()
    local again <close> = rig.open("replay:" .. path)
    again:write(all)
    assert.are.equal(all, again:read(256))
  end)

  it("passes other options on, also from a table", function()
    local port <close> = rig.open("record:" .. path .. "?timeout=2", { url = "loop://?eol=%0d" })
    assert.are.same({ 2, "\r" }, { port.timeout, port.eol })
  end)

  it("names what is missing", function()
    assert.matches("the URL of the port is missing; write record:FILE%?url=URL", fails(rig.open, "record:x").message)
    assert.matches("the file is missing", fails(rig.open, "record:?url=loop://").message)
    assert.are.equal("not_found", fails(rig.open, "record:/nowhere/x?url=loop://").code)
  end)
end)

describe("a strict replay", function()
  local function open(text, options)
    write_recording(text)
    return rig.open("replay:" .. path .. (options or ""))
  end

  it("takes the recorded bytes however they are cut", function()
    local port <close> = open('0 tx "AB"\n0 tx "CD\\n"\n0 rx "ok\\n"\n0 tx "E\\n"\n0 rx "end\\n"\n')
    port:write("A")
    port:write("BC")
    assert.is_nil((port:try_read(1, 0.02)))
    port:write("D\nE")
    assert.are.equal("ok", port:read_line())
    port:write("\n")
    assert.are.equal("end", port:read_line())
  end)

  it("raises on other bytes, says which, and takes the right ones afterwards", function()
    local port <close> = open('0 tx "VOLT 5\\n"\n\n0.1 tx "MEAS?\\n"\n0.1 rx "5.0\\n"\n')
    port:write("VOLT 5\nME")
    local err = fails(port.write, port, "AX?\n")
    assert.are.equal("protocol", err.code)
    assert.matches('line 4: expected "AS%?\\n", got "AX%?\\n"', err.message)
    port:write("AS?\n")
    assert.are.equal("5.0", port:read_line())
    err = fails(port.write, port, "more")
    assert.matches('expected nothing more, the recording is at its end; got "more"', err.message)
  end)

  it("cuts long bytes in its message", function()
    local port <close> = open('0 tx "' .. ("x"):rep(1000) .. '"\n')
    local err = fails(port.write, port, ("\0"):rep(1000))
    assert.is_true(#err.message < 400)
    assert.matches('expected "x+"%.%.%., got "[\\x0]+"%.%.%.', err.message)
  end)

  it("answers as long after the request as it was, divided by speed", function()
    local text = '5 open "x"\n5 rx "hi\\n"\n8 tx "Q\\n"\n8.1 rx "one "\n8.2 rx "two\\n"\n'
    for options, seconds in pairs { [""] = 0.2, ["?speed=2"] = 0.1, ["?speed=inf"] = 0 } do
      local port <close> = open(text, options)
      assert.are.equal("hi", port:read_line(1))
      local start = rig.now()
      assert.are.equal("one two", port:query("Q"))
      local took = rig.now() - start
      assert.is_true(took >= seconds - 0.001 and took < seconds + 0.09, options .. ": " .. took)
    end
  end)

  it("gives what came unasked at its time", function()
    local port <close> = open('1 open "x"\n1 rx "boot\\n"\n1.05 rx "ready\\n"\n')
    assert.are.equal("boot", port:read_line(0.04))
    assert.is_nil((port:try_read(1, 0.01)))
    assert.are.equal("ready", port:read_line(1))
  end)

  it("lets the inputs follow the recording", function()
    local port <close> = open('0 open "x"\n0 tx "a"\n0.02 signals cts cd\n0.02 tx "b"\n0.5 asked cts off\n', "")
    port:write("a")
    local now = port:wait_signals("cts", 1)
    assert.are.same({ true, true, false }, { now.cts, now.cd, now.dsr })
    port:write("b")
    rig.sleep(0.02)
    assert.are.same({ false, true }, { port.cts, port.cd })
  end)

  it("takes settings, outputs, breaks and flushes as they come", function()
    local port <close> = open('0 tx "a"\n')
    port:set { baudrate = 115200, rtscts = true, dtr = false }
    port.rts = true
    port:send_break(0.01)
    port:flush_input()
    port:flush_output()
    port:drain()
    assert.are.equal(115200, port.baudrate)
  end)

  it("ends where the recording was lost", function()
    local port <close> = open('0 open "x"\n0 tx "a"\n0 rx "b"\n0.01 lost "unplugged"\n')
    port:write("a")
    assert.are.equal("b", port:read(1))
    local err = fails(port.read, port, 1, 1)
    assert.are.equal("closed", err.code)
    assert.matches("in the recording, unplugged", err.message)
  end)

  it("waits with what a slow reader does not take, and loses nothing", function()
    local part = ("0123456789abcdef"):rep(1024)
    local text = {}
    for i = 1, 32 do text[i] = '0 rx "' .. part .. '"\n' end
    local port <close> = open(table.concat(text))
    rig.sleep(0.05)
    assert.is_true(port.in_waiting <= 256 * 1024)
    for _ = 1, 32 do assert.are.equal(part, port:read(#part)) end
    assert.is_nil((port:try_read(1, 0)))
  end)

  it("names file, line and option at fault", function()
    local err = fails(open, '0 rx "a\n')
    assert.are.equal("unsupported", err.code)
    assert.matches(path:gsub("%p", "%%%0") .. ": line 2: the closing quote is missing", err.message)
    assert.matches("option speed=0: expected a factor above 0", fails(open, "", "?speed=0").message)
    assert.matches("option match=exact: expected strict or loose", fails(open, "", "?match=exact").message)
    assert.matches("the file is missing", fails(rig.open, "replay:").message)
    assert.are.equal("not_found", fails(rig.open, "replay:/nowhere/x").code)
  end)
end)

describe("a loose replay", function()
  local function open(text)
    write_recording(text)
    return rig.open("replay:" .. path .. "?match=loose&speed=inf")
  end

  it("answers requests in any order, equal ones in turn", function()
    local port <close> = open('0 tx "A?\\n"\n0 rx "a1\\n"\n0 tx "B?\\n"\n0 rx "b\\n"\n0 tx "A?\\n"\n0 rx "a2\\n"\n')
    assert.are.same({ "b", "a2", "a1", "a2", "b" },
      { port:query("B?"), port:query("A?"), port:query("A?"), port:query("A?"), port:query("B?") })
  end)

  it("puts requests together that come in pieces, and takes them apart", function()
    local port <close> = open('0 tx "A?\\n"\n0 rx "a\\n"\n0 tx "B?\\n"\n0 rx "b\\n"\n')
    port:write("B")
    port:write("?\nA?")
    port:write("\n")
    assert.are.same({ "b", "a" }, { port:read_line(), port:read_line() })
  end)

  it("ignores what begins no request", function()
    local port <close> = open('0 tx "A?\\n"\n0 rx "a\\n"\n')
    port:write("*RST\n")
    assert.are.equal("a", port:query("A?"))
  end)
end)
