-- spec of core/serve/bridge*.c and lua/moonrig/bridge.lua: the device is one end of a pair in memory, a pty, or a
-- simulator; clients come over sockets.
local rig = require "moonrig"
local ptys = require "support.ptys"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local function wait_for(what, condition)
  local give_up = rig.now() + 5
  while true do
    local value = condition()
    if value then return value end
    assert(rig.now() < give_up, what .. " did not come")
    rig.sleep(0.002)
  end
end

describe("rig.bridge", function()
  local open, device, bridge

  -- A bridge whose device's far end is `device`. more: fields of the description.
  local function make(more)
    local near
    near, device = rig.pair { timeout = 5 }
    local spec = { port = near, listen = { "socket://127.0.0.1:0" }, quiet = true }
    for key, value in pairs(more or {}) do spec[key] = value end
    bridge = rig.bridge(spec)
    return bridge
  end

  local function client(url, opts)
    local before = #bridge:status().clients
    local port = rig.open(url or bridge.urls[1], opts)
    open[#open + 1] = port
    wait_for("the client", function() return #bridge:status().clients > before end)
    return port
  end

  local function roles()
    local list = {}
    for i, c in ipairs(bridge:status().clients) do list[i] = c.role end
    return list
  end

  before_each(function() open = {} end)
  after_each(function()
    for _, port in ipairs(open) do port:close() end
    if bridge then bridge:close() end
    if device then device:close() end
    bridge, device = nil, nil
  end)

  describe("bytes:", function()
    it("go both ways, all values", function()
      make()
      local c = client()
      local all = {}
      for i = 0, 255 do all[#all + 1] = string.char(i) end
      all = table.concat(all)
      c:write(all)
      assert.equal(all, device:read(256))
      device:write(all)
      assert.equal(all, c:read(256))
    end)

    it("of the device go to every client, whatever it came by", function()
      local path = os.tmpname()
      os.remove(path)
      make { listen = { "socket://127.0.0.1:0", "rfc2217://127.0.0.1:0", "unix:" .. path } }
      local clients = { client(bridge.urls[1]), client(bridge.urls[2]), client(bridge.urls[3]) }
      device:write "to all\255\n"
      for _, c in ipairs(clients) do assert.equal("to all\255", c:read_line()) end
    end)

    it("of the device that nobody is there for are thrown away and counted", function()
      make()
      device:write "old\n"
      wait_for("the bytes", function() return bridge:status().unread == 4 end)
      local c = client()
      device:write "new\n"
      assert.equal("new", c:read_line())
    end)

    it("are not lost when a client has ended its side: the answer still comes", function()
      make()
      local listener = rig.listen("socket://127.0.0.1:0", function() end)
      listener:close()
      local c <close> = rig.open(("exec:(echo '*IDN?') | socat -t 5 - TCP:%s"):format(bridge.urls[1]:match "//(.*)"))
      assert.equal("*IDN?", device:read_line())
      rig.sleep(0.05)
      device:write "ACME\n"
      assert.equal("ACME", c:read_line())
    end)

    it("reach a client that has suspended us and ended its side: it cannot resume", function()
      make { listen = { "rfc2217://127.0.0.1:0" } }
      local says = [[\377\373\54\377\375\54\377\372\54\10\377\360*IDN?\n]]
      local c <close> = rig.open(("exec:printf '%s' | socat -t 5 - TCP:%s"):format(says, bridge.urls[1]:match "//(.*)"),
        { timeout = 5 })
      assert.equal("*IDN?", device:read_line())
      device:write "ACME\n"
      assert.equal("ACME\n", c:read_until("ACME\n"):sub(-5))
    end)

    it("wait for a slow device, and the client waits with them", function()
      make()
      local c = client()
      local big = ("x"):rep(24 * 1024 * 1024)
      local writer = rig.spawn(function() c:write(big, 20) end)
      rig.sleep(0.05)
      assert.equal("waiting", writer:status())
      assert.is_true(device:read(#big, 20) == big)
      writer:join()
    end)

    it("wait for the only client, and the device waits with them", function()
      make()
      local c = client()
      local big = {}
      for i = 1, 400000 do big[i] = ("%07d\n"):format(i) end
      big = table.concat(big)
      local writer = rig.spawn(function() device:write(big, 20) end)
      rig.sleep(0.05)
      assert.is_true(c:read(#big, 20) == big)
      writer:join()
    end)

    it("with FF in them go through RFC 2217 in bulk, both ways", function()
      make { listen = { "rfc2217://127.0.0.1:0" } }
      local c = client()
      local block = {}
      for i = 1, 65536 do block[i] = string.char(i * 7919 % 256, i % 3 == 0 and 255 or i % 251) end
      block = table.concat(block)
      for from, to in pairs { [device] = c, [c] = device } do
        local writer = rig.spawn(function()
          for _ = 1, 32 do from:write(block, 20) end
        end)
        for _ = 1, 32 do assert.is_true(to:read(#block, 20) == block) end
        writer:join()
      end
    end)

    it("go on to the others when one client stops reading, and that one is dropped", function()
      make { queue = 100000 }
      local reader, sleeper = client(), client()
      local block = ("y"):rep(64 * 1024)
      wait_for("the end of the sleeper", function()
        device:write(block)
        assert.equal(#block, #reader:read(#block))
        return #bridge:status().clients == 1
      end)
      assert.equal("closed", fails(function()
        while true do sleeper:read_some(nil, 5) end
      end).code)
    end)

    it("are taken for lost after a time when the only client reads nothing", function()
      make { stall_timeout = 0.2 }
      client()
      local writer = rig.spawn(function()
        pcall(device.write, device, ("z"):rep(16 * 1024 * 1024), 3)
      end)
      wait_for("the end of the client", function() return #bridge:status().clients == 0 end)
      writer:join()
    end)

    it("come in frames where that is asked for", function()
      make { frame_gap = 0.05 }
      local c = client()
      for i = 1, 5 do
        device:write(tostring(i))
        rig.sleep(0.005)
      end
      assert.equal("12345", c:read_some())
      device:write "6"
      assert.equal("6", c:read_some())
    end)
  end)

  describe("policy", function()
    it("writer: one writes, the others read; the next in line follows", function()
      make()
      local first, second, third = client(), client(), client()
      assert.same({ "writer", "observer", "observer" }, roles())
      second:write "not me\n"
      first:write "me\n"
      assert.equal("me", device:read_line())
      first:close()
      wait_for("the next writer", function() return roles()[1] == "ended" and roles()[2] == "writer" end)
      third:write "nor me\n"
      second:write "now me\n"
      assert.equal("now me", device:read_line())
      assert.equal(0, device.in_waiting)
    end)

    it("shared: all write, each piece whole", function()
      make { policy = "shared" }
      local a, b = client(), client()
      assert.same({ "writer", "writer" }, roles())
      local tasks = {}
      for i, c in ipairs { a, b } do
        tasks[i] = rig.spawn(function()
          for n = 1, 200 do c:write(("%d-%d\n"):format(i, n)) end
        end)
      end
      local seen = { 0, 0 }
      for _ = 1, 400 do
        local i, n = device:read_line():match "^(%d)-(%d+)$"
        assert.is_truthy(i)
        seen[tonumber(i)] = seen[tonumber(i)] + 1
        assert.equal(tostring(seen[tonumber(i)]), n)
      end
      for _, t in ipairs(tasks) do t:join() end
    end)

    it("shared: all that one sends comes through RFC 2217 at once, however it was cut", function()
      make { policy = "shared", listen = { "rfc2217://127.0.0.1:0" } }
      local a, b = client(), client()
      for size = 1, 60 do
        local piece = (("%d "):format(size)):rep(size * 7)
        for _, c in ipairs { a, b } do
          c:write(piece)
          assert.equal(piece, device:read(#piece))
        end
      end
    end)

    it("kick: the last to come displaces the one before", function()
      make { policy = "kick" }
      local first = client()
      local second = rig.open(bridge.urls[1])
      open[#open + 1] = second
      assert.equal("closed", fails(first.read, first, 1).code)
      second:write "mine\n"
      assert.equal("mine", device:read_line())
    end)

    it("a client that has ended its side, or is gone, takes nobody's place", function()
      for _, url in ipairs { "socket://127.0.0.1:0", "rfc2217://127.0.0.1:0" } do
        make { listen = { url .. "?clients=1" }, clients = 1 }
        for i = 1, 20 do
          local c <close> = rig.open(bridge.urls[1])
          c:write(i .. "\n")
          assert.equal(tostring(i), device:read_line())
        end
        assert.is_true(#bridge:status().clients <= 2)
        bridge:close()
        device:close()
      end
    end)

    it("a limit on clients refuses the next one, and the others do not notice", function()
      make { clients = 2 }
      local a, b = client(), client()
      local c <close> = rig.open(bridge.urls[1])
      assert.equal("closed", fails(c.read, c, 1).code)
      device:write "still\n"
      assert.equal("still", a:read_line())
      assert.equal("still", b:read_line())
    end)
  end)

  describe("the line:", function()
    it("a client sets it, sees it, and gives it back when it leaves", function()
      local pair <close> = ptys.new()
      bridge = rig.bridge { port = pair.a .. "?baudrate=19200", listen = { "rfc2217://127.0.0.1:0" }, quiet = true }
      local c = client(nil, { baudrate = 115200, stopbits = 2 })
      assert.equal("115200 8N2", bridge:status().settings)
      c.baudrate = 57600
      assert.equal("57600 8N2", bridge:status().settings)
      c:close()
      wait_for("the configured settings", function() return bridge:status().settings == "19200 8N1" end)
    end)

    it("what the device does not take is refused with what is in force", function()
      local pair <close> = ptys.new()
      bridge = rig.bridge { port = pair.a, listen = { "rfc2217://127.0.0.1:0" }, quiet = true }
      local c = client()
      local err = fails(c.set, c, { baudrate = 4800, bytesize = 7 })
      assert.equal("unsupported", err.code)
      assert.matches("bytesize 7 was asked for, 8 is in force", err.message)
      assert.same({ 9600, 8 }, { c.baudrate, c.bytesize })
      assert.equal("9600 8N1", bridge:status().settings)
    end)

    it("signals and break go through, one way and the other", function()
      make { listen = { "rfc2217://127.0.0.1:0" } }
      local c = client()
      device:set { rts = false, dtr = false }
      wait_for("cts off", function() return c.cts == false and c.dsr == false end)
      device:set { rts = true, dtr = true }
      wait_for("cts on", function() return c.cts and c.dsr and c.cd end)
      c:set { dtr = false, rts = true }
      assert.same({ true, false, false }, { device.cts, device.dsr, device.cd })
      c.break_condition = true
      assert.equal(1, device.errors.breaks)
      assert.is_true(bridge:status().break_condition)
      c:close()
      wait_for("the end of the break", function() return not bridge:status().break_condition end)
    end)

    it("a device without signals keeps what was asked", function()
      local pair <close> = ptys.new()
      bridge = rig.bridge { port = pair.a, listen = { "rfc2217://127.0.0.1:0" }, quiet = true }
      local c = client()
      c:set { dtr = false, rts = true }
      assert.same({ false, true }, { c.dtr, c.rts })
      c.break_condition = true
      c.break_condition = false
      local d = client()
      assert.equal("9600 8N1", bridge:status().settings)
      d:close()
    end)

    it("an observer changes nothing, and is told what is in force", function()
      make { listen = { "rfc2217://127.0.0.1:0" } }
      client(nil, { baudrate = 115200 })
      local err = fails(rig.open, bridge.urls[1], { baudrate = 4800 })
      assert.matches("baudrate 4800 was asked for, 115200 is in force", err.message)
      local d = client(nil, { baudrate = 115200 })
      assert.matches("19200 was asked for, 115200 is in force", fails(d.set, d, { baudrate = 19200 }).message)
    end)

    it("data before a change reaches the device before it", function()
      make { listen = { "rfc2217://127.0.0.1:0" } }
      local c = client()
      c:write "before"
      c:set { rts = false }
      assert.equal("before", device:read(6))
      assert.is_false(device.cts)
    end)

    it("goes on over a second bridge: RFC 2217 behind RFC 2217", function()
      make { listen = { "rfc2217://127.0.0.1:0" } }
      local first = bridge
      local second <close> = rig.bridge { port = first.urls[1], listen = { "rfc2217://127.0.0.1:0" }, quiet = true }
      local c <close> = rig.open(second.urls[1], { baudrate = 38400, timeout = 5 })
      c:set { rts = false }
      assert.is_false(device.cts)
      assert.equal("38400 8N1", first:status().settings)
      c:write "through both\n"
      assert.equal("through both", device:read_line())
      c:send_break(0.02)
      assert.equal(1, device.errors.breaks)
      c:flush_input()
      c:drain()
    end)
  end)

  describe("the device", function()
    it("is waited for when it is not there yet", function()
      local pair = ptys.new()
      pair:hang_up()
      bridge = rig.bridge { port = pair.a, listen = { "socket://127.0.0.1:0" }, quiet = true }
      assert.equal("opening", bridge:status().state)
      assert.matches("not there", bridge:status().reason)
      local c = client()
      c:write "early\n"
      local again <close> = ptys.new(pair.dir)
      local far <close> = rig.open(again.b, { timeout = 5 })
      wait_for("the device", function() return bridge:status().state == "open" end)
      assert.equal("early", far:read_line())
      far:write "welcome\n"
      assert.equal("welcome", c:read_line())
    end)

    it("is opened again when it was lost, and the clients stay", function()
      local pair = ptys.new()
      bridge = rig.bridge { port = pair.a .. "?baudrate=57600", listen = { "rfc2217://127.0.0.1:0" }, quiet = true }
      local c = client(nil, { baudrate = 57600 })
      pair:hang_up()
      wait_for("the loss", function() return bridge:status().state == "lost" end)
      c:write "meanwhile\n"
      local again <close> = ptys.new(pair.dir)
      local far <close> = rig.open(again.b, { timeout = 5 })
      wait_for("the device", function() return bridge:status().state == "open" end)
      assert.equal("meanwhile", far:read_line())
      assert.equal("57600 8N1", bridge:status().settings)
      c.baudrate = 1200
      assert.equal(1200, c.baudrate)
    end)

    it("a mistake in its URL is an error at once", function()
      for _, url in ipairs { "/dev/ttyS0?no_such=1", "nonsense://x", "loop://?baudrate=x" } do
        assert.equal("unsupported",
          fails(rig.bridge, { port = url, listen = { "socket://127.0.0.1:0" }, quiet = true }).code)
      end
    end)

    it("may be a simulator; when that ends, so does the bridge", function()
      make()
      local c = client()
      local joined = rig.spawn(function() bridge:join() end)
      device:write "last words\n"
      device:close()
      joined:join()
      assert.equal("closed", bridge:status().state)
      assert.equal("last words", c:read_line())
    end)
  end)

  describe("a pty as a listener", function()
    it("gives an old program the device, and sets its baud rate", function()
      local pair <close> = ptys.new()
      local link = os.tmpname()
      os.remove(link)
      bridge = rig.bridge { port = pair.a, listen = { "pty:" .. link }, quiet = true }
      local far <close> = rig.open(pair.b, { timeout = 5 })
      far:write "nobody is there\n"
      wait_for("bytes thrown away", function() return bridge:status().unread > 0 end)
      local old <close> = rig.open("device:" .. link, { baudrate = 115200, stopbits = 2 })
      wait_for("the settings", function() return bridge:status().settings == "115200 8N2" end)
      assert.same({ "writer" }, roles())
      old:write "hello\n"
      assert.equal("hello", far:read_line())
      far:write "welcome\n"
      assert.equal("welcome", old:read_line())
      old.baudrate = 2400
      wait_for("the rate", function() return bridge:status().settings == "2400 8N2" end)
      old:close()
      wait_for("its end", function() return #bridge:status().clients == 0 end)
      assert.equal("2400 8N2", bridge:status().settings)
    end)

    it("loses nothing of a program that writes at once, and is gone", function()
      make { listen = { "pty:" } }
      local path = bridge.urls[1]:match "^device:(.*)$"
      for i = 1, 10 do                         -- the loop stands meanwhile
        local rate = i % 2 == 0 and 115200 or 57600
        assert.is_true(os.execute(("stty -F %s %d && echo %d > %s"):format(path, rate, i, path)))
        assert.equal(tostring(i), device:read_line())
        wait_for("its end", function() return #bridge:status().clients == 0 end)
      end
      assert.equal("115200 8N1", bridge:status().settings)
    end)

    it("passes on all that a program has written, after it has closed the pty, to a slow device", function()
      local pair <close> = ptys.new()
      bridge = rig.bridge { port = pair.a, listen = { "pty:" }, quiet = true }
      local path = bridge.urls[1]:match "^device:(.*)$"
      local far <close> = rig.open(pair.b, { timeout = 5 })
      local program <close> = rig.open(("exec:stty -F %s raw -echo; head -c 90000 /dev/zero > %s; echo done")
        :format(path, path), { timeout = 5 })
      assert.equal("done", program:read_line())
      assert.equal(90000, #far:read(90000))
      wait_for("its end", function() return #bridge:status().clients == 0 end)
    end)

    it("knows whether somebody has it open, however often it is opened and closed", function()
      local near, far <close> = rig.pair() -- luacheck: ignore far
      bridge = rig.bridge { port = near, listen = { "pty:" }, quiet = true }
      local path = bridge.urls[1]:match "^device:(.*)$"
      local program <close> = rig.open(("exec:exec 3<>%s 4<>%s 5<>%s; exec 4>&- 5>&-; echo here; read x; exec 3>&-; "
        .. "read x"):format(path, path, path), { timeout = 5 })
      assert.equal("here", program:read_line())
      wait_for("the client", function() return #bridge:status().clients == 1 end)
      for _ = 1, 10 do
        local other <close> = rig.open("exec:stty -F " .. path)
        other:read_line()
        assert.equal(1, #bridge:status().clients)
      end
      program:write_line ""
      wait_for("its end", function() return #bridge:status().clients == 0 end)
    end)

    it("shows what is in force when the device refuses", function()
      local near, far <close> = rig.pair() -- luacheck: ignore far
      local listener <close> = rig.listen("rfc2217://127.0.0.1:0", function() end) -- luacheck: ignore listener
      near:close()
      local refused = rig.listen("socket://127.0.0.1:0", function(port)
        -- An access server that knows only 9600: see core/port/rfc2217.c
        port:write "\255\253\44\255\251\0\255\253\0"
        while true do
          local c = port:read_until "\255\240"
          local baud = c:match "\255\250\44\1...."
          if baud then port:write "\255\250\44\101\0\0\37\128\255\240" end
          for code, value in c:gmatch "\255\250\44([\2\3\4\5])(.)\255\240" do
            port:write("\255\250\44", string.char(code:byte() + 100), value, "\255\240")
          end
        end
      end)
      local link = os.tmpname()
      os.remove(link)
      bridge = rig.bridge { port = refused.url:gsub("^socket", "rfc2217"), listen = { "pty:" .. link }, quiet = true }
      local old <close> = rig.open("device:" .. link)
      old:set { baudrate = 115200 }
      wait_for("the rate in force", function()
        local p <close> = rig.open("exec:stty -F " .. link)
        return p:read_line():match "9600"
      end)
      refused:close()
    end)
  end)

  it("keeps a log of the traffic, also without clients", function()
    local path = os.tmpname()
    make { log = path }
    device:write "alone\n"
    wait_for("the bytes", function() return bridge:status().unread == 6 end)
    local c = client()
    c:write "*IDN?\n"
    device:read_line()
    assert(os.rename(path, path .. ".1"))
    bridge:reopen_log()
    device:write "more\n"
    assert.equal("more", c:read_line())
    local old, new = io.open(path .. ".1"):read "a", io.open(path):read "a"
    assert.matches("\n%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%dZ RX   0000  61 6C 6F 6E 65 0A +alone%.", old)
    assert.matches("Z NOTE 127%.0%.0%.1:%d+ connected\n", old)
    assert.matches("Z TX   0000  2A 49 44 4E 3F 0A +%*IDN%?%.", old)
    assert.matches("RX   0000  6D 6F 72 65 0A", new)
    os.remove(path .. ".1")
    os.remove(path)
  end)

  it("says what is wrong with its description", function()
    local listen = { "socket://127.0.0.1:0" }
    for _, case in ipairs {
      { { listen = listen }, "port is missing" }, { { port = "loop://" }, "listen is missing" },
      { { port = "loop://", listen = listen, policy = "all" }, '"writer", "shared" or "kick"' },
      { { port = "loop://", listen = listen, speed = 1 }, 'no field "speed"' },
      { { port = "loop://", listen = listen, clients = 0 }, "clients = 0" },
      { { port = "loop://", listen = { "nonsense://x" } }, "cannot listen on nonsense" },
    } do
      local err = fails(rig.bridge, case[1])
      assert.equal("unsupported", err.code)
      assert.is_truthy(err.message:find(case[2], 1, true), err.message)
    end
    assert.equal("permission", fails(rig.bridge, { port = "loop://", listen = { "socket://0.0.0.0:0" } }).code)
  end)

  it("drains what is under way before it ends", function()
    make()
    local c = client()
    device:write(("x"):rep(200000))
    local reader = rig.spawn(function() return c:read(200000, 10) end)
    bridge:drain()
    bridge:close()
    assert.equal(200000, #select(2, pcall(reader.join, reader)))
  end)
end)
