-- socket+tls:// and rfc2217+tls://: certificates, names, both ways; other programs are in spec/interop/tls_spec.lua.
local rig = require "moonrig"
local certificates = require "support.certificates"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("TLS", function()
  local certs, listener
  setup(function() certs = certificates.new() end)
  teardown(function() certs:close() end)
  after_each(function()
    if listener then listener:close() end
    listener = nil
  end)

  local function echo(port)
    port.timeout = math.huge
    while true do port:write(port:read_some()) end
  end

  local function serve(options, handler, scheme)
    listener = rig.listen((scheme or "socket+tls") .. "://127.0.0.1:0", handler or echo, options)
    return listener.url
  end

  local function trusting(more)
    local options = { ca = certs:file "ca.pem", timeout = 5 }
    for key, value in pairs(more or {}) do options[key] = value end
    return options
  end

  it("carries every byte value both ways, and much of them", function()
    local port <close> = rig.open(serve(certs:of "server"), trusting())
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    all = table.concat(all):rep(2000)
    local writer = rig.spawn(function() port:write(all, 10) end)
    assert.is_true(port:read(#all, 10) == all)
    writer:join()
  end)

  it("tells the end of the other side, and loses nothing before it", function()
    local port <close> = rig.open(serve(certs:of "server", function(p)
      p:write(("last words "):rep(10000))
    end), trusting())
    assert.equal(110000, #port:read(110000))
    assert.matches("the peer closed the connection", fails(port.read, port, 1).message)
  end)

  it("says what is wrong with the server's certificate", function()
    for name, words in pairs {
      wrong = "for another name", expired = "has expired", self = "signed by itself", other = "unknown CA",
    } do
      local err = fails(rig.open, serve(certs:of(name)), trusting())
      assert.equal("permission", err.code)
      assert.is_truthy(err.message:find(words, 1, true), name .. ": " .. err.message)
      listener:close()
    end
    assert.matches("unknown CA", fails(rig.open, serve(certs:of "server"), { timeout = 5 }).message)
  end)

  it("checks the name that is given instead of the host, or none", function()
    local url = serve(certs:of "wrong")
    rig.open(url, trusting { name = "wronghost" }):close()
    assert.matches("another name", fails(rig.open, url, trusting { name = "righthost" }).message)
    rig.open(url, { verify = false }):close()
    listener:close()
    rig.open((serve(certs:of "server"):gsub("127%.0%.0%.1", "localhost")), trusting()):close()
  end)

  it("wants a certificate of clients where the server has a ca", function()
    local seen = rig.queue()
    local url = serve(certs:of("server", { ca = certs:file "ca.pem" }), function(p)
      seen:push(p.name)
      echo(p)
    end)
    local port <close> = rig.open(url, trusting(certs:of "client"))
    port:write "hello"
    assert.equal("hello", port:read(5))
    assert.matches("^127%.0%.0%.1:%d+ %(station%-3%)$", seen:pop(5))
    for _, name in ipairs { "none", "other", "self", "expired" } do
      local options = name == "none" and trusting() or trusting(certs:of(name))
      -- With TLS 1.3 the server's refusal comes after the client's handshake: at the first read.
      local ok, p = pcall(rig.open, url, options)
      local err = ok and fails(p.read, p, 1) or p
      assert.is_truthy(({ closed = true, refused = true })[err.code], name .. ": " .. err.message)
      if ok then p:close() end
    end
    assert.matches("wants a certificate of ours", fails(function()
      local p <close> = rig.open(url, trusting())
      p:read(1)
    end).message)
  end)

  it("ends a handshake that takes too long, and others do not notice", function()
    local url = serve(certs:of("server", { handshake_timeout = 0.1 }))
    local slow <close> = rig.open((url:gsub("^socket%+tls", "socket")), { timeout = 5 })
    slow:write "\22\3\1"
    local port <close> = rig.open(url, trusting())
    port:write "x"
    assert.equal("x", port:read(1))
    assert.equal("closed", fails(slow.read, slow, 1).code)
  end)

  it("does not mistake what is no TLS for it", function()
    local plain <close> = rig.listen("socket://127.0.0.1:0", function(p)
      p:read_some()
      p:write "220 hello\r\n"
      p:read_some()
    end)
    local err = fails(rig.open, (plain.url:gsub("^socket", "socket+tls")), trusting())
    assert.same({ "protocol", true }, { err.code, err.message:find "does not speak TLS" ~= nil })
    local url = serve(certs:of "server")
    local port <close> = rig.open((url:gsub("^socket%+tls", "socket")), { timeout = 5 })
    port:write "*IDN?\n"
    port:try_read(7)
    assert.equal("closed", select(2, port:try_read(1)).code)
  end)

  it("carries RFC 2217", function()
    local url = serve(certs:of("server", { ca = certs:file "ca.pem" }), echo, "rfc2217+tls")
    local port <close> = rig.open(url, trusting(certs:of("client", { baudrate = 115200 })))
    port:write "\255\r\n"
    assert.equal("\255\r\n", port:read(3))
    port:set { rts = false, bytesize = 7 }
    assert.matches("CA of our certificate", fails(rig.open, url, trusting(certs:of "other")).message)
  end)

  it("opens again after a loss with reconnect", function()
    local url = serve(certs:of "server")
    local address = url:match "//(.*)"
    local port <close> = rig.open(url, trusting { reconnect = true })
    port:write "one"
    assert.equal("one", port:read(3))
    listener:close()
    listener = rig.listen("socket+tls://" .. address, echo, certs:of "server")
    -- The first connection is ours still: it is cut by its handler's end.
    assert.is_true(port.is_open)
  end)

  it("says what is wrong with its files", function()
    local url = "socket+tls://127.0.0.1:0"
    local readable = certs:file "readable.key"
    os.execute(("cp %s %s; chmod 644 %s"):format(certs:file "server.key", readable, readable))
    for _, case in ipairs {
      { {}, "unsupported", "cert is missing" },
      { { cert = certs:file "server.pem" }, "unsupported", "key is missing" },
      { { cert = "/nowhere.pem", key = certs:file "server.key" }, "not_found", "/nowhere.pem" },
      { { cert = certs:file "server.pem", key = certs:file "client.key" }, "unsupported", "key" },
      { { cert = certs:file "server.key", key = certs:file "server.key" }, "unsupported", "option cert" },
      { { cert = certs:file "server.pem", key = readable }, "permission", "can be read by everybody" },
      { certs:of("server", { ca = "/nowhere" }), "not_found", "/nowhere" },
      { certs:of("server", { verify = false }), "unsupported", 'unknown option "verify"' },
    } do
      local err = fails(rig.listen, url, print, case[1])
      assert.same({ case[2], true }, { err.code, err.message:find(case[3], 1, true) ~= nil }, err.message)
    end
    assert.equal("unsupported", fails(rig.open, "socket+tls://127.0.0.1:1", { cert = certs:file "client.pem" }).code)
  end)

  it("off loopback it is enough that clients have certificates", function()
    assert.equal("permission", fails(rig.listen, "socket+tls://0.0.0.0:0", print, certs:of "server").code)
    rig.listen("socket+tls://0.0.0.0:0", print, certs:of("server", { ca = certs:file "ca.pem" })):close()
  end)
end)
