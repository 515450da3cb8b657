local rig = require "moonrig"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("an option from a table", function()
  it("takes a float that is a whole number", function()
    local port <close> = rig.open("loop://", { baudrate = 19200.0, stopbits = 2.0 })
    assert.same({ 19200, 2 }, { port.baudrate, port.stopbits })
  end)

  it("may hold zero bytes, as may one of the URL", function()
    local port <close> = rig.open("loop://", { eol = "\0" })
    port:write("a\0b\0x")
    assert.equal("a", port:read_line())
    port.eol = "\0x"
    assert.equal("b", port:read_line())
    local other <close> = rig.open("loop://?eol=%00%0A")
    assert.equal("\0\n", other.eol)
  end)

  it("of a wrong type is refused by name", function()
    local wrong = { timeout = { true, {}, print }, baudrate = { true, {}, 9600.5 }, eol = { 5, true, {} },
      parity = { 5, true }, xonxoff = { 7, "maybe" } }
    for name, values in pairs(wrong) do
      for _, value in ipairs(values) do
        local err = fails(rig.open, "loop://", { [name] = value })
        assert.equal("unsupported", err.code)
        assert.matches(name, err.message)
      end
    end
  end)

  it("goes to both ends of a pair", function()
    local near <close>, far = rig.pair { timeout = 0.01, eol = ";" }
    near:write("a;")
    assert.same({ 0.01, 0.01, "a" }, { near.timeout, far.timeout, far:read_line() })
    assert.matches("baud", fails(rig.pair, { baud = 1 }).message)
  end)
end)

describe("an argument of a wrong type", function()
  it("is named with what it should be and what it is", function()
    local near <close> = rig.pair()
    assert.matches("read: argument 1: expected a number of bytes.*, got number %-1$",
      fails(near.read, near, -1).message)
    assert.matches('write: argument 2: .*got nil$', fails(near.write, near, "a", nil, "b").message)
    assert.matches('got string "5"$', fails(near.read, near, "5").message)
    assert.equal("unsupported", fails(rig.sleep).code)
    assert.equal("unsupported", fails(rig.group).code)
  end)
end)

describe("a failed open", function()
  it("tells url and op, whoever tells it", function()
    for _, url in ipairs { "", "nonsense://x", "/dev/not-there", "socket://127.0.0.1" } do
      local raised = fails(rig.open, url)
      local given, returned = rig.try_open(url)
      assert.is_nil(given)
      assert.same({ url, "open", raised.code }, { raised.url, raised.op, returned.code })
      assert.same({ url, "open", raised.message }, { returned.url, returned.op, returned.message })
    end
  end)
end)

describe("a port that the script has dropped", function()
  it("does not keep the device busy", function()
    local link = os.tmpname()
    os.remove(link)
    local master <close> = rig.open("pty:" .. link) -- luacheck: ignore master
    for i = 1, 3 do rig.open(link):write(tostring(i)) end
    assert.equal("123", master:read(3))
  end)
end)
