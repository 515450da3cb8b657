--- A small /sys and /dev in a temporary folder, shaped as Linux 6 makes them, for specs that list ports.
local sysfs = {}
sysfs.__index = sysfs

local function quoted(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

function sysfs.new()
  local pipe = assert(io.popen("mktemp -d"))
  local root = pipe:read("l")
  pipe:close()
  local self = setmetatable({ root = root, sysfs = root .. "/sys", dev = root .. "/dev", script = {} }, sysfs)
  self:run("mkdir -p sys/class/tty dev")
  return self
end

--- Adds shell lines that build() runs in the root.
function sysfs:run(line, ...)
  self.script[#self.script + 1] = line:format(...)
end

function sysfs:file(dir, name, text)
  if text then self:run("printf '%%s\\n' %s > %s/%s", quoted(text), dir, name) end
end

--- One tty. `device` is the folder of the device behind it, under sys/devices; nil for a virtual tty.
-- opts: bus, driver, type, node (false: no entry in /dev)
function sysfs:tty(name, device, opts)
  opts = opts or {}
  local parent = device and "sys/devices/" .. device or "sys/devices/virtual"
  self:run("mkdir -p %s/tty/%s", parent, name)
  self:run('ln -s "$PWD/%s/tty/%s" sys/class/tty/%s', parent, name, name)
  if device then
    self:run('ln -s "$PWD/%s" %s/tty/%s/device', parent, parent, name)
    self:subsystem(parent, opts.bus, opts.driver)
  end
  self:file(parent .. "/tty/" .. name, "type", opts.type)
  if opts.node ~= false then self:run(": > dev/%s", name) end
end

function sysfs:subsystem(dir, bus, driver)
  self:run("mkdir -p sys/bus/%s/drivers/%s", bus, driver)
  self:run('ln -sfn "$PWD/sys/bus/%s" %s/subsystem', bus, dir)
  self:run('ln -sfn "$PWD/sys/bus/%s/drivers/%s" %s/driver', bus, driver, dir)
end

--- A USB device at `where` ("1-1"), attributes as in sysfs (idVendor, serial, ...).
function sysfs:usb(where, attributes)
  local dir = "sys/devices/usb1/" .. where
  self:run("mkdir -p %s", dir)
  for name, text in pairs(attributes) do self:file(dir, name, text) end
end

--- A tty on interface `number` of a USB device. `chip`: a usb-serial driver, or "cdc_acm".
function sysfs:usb_tty(name, where, number, chip, attributes)
  local interface = ("usb1/%s/%s:1.%d"):format(where, where, number)
  self:run("mkdir -p sys/devices/%s", interface)
  self:file("sys/devices/" .. interface, "bInterfaceNumber", ("%02x"):format(number))
  self:file("sys/devices/" .. interface, "interface", attributes and attributes.interface)
  if chip == "cdc_acm" then
    self:tty(name, interface, { bus = "usb", driver = chip })
  else
    self:tty(name, interface .. "/" .. name, { bus = "usb-serial", driver = chip })
    self:file(("sys/devices/%s/%s"):format(interface, name), "port_number",
      attributes and attributes.port_number or "0")
  end
end

--- A HID device on interface `number` of a USB device (nil: made in user space), with its hidraw node.
-- opts: vid, pid (hexadecimal, as text), serial, product
function sysfs:hidraw(name, where, number, opts)
  local vid, pid = opts.vid:upper(), opts.pid:upper()
  local parent = where and ("usb1/%s/%s:1.%d"):format(where, where, number) or "virtual/misc/uhid"
  local device = ("sys/devices/%s/0003:%s:%s.%s"):format(parent, vid, pid, name:match "%d+")
  self:run("mkdir -p %s/hidraw/%s sys/class/hidraw", device, name)
  self:run('ln -s "$PWD/%s/hidraw/%s" sys/class/hidraw/%s', device, name, name)
  self:run('ln -s "$PWD/%s" %s/hidraw/%s/device', device, device, name)
  self:subsystem(device, "hid", "hid-generic")
  self:file(device, "uevent", ("DRIVER=hid-generic\nHID_ID=0003:0000%s:0000%s\nHID_NAME=%s\nHID_PHYS=%s\nHID_UNIQ=%s")
    :format(vid, pid, opts.product or "", where and "usb-0000:00:14.0-" .. where .. "/input" .. number or "",
      opts.serial or ""))
  if where then self:file("sys/devices/" .. parent, "bInterfaceNumber", ("%02x"):format(number)) end
  self:run(": > dev/%s", name)
end

--- A tty is unplugged, or comes back under another name.
function sysfs:remove(name)
  self:run("rm -f sys/class/tty/%s dev/%s", name, name)
end

--- A null-modem lot of everything: what list and hwgrep are tried on.
function sysfs.zoo()
  local z = sysfs.new()
  z:tty("tty0")
  z:tty("console")
  z:tty("rfcomm0")
  z:tty("ttyS0", "pnp0/00:02", { bus = "pnp", driver = "serial", type = "4" })
  z:file("sys/devices/pnp0/00:02", "id", "PNP0501")
  z:tty("ttyS1", "platform/serial8250", { bus = "platform", driver = "serial8250", type = "0" })
  z:tty("ttyS4", "pci0/0000:00:03.0", { bus = "pci", driver = "serial", type = "4" })
  z:tty("ttyS2", "platform/fe215040.serial", { bus = "platform", driver = "bcm2835-aux-uart", type = "4" })
  z:tty("ttyAMA0", "platform/soc/fe201000.serial", { bus = "amba", driver = "uart-pl011", type = "32" })
  -- serial-core's own devices in between, as since Linux 6.5
  z:tty("ttyS3", "pnp0/00:05/00:05:0/00:05:0.0", { bus = "serial-base", driver = "port", type = "4" })
  z:subsystem("sys/devices/pnp0/00:05/00:05:0", "serial-base", "ctrl")
  z:subsystem("sys/devices/pnp0/00:05", "pnp", "serial")
  z:file("sys/devices/pnp0/00:05", "id", "PNP0500")
  z:usb("1-1", { idVendor = "0403", idProduct = "6001", serial = "A900ABCD", manufacturer = "FTDI",
    product = "FT232R USB UART", bNumInterfaces = " 1" })
  z:usb_tty("ttyUSB0", "1-1", 0, "ftdi_sio", { interface = "FT232R USB UART" })
  z:usb("1-2", { idVendor = "0403", idProduct = "6011", manufacturer = "FTDI", product = "Quad RS232-HS",
    bNumInterfaces = " 4" })
  for i = 0, 3 do
    z:usb_tty("ttyUSB" .. 9 + i, "1-2", i, "ftdi_sio", { interface = "Quad " .. string.char(65 + i) })
  end
  z:usb("1-3.1", { idVendor = "10c4", idProduct = "ea60", serial = "0001", product = "CP2102",
    bNumInterfaces = " 1" })
  z:usb_tty("ttyUSB1", "1-3.1", 0, "cp210x")
  z:usb("1-3.2", { idVendor = "10c4", idProduct = "ea60", serial = "0001", product = "CP2102",
    bNumInterfaces = " 1" })
  z:usb_tty("ttyUSB2", "1-3.2", 0, "cp210x")
  z:usb("1-4", { idVendor = "2341", idProduct = "0043", serial = "75", manufacturer = "Arduino",
    bNumInterfaces = " 2" })
  z:usb_tty("ttyACM0", "1-4", 0, "cdc_acm")
  z:usb("1-5", { idVendor = "067b", idProduct = "2303", bNumInterfaces = " 1" })
  z:usb_tty("ttyUSB5", "1-5", 0, "pl2303")
  z:run("rm dev/ttyUSB5")                      -- no node: nothing to open
  z:usb("1-6", {})
  z:usb_tty("ttyUSB6", "1-6", 0, "pl2303")     -- being unplugged: attributes are gone
  z:run('ln -s "$PWD/sys/devices/gone" sys/class/tty/ttyUSB7; : > dev/ttyUSB7')
  z:run("mkdir -p dev/serial/by-id dev/serial/by-path")
  z:run("ln -s ../../ttyUSB0 dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A900ABCD-if00-port0")
  z:run("ln -s ../../ttyUSB0 dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0")
  z:run("ln -s ttyUSB0 dev/psu")
  z:run("ln -s ttyS99 dev/dangling")
  return z:build()
end

function sysfs:build()
  assert(os.execute(("cd %s && { set -e\n%s\n}"):format(self.root, table.concat(self.script, "\n"))))
  self.script = {}
  return self
end

function sysfs:close()
  os.execute("rm -rf " .. self.root)
end

return sysfs
