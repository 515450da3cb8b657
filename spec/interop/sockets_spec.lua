-- Sockets and ptys with other programs at the far end: Python's sockets, pySerial, socat.
local rig = require "moonrig"

-- `it`, or `pending` where the other program is not installed.
local function with(check) return os.execute(check .. " >/dev/null 2>&1") and it or pending end
local with_pyserial, with_socat = with "/usr/bin/python3 -c 'import serial'", with "command -v socat"

local PYTHON = "/usr/bin/python3 -u spec/interop/sockets.py "

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local function all_bytes()
  local all = {}
  for i = 0, 255 do all[#all + 1] = string.char(i) end
  return table.concat(all)
end

local function hex(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

-- Resident memory of this process, in KiB.
local function memory() return tonumber(io.open("/proc/self/status"):read("a"):match "VmRSS:%s+(%d+)") end

local function wait_until(condition)
  local give_up = rig.now() + 3
  while not condition() do
    assert(rig.now() < give_up, "it did not come")
    rig.sleep(0.002)
  end
end

local open

local function run(command)
  open[#open + 1] = rig.open("exec:" .. command, { timeout = 15 })
  return open[#open]
end

-- Starts a Python server: the URL to open, and the server's output.
local function serve(family, what)
  local path = os.tmpname()
  os.remove(path)
  local address = family == "AF_UNIX" and path or family == "AF_INET6" and "::1" or "127.0.0.1"
  local server = run(("%s serve %s %s %s 2>&1"):format(PYTHON, family, address, what))
  local where = server:read_line()
  if family == "AF_UNIX" then
    finally(function() os.remove(path) end)
    return "unix:" .. path, server
  end
  return ("socket://%s:%s"):format(family == "AF_INET6" and "[::1]" or address, where), server
end

describe("against Python's sockets,", function()
  before_each(function() open = {} end)
  after_each(function()
    for _, port in ipairs(open) do port:close() end
  end)

  for _, family in ipairs { "AF_INET", "AF_INET6", "AF_UNIX" } do
    it(family .. " carries every byte both ways", function()
      local port <close> = rig.open((serve(family, "echo")))
      port:write(all_bytes())
      assert.equal(all_bytes(), port:read(256))
    end)

    it(family .. " goes on sending after the other end has ended its side", function()
      local url, server = serve(family, "half")
      local port <close> = rig.open(url)
      assert.equal("only this", port:read_line())
      assert.matches("peer closed", fails(port.read_line, port).message)
      port:write "still"
      assert.equal("still", server:read_line())
    end)

    it(family .. " waits for a slow reader and loses nothing", function()
      local url, server = serve(family, "slow")
      local port = rig.open(url)
      local block = all_bytes():rep(256)
      local before = memory()
      for _ = 1, 64 do port:write(block, 10) end
      if not os.getenv "MOONRIG_SAN" then assert.is_true(memory() - before < 4096) end
      port:close()
      local python = "import hashlib; print(hashlib.sha256(bytes(range(256)) * 16384).hexdigest())"
      assert.equal(run("/usr/bin/python3 -c '" .. python .. "'"):read_line(), server:read_line())
    end)

    it(family .. " stops taking from a fast sender while nobody reads", function()
      local port <close> = rig.open((serve(family, "flood")))
      local before = memory()
      rig.sleep(0.2)
      assert.is_true(port.in_waiting > 100 * 1024)
      if not os.getenv "MOONRIG_SAN" then assert.is_true(memory() - before < 4096) end
      local block = all_bytes():rep(256)
      for _ = 1, 256 do assert.is_true(port:read(#block, 10) == block) end
      assert.equal("closed", fails(port.read, port, 1).code)
    end)
  end

  it("a reset is closed, with its reason", function()
    local port <close> = rig.open((serve("AF_INET", "reset")))
    port:write "x"
    local err = fails(port.read, port, 1)
    assert.same({ "closed", "" }, { err.code, err.received })
    assert.matches("reset by peer", err.message)
    assert.is_false(port.is_open)
  end)
end)

describe("against pySerial,", function()
  before_each(function() open = {} end)
  after_each(function()
    for _, port in ipairs(open) do port:close() end
  end)

  with_pyserial("a listener serves socket://", function()
    local seen = rig.queue()
    local listener = rig.listen("socket://127.0.0.1:0", function(port)
      seen:push(port:read(256))
      port:write(all_bytes())
      seen:push(select(2, port:try_read(1)).code)
    end)
    local client = run(("%s pyserial %s"):format(PYTHON, listener.url))
    client:write_line("write " .. hex(all_bytes()))
    assert.equal(all_bytes(), seen:pop(10))
    client:write_line "read 256"
    assert.equal(hex(all_bytes()), client:read_line())
    client:write_line "close"
    assert.equal("closed", client:read_line())
    assert.equal("closed", seen:pop(10))
    listener:close()
  end)

  with_pyserial("a pty is a serial port, again and again", function()
    local port <close> = rig.open("pty:", { timeout = 10 })
    for baudrate = 1, 2 do
      local client = run(("%s pyserial %s"):format(PYTHON, port.name))
      client:write_line(("set baudrate %d"):format(baudrate * 57600))
      assert.equal("set", client:read_line())
      assert.equal(baudrate * 57600, port.baudrate)
      client:write_line("write " .. hex(all_bytes()))
      assert.equal(all_bytes(), port:read(256))
      port:write(all_bytes())
      client:write_line "read 256"
      assert.equal(hex(all_bytes()), client:read_line())
      client:write_line "close"
      assert.equal("closed", client:read_line())
    end
  end)
end)

describe("against socat,", function()
  before_each(function() open = {} end)
  after_each(function()
    for _, port in ipairs(open) do port:close() end
  end)

  for kind, listen in pairs {
    ["TCP"] = "TCP-LISTEN:0,bind=127.0.0.1", ["TCP over IPv6"] = "TCP6-LISTEN:0,bind=[::1]",
  } do
    with_socat(kind .. " carries every byte both ways", function()
      local server = run(("socat -d -d %s EXEC:cat 2>&1"):format(listen))
      local address = server:expect "listening on AF=%d+ (%S+)"
      local port <close> = rig.open("socket://" .. address:gsub("0000:0000:0000:0000:0000:0000:0000:0001", "::1"))
      port:write(all_bytes())
      assert.equal(all_bytes(), port:read(256))
    end)
  end

  with_socat("a client that has ended its side gets its reply", function()
    local path = os.tmpname()
    os.remove(path)
    for _, url in ipairs { "socket://127.0.0.1:0", "unix:" .. path } do
      local listener = rig.listen(url, function(port)
        local lines = 0
        for _ in port:lines() do lines = lines + 1 end
        rig.sleep(0.05)
        port:write_line(lines .. " lines")
      end)
      local to = listener.url:gsub("^socket://", "TCP:"):gsub("^unix:", "UNIX-CONNECT:")
      local client = run(("printf 'one\\ntwo\\nthree' | socat -t 5 - %s"):format(to))
      assert.equal("3 lines", client:read_line())
      listener:close()
    end
  end)

  with_socat("opens a pty by its link", function()
    local link = os.tmpname()
    os.remove(link)
    local port <close> = rig.open("pty:" .. link)
    local client = run(("socat - %s,raw,echo=0"):format(link))
    client:write "to the port\n"
    assert.equal("to the port", port:read_line())
    port:write "from the port\n"
    assert.equal("from the port", client:read_line())
  end)

  it("a bridge serves on at once after a crowd whose connections were reset before it saw them", function()
    for _, url in ipairs { "socket://127.0.0.1:0", "rfc2217://127.0.0.1:0" } do
      local near, device <close> = rig.pair { timeout = 5 }
      local bridge <close> = rig.bridge { port = near, listen = { url .. "?clients=20" }, clients = 20, quiet = true }
      assert.is_true(os.execute(("%s crowd %s %s 100"):format(PYTHON, bridge.urls[1]:match "//(.*):(%d+)$")))
      wait_until(function() return #bridge:status().clients == 0 end)
      local client <close> = rig.open(bridge.urls[1], { timeout = 5 })
      client:write "served\n"
      assert.equal("served", device:read_line())
    end
  end)
end)
