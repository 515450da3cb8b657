-- In the lab's VM: the device transport on the kernel's own drivers.
local rig = require "moonrig"
local cable = require "vm.cable"

local ALL = {}
for i = 0, 255 do ALL[#ALL + 1] = string.char(i) end
ALL = table.concat(ALL)

local function failure(fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok, "no error was raised")
  return e
end

-- What each chip refuses, as {setting, value, in force}.
local refused = {
  ftdi = { { "baudrate", 4000000, "9600" }, { "bytesize", 5, "8" }, { "bytesize", 6, "%d" } },
  pl2303 = {},
  cp210x = { { "baudrate", 31250, "38400" }, { "baudrate", 3000000, "1000000" } },
  acm = { { "rtscts", true, "off" } },
}

-- What each chip takes.
local taken = {
  ftdi = { bytesize = { 7, 8 }, baudrate = { 300, 31250, 115200, 250000, 3000000 } },
  pl2303 = { bytesize = { 5, 6, 7, 8 }, baudrate = { 300, 31250, 115200, 250000, 1000000 } },
  cp210x = { bytesize = { 5, 6, 7, 8 }, baudrate = { 300, 115200, 500000, 1000000 } },
  acm = { bytesize = { 5, 6, 7, 8 }, baudrate = { 300, 31250, 115200, 250000, 3000000 } },
}

for _, kind in ipairs { "ftdi", "pl2303", "cp210x", "acm" } do
  describe("device on " .. kind, function()
    local wire, a, b

    setup(function() wire = cable.new(kind, kind) end)
    teardown(function() wire:close() end)
    before_each(function()
      a = rig.open(wire.a, { baudrate = 115200, timeout = 5 })
      b = rig.open(wire.b, { baudrate = 115200, timeout = 5 })
    end)
    after_each(function()
      a:close()
      b:close()
    end)

    it("carries every byte value both ways", function()
      a:write(ALL, ALL)
      assert.equal(ALL .. ALL, b:read(512))
      b:write(ALL)
      assert.equal(ALL, a:read(256))
    end)

    it("takes what the chip can do, and the bytes arrive", function()
      for setting, values in pairs(taken[kind]) do
        for _, value in ipairs(values) do
          a[setting], b[setting] = value, value
          a:write("\1\2\31")
          assert.equal("\1\2\31", b:read(3), setting .. " " .. value)
        end
        a[setting], b[setting] = setting == "bytesize" and 8 or 115200, setting == "bytesize" and 8 or 115200
      end
    end)

    it("takes every parity and number of stop bits", function()
      for parity in ("EOMSN"):gmatch "." do
        for _, stopbits in ipairs { 2, 1.5, 1 } do
          a:set { parity = parity, stopbits = stopbits }
          b:set { parity = parity, stopbits = stopbits }
          a:write(ALL)
          assert.equal(ALL, b:read(256), parity .. stopbits)
        end
      end
      assert.equal(0, b.errors.parity + b.errors.framing)
    end)

    it("raises what the chip does not take, and leaves all as it was", function()
      for _, r in ipairs(refused[kind]) do
        local setting, value, force = table.unpack(r)
        local before = a[setting]
        local e = failure(function() a[setting] = value end)
        assert.equal("unsupported", e.code)
        assert.matches(setting .. " " .. tostring(value == true and "on" or value) .. " was asked for, " .. force ..
          " is in force", e.message)
        assert.equal(before, a[setting])
        a:write("still here")
        assert.equal("still here", b:read(10))
      end
      local e = failure(function() a:set { baudrate = 57600, dsrdtr = true } end)
      assert.equal("unsupported", e.code)
      a:write("and here")
      assert.equal("and here", b:read(8))
    end)

    it("raises what it does not take at open too", function()
      a:close()
      for _, r in ipairs(refused[kind]) do
        local e = failure(rig.open, wire.a, { [r[1]] = r[2] })
        assert.equal("unsupported", e.code)
        assert.matches(r[1], e.message)
      end
    end)

    local function shows(port, want)
      local ok = pcall(cable.wait_for, "signals", function()
        for name, level in pairs(want) do
          if port[name] ~= level then return false end
        end
        return true
      end)
      assert.is_true(ok, ("cts %s dsr %s cd %s ri %s"):format(port.cts, port.dsr, port.cd, port.ri))
    end

    local cts = kind ~= "acm" and function(level) return level end or function() return true end

    it("moves and sees modem signals", function()
      assert.is_true(a.dtr)
      assert.is_true(a.rts)
      shows(b, { cts = true, dsr = true, cd = true, ri = false })
      a.rts = false
      shows(b, { cts = cts(false), dsr = true, cd = true })
      a:set { rts = true, dtr = false }
      shows(b, { cts = true, dsr = false, cd = false })
      a:set { rts = false, dtr = true }
      shows(b, { cts = cts(false), dsr = true, cd = true })
      wire:command "ring 1 1"
      shows(b, { ri = true })
      wire:command "ring 1 0"
      shows(b, { ri = false })
    end)

    it("has the levels asked for from the open on", function()
      a:close()
      a = rig.open(wire.a, { dtr = false, rts = true })
      assert.is_false(a.dtr)
      assert.is_true(a.rts)
      shows(b, { cts = true, dsr = false })
    end)

    it("wakes for a change of signals, and pulses", function()
      shows(b, { dsr = true })
      local watcher = rig.spawn(function() return b:wait_signals({ "dsr" }, 5) end)
      rig.sleep(0.05)
      a.dtr = false
      watcher:join()
      assert.is_false(b.dsr)
      a:pulse("dtr", 0.2)
      assert.is_false(a.dtr)
    end)

    it("sends a break of the length asked for, which arrives and is counted", function()
      local t = rig.now()
      a:send_break(0.3)
      t = rig.now() - t
      assert.is_true(t > 0.29 and t < 0.5, "took " .. t)
      assert.equal("\0", b:read(1))
      cable.wait_for("the count", function() return b.errors.breaks == 1 end)
      a:write("after")
      assert.equal("after", b:read(5))
    end)

    it("sends a break after what was written before it", function()
      a.baudrate, b.baudrate = 9600, 9600
      a:write(("x"):rep(96))
      a.break_condition = true
      a.break_condition = false
      assert.equal(("x"):rep(96), b:read(96))
    end)

    it("counts parity errors and keeps the bytes", function()
      a.parity, b.parity = "E", "O"
      a:write("ABC\xff")
      assert.equal("ABC\xff", b:read(4))
      local least = kind == "acm" and 1 or 4 -- it tells of errors now and then, not of each
      cable.wait_for("the count", function() return b.errors.parity >= least end)
      b.parity = "E"
      a:write(ALL)
      assert.equal(ALL, b:read(256))
    end)

    it("drains for as long as the line needs", function()
      a.baudrate, b.baudrate = 9600, 9600
      local t = rig.now()
      a:write(("x"):rep(192))
      a:drain()
      t = rig.now() - t
      assert.is_true(t > 0.18 and t < 0.5, "took " .. t)
      assert.equal(0, a.out_waiting)
      assert.equal(192, #b:read(192, 1))
    end)

    if kind ~= "acm" then
      it("stops sending while the other end holds RTS off", function()
        a.rtscts = true
        b.rts = false
        shows(a, { cts = false })
        a:write(("x"):rep(2000))
        assert.equal("timeout", failure(a.drain, a, 0.5).code)
        assert.equal("timeout", failure(b.read, b, 1, 0.1).code)
        b.rts = true
        a:drain()
        assert.equal(2000, #b:read(2000))
      end)

      it("raises closed at once when the plug is pulled under a write", function()
        a:set { rtscts = true, write_timeout = 30 }
        b.rts = false
        shows(a, { cts = false })
        local writer = rig.spawn(function() a:write(("x"):rep(1000000)) end)
        rig.sleep(0.05)
        wire:command "unplug 0"
        local t = rig.now()
        local e = failure(writer.join, writer)
        assert.is_true(rig.now() - t < 1)
        assert.equal("closed", e.code)
        wire:unplug(0)
        wire.a = wire:plug(0)
      end)

      it("closes at once with bytes that cannot leave", function()
        a.rtscts = true
        b.rts = false
        shows(a, { cts = false })
        a:write(("x"):rep(2000))
        local t = rig.now()
        a:close()
        assert.is_true(rig.now() - t < 0.2)
        b.rts = true
        assert.equal(2000, #b:read(2000))
      end)
    end

    it("is opened by one alone", function()
      local e = failure(rig.open, wire.a)
      assert.equal("busy", e.code)
      assert.matches("in use by this program", e.message)
      local pipe = assert(io.popen("/usr/bin/python3 -c 'import serial,sys\ntry:\n serial.Serial(sys.argv[1], " ..
        "exclusive=True)\n print(\"opened\")\nexcept Exception as e: print(e)' " .. wire.a))
      assert.matches("exclusively lock", pipe:read("a"))
      pipe:close()
    end)

    it("raises closed at once when the plug is pulled under a read", function()
      local reader = rig.spawn(function() return b:read(1, 30) end)
      rig.sleep(0.05)
      wire:command "unplug 1"
      local t = rig.now()
      local e = failure(reader.join, reader)
      assert.is_true(rig.now() - t < 1)
      assert.equal("closed", e.code)
      assert.matches("unplugged", e.message)
      assert.is_false(b.is_open)
      assert.equal("closed", failure(b.write, b, "x").code)
      wire:unplug(1)
      assert.equal("not_found", failure(rig.open, wire.b).code)
      wire.b = wire:plug(1)
    end)

    it("finds the adapter again, with its settings and signals, and the read goes on", function()
      b:close()
      b = rig.open(wire.b, { baudrate = 57600, parity = "E", reconnect = true, timeout = 30 })
      b.rts = false
      local reader = rig.spawn(function() return b:read_line() end)
      rig.sleep(0.05)
      wire:unplug(1)
      -- its old name is taken, so that it comes back under another
      wire.b = wire:plug(1)
      cable.wait_for("the re-open", function() return b.is_open end)
      a:set { baudrate = 57600, parity = "E" }
      shows(a, { cts = cts(false), dsr = true })
      a:write("back again\n")
      assert.equal("back again", reader:join())
      assert.equal(57600, b.baudrate)
    end)
  end)
end

describe("device on a 16550A", function()
  it("takes what the UART can do and raises the rest", function()
    local a <close> = rig.open("/dev/ttyS1", { baudrate = 115200, timeout = 5 })
    local b <close> = rig.open("/dev/ttyS2", { baudrate = 115200, timeout = 5 })
    for bits = 5, 8 do
      a:set { bytesize = bits, parity = "E", stopbits = 2 }
      assert.equal(bits, a.bytesize)
    end
    a:set { parity = "N", stopbits = 1 }
    local e = failure(function() a.baudrate = 250000 end)
    assert.equal("unsupported", e.code)
    assert.matches("baudrate 250000 was asked for, 115200 is in force", e.message)
    a.low_latency = true
    assert.is_true(a.low_latency)
    a.low_latency = false
    assert.equal("unsupported", failure(function() a.rs485 = {} end).code)
    a:write(ALL)
    assert.equal(ALL, b:read(256))
  end)

  it("says that there is no UART behind a name", function()
    local e = failure(rig.open, "/dev/ttyS3")
    assert.equal("not_found", e.code)
    assert.matches("/dev/ttyS3: there is no device behind it", e.message)
  end)
end)

describe("hwgrep", function()
  it("opens by identity, and skips ports in use without touching them", function()
    local wire = cable.new("cp210x", "cp210x")
    local a <close> = rig.open("hwgrep://10C4:EA60&n=1")
    assert.equal(wire.a, a.name)
    local b <close> = rig.open("hwgrep://10C4:EA60&skip_busy&baudrate=19200")
    assert.equal(wire.b, b.name)
    assert.equal(19200, b.baudrate)
    a:close()
    b:close()
    wire:close()
  end)
end)
