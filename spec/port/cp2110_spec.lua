-- cp2110:// as far as it needs no device: which one a URL means, errors, and the bytes of its reports (AN434).
-- What needs one is in spec/vm/cp2110.lua.
local core = require "moonrig.core"
local rig = require "moonrig"
local sysfs = require "support.sysfs"

local codec = core.codec

local function failure(fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok, "no error was raised")
  return e
end

--- A /sys with CP2110s of these serial numbers ("" none), between a mouse and a CP2112 of the same maker.
local function machine(...)
  local z = sysfs.new()
  z:usb("1-1", { idVendor = "046d", idProduct = "c077", busnum = "1", devnum = "2" })
  z:hidraw("hidraw0", "1-1", 0, { vid = "046d", pid = "c077", product = "Mouse" })
  z:usb("1-2", { idVendor = "10c4", idProduct = "ea90", busnum = "1", devnum = "3" })
  z:hidraw("hidraw1", "1-2", 0, { vid = "10c4", pid = "ea90", serial = "0001", product = "CP2112 HID I2C" })
  for i, serial in ipairs { ... } do
    local where = "1-" .. i + 2
    z:usb(where, { idVendor = "10c4", idProduct = "ea80", serial = serial ~= "" and serial or nil,
      bNumInterfaces = " 1", manufacturer = "Silicon Laboratories", product = "CP2110 Bridge", busnum = "1",
      devnum = tostring(72 + i) })
    z:hidraw("hidraw" .. i + 7, where, 0, { vid = "10c4", pid = "ea80", serial = serial, product = "CP2110 Bridge" })
  end
  return z:build()
end

