-- Runs the examples that need no simulator of their own; the device at the other end is played here.
local rig = require "moonrig"
local shell = require "support.shell"

-- An instrument behind a TCP port: answers by line.
local function instrument(answer)
  return rig.listen("socket://127.0.0.1:0", function(port)
    for line in port:lines(math.huge) do port:write_line(answer(line)) end
  end)
end

-- A serial port that an example can open (a pty), and the device's end of it.
local function device()
  local far = rig.open "pty:"
  return far.name, far
end

-- A device that does what the events say (core/proto/recording.h), recorded again in `seen`.
local function recording(events)
  local path, seen = os.tmpname(), os.tmpname()
  local handle <close> = assert(io.open(path, "w"))
  handle:write("# moonrig recording 1\n", events)
  return ("record:%s?url=replay:%s"):format(seen, path), path, seen
end

-- What the script did with signals and buffers.
local function moves(path)
  local list = {}
  for line in io.lines(path) do
    local word = line:match "^[%d.]+ (.+)$"
    if word and (word:find "^set " or word:find "^flush") then list[#list + 1] = word end
  end
  return list
end

describe("examples/", function()
  it("query.lua asks one question", function()
    local listener <close> = instrument(function(line) return "answer to " .. line end)
    assert.same({ "answer to *IDN?\n", 0 }, { shell.finish(shell.example("query.lua", listener.url)) })
    assert.same({ "answer to MEAS?\n", 0 }, { shell.finish(shell.example("query.lua", listener.url, "MEAS?")) })
  end)

  it("log.lua writes what a device sends as CSV", function()
    local url, far = device()
    local run = shell.example("log.lua", url, "2")
    assert.equal("seconds,text\n", run:read_until "\n")
    far:write 'temperature 21.5\r\nit says "hot"\r\n'
    local output, status = shell.finish(run)
    assert.is_truthy(output:find('^%d%.%d%d%d,"temperature 21.5"\n%d%.%d%d%d,"it says ""hot"""\n$'))
    assert.equal(0, status)
    far:close()
  end)

  it("login.lua logs in and runs a command", function()
    local url, far = device()
    local run = shell.example("login.lua", url, "root", "secret", "uname -r")
    far.eol = "\r"
    assert.equal("", far:read_line())
    far:write "\r\n\r\nDebian 12 board ttyS0\r\n\r\nboard login: "
    assert.equal("root", far:read_line())
    far:write "root\r\nPassword: "
    assert.equal("secret", far:read_line())
    far:write "\r\nLinux board\r\nroot@board:~# "
    assert.equal("uname -r", far:read_line())
    far:write "uname -r\r\n6.1.0-18-arm64\r\nroot@board:~# "
    assert.same({ "6.1.0-18-arm64\n", 0 }, { shell.finish(run) })
    far:close()
  end)

  it("loopback.lua finds a good and a broken cable", function()
    local output, status = shell.finish(shell.example "loopback.lua")
    assert.equal("256 byte values\tok\nRTS on reaches CTS\tok\nRTS off reaches CTS\tok\n", output)
    assert.equal(0, status)
    local listener <close> = instrument(function() return "not what was sent" end)
    output = shell.finish(shell.example("loopback.lua", listener.url))
    assert.is_truthy(output:find("256 byte values\tFAILED", 1, true))
  end)

  it("fanout.lua asks many at once", function()
    local a <close> = instrument(function() return "ACME,A" end)
    local b <close> = instrument(function() rig.sleep(0.05) return "ACME,B" end)
    local output, status = shell.finish(shell.example("fanout.lua", b.url, "unix:/nowhere/at/all", a.url))
    local lines = {}
    for line in output:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal(0, status)
    assert.equal(b.url .. "\tACME,B", lines[1])
    assert.is_truthy(lines[2]:find "^unix:/nowhere/at/all\tno answer: ")
    assert.equal(a.url .. "\tACME,A", lines[3])
  end)

  it("share.lua puts a port on the network", function()
    local url, far = device()
    local run = shell.example("share.lua", url, "socket://127.0.0.1:0")
    local tcp = run:expect "listening on (%S+)\n"
    for _ = 1, 2 do
      local client <close> = rig.open(tcp)
      client:write "ping\n"
      assert.equal("ping", far:read_line())
      far:write "pong\n"
      assert.equal("pong", client:read_line())
    end
    run:close()
    far:close()
  end)

  it("modbus.lua reads registers, and notices a wrong checksum", function()
    local url, far = device()
    local run = shell.example("modbus.lua", url .. "?baudrate=19200", "17", "107", "3")
    assert.equal("\x11\x03\x00\x6b\x00\x03\x76\x87", far:read(8))
    far:write "\x11\x03\x06\x02\x2b\x00\x00\x00\x64\xc8\xba"
    assert.same({ "107\t555\n108\t0\n109\t100\n", 0 }, { shell.finish(run) })
    run = shell.example("modbus.lua", url, "17", "107", "3")
    far:read(8)
    far:write "\x11\x03\x06\x02\x2b\x00\x00\x00\x65\xc8\xba"
    local output, status = shell.finish(run)
    assert.matches("^moonrig: the checksum is wrong\n", output)
    assert.equal(2, status)
    far:close()
  end)

  it("reset.lua moves DTR and RTS in the right order", function()
    local url, path, seen = recording '0.000000 open "/dev/ttyUSB0"\n0.300000 rx "boot: v1\\r\\n"\n'
    assert.same({ "boot: v1\n", 0 }, { shell.finish(shell.example("reset.lua", url)) })
    assert.same({ "set dtr off", "set rts on", "flush_input", "set rts off", "set dtr off" }, moves(seen))
    os.remove(path)
    os.remove(seen)
  end)

  it("signals.lua prints changes", function()
    local url, path, seen = recording(
      '0.000000 signals cts\n0.100000 signals cts ri\n0.150000 signals\n0.200000 lost "off"\n')
    local output = shell.finish(shell.example("signals.lua", url))
    assert.equal("CTS on RI on CTS off RI off ", (output:gsub("moonrig: .*$", ""):gsub(" +%d+%.%d+  (%u+) +(%l+)\n",
      "%1 %2 ")))
    os.remove(path)
    os.remove(seen)
  end)

  it("are all run by a spec", function()
    local specs = assert(io.popen "cat $(find spec -name '*_spec.lua')"):read "a"
    for name in assert(io.popen "ls examples"):read "a":gmatch "%S+%.lua" do
      assert.is_truthy(specs:find(name, 1, true), "no spec runs examples/" .. name)
    end
  end)
end)
