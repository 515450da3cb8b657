-- The device transport on ptys made by socat. What ptys do not have (modem signals, parity, breaks,
-- unplugging) is in spec/vm/device.lua, on real drivers.
local ptys = require "support.ptys"
local rig = require "moonrig"

local PYTHON = "/usr/bin/python3"

local function failure(fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok, "no error was raised")
  return e
end

--- Runs Python with pySerial; its output comes from the returned handle.
local function python(script, ...)
  return assert(io.popen(("%s -c '%s' %s 2>&1"):format(PYTHON, script, table.concat({ ... }, " "))))
end

local function output(pipe)
  local text = pipe:read("a")
  pipe:close()
  return text
end

describe("device", function()
  local pair, port

  before_each(function() pair = ptys.new() end)
  after_each(function()
    if port then port:close() end
    port = nil
    pair:close()
  end)

  it("talks with pySerial at any rate, every byte value both ways", function()
    for _, rate in ipairs { 9600, 31250, 250000, 12345 } do
      local peer = python([[
import serial, sys
p = serial.Serial(sys.argv[1], int(sys.argv[2]), timeout=10)
print("ready", flush=True)
data = p.read(256)
p.write(data[::-1])
p.flush()
print(data == bytes(range(256)))]], pair.b, rate)
      assert.equal("ready", peer:read("l"))
      port = rig.open(pair.a, { baudrate = rate, timeout = 10 })
      local all = {}
      for i = 0, 255 do all[i + 1] = string.char(i) end
      all = table.concat(all)
      port:write(all)
      assert.equal(all:reverse(), port:read(256))
      assert.equal("True\n", output(peer))
      assert.equal(rate, port.baudrate)
      port:close()
    end
  end)

  it("puts rate, stop bits and flow control in force", function()
    port = rig.open(pair.a, { baudrate = 57600, stopbits = 2, xonxoff = true, rtscts = true })
    local function stty() return output(assert(io.popen("stty -a -F " .. pair.a))) end
    local now = stty()
    for _, word in ipairs { "speed 57600 baud", " cstopb", " crtscts", " ixon ", " ixoff", " -icanon", " -echo ",
      "-opost", " -icrnl", " cs8", " clocal", " cread" } do
      assert.matches(word, now, 1, true)
    end
    port:set { baudrate = 1200, stopbits = 1, xonxoff = false, rtscts = false }
    now = stty()
    for _, word in ipairs { "speed 1200 baud", " -cstopb", " -crtscts", " -ixon", " -ixoff" } do
      assert.matches(word, now, 1, true)
    end
  end)

  it("raises what a pty does not take, and the settings before stay", function()
    port = rig.open(pair.a, { baudrate = 19200 })
    local e = failure(function() port.parity = "E" end)
    assert.equal("unsupported", e.code)
    assert.matches("parity E was asked for, N is in force", e.message, 1, true)
    e = failure(function() port:set { baudrate = 300, bytesize = 7 } end)
    assert.matches("bytesize 7 was asked for, 8 is in force", e.message, 1, true)
    assert.equal(19200, port.baudrate)
    assert.equal(8, port.bytesize)
    assert.matches("speed 19200 baud", output(assert(io.popen("stty -a -F " .. pair.a))))
  end)

  it("says unsupported, naming the part, for what a pty has not", function()
    port = rig.open(pair.a)
    for what, fn in pairs {
      ["modem signals"] = function() return port.cts end,
      ["modem signals "] = function() port.rts = false end,
      ["break"] = function() port:send_break(0.01) end,
      ["break "] = function() port.break_condition = true end,
      dsrdtr = function() port.dsrdtr = true end,
      low_latency = function() port.low_latency = true end,
      rs485 = function() port.rs485 = { rts_level_for_tx = true } end,
    } do
      local e = failure(fn)
      assert.equal("unsupported", e.code)
      assert.matches(what:match "^(.-) ?$", e.message, 1, true)
    end
    port:set { dsrdtr = false, low_latency = false, rs485 = false }
    assert.same({ parity = 0, framing = 0, overrun = 0, breaks = 0 }, port.errors)
  end)

  it("raises what a pty does not take at open too", function()
    for _, o in ipairs { { parity = "M" }, { bytesize = 5 }, { dtr = true }, { dsrdtr = true }, { rs485 = true } } do
      assert.equal("unsupported", failure(rig.open, pair.a, o).code)
    end
    port = rig.open(pair.a)                                 -- which nobody holds
  end)

  it("throws nothing away at open", function()
    local far <close> = rig.open(pair.b)
    far:write("banner\n")
    far:drain()
    port = rig.open(pair.a)
    assert.equal("banner", port:read_line())
  end)

  it("is busy while somebody has it, and says who", function()
    port = rig.open(pair.a)
    local e = failure(rig.open, pair.a)
    assert.equal("busy", e.code)
    assert.matches("is in use by this program", e.message, 1, true)
    assert.matches("exclusively lock port", output(python(
      "import serial, sys; serial.Serial(sys.argv[1], exclusive=True)", pair.a)))
    port:close()
    local other = python([[
import os, serial, sys, time
p = serial.Serial(sys.argv[1], exclusive=True)
print(os.getpid(), flush=True)
time.sleep(60)]], pair.a)
    local pid = other:read("l")
    e = failure(rig.open, pair.a)
    os.execute("kill " .. pid)
    other:close()
    assert.equal("busy", e.code)
    assert.matches("in use by python3, process " .. pid, e.message, 1, true)
    port = rig.open(pair.a)
  end)

  it("is shared with exclusive=false", function()
    port = rig.open(pair.a, { exclusive = false })
    local second <close> = rig.open(pair.a, { exclusive = false })
    assert.is_true(second.is_open)
  end)

  it("leaves the pty open to others after its close", function()
    port = rig.open(pair.a)
    port:close()
    assert.equal("0\n", output(python([[
import fcntl, os, struct, sys
f = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
print(struct.unpack("i", fcntl.ioctl(f, 0x80045440, bytes(4)))[0])]], pair.a)))    -- TIOCGEXCL
  end)

  it("raises closed at once when the other end goes", function()
    port = rig.open(pair.a)
    local reader = rig.spawn(function() return port:read(1, 30) end)
    rig.sleep(0)
    pair:hang_up()
    local e = failure(reader.join, reader)
    assert.equal("closed", e.code)
    assert.is_false(port.is_open)
    assert.equal("closed", failure(port.write, port, "x").code)
  end)

  it("goes on with reconnect when the same name comes again", function()
    port = rig.open(pair.a, { baudrate = 38400, reconnect = true, timeout = 10 })
    local reader = rig.spawn(function() return port:read_line() end)
    rig.sleep(0)
    pair:hang_up()
    pair = ptys.new(pair.dir)
    local far <close> = rig.open(pair.b)
    while not port.is_open do rig.sleep(0.01) end
    far:write("again\n")
    assert.equal("again", reader:join())
    assert.matches("speed 38400 baud", output(assert(io.popen("stty -a -F " .. pair.a))))
  end)

  it("names the nearest devices for one that is not there", function()
    local e = failure(rig.open, pair.dir .. "/c")
    assert.equal("not_found", e.code)
    assert.matches(("%s/c is not there; nearest: %s, %s"):format(pair.dir, pair.a, pair.b), e.message, 1, true)
    assert.equal("not_found", failure(rig.open, "/dev/ttyUSB77").code)
    assert.equal("10.0.0.5:5025 is not there; for TCP write socket://10.0.0.5:5025",
      failure(rig.open, "10.0.0.5:5025").message)
  end)

  it("refuses what is not a serial port", function()
    assert.matches("/dev/null is not a serial port", failure(rig.open, "/dev/null").message, 1, true)
    assert.matches("/tmp is a folder", failure(rig.open, "/tmp").message, 1, true)
    assert.equal("unsupported", failure(rig.open, "/dev/null").code)
    assert.equal("unsupported", failure(rig.open, "device:").code)
  end)

  it("names the group that may open it, and how to join", function()
    local root = output(assert(io.popen("id -u"))) == "0\n"
    if not root or not os.execute("command -v setpriv >/dev/null") then return pending("needs root and setpriv") end
    local tty = output(assert(io.popen("readlink -f " .. pair.a))):match("%S+")
    local script = pair.dir .. "/script.lua"
    local f = assert(io.open(script, "w"))
    f:write("local ok, e = pcall(require 'moonrig'.open, arg[1]) print(e.code, e.message)")
    f:close()
    -- through descriptors, because that user need not be able to reach our files
    local text = output(assert(io.popen(([[
chmod 644 %s; chgrp dialout %s; chmod 660 %s
exec 3<$(readlink /proc/$PPID/exe) 4<%s
exec setpriv --reuid=65534 --regid=65534 --clear-groups /proc/self/fd/3 /proc/self/fd/4 %s 2>&1]]):format(
      script, tty, tty, script, tty))))
    assert.matches("^permission\t", text)
    assert.matches(tty .. ': group dialout may; join it with "sudo usermod -aG dialout nobody" and log in again',
      text, 1, true)
  end)
end)
