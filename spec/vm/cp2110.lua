-- In the lab's VM: cp2110:// on the kernel's own hidraw, with CP2110s made in user space (uhid/cp2110.c).
local core = require "moonrig.core"
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

--- One CP2110.
local chip = {}
chip.__index = chip
chip.__close = function(self) self:close() end
local count = 0

function chip.new(options)
  count = count + 1
  local base = "/tmp/chip" .. count
  local self = setmetatable({ fifo = base .. ".ctl", far = base .. ".far", log = base .. ".log", marked = 0 }, chip)
  local pipe = assert(io.popen(("/lab/cp2110 -c %s -f %s -l %s %s >/dev/null & echo $!"):format(self.fifo, self.far,
    self.log, options or "")))
  self.pid = pipe:read("l")
  pipe:close()
  local before = #core.list()
  cable.wait_for("the CP2110", function() return io.open(self.far) and #core.list() >= before end)
  return self
end

function chip:told()
  local f <close> = assert(io.open(self.log))
  return f:read("a")
end

--- What it was told since the last time.
function chip:news()
  local text = self:told()
  local new = text:sub(self.marked + 1)
  self.marked = #text
  return new
end

function chip:command(text)
  local fifo <close> = assert(io.open(self.fifo, "w"))
  local verb, at = "done " .. text:match "%a+", #self:told()
  fifo:write(text, "\n")
  fifo:flush()
  if text ~= "quit" then cable.wait_for(verb, function() return self:told():find(verb, at + 1, true) end) end
end

function chip:close()
  self:command "quit"
  cable.wait_for("the end of the CP2110", function() return not io.open("/proc/" .. self.pid .. "/cmdline") end)
end

local function node(serial)
  local ok, path = pcall(core.cp2110, "10c4:ea80:" .. serial)
  return ok and path
end

describe("cp2110", function()
  local it_, a, far

  setup(function()
    it_ = chip.new "-s A1"
    cable.wait_for("its node", function() return node "A1" end)
  end)
  teardown(function() it_:close() end)
  before_each(function()
    a = rig.open("cp2110://", { baudrate = 115200, timeout = 5 })
    far = rig.open(it_.far, { timeout = 5 })
    it_:news()
  end)
  after_each(function()
    a:close()
    far:close()
  end)

  it("carries every byte value both ways", function()
    a:write(ALL, ALL)
    assert.equal(ALL .. ALL, far:read(512))
    far:write(ALL)
    assert.equal(ALL, a:read(256))
    far:write("x")
    assert.equal("x", a:read(1))
    assert.equal("", it_:news())
  end)

  it("loses nothing of what is more than its FIFO", function()
    local data = ALL:rep(40)
    local writer = rig.spawn(function() a:write(data, 30) end)
    assert.equal(data, far:read(#data, 30))
    writer:join()
    assert.equal("", it_:news())
    writer = rig.spawn(function() far:write(data, 30) end)
    assert.equal(data, a:read(#data, 30))
    writer:join()
    assert.same({ parity = 0, framing = 0, overrun = 0, breaks = 0 }, a.errors)
  end)

  it("keeps the loop running while it writes slowly", function()
    a.baudrate = 9600
    local writer = rig.spawn(function() a:write(("x"):rep(1500)) end)
    local turns, worst, last = 0, 0, rig.now()
    while far.in_waiting < 1500 do
      rig.sleep(0.005)
      worst = math.max(worst, rig.now() - last)
      last = rig.now()
      turns = turns + 1
    end
    writer:join()
    assert.is_true(turns > 50, turns .. " turns")
    assert.is_true(worst < 0.2, "stood still for " .. worst)
    assert.equal(1500, #far:read(1500))
  end)

  it("is found by path, numbers and serial number, and listed", function()
    a:close()
    local path = node "A1"
    for _, url in ipairs { "cp2110://" .. path, "cp2110://10c4:ea80", "cp2110://10c4:ea80:A1", "hwgrep://10C4:EA80",
      core.list({ pattern = "SER=A1" })[1].device } do
      local p <close> = rig.open(url)
      assert.equal(path, p.name)
    end
    local pipe = assert(io.popen "build/moonrig ports -v EA80")
    assert.matches("^cp2110:///dev/hidraw%d+ *\n    desc: Silicon Laboratories CP2110 HID USB%-to%-UART Bridge\n" ..
      "    hwid: USB VID:PID=10C4:EA80 SER=A1\n$", pipe:read("a"))
    pipe:close()
  end)

  it("tells several apart", function()
    local b <close> = chip.new "-s B2"
    cable.wait_for("its node", function() return node "B2" end)
    local e = failure(rig.open, "cp2110://")
    assert.equal("unsupported", e.code)
    assert.matches("2 devices match; .*10c4:ea80:A1 %(/dev/hidraw%d+%), 10c4:ea80:B2 %(/dev/hidraw%d+%)", e.message)
    local p <close> = rig.open("cp2110://10c4:ea80:B2", { baudrate = 115200 })
    local other <close> = rig.open(b.far)
    p:write "second"
    assert.equal("second", other:read(6))
  end)

  it("puts settings in force as AN434 has them", function()
    a:set { baudrate = 9600, parity = "E", bytesize = 7, stopbits = 2 }
    assert.equal("config 9600 7E2 flow 0\n", it_:news())
    a.rtscts = true
    assert.equal("config 9600 7E2 flow 1\n", it_:news())
    for parity in ("OMSN"):gmatch "." do
      a.parity = parity
      assert.equal("config 9600 7" .. parity .. "2 flow 1\n", it_:news())
    end
    a:set { rtscts = false, bytesize = 5, stopbits = 1.5 }
    assert.equal("config 9600 5N2 flow 0\n", it_:news())
    for _, rate in ipairs { 300, 1200, 31250, 500000, 1000000 } do a.baudrate = rate end
    assert.matches("config 300 .*config 31250 .*config 1000000 5N2 flow 0\n$", it_:news())
  end)

  it("is turned on at open, and off again at close when it was", function()
    a:close()
    assert.equal("enable 0\n", it_:news())
    a = rig.open("cp2110://", { baudrate = 19200, parity = "O" })
    assert.equal("config 19200 8O1 flow 0\nenable 1\n", it_:news())
  end)

  it("stays on at close while bytes are to be sent", function()
    a.baudrate = 9600
    a:write(("x"):rep(300))
    local t = rig.now()
    a:close()
    assert.is_true(rig.now() - t < 0.2)
    assert.is_nil(it_:news():find("enable", 1, true))
    assert.equal(300, #far:read(300))
    a = rig.open("cp2110://")
    a:close() -- it was on
    assert.is_nil(it_:news():find("enable 0", 1, true))
    it_:command "unplug"
    it_:command "plug"
    cable.wait_for("its node", function() return node "A1" end)
  end)

  it("raises what is not in force as asked, and leaves all as it was", function()
    it_:command "alter 38400"
    local e = failure(function() a.baudrate = 31250 end)
    it_:command "alter 0"
    assert.equal("unsupported", e.code)
    assert.matches("/dev/hidraw%d+: baudrate 31250 was asked for, 38400 is in force %(CP2110%)", e.message)
    assert.equal(115200, a.baudrate)
    it_:command "alter 115384" -- as near as the part's clock allows: right
    a.baudrate = 115200
    it_:command "alter 0"
    a.baudrate = 115200
    a:write "still here"
    assert.equal("still here", far:read(10))
  end)

  it("raises a refusal, and what is out of its range", function()
    it_:command "refuse 1"
    local e = failure(function() a.parity = "E" end)
    it_:command "refuse 0"
    assert.equal("unsupported", e.code)
    assert.matches("the CP2110 refuses 115200 8E1", e.message, 1, true)
    assert.equal("N", a.parity)
    for _, rate in ipairs { 299, 1000001 } do
      e = failure(function() a.baudrate = rate end)
      assert.equal("unsupported", e.code)
      assert.matches("baudrate " .. rate .. ": a CP2110 has 300 to 1000000", e.message, 1, true)
      a:close()
      e = failure(rig.open, "cp2110://", { baudrate = rate })
      assert.matches("a CP2110 has 300 to 1000000", e.message, 1, true)
      a = rig.open("cp2110://")
    end
  end)

  it("raises what the part has not", function()
    for _, name in ipairs { "xonxoff", "dsrdtr", "low_latency", "dtr", "rts" } do
      local e = failure(function() a[name] = true end)
      assert.equal("unsupported", e.code, name)
      assert.matches(name .. " means nothing on a cp2110 port", e.message, 1, true)
    end
    for _, name in ipairs { "cts", "dsr", "ri", "cd" } do
      assert.equal("unsupported", failure(function() return a[name] end).code, name)
    end
  end)

  it("drains for as long as the line needs", function()
    a.baudrate = 9600
    local t = rig.now()
    a:write(("x"):rep(192))
    assert.is_true(a.out_waiting > 100)
    a:drain()
    t = rig.now() - t
    assert.is_true(t > 0.19 and t < 0.6, "took " .. t)
    assert.equal(0, a.out_waiting)
    assert.equal(192, #far:read(192, 1))
  end)

  it("drains until the last byte has left the line, not the FIFO", function()
    a.baudrate = 300
    local t = rig.now()
    a:write "xyz"
    a:drain()
    t = rig.now() - t
    assert.is_true(t > 0.095 and t < 0.3, "took " .. t)
    assert.equal("xyz", far:read(3, 0.5))
  end)

  it("stops sending while CTS is off, with rtscts", function()
    it_:command "cts 0"
    a.rtscts = true
    local e = failure(a.write, a, ("x"):rep(2000), 0.5)
    assert.equal("timeout", e.code)
    assert.is_true(e.written >= 350 and e.written <= 480, e.written)
    assert.equal("timeout", failure(a.drain, a, 0.3).code)
    assert.equal("timeout", failure(far.read, far, 1, 0.1).code)
    it_:command "cts 1"
    a:write(("x"):rep(2000 - e.written))
    a:drain()
    assert.equal(2000, #far:read(2000))
    assert.is_nil(it_:news():find("lost", 1, true))
    a.rtscts = false
  end)

  it("sends a break of the length asked for, after what was written", function()
    a.baudrate = 9600
    it_:news()
    local t = rig.now()
    a:write(("x"):rep(96))
    a:send_break(0.3)
    t = rig.now() - t
    assert.is_true(t > 0.39 and t < 0.8, "took " .. t)
    assert.equal("break 0\nbreak ends\n", it_:news())
    assert.equal(96, #far:read(96, 0))
    a.break_condition = true
    assert.equal("break 0\n", it_:news())
    assert.equal(0, a.errors.breaks) -- its own
    a.break_condition = false
    assert.equal("break ends\n", it_:news())
    a.break_condition = true
    a:close()
    assert.matches("^break 0\nbreak ends\n", it_:news())
  end)

  it("counts what the status tells", function()
    it_:command "parity"
    assert.equal(1, a.errors.parity)
    assert.equal(1, a.errors.parity)
    it_:command "overrun"
    it_:command "parity"
    it_:command "break 1"
    assert.same({ parity = 2, framing = 0, overrun = 1, breaks = 1 }, a.errors)
    assert.equal(1, a.errors.breaks)
    it_:command "break 0"
    assert.equal(1, a.errors.breaks)
    it_:command "parity"
    a:close()
    a = rig.open("cp2110://")
    assert.equal(0, a.errors.parity)
  end)

  it("flushes both ways", function()
    a.baudrate = 9600
    it_:news()
    a:write(("x"):rep(400))
    cable.wait_for("some of it", function() return far.in_waiting > 0 end)
    a:flush_output()
    assert.equal("purge 1\n", it_:news())
    a:drain()
    assert.is_true(#far:read_some(1000) < 300)
    far:write "old"
    cable.wait_for("it", function() return a.in_waiting == 3 end)
    a:flush_input()
    assert.equal("purge 2\n", it_:news())
    assert.equal(0, a.in_waiting)
    far:write "new"
    assert.equal("new", a:read(3))
  end)

  it("ignores reports that are no good", function()
    far:write "a"
    assert.equal("a", a:read(1))
    it_:command "junk"
    far:write "b"
    assert.equal("b", a:read(1))
  end)

  it("counts an overrun when the kernel's queue was full", function()
    a:set { window = 1024 }
    local data = ALL:rep(1100) -- more than the high-water mark and the queue together
    a.baudrate = 1000000
    far:write(data, 30)
    rig.sleep(1)
    local got = #a:read_some(1000000)
    while pcall(function() got = got + #a:read_some(1000000, 0.5) end) do rig.now() end
    assert.is_true(got >= 128 * 1024 and got < #data, got)
    assert.is_true(a.errors.overrun >= 1)
    far:write "on"
    assert.equal("on", a:read(2))
  end)

  it("is opened by one alone", function()
    local e = failure(rig.open, "cp2110://")
    assert.equal("busy", e.code)
    assert.matches("^/dev/hidraw%d+ is in use by this program$", e.message)
    assert.equal("busy", failure(rig.open, "hwgrep://EA80&skip_busy").code)
    a:close()
    local p <close> = rig.open("cp2110://?exclusive=0")
    local q <close> = rig.open("cp2110://?exclusive=0")
    assert.equal(p.name, q.name)
  end)

  it("tells a user without rights which udev rule gives them", function()
    a:close()
    local script = os.tmpname()
    local f <close> = assert(io.open(script, "w"))
    f:write [[print(select(2, require "moonrig".try_open "cp2110://"))]]
    f:flush()
    os.execute("chmod a+r " .. script)
    local pipe = assert(io.popen("setpriv --reuid=65534 --regid=65534 --clear-groups build/moonrig " .. script ..
      " 2>&1"))
    local text = pipe:read("a")
    pipe:close()
    os.remove(script)
    assert.matches("no permission to open /dev/hidraw", text, 1, true)
    assert.matches([[KERNEL=="hidraw*", ATTRS{idVendor}=="10c4", ATTRS{idProduct}=="ea80", GROUP="dialout", ]] ..
      [[MODE="0660"]], text, 1, true)
  end)

  it("raises closed at once when the plug is pulled under a read", function()
    local reader = rig.spawn(function() return a:read(1, 30) end)
    rig.sleep(0.05)
    local t = rig.now()
    it_:command "unplug"
    local e = failure(reader.join, reader)
    assert.is_true(rig.now() - t < 1)
    assert.equal("closed", e.code)
    assert.matches("the device was unplugged", e.message, 1, true)
    assert.is_false(a.is_open)
    assert.equal("closed", failure(a.write, a, "x").code)
    e = failure(rig.open, "cp2110://")
    assert.equal("not_found", e.code)
    assert.matches("no such device is plugged in", e.message, 1, true)
    it_:command "plug"
    cable.wait_for("its node", function() return node "A1" end)
  end)

  it("raises closed when the plug is pulled under a write", function()
    it_:command "cts 0"
    a.rtscts = true
    local writer = rig.spawn(function() a:write(("x"):rep(100000), 30) end)
    rig.sleep(0.1)
    it_:command "unplug"
    assert.equal("closed", failure(writer.join, writer).code)
    it_:command "cts 1"
    it_:command "plug"
    cable.wait_for("its node", function() return node "A1" end)
  end)

  it("finds the device again by its serial number, with its settings, and read and write go on", function()
    a:close()
    a = rig.open("cp2110://", { baudrate = 57600, parity = "E", reconnect = true, timeout = 30 })
    local reader = rig.spawn(function() return a:read_line() end)
    rig.sleep(0.05)
    it_:command "unplug"
    local b <close> = chip.new "-s B2"
    cable.wait_for("its node", function() return node "B2" end) -- takes the name that A1 had
    assert.is_truthy(b)
    it_:news()
    it_:command "plug"
    local again = "config 57600 8E1 flow 0\nenable 1\n"
    cable.wait_for("the re-open", function() return it_:told():find(again, it_.marked + 1, true) end)
    assert.equal(node "A1", a.name)
    far:write "back again\n"
    assert.equal("back again", reader:join())
    a:write "there\n"
    assert.equal("there", far:read_line())
    it_:command "unplug"
    local writer = rig.spawn(function() a:write "meanwhile\n" end)
    rig.sleep(0.05)
    it_:command "plug"
    writer:join()
    assert.equal("meanwhile", far:read_line())
  end)

  it("raises when the device has died without being unplugged", function()
    it_:command "dead 1"
    local t = rig.now()
    local e = failure(function() a.baudrate = 9600 end)
    assert.equal("closed", e.code)
    assert.is_true(rig.now() - t < 12)
    it_:command "dead 0"
    a.baudrate = 9600
    a:write "again"
    assert.equal("again", far:read(5))
  end)

  it("takes other numbers, and refuses a HID device that is none of these parts", function()
    local b <close> = chip.new "-s M1 -i 1234:abcd"
    cable.wait_for("its node", function() return pcall(core.cp2110, "1234:abcd") end)
    local p = rig.open("cp2110://1234:abcd", { baudrate = 115200 })
    local other <close> = rig.open(b.far)
    p:write "x"
    assert.equal("x", other:read(1))
    p:close()
    local c <close> = chip.new "-s M2 -i 1234:abce -n 0c"
    cable.wait_for("its node", function() return pcall(core.cp2110, "1234:abce") end)
    assert.is_truthy(c)
    local e = failure(rig.open, "cp2110://1234:abce")
    assert.equal("unsupported", e.code)
    assert.matches("is another HID device, not a CP2110 or CP2114", e.message, 1, true)
  end)

  it("serves a bridge, with settings from its clients", function()
    a:close()
    local bridge = rig.bridge { port = "cp2110://?baudrate=115200", listen = { "rfc2217://127.0.0.1:0" }, quiet = true }
    cable.wait_for("the device", function() return bridge:status().state == "open" end)
    local client <close> = rig.open(bridge.urls[1], { baudrate = 19200, parity = "E", timeout = 10 })
    assert.matches("config 19200 8E1 flow 0\n", it_:news(), 1, true)
    client:write(ALL)
    assert.equal(ALL, far:read(256))
    far:write(ALL)
    assert.equal(ALL, client:read(256))
    client:send_break(0.1)
    cable.wait_for("the break", function() return it_:told():find("break ends\n", 1, true) end)
    client:close()
    bridge:close()
  end)
end)