describe("cp2110://", function()
  local zoo, roots

  local function made(...)
    if zoo then zoo:close() end
    zoo = machine(...)
    roots = { sysfs = zoo.sysfs, dev = zoo.dev }
  end
  after_each(function()
    if zoo then zoo:close() end
    zoo = nil
  end)

  local function found(rest) return core.cp2110(rest, roots):match "[^/]+$" end
  local function refused(rest)
    local e = failure(core.cp2110, rest, roots)
    return e.code, e.message
  end

  it("is a path as it stands", function()
    assert.equal("/dev/hidraw3", core.cp2110 "/dev/hidraw3")
    assert.equal("/dev/by-name/meter", core.cp2110 "/dev/by-name/meter")
  end)

  it("takes the only one, and leaves other HID devices alone", function()
    made "00A1"
    assert.equal("hidraw8", found "")
    assert.equal("hidraw8", found "10c4")
    assert.equal("hidraw8", found "10c4:ea80")
    assert.equal("hidraw8", found "10C4:EA80:")
    assert.equal("hidraw8", found "10c4:ea80:00a1")
  end)

  it("finds one of several by its serial number", function()
    made("00A1", "00A2", "")
    assert.equal("hidraw8", found "10c4:ea80:00A1")
    assert.equal("hidraw9", found "10c4:ea80:00A2")
  end)

  it("lists those that match when there are several", function()
    made("00A1", "00A2", "")
    for _, rest in ipairs { "", "10c4", "10c4:ea80" } do
      local code, message = refused(rest)
      assert.equal("unsupported", code)
      assert.matches("cp2110://" .. rest .. ": 3 devices match; write the serial number or the path of one: ",
        message, 1, true)
      assert.matches(("10c4:ea80:00A1 (%s/hidraw8), 10c4:ea80:00A2 (%s/hidraw9), 10c4:ea80 (%s/hidraw10)")
        :format(zoo.dev, zoo.dev, zoo.dev), message, 1, true)
    end
  end)

  it("says that there is none, and which are there", function()
    made()
    local code, message = refused ""
    assert.equal("not_found", code)
    assert.matches("cp2110://: no such device is plugged in; CP2110s there: none; one with numbers of its maker's own",
      message, 1, true)
    made "00A1"
    code, message = refused "10c4:ea80:00A2"
    assert.equal("not_found", code)
    assert.matches("CP2110s there: 10c4:ea80:00A1 (", message, 1, true)
  end)

  it("finds parts with numbers of their maker's own by these", function()
    made "00A1"
    assert.equal("hidraw0", found "046d")
    assert.equal("hidraw0", found "046d:c077")
    assert.equal("hidraw1", found "10c4:ea90:0001")
  end)

  it("takes pySerial's BUS:DEV:IF", function()
    made("00A1", "00A2")
    assert.equal("hidraw8", found "0001:0049:00")
    assert.equal("hidraw9", found "0001:004a:00")
    assert.equal("not_found", (refused "0001:004a:01"))
    assert.equal("not_found", (refused "0002:004a:00"))
  end)

  it("refuses what is none of these", function()
    for _, rest in ipairs { "hidraw3", "g", "10c4:xyz", "10c4ea80", "10c4:ea80f", ":ea80", "localhost:80x" } do
      local e = failure(core.cp2110, rest)
      assert.equal("unsupported", e.code, rest)
      assert.matches("expected cp2110:///dev/hidrawN, cp2110://VID:PID:SERIAL", e.message, 1, true)
    end
  end)

  it("is in the list of ports, with what opens it", function()
    made("00A1", "")
    local ports = core.list(roots)
    assert.equal(2, #ports)
    local p = ports[1]
    assert.equal("cp2110://" .. zoo.dev .. "/hidraw8", p.device)
    assert.equal("hidraw8", p.name)
    assert.equal("CP2110 Bridge", p.description)
    assert.equal("USB VID:PID=10C4:EA80 SER=00A1 LOCATION=1-3", p.hwid)
    assert.equal("00A1", p.serial_number)
    assert.equal(0xea80, p.pid)
    assert.equal("hid-generic", p.driver)
    assert.equal("USB VID:PID=10C4:EA80 LOCATION=1-4", ports[2].hwid)
    assert.equal("hidraw8", core.list({ sysfs = zoo.sysfs, dev = zoo.dev, pattern = "SER=00A1" })[1].name)
  end)

  it("is in the list without USB below it, too", function()
    local z = sysfs.new()
    z:hidraw("hidraw2", nil, nil, { vid = "10c4", pid = "eab0", serial = "X9", product = "Silabs CP2114" })
    z:build()
    local p = core.list({ sysfs = z.sysfs, dev = z.dev })[1]
    z:close()
    assert.equal("Silabs CP2114", p.description)
    assert.equal("USB VID:PID=10C4:EAB0 SER=X9", p.hwid)
    assert.equal("hid:10c4:eab0:X9", p.identity)
  end)

  it("is left out by hwgrep's skip_busy while somebody has it", function()
    made("00A1", "00A2")
    local f <close> = assert(io.open(zoo.dev .. "/hidraw8"))
    assert.equal("hidraw9", core.hwgrep("hwgrep://EA80&skip_busy", roots):match "[^/]+$")
    f:close()
    assert.equal("hidraw8", core.hwgrep("hwgrep://EA80&skip_busy", roots):match "[^/]+$")
  end)

  it("says at open what is wrong", function()
    local e = failure(rig.open, "cp2110:///dev/hidraw99")
    assert.equal("not_found", e.code)
    assert.matches("/dev/hidraw99: No such file or directory; CP2110s there: ", e.message, 1, true)
    e = failure(rig.open, "cp2110:///dev/null")
    assert.equal("unsupported", e.code)
    assert.equal("/dev/null is not a hidraw device, through which a CP2110 is reached", e.message)
    assert.equal("unsupported", failure(rig.open, "cp2110:///etc/passwd").code)
    assert.equal("not_found", failure(rig.open, "cp2110://ffff:ffff:none").code)
  end)

  it("refuses options that the part has not", function()
    for _, option in ipairs { "xonxoff", "dsrdtr", "rs485", "low_latency", "dtr", "rts" } do
      local e = failure(rig.open, "cp2110://?" .. option .. "=1")
      assert.equal("unsupported", e.code)
      assert.matches('option "' .. option:gsub("^[dr]t[rs]$", "dtr/rts") .. '" means nothing for cp2110://', e.message,
        1, true)
    end
    assert.matches("unknown option \"speed\" for cp2110://", failure(rig.open, "cp2110://?speed=1").message, 1, true)
  end)
end)

describe("the reports of a CP2110:", function()
  it("settings", function()
    assert.equal("\x50\0\0\x25\x80\0\0\3\0", codec.cp2110_config(9600, 8, "N", 1, false))
    assert.equal("\x50\0\1\xc2\0\2\1\2\1", codec.cp2110_config(115200, 7, "E", 2, true))
    assert.equal("\x50\0\x0f\x42\x40\1\0\0\1", codec.cp2110_config(1000000, 5, "O", 1.5, false))
    assert.equal("\x50\0\0\1\x2c\3\0\3\0", codec.cp2110_config(300, 8, "M", 1, false))
    assert.equal("\x50\0\0\1\x2c\4\0\3\0", codec.cp2110_config(300, 8, "S", 1, false))
  end)

  it("settings, read", function()
    assert.same({ 115200, 7, "E", 2.0, true }, { codec.cp2110_read_config "\x50\0\1\xc2\0\2\1\2\1" })
    assert.same({ 1000000, 5, "O", 1.5, false }, { codec.cp2110_read_config "\x50\0\x0f\x42\x40\1\0\0\1" })
    assert.same({ 4294967295, 8, "S", 1.0, false },
      { codec.cp2110_read_config("\x50\xff\xff\xff\xff\4\0\3\0" .. ("\0"):rep(55)) })
    for bits = 5, 8 do
      for parity in ("NOEMS"):gmatch "." do
        local stopbits = bits == 5 and 1.5 or 2
        assert.same({ 300, bits, parity, stopbits, false },
          { codec.cp2110_read_config(codec.cp2110_config(300, bits, parity, stopbits, false)) })
      end
    end
  end)

  it("settings that no part has are refused", function()
    for _, bytes in ipairs { "", "\x50", "\x50\0\0\x25\x80\0\0\3", "\x51\0\0\x25\x80\0\0\3\0",
      "\x50\0\0\x25\x80\5\0\3\0", "\x50\0\0\x25\x80\0\2\3\0", "\x50\0\0\x25\x80\0\0\4\0",
      "\x50\0\0\x25\x80\0\0\3\2" } do
      assert.is_nil(codec.cp2110_read_config(bytes))
    end
  end)

  it("status", function()
    assert.same({ 480, 258, true, false, false }, { codec.cp2110_read_status "\x42\x01\xe0\x01\x02\x01\x00" })
    assert.same({ 0, 0, false, true, true }, { codec.cp2110_read_status "\x42\0\0\0\0\2\1" })
    assert.is_nil(codec.cp2110_read_status "\x42\0\0\0\0\2")
    assert.is_nil(codec.cp2110_read_status "\x41\0\0\0\0\2\1")
  end)

  it("data", function()
    assert.equal("\5hello", codec.cp2110_data "hello")
    assert.equal("\63" .. ("x"):rep(63), codec.cp2110_data(("x"):rep(64)))
    assert.equal("hello", codec.cp2110_read_data "\5hello")
    assert.equal("hello", codec.cp2110_read_data("\5hello" .. ("\0"):rep(58)))
    assert.equal(("x"):rep(63), codec.cp2110_read_data("\63" .. ("x"):rep(63)))
  end)

  it("data that is less than its number, or no data", function()
    for _, report in ipairs { "", "\0", "\5", "\5hell", "\0hello", "\64" .. ("x"):rep(64), "\x50" .. ("x"):rep(200),
      "\xffx" } do
      assert.equal("", codec.cp2110_read_data(report))
    end
  end)
end)
