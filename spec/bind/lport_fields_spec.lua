local rig = require "moonrig"

describe("the name of a field", function()
  local near, far
  before_each(function() near, far = rig.pair() end)
  after_each(function()
    near:close()
    far:close()
  end)

  local function message(name)
    local ok, err = pcall(function() return near[name] end)
    assert.is_false(ok)
    assert.equal("unsupported", err.code)
    return err.message
  end

  it("that is almost one of ours is put right", function()
    assert.matches('"readline"; it has "read_line"$', message "readline")
    assert.matches('it has "is_open"$', message "isOpen")
  end)

  it("from another library is translated", function()
    assert.matches('it has "flush_input"$', message "reset_input_buffer")
    assert.matches('it has "baudrate"$', message "baud")
  end)

  it("that is like none is not guessed", function()
    assert.matches('"foo"$', message "foo")
  end)

  it("is told when it means nothing on the transport, or gets no value", function()
    local name = os.tmpname()
    os.remove(name)
    local port <close> = rig.open("pty:" .. name)
    for _, field in ipairs { "cts", "dtr", "exclusive" } do
      local ok, err = pcall(function() return port[field] end)
      assert.is_false(ok)
      assert.matches(field .. " means nothing on a pty port$", err.message)
    end
    local _, err = pcall(function() near.timeout = nil end)
    assert.equal("timeout: expected a value, got nil", err.message)
  end)
end)

describe("lost", function()
  it("says why the other end went away, and takes nothing of what came before", function()
    local server
    local listener <close> = rig.listen("socket://127.0.0.1:0", function(port)
      server = port
      rig.sleep(math.huge)
    end)
    local port <close> = rig.open(listener.url)
    assert.is_nil(port.lost)
    while not server do rig.sleep(0.001) end
    server:write "12."
    server:close()
    while not port.lost do rig.sleep(0.001) end
    assert.matches("the peer closed the connection", port.lost, 1, true)
    assert.same({ true, 3, "12." }, { port.is_open, port.in_waiting, port:read(3) })
    port:close()
    assert.is_nil(port.lost)
  end)
end)

describe("in_waiting", function()
  it("counts what is there, and raises when no more will come", function()
    local near <close>, far = rig.pair()
    far:write "last"
    far:close()
    assert.equal(4, near.in_waiting)
    near:read(4)
    for _, port in ipairs { near, far } do
      local ok, err = pcall(function() return port.in_waiting end)
      assert.same({ false, "closed", "in_waiting" }, { ok, err.code, err.op })
    end
  end)
end)

describe("a closed port", function()
  it("says that it is closed", function()
    local port = rig.open "loop://"
    port:close()
    for _, method in ipairs { "read_line", "write", "drain", "flush_input", "send_break" } do
      local _, err = pcall(port[method], port, method == "write" and "x" or 1)
      assert.same({ "closed", "loop:// is closed" }, { err.code, err.message })
    end
  end)
end)

describe("an output signal", function()
  it("is unsupported on a driver that has none, read or set", function()
    local link = os.tmpname()
    os.remove(link)
    local master <close> = rig.open("pty:" .. link) -- luacheck: ignore master
    local device = rig.open(link)
    for _, name in ipairs { "dtr", "rts" } do
      for _, touch in ipairs { function() return device[name] end, function() device[name] = true end } do
        local _, err = pcall(touch)
        assert.same({ "unsupported", name == "dtr" }, { err.code, err.op == "dtr" })
      end
    end
    device:close()
  end)
end)

describe("set", function()
  it("changes all or nothing", function()
    local link = os.tmpname()
    os.remove(link)
    local master <close> = rig.open("pty:" .. link)
    local device <const> = rig.open(link)
    for _, port in ipairs { device, master } do
      local wrong = { { dtr = true }, { parity = "Q" }, { nonsense = 1 }, { exclusive = false }, { rs485 = true } }
      for _, bad in ipairs(wrong) do
        bad.baudrate, bad.timeout = 1200, 1
        local ok, err = pcall(port.set, port, bad)
        assert.same({ false, "unsupported" }, { ok, err.code })
        assert.same({ 9600, 5 }, { port.baudrate, port.timeout })
      end
    end
    device:close()
  end)
end)
