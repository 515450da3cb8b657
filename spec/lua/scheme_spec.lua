local rig = require "moonrig"
local parse = require "moonrig.scheme.other".parse

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

-- Names are for the whole program: each test makes its own.
local count = 0
local function new_name()
  count = count + 1
  return "spec-" .. count
end

describe("a scheme in Lua", function()
  it("opens what its function returns, with the options of the port set", function()
    local name, seen = new_name(), nil
    rig.register_scheme(name, function(url, opts)
      seen = { url = url, color = opts.color, size = opts.size, timeout = opts.timeout }
      local near, far = rig.pair()
      rig.spawn(function()
        for line in far:lines(math.huge) do far:write_line(line:upper()) end
      end)
      return near
    end)
    local url = name:upper() .. "://somewhere?color=dark%20red&timeout=3"
    local port <close> = rig.open(url, { size = 5, eol = "\n", baudrate = 115200 })
    assert.same({ url = url, color = "dark red", size = 5, timeout = "3" }, seen)
    assert.same({ 3, 115200, "HELLO" }, { port.timeout, port.baudrate, port:query("hello") })
    local other <close> = rig.try_open(name .. ":x")
    assert.is_true(other.is_open)
    assert.same({ name .. ":x", name .. ":x: no complete line within 0 s" },
      { other.url, fails(other.read_line, other, 0).message })
  end)

  it("closes the port when an option cannot be set", function()
    local name, port = new_name(), nil
    rig.register_scheme(name, function()
      port = rig.pair()
      return port
    end)
    assert.matches("parity", fails(rig.open, name .. ":", { parity = "X" }).message)
    assert.is_false(port.is_open)
  end)

  it("passes errors on, and wants a port", function()
    local name = new_name()
    rig.register_scheme(name, function() return "a string" end)
    assert.matches("its opener returned string, not a port", fails(rig.open, name .. ":").message)
    rig.register_scheme(name, function() return rig.open("socket://127.0.0.1:1") end)
    assert.equal("refused", fails(rig.open, name .. ":").code)
    local port, err = rig.try_open(name .. ":")
    assert.same({ nil, "refused" }, { port, err.code })
    rig.register_scheme(name, function() error "a mistake in it" end)
    assert.matches("a mistake in it", fails(rig.try_open, name .. ":"))
  end)

  it("is named when a scheme is not known", function()
    local name = new_name()
    rig.register_scheme(name, rig.pair)
    local err = fails(rig.open, "nonsense://x")
    assert.equal("unsupported", err.code)
    assert.matches('^unknown scheme "nonsense" in nonsense://x %(known: alt cp2110 device ', err.message)
    assert.matches(" sim socket .*" .. name:gsub("%-", "%%-"), err.message)
    assert.matches('^unknown scheme "tcp" in tcp:x; write socket:// %(known: ', fails(rig.open, "tcp:x").message)
    local port
    port, err = rig.try_open("nonsense:")
    assert.same({ nil, "unsupported" }, { port, err.code })
  end)

  it("does not take a name that is taken, nor a bad one", function()
    assert.matches("socket is a scheme of moonrig's own", fails(rig.register_scheme, "socket", rig.pair).message)
    assert.matches("expected a name", fails(rig.register_scheme, "a b", rig.pair).message)
    assert.matches("expected a function, got nil", fails(rig.register_scheme, "fine").message)
  end)
end)

describe("spy:// and record:", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local function contents()
    local file <close> = assert(io.open(path))
    return file:read "a"
  end

  it("see what passes on a port of a scheme in Lua", function()
    local name, color = new_name(), nil
    rig.register_scheme(name, function(_, opts)
      color = opts.color
      local near, far = rig.pair()
      rig.spawn(function()
        for line in far:lines(math.huge) do far:write_line(line:upper()) end
      end)
      return near
    end)
    for _, url in ipairs { "spy://NAME://x?file=PATH", "spy://?file=PATH&url=NAME:x" } do
      os.remove(path)
      url = url:gsub("NAME", name):gsub("PATH", path)
      local port = rig.open(url, { timeout = 2 })
      assert.same({ "HELLO", 2 }, { port:query("hello"), port.timeout })
      port:close()
      assert.matches("TX   0000  68 65 6C 6C 6F 0A", contents(), 1, true)
      assert.matches("RX   0000  48 45 4C 4C 4F 0A", contents(), 1, true)
    end
    assert.is_nil(color)
    local port = rig.open(("record:%s?url=spy://%s:x?raw&file=/dev/null"):format(path, name))
    port:query("again")
    port:close()
    assert.matches("AGAIN", contents())
    local replayed <close> = rig.open("replay:" .. path)
    assert.equal("AGAIN", replayed:query("again"))
  end)

  it("say what is wrong inside", function()
    assert.matches('unknown scheme "nonsense"', fails(rig.open, "spy://nonsense://x").message)
    local _, err = rig.try_open("spy://sim:/nowhere.lua?file=" .. path)
    assert.equal("not_found", err.code)
    assert.matches("color=maybe", fails(rig.open, "spy://sim:/nowhere.lua?color=maybe").message)
  end)
end)

