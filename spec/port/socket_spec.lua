-- socket:// against our own listener; other programs are in spec/interop.
local rig = require "moonrig"

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

-- Resident memory of this process, in KiB.
local function memory()
  return tonumber(io.open("/proc/self/status"):read("a"):match "VmRSS:%s+(%d+)")
end

describe("socket://", function()
  local listener
  after_each(function()
    if listener then listener:close() end
    listener = nil
  end)

  -- A server whose clients come out of a queue, and a client.
  local function connect(url, opts)
    local accepted, done = rig.queue(), rig.queue()
    listener = rig.listen(url or "socket://127.0.0.1:0", function(port)
      accepted:push(port)
      done:pop()
    end)
    local client = rig.open(listener.url, opts)
    local server = accepted:pop(1)
    server.timeout = 5
    return client, server, function() done:push(true) end
  end

  it("carries every byte value both ways, over IPv4 and IPv6", function()
    for _, url in ipairs { "socket://127.0.0.1:0", "socket://[::1]:0" } do
      local client, server, done = connect(url)
      client:write(all_bytes())
      assert.equal(all_bytes(), server:read(256))
      server:write(all_bytes())
      assert.equal(all_bytes(), client:read(256))
      assert.equal(listener.url:match "//(.*)", client.name)
      done()
      client:close()
      listener:close()
    end
  end)

  it("resolves names", function()
    local client, server = connect()
    client:close()
    client = rig.open((listener.url:gsub("127%.0%.0%.1", "localhost")))
    client:close()
    assert.is_true(server.is_open)
    local err = fails(rig.open, "socket://no-such-host.invalid:1")
    assert.equal("not_found", err.code)
    assert.matches('host "no%-such%-host%.invalid"', err.message)
  end)

  it("tries the next address when the first refuses", function()
    local client = connect "socket://127.0.0.1:0" -- localhost is ::1 first where IPv6 is on
    client:close()
    local url = listener.url:gsub("127%.0%.0%.1", "localhost")
    for _ = 1, 3 do rig.open(url):close() end
  end)

  it("names what is wrong with the address", function()
    for _, case in ipairs {
      { "socket://127.0.0.1:1", "refused", "Connection refused" },
      { "socket://127.0.0.1", "unsupported", "port number is missing" },
      { "socket://127.0.0.1:", "unsupported", "port number" },
      { "socket://127.0.0.1:0", "unsupported", "1%.%.65535" },
      { "socket://127.0.0.1:65536", "unsupported", "65536" },
      { "socket://127.0.0.1:80x", "unsupported", "80x" },
      { "socket://:80", "unsupported", "host is missing" },
      { "socket://::1:80", "unsupported", "brackets" },
      { "socket://[::1:80", "unsupported", "%[IPv6 address%]:port" },
      { "socket://127.0.0.1:1?speed=9600", "unsupported", '"speed"' },
      { "socket://127.0.0.1:1?baudrate=9600", "unsupported", "baudrate" },
      { "socket://127.0.0.1:1?keepalive=x", "unsupported", "keepalive" },
    } do
      local err = fails(rig.open, case[1])
      assert.equal(case[2], err.code, case[1])
      assert.matches(case[3], err.message)
    end
  end)

  it("gives up a connection that nobody answers, in time", function()
    -- A listener whose line is full: Linux then drops the SYN.
    local full <close> = rig.open([[exec:/usr/bin/env python3 -c '
import socket,sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0)
print(s.getsockname()[1], flush=True)
c = [socket.socket() for i in range(4)]
for x in c:
    x.setblocking(False)
    x.connect_ex(s.getsockname())
print("full", flush=True)
sys.stdin.read()']])
    local url = "socket://127.0.0.1:" .. full:read_line()
    full:read_line()
    local t0 = rig.now()
    local err = fails(rig.open, url, { timeout = 0.1 })
    assert.equal("timeout", err.code)
    assert.is_true(math.abs(rig.now() - t0 - 0.1) < 0.02)
    assert.equal(url, err.url)
    local task = rig.spawn(rig.open, url)
    rig.sleep(0)
    task:cancel()
    assert.equal("cancelled", fails(task.join, task).code)
  end)

  it("reads what came before the end, then raises closed", function()
    local client, server, done = connect()
    server:write "last words"
    server:close()
    assert.equal("last", client:read(4))
    local err = fails(client.read, client, 100)
    assert.same({ "closed", " words" }, { err.code, err.received })
    assert.equal(" words", client:read(6))
    assert.matches("peer closed the connection", fails(client.read, client, 1).message)
    done()
    client:close()
    assert.equal("closed", fails(client.write, client, "x").code)
  end)

  it("wakes a reader when the connection is reset", function()
    local client, server, done = connect()
    local reader = rig.spawn(function() return client:read_line(10) end)
    client:write "unread"
    server:read(1)
    server:close()
    done()
    assert.equal("closed", fails(reader.join, reader).code)
    local writes = rig.spawn(function() while true do client:write "x" rig.sleep(0) end end)
    assert.equal("closed", fails(writes.join, writes).code)
  end)

  it("loses nothing and keeps memory bounded with a slow reader, both ways at once", function()
    local client, server, done = connect()
    local block = all_bytes():rep(256) -- 64 KiB
    local blocks = 256 -- 16 MiB each way
    collectgarbage()
    local before = memory()
    local function write_all(port) for _ = 1, blocks do port:write(block, 10) end end
    local function read_all(port)
      for i = 1, blocks do
        if i % 64 == 1 then rig.sleep(0.02) end -- slow now and then: the buffers fill
        assert(port:read(#block, 10) == block, "bytes differ")
      end
    end
    rig.group(function(group)
      for _, port in ipairs { client, server } do
        group:spawn(write_all, port)
        group:spawn(read_all, port)
      end
    end)
    assert.equal(0, client.in_waiting + server.in_waiting)
    if not os.getenv "MOONRIG_SAN" then assert.is_true(memory() - before < 8 * 1024) end
    done()
    client:close()
  end)

  it("has all arrive that was written, also when bytes are unread at the close", function()
    local client, server, done = connect()
    server:write(("n"):rep(400000))            -- more than the client's port takes: the rest is the kernel's
    local text = ("w"):rep(2000000)            -- more than the server's end holds
    client:write(text)
    client:close()
    assert.equal(#text, #server:read(#text))
    assert.matches("closed the connection", fails(server.read, server, 1).message)
    done()
  end)

  it("times out a write that nobody takes, and says how much went", function()
    local client, server, done = connect()
    local big = ("x"):rep(32 * 1024 * 1024)
    local t0 = rig.now()
    local err = fails(client.write, client, big, 0.1)
    assert.is_true(rig.now() - t0 < 0.15)
    assert.equal("timeout", err.code)
    assert.is_true(err.written > 0 and err.written < 16 * 1024 * 1024)
    assert.is_true(client.out_waiting > 0)
    assert.equal(err.written, #server:read(err.written))
    client:drain()
    assert.equal(0, client.out_waiting)
    done()
    client:close()
  end)

  it("drains again after a drain that was interrupted", function()
    local client, server, done = connect()
    pcall(client.write, client, ("x"):rep(32 * 1024 * 1024), 0.05)
    assert.equal("timeout", fails(rig.deadline, 0.05, function() client:drain(10) end).code)
    assert.equal("timeout", fails(client.drain, client, 0.05).code)
    done()
    server:close()
    client:close()
  end)

  it("is not a serial line", function()
    local client = connect()
    for _, name in ipairs { "baudrate", "parity", "cts", "dtr", "rs485" } do
      assert.equal("unsupported", fails(function() return client[name] end).code)
    end
    assert.equal("unsupported", fails(client.send_break, client).code)
    assert.equal("unsupported", fails(client.set, client, { baudrate = 9600 }).code)
    assert.equal("unsupported", fails(client.wait_signals, client).code)
    client:close()
  end)

  it("listens off loopback only when told so", function()
    assert.equal("permission", fails(rig.listen, "socket://0.0.0.0:0", print).code)
    assert.equal("permission", fails(rig.listen, "socket://[::]:0", print).code)
    local client = connect()
    client:close()
    assert.equal("busy", fails(rig.listen, listener.url, print).code)
  end)

  it("serves many clients at once", function()
    listener = rig.listen("socket://127.0.0.1:0", function(port)
      for line in port:lines() do port:write_line(line:upper()) end
    end)
    rig.group(function(group)
      for i = 1, 200 do
        group:spawn(function()
          local port <close> = rig.open(listener.url)
          for k = 1, 5 do assert(port:query(("c%d/%d"):format(i, k)) == ("C%d/%d"):format(i, k)) end
        end)
      end
    end)
  end)
end)
