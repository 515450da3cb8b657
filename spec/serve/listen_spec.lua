-- spec of core/serve/listen.c, gate.c, networks.c and core/port/httpguard.c: who may come in, and what a crowd does.
local rig = require "moonrig"
local program = require "support.program"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local function echo(port)
  port.timeout = math.huge
  while true do port:write(port:read_some()) end
end

-- Is the listener's other end there, or was it closed?
local function answers(url)
  local port <close> = rig.open(url, { timeout = 2 })
  local ok = pcall(function()
    port:write "?"
    return port:read(1)
  end)
  return ok
end

describe("a listener", function()
  it("lets in only networks that are allowed", function()
    for allow, expected in pairs {
      ["127.0.0.1"] = true, ["127.0.0.0/8"] = true, ["10.0.0.0/8, 127.0.0.1"] = true, ["10.0.0.0/8"] = false,
      ["::ffff:127.0.0.1"] = true, ["::ffff:127.0.0.0/104"] = true, ["::ffff:10.0.0.0/104"] = false,
      ["127.0.0.2"] = false, ["::1"] = false, ["0.0.0.0/0"] = true, ["126.0.0.0/7"] = true, ["128.0.0.0/1"] = false,
    } do
      local listener <close> = rig.listen("socket://127.0.0.1:0", echo, { allow = allow })
      assert.equal(expected, answers(listener.url), allow)
    end
    local listener <close> = rig.listen("socket://[::1]:0", echo, { allow = "fe80::/10 ::1/128" })
    assert.is_true(answers(listener.url))
    local v4 <close> = rig.listen("socket://127.0.0.1:0?allow=127.0.0.0/8", echo)
    assert.is_true(answers(v4.url))
  end)

  it("says what is wrong with a network", function()
    for _, bad in ipairs { "10.0.0.0/33", "localhost", "1.2.3", "::1/129", "10.0.0.0/", "10.0.0.0/x" } do
      local err = fails(rig.listen, "socket://127.0.0.1:0", print, { allow = bad })
      assert.equal("unsupported", err.code)
      assert.is_truthy(err.message:find(("%q is no network"):format(bad), 1, true), err.message)
    end
  end)

  it("has only so many clients at once, and place again when one leaves", function()
    local listener <close> = rig.listen("socket://127.0.0.1:0", echo, { clients = 2 })
    local a, b = rig.open(listener.url), rig.open(listener.url)
    for _, port in ipairs { a, b } do
      port:write "x"
      assert.equal("x", port:read(1))
    end
    assert.is_false(answers(listener.url))
    a:close()
    local give_up = rig.now() + 2
    while not answers(listener.url) do assert.is_true(rig.now() < give_up) end
    b:close()
  end)

  it("closes a client that is silent for too long, and not one that talks", function()
    local listener <close> = rig.listen("socket://127.0.0.1:0", echo, { idle_timeout = 0.1 })
    local silent <close> = rig.open(listener.url, { timeout = 2 })
    local talking <close> = rig.open(listener.url, { timeout = 2 })
    for _ = 1, 10 do
      talking:write "x"
      talking:read(1)
      rig.sleep(0.04)
    end
    assert.equal("closed", fails(silent.read, silent, 1).code)
    talking:write "y"
    assert.equal("y", talking:read(1))
  end)

  it("closes it when that time is over, not twice the time", function()
    local listener <close> = rig.listen("socket://127.0.0.1:0", echo, { idle_timeout = 1 })
    local port <close> = rig.open(listener.url, { timeout = 5 })
    rig.sleep(0.05)
    port:write "x"
    port:read(1)
    local began = rig.now()
    assert.equal("closed", fails(port.read, port, 1).code)
    assert.is_true(rig.now() - began < 1.6)
  end)

  for _, scheme in ipairs { "socket", "rfc2217" } do
    it("closes what begins with an HTTP request line: a web page must not reach a port of " .. scheme, function()
      local heard = {}
      local listener <close> = rig.listen(scheme .. "://127.0.0.1:0", function(port)
        port.timeout = math.huge
        while true do heard[#heard + 1] = port:read_some() end
      end)
      local url = listener.url:gsub("^rfc2217", "socket")
      for _, request in ipairs { { "POST / HTTP/1.1\r\nHost: x\r\n\r\nOUTP ON\n" },
        { "GET /", "x HTTP/1.0\nOUTP ON\n" } } do
        local port <close> = rig.open(url, { timeout = 2 })
        for _, piece in ipairs(request) do
          port:write(piece)
          rig.sleep(0.02)
        end
        assert.equal("closed", fails(function()
          while true do port:read_some() end
        end).code)
      end
      assert.same({}, heard)
    end)
  end

  it("passes on what only resembles one", function()
    local listener <close> = rig.listen("socket://127.0.0.1:0", echo)
    for _, words in ipairs { { "G" }, { "P", "OST" }, { "GET /dev/null\n" }, { "PUT VALUE 5\n" }, { "GET /", "a b\r" },
      { "POST / HTTP/1.x\n" } } do
      local port <close> = rig.open(listener.url, { timeout = 2 })
      for _, piece in ipairs(words) do
        port:write(piece)
        rig.sleep(0.01)
      end
      assert.equal(table.concat(words), port:read(#table.concat(words)))
    end
  end)

  it("out of descriptors, turns clients away, costs next to nothing, and is back by itself", function()
    local script = program.file([[
      local rig = require "moonrig"
      local listener = rig.listen("socket://127.0.0.1:0", function(port)
        port.timeout = math.huge
        while true do port:write(port:read_some()) end
      end)
      local held = {}
      local ok, err = true
      while ok do
        ok, err = pcall(rig.open, listener.url, { timeout = 0.2 })
        if ok then held[#held + 1] = err end
        rig.sleep(0.005)
      end
      local before = os.clock()
      rig.sleep(0.5)
      print(os.clock() - before < 0.1 and "quiet" or "busy", #held > 3 and "some" or "none")
      held[1]:write "x"
      print("a client of before", held[1]:read(1))
      for i = #held, 1, -1 do held[i]:close() end
      held = nil
      collectgarbage()
      rig.sleep(0.3)
      local again = rig.open(listener.url)
      again:write "y"
      print("again", again:read(1))
    ]], ".lua")
    local p = program.command({ script }, "prlimit --nofile=24"):finish()
    os.remove(script)
    assert.same({ "quiet\tsome\na client of before\tx\nagain\ty\n", 0 }, { p.out, p.code }, p.err)
  end)

  it("serves on while others connect and go away in crowds", function()
    local listener <close> = rig.listen("socket://127.0.0.1:0", echo, { clients = 20 })
    local steady <close> = rig.open(listener.url, { timeout = 5 })
    local crowd = rig.spawn(function()
      for _ = 1, 300 do
        local port = rig.open(listener.url, { timeout = 5 })
        port:close()
      end
    end)
    for _ = 1, 100 do
      steady:write "x"
      assert.equal("x", steady:read(1))
    end
    crowd:join()
  end)

  it("names what it cannot listen on, and its unknown options", function()
    assert.matches("cannot listen on loop://", fails(rig.listen, "loop://", print).message)
    assert.matches('unknown option "speed".*known: allow clients idle_timeout insecure',
      fails(rig.listen, "socket://127.0.0.1:0", print, { speed = 1 }).message)
    for _, url in ipairs { "socket://0.0.0.0:0", "rfc2217://0.0.0.0:0", "socket://[::]:0" } do
      assert.equal("permission", fails(rig.listen, url, print).code)
    end
  end)
end)
