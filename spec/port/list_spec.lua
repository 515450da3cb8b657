local core = require "moonrig.core"
local sysfs = require "support.sysfs"

local function by_name(list)
  local t = {}
  for _, p in ipairs(list) do t[p.name] = p end
  return t
end

describe("core.list", function()
  local zoo, list, ports

  setup(function()
    zoo = sysfs.zoo()
    list = core.list { sysfs = zoo.sysfs, dev = zoo.dev, links = true }
    ports = by_name(list)
  end)
  teardown(function() zoo:close() end)

  it("finds every kind of port, in natural order", function()
    local names = {}
    for i, p in ipairs(list) do names[i] = p.name end
    assert.same({ "rfcomm0", "ttyACM0", "ttyAMA0", "ttyS0", "ttyS2", "ttyS3", "ttyS4", "ttyUSB0", "ttyUSB1",
      "ttyUSB2", "ttyUSB9", "ttyUSB10", "ttyUSB11", "ttyUSB12" }, names)
  end)

  it("leaves out terminals, 8250 places without a UART, ports without a node and ports that go", function()
    for _, name in ipairs { "tty0", "console", "ttyS1", "ttyUSB5", "ttyUSB6", "ttyUSB7" } do
      assert.is_nil(ports[name], name)
    end
  end)

  it("gives all fields of a USB adapter", function()
    local p = ports.ttyUSB0
    assert.same({
      device = zoo.dev .. "/ttyUSB0", name = "ttyUSB0", description = "FT232R USB UART - FT232R USB UART",
      hwid = "USB VID:PID=0403:6001 SER=A900ABCD LOCATION=1-1", vid = 0x0403, pid = 0x6001,
      serial_number = "A900ABCD", location = "1-1", manufacturer = "FTDI", product = "FT232R USB UART",
      interface = "FT232R USB UART", driver = "ftdi_sio", identity = "usb:0403:6001:A900ABCD:0.0",
      links = { zoo.dev .. "/serial/by-id/usb-FTDI_FT232R_USB_UART_A900ABCD-if00-port0",
        zoo.dev .. "/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0", zoo.dev .. "/psu" },
    }, p)
  end)

  it("names the interface in the location of an adapter with several", function()
    assert.equal("USB VID:PID=0403:6011 LOCATION=1-2:1.3", ports.ttyUSB12.hwid)
    assert.equal("Quad RS232-HS - Quad D", ports.ttyUSB12.description)
    assert.is_nil(ports.ttyUSB12.serial_number)
    assert.equal("1-4:1.0", ports.ttyACM0.location)
    assert.equal("cdc_acm", ports.ttyACM0.driver)
    assert.equal("ttyACM0", ports.ttyACM0.description)
  end)

  it("describes ports that are not USB", function()
    local function told(name) return { ports[name].description, ports[name].hwid, ports[name].driver } end
    assert.same({ "ttyS0", "PNP0501", "serial" }, told "ttyS0")
    assert.same({ "ttyS3", "PNP0500", "serial" }, told "ttyS3")
    assert.same({ "ttyS2", "fe215040.serial", "bcm2835-aux-uart" }, told "ttyS2")
    assert.same({ "ttyAMA0", "fe201000.serial", "uart-pl011" }, told "ttyAMA0")
    assert.same({ "n/a", "n/a", "serial" }, told "ttyS4")
    assert.same({ "n/a", "n/a" }, told "rfcomm0")
  end)

  it("has no links unless asked", function()
    assert.is_nil(core.list { sysfs = zoo.sysfs, dev = zoo.dev }[1].links)
  end)

  it("filters by a pattern", function()
    local found = core.list { sysfs = zoo.sysfs, dev = zoo.dev, pattern = "cp2102" }
    assert.same({ "ttyUSB1", "ttyUSB2" }, { found[1].name, found[2].name })
    assert.equal(2, #found)
  end)

  it("says where it looked when there is no sysfs", function()
    local ok, e = pcall(core.list, { sysfs = "/nonexistent" })
    assert.is_false(ok)
    assert.equal("not_found", e.code)
    assert.matches("/nonexistent/class/tty", e.message, 1, true)
  end)
end)

describe("core.list_find", function()
  local zoo

  before_each(function() zoo = sysfs.zoo() end)
  after_each(function() zoo:close() end)

  local function find(identity, location)
    local p = core.list_find(identity, location, { sysfs = zoo.sysfs, dev = zoo.dev })
    return p and p.name
  end

  it("finds an adapter under another name", function()
    local id = by_name(core.list { sysfs = zoo.sysfs, dev = zoo.dev }).ttyUSB0.identity
    zoo:remove "ttyUSB0"
    zoo:usb("1-7", { idVendor = "0403", idProduct = "6001", serial = "A900ABCD" })
    zoo:usb_tty("ttyUSB3", "1-7", 0, "ftdi_sio")
    zoo:build()
    assert.equal("ttyUSB3", find(id, "1-1"))
  end)

  it("tells channels apart, and adapters without a serial number by their place", function()
    assert.equal("ttyUSB11", find "usb:0403:6011:at 1-2:2.0")
    assert.is_nil(find "usb:0403:6011:at 1-9:2.0")
  end)

  it("prefers the old place among clones with one serial number", function()
    local id = "usb:10c4:ea60:0001:0.0"
    assert.equal("ttyUSB2", find(id, "1-3.2"))
    assert.equal("ttyUSB1", find(id, "1-3.1"))
    assert.equal("ttyUSB1", find(id, "1-3.4"))
    zoo:remove "ttyUSB1"
    zoo:build()
    assert.equal("ttyUSB2", find(id, "1-3.1"))
  end)

  it("finds nothing where the adapter is away", function()
    zoo:remove "ttyUSB0"
    zoo:build()
    assert.is_nil(find "usb:0403:6001:A900ABCD:0.0")
  end)
end)

describe("core.list_nearest", function()
  local zoo, roots

  setup(function()
    zoo = sysfs.zoo()
    roots = { sysfs = zoo.sysfs, dev = zoo.dev }
  end)
  teardown(function() zoo:close() end)

  it("names the most similar ports first", function()
    local function dev(...) return "; nearest: " .. zoo.dev .. "/" ..
      table.concat({ ... }, ", " .. zoo.dev .. "/") .. " (and 11 more)" end
    assert.equal(dev("ttyUSB0", "ttyUSB1", "ttyUSB2"), core.list_nearest(zoo.dev .. "/ttyUSB7", roots))
    assert.equal(dev("ttyACM0", "ttyAMA0", "ttyUSB1"), core.list_nearest(zoo.dev .. "/ttyacm1", roots))
  end)

  it("looks at the devices of the folder that was named, where it is not /dev", function()
    os.execute(("mkdir -p %s/links && ln -s /dev/null %s/links/psu-final"):format(zoo.root, zoo.root))
    assert.equal(("; nearest: %s/links/psu-final"):format(zoo.root),
      core.list_nearest(zoo.root .. "/links/psu", roots))
  end)

  it("says when there is no port at all", function()
    local bare <close> = setmetatable({ s = sysfs.new():build() }, { __close = function(t) t.s:close() end })
    assert.equal("; this machine has no serial ports",
      core.list_nearest(bare.s.dev .. "/ttyUSB0", { sysfs = bare.s.sysfs, dev = bare.s.dev }))
  end)
end)

describe("core.list on this machine", function()
  -- Since Linux 6.5 pySerial meets serial-core's own devices and says n/a; we look behind them.
  local behind_serial_base = [[
import os
from serial.tools.list_ports import comports
for p in sorted(comports()):
    if os.path.basename(os.path.realpath('/sys/class/tty/%s/device/subsystem' % p.name)) != 'serial-base':
        print('|'.join(str(x) for x in (p.device, p.name, p.description, p.hwid, p.vid, p.pid, p.serial_number,
            p.location, p.manufacturer, p.product, p.interface)))
]]
  it("has every port of pySerial with the same fields", function()
    if not os.execute("/usr/bin/python3 -c 'import serial' 2>/dev/null") then
      return pending("python3-serial is not installed")
    end
    local ours = by_name(core.list())
    local pipe = assert(io.popen("/usr/bin/python3 -c \"" .. behind_serial_base .. "\""))
    for line in pipe:lines() do
      local p = ours[line:match("^[^|]*|([^|]*)|")]
      assert.is_table(p, line)
      local fields = {}
      for i, k in ipairs { "device", "name", "description", "hwid", "vid", "pid", "serial_number", "location",
        "manufacturer", "product", "interface" } do
        fields[i] = p[k] == nil and "None" or tostring(p[k])
      end
      assert.equal(line, table.concat(fields, "|"))
    end
    assert.is_true(pipe:close())
  end)
end)

describe("core.owner", function()
  it("names this program, another process, or nobody", function()
    local path = os.tmpname()
    assert.is_nil(core.owner(path))
    local f <close> = assert(io.open(path))
    assert.equal("this program", core.owner(path))
    f:close()
    local child = assert(io.popen("exec 3<" .. path .. "; echo $$; exec sleep 60"))
    local pid = child:read("l")
    local who = core.owner(path)
    os.execute("kill " .. pid)
    child:close()
    assert.matches("^%a+, process " .. pid .. "$", who)
    assert.is_nil(core.owner(path))
    os.remove(path)
  end)
end)
