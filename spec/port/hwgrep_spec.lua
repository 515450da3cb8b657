local core = require "moonrig.core"
local sysfs = require "support.sysfs"

describe("hwgrep://", function()
  local zoo, roots

  setup(function()
    zoo = sysfs.zoo()
    roots = { sysfs = zoo.sysfs, dev = zoo.dev }
  end)
  teardown(function() zoo:close() end)

  --- name of the port, options for it, warning
  local function resolve(url)
    local device, options, warning = core.hwgrep(url, roots)
    return device:match("[^/]+$"), options, warning
  end

  local function failure(url)
    local ok, e = pcall(core.hwgrep, url, roots)
    assert.is_false(ok, url)
    return e.code, e.message
  end

  it("searches device, description and hwid, upper and lower case alike", function()
    assert.equal("ttyACM0", (resolve "hwgrep://ACM"))
    assert.equal("ttyUSB0", (resolve "hwgrep://ft232r"))
    assert.equal("ttyUSB9", (resolve "hwgrep://vid:pid=0403:6011"))
    assert.equal("ttyUSB0", (resolve "hwgrep://SER=A900[A-Z]{4}\\b"))
    assert.equal("ttyS0", (resolve "hwgrep://^PNP0501$"))
  end)

  it("takes the first in natural order and says that others match", function()
    local name, _, warning = resolve "hwgrep://6011"
    assert.equal("ttyUSB9", name)
    assert.matches("took .*/ttyUSB9; .*/ttyUSB10, .*/ttyUSB11, .*/ttyUSB12 match too", warning)
  end)

  it("has no warning for a single match or with n", function()
    assert.is_nil((select(3, resolve "hwgrep://A900ABCD")))
    assert.is_nil((select(3, resolve "hwgrep://6011&n=2")))
  end)

  it("picks the n-th match, counted from 1", function()
    assert.equal("ttyUSB9", (resolve "hwgrep://6011&n=1"))
    assert.equal("ttyUSB10", (resolve "hwgrep://6011&n=2"))
    assert.equal("ttyUSB12", (resolve "hwgrep://6011&n=4"))
  end)

  it("knows the syntax of Python's re: look-around, groups, classes, lazy repeats", function()
    assert.equal("ttyUSB1", (resolve "hwgrep://^(?P<chip>CP\\d+)"))
    assert.equal("ttyUSB1", (resolve "hwgrep://ttyUSB(?!0)\\d&n=1"))
    assert.equal("ttyUSB0", (resolve "hwgrep://(?<=SER=)A9.*?CD"))
  end)

  it("ends the regex at & or at ?option=, and takes any other ? for the regex", function()
    assert.equal("ttyS0", (resolve "hwgrep://PNP?0501"))
    local name, options = resolve "hwgrep://A900ABCD?baudrate=115200&eol=%0D%0A"
    assert.equal("ttyUSB0", name)
    assert.same({ baudrate = "115200", eol = "\r\n" }, options)
    assert.equal("ttyUSB10", (resolve "hwgrep://6011?n=2"))
    assert.same({ parity = "E" }, (select(2, resolve "hwgrep://6011&n=3&parity=E")))
    -- SER is no option of a port
    assert.equal("not_found", (failure "hwgrep://6001?SER=A900ABCD"))
  end)

  it("raises with unique when several match", function()
    local code, message = failure "hwgrep://CP2102&unique"
    assert.equal("unsupported", code)
    assert.matches("2 ports match \"CP2102\".*ttyUSB1, .*ttyUSB2", message)
    assert.equal("ttyUSB0", (resolve "hwgrep://A900&unique"))
    assert.equal("ttyUSB1", (resolve "hwgrep://CP2102&unique=false"))
  end)

  it("leaves out busy ports without touching them", function()
    local f <close> = assert(io.open(zoo.dev .. "/ttyUSB1"))
    assert.equal("ttyUSB2", (resolve "hwgrep://CP2102&skip_busy"))
    assert.equal("ttyUSB2", (resolve "hwgrep://CP2102&skip_busy&unique"))
    local g <close> = assert(io.open(zoo.dev .. "/ttyUSB2"))
    local code, message = failure "hwgrep://CP2102&skip_busy"
    assert.equal("busy", code)
    assert.matches("all 2 ports that match \"CP2102\" are in use, the last of them by this program", message, 1, true)
    f:close()
    assert.equal("ttyUSB1", (resolve "hwgrep://CP2102&skip_busy"))
    g:close()
  end)

  it("says where a regex is wrong", function()
    local code, message = failure "hwgrep://USB(0"
    assert.equal("unsupported", code)
    assert.matches('bad regular expression "USB(0": missing closing parenthesis at its end', message, 1, true)
    assert.matches("at character 5", select(2, failure "hwgrep://a+b**+c"), 1, true)
  end)

  it("names the ports that are there when none matches", function()
    local code, message = failure "hwgrep://Keysight"
    assert.equal("not_found", code)
    assert.matches('no serial port matches "Keysight"; there are: .*/rfcomm0.* and %d+ more$', message)
  end)

  it("refuses a bad n, and one past the last match", function()
    for _, n in ipairs { "0", "-1", "x", "", "1.5" } do
      local code, message = failure("hwgrep://USB&n=" .. n)
      assert.equal("unsupported", code)
      assert.matches("option n=" .. n .. ": expected a whole number from 1", message, 1, true)
    end
    local code, message = failure "hwgrep://CP2102&n=3"
    assert.equal("not_found", code)
    assert.matches('n=3: only 2 match "CP2102"', message, 1, true)
  end)

  it("gives up on a regex that explodes", function()
    local code, message = failure "hwgrep://(x+x+)+y|(.*)*(.*)*(.*)*(.*)*$(?!)"
    assert.equal("unsupported", code)
    assert.matches("takes too long", message, 1, true)
  end)
end)
