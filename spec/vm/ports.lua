-- In the lab's VM: the list of ports beside pySerial's, on five drivers.
local core = require "moonrig.core"
local cable = require "vm.cable"

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("a")
  pipe:close()
  return text
end

describe("ports", function()
  local one, two

  setup(function()
    one, two = cable.new("ftdi", "pl2303"), cable.new("cp210x", "acm")
  end)
  teardown(function()
    one:close()
    two:close()
  end)

  it("prints what pySerial prints", function()
    local theirs = output("/usr/bin/python3 -m serial.tools.list_ports -v 2>/dev/null")
    assert.equal(theirs, output("build/moonrig ports -v"))
    local _, count = theirs:gsub("desc:", "")
    assert.is_true(count >= 8, theirs)
  end)

  it("names the driver of each", function()
    local drivers = {}
    for _, p in ipairs(core.list()) do drivers[p.name] = p.driver end
    assert.same({ ttyS0 = "serial", ttyS1 = "serial", ttyS2 = "serial", ttyS4 = "serial", ttyUSB0 = "ftdi_sio",
      ttyUSB1 = "pl2303", ttyUSB2 = "cp210x", ttyACM0 = "cdc_acm" }, drivers)
  end)

  it("knows the links of udev", function()
    assert.is_true(os.execute("vm-byid"))
    local p = core.list { links = true, pattern = "cp210x|CP2102" }[1]
    assert.same({ ("/dev/serial/by-id/usb-Silicon_Labs_CP2102_USB_to_UART_Bridge_Controller_%s-if00-port0")
      :format(two.serial[0]) }, p.links)
  end)

  it("survives a plug that is pulled while it lists", function()
    for _ = 1, 5 do
      one:command "unplug 0"
      for _ = 1, 10 do
        for _, p in ipairs(core.list { links = true }) do
          assert.is_string(p.hwid)
          assert.is_nil(p.hwid:match("FFFF"))
        end
      end
      one:plug(0)
    end
  end)
end)