describe("alt://", function()
  it("opens the URL with the class", function()
    local name, seen = new_name(), nil
    rig.register_scheme(name, function(url, opts)
      seen = { url, opts.class, opts.color }
      return (rig.pair())
    end)
    rig.open(("alt:///dev/ttyX9?class=%s&timeout=2"):format(name)):close()
    assert.same({ "/dev/ttyX9?timeout=2" }, seen)
    rig.open("alt://socket://h:5?color=red&class=" .. name:upper()):close()
    assert.same({ "socket://h:5?color=red", nil, "red" }, seen)
    rig.open("alt://x", { class = name, color = "blue" }):close()
    assert.same({ "x", nil, "blue" }, seen)
  end)

  it("knows pySerial's classes: all of them are the same engine", function()
    for _, class in ipairs { "?class=Serial", "?class=PosixPollSerial", "?class=VTIMESerial", "" } do
      local port <close> = rig.open("alt://loop://" .. class, { timeout = 1 })
      assert.same({ "loop://", "x" }, { port.url, port:query("x") })
    end
  end)

  it("names a class that is not there", function()
    assert.matches('there is no class "Magic"', fails(rig.open, "alt://loop://?class=Magic").message)
    assert.matches('there is no class "socket"', fails(rig.open, "alt://loop://?class=socket").message)
    assert.matches("nothing to open", fails(rig.open, "alt://?class=Serial").message)
  end)
end)

describe("a VISA name", function()
  it("stands for a device or a socket", function()
    local listener <close> = rig.listen("socket://127.0.0.1:0", function(port) port:write("hello\n") end)
    local number = listener.url:match("%d+$")
    for _, form in ipairs { "TCPIP0::127.0.0.1::%s::SOCKET", "TCPIP::127.0.0.1::%s::socket" } do
      local port <close> = rig.open(form:format(number), { timeout = 1 })
      assert.equal("hello", port:read_line())
    end
    for name, device in pairs { ["ASRL/dev/ttyNONE0::INSTR"] = "/dev/ttyNONE0", ["ASRL9999::INSTR"] = "/dev/ttyS9998",
      ["asrl::/dev/ttyNONE0::instr"] = "/dev/ttyNONE0" } do
      local port, err = rig.try_open(name)
      assert.same({ nil, "not_found" }, { port, err.code }, name)
      assert.matches(device, err.message, 1, true)
    end
  end)

  it("of another kind is refused with the ones that work", function()
    for _, name in ipairs { "TCPIP0::10.0.0.5::INSTR", "USB0::0x0957::0x1234::MY1::INSTR", "GPIB0::22::INSTR" } do
      local err = fails(rig.open, name)
      assert.equal("unsupported", err.code)
      assert.equal(name .. ": of VISA names, ASRL...::INSTR and TCPIP::host::port::SOCKET can be opened", err.message)
    end
  end)
end)

describe("a URL", function()
  it("is taken apart as in C", function()
    for url, want in pairs {
      ["socket://h:1"] = { "socket", "h:1", {} },
      ["SIM:a/b.lua?x=1&flag&y=a%20b"] = { "sim", "a/b.lua", { x = "1", flag = "", y = "a b" } },
      ["/dev/ttyS0?baudrate=9600"] = { "device", "/dev/ttyS0", { baudrate = "9600" } },
      ["record:f.log?a=1&url=socket://h:1?timeout=2&b=3"] =
        { "record", "f.log", { a = "1", url = "socket://h:1?timeout=2&b=3" } },
    } do
      assert.same(want, { parse(url) }, url)
    end
  end)

  it("has to be one", function()
    assert.matches("argument 1: expected a URL, got nil", fails(rig.open).message)
    assert.matches("expected a table of options, got number", fails(rig.open, "loop://", 5).message)
    assert.matches("expected a table of options, got number", fails(rig.open, "sim:x", 5).message)
  end)
end)
