-- TLS with other programs at the far end: openssl s_client and s_server, socat.
local rig = require "moonrig"
local certificates = require "support.certificates"

local function with(check) return os.execute(check .. " >/dev/null 2>&1") and it or pending end
local with_socat = with "socat -V | grep -q 'define WITH_OPENSSL'"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local certs, open

local function keep(port)
  open[#open + 1] = port
  return port
end

local function run(command) return keep(rig.open("exec:" .. command .. " 2>&1", { timeout = 15 })) end

setup(function() certs = certificates.new() end)
teardown(function() certs:close() end)
before_each(function() open = {} end)
after_each(function()
  for i = #open, 1, -1 do open[i]:close() end
end)

local function shout(port)
  port.timeout = math.huge
  for line in port:lines() do port:write_line(line:upper()) end
end

local function serve(more)
  local listener = keep(rig.listen("socket+tls://127.0.0.1:0", shout, certs:of("server", more)))
  return listener.url:match "//(.*)"
end

describe("our TLS server,", function()
  it("openssl s_client verifies and talks to it, by TLS 1.2 and 1.3", function()
    for _, version in ipairs { "tls1_2", "tls1_3" } do
      local client = run(("openssl s_client -quiet -%s -verify_return_error -CAfile %s -verify_hostname localhost "
        .. "-connect %s"):format(version, certs:file "ca.pem", serve()))
      client:write "hello\n"
      client:expect "HELLO"
    end
  end)

  it("has nothing older than TLS 1.2", function()
    local client = run("openssl s_client -quiet -tls1_1 -cipher ALL:@SECLEVEL=0 </dev/null -connect " .. serve())
    client:expect "alert"
  end)

  it("lets only clients in whose certificate it trusts", function()
    local address = serve { ca = certs:file "ca.pem" }
    local common = ("openssl s_client -quiet -CAfile %s -connect %s"):format(certs:file "ca.pem", address)
    local client = run(("%s -cert %s -key %s"):format(common, certs:file "client.pem", certs:file "client.key"))
    client:write "in\n"
    client:expect "IN"
    run(common):expect "certificate required"
    run(("%s -cert %s -key %s"):format(common, certs:file "self.pem", certs:file "self.key")):expect "alert"
  end)

  with_socat("socat talks to it, and gets its answer after it has ended its side", function()
    local client = run(("(echo hello; echo again) | socat -t 5 - OPENSSL:%s,cafile=%s,commonname=localhost"):format(
      serve(), certs:file "ca.pem"))
    client:expect "HELLO\r?\nAGAIN"
  end)

  with_socat("socat opens a serial port behind it", function()
    local near, device = rig.pair { timeout = 5 }
    keep(device)
    local bridge = keep(rig.bridge { port = near, listen = { "socket+tls://127.0.0.1:0" }, quiet = true,
      cert = certs:file "server.pem", key = certs:file "server.key", ca = certs:file "ca.pem" })
    local client = run(("socat - OPENSSL:%s,cafile=%s,cert=%s,key=%s,commonname=localhost"):format(
      bridge.urls[1]:match "//(.*)", certs:file "ca.pem", certs:file "client.pem", certs:file "client.key"))
    client:write "*IDN?\n"
    assert.equal("*IDN?", device:read_line())
    device:write "ACME\n"
    client:expect "ACME"
  end)
end)

describe("our TLS client", function()
  -- openssl s_server takes no port 0 that it tells; so a free one is looked for.
  local function free_port()
    local listener <close> = rig.listen("socket://127.0.0.1:0", print)
    return listener.url:match ":(%d+)$"
  end

  local function open_when_there(url, opts)
    local give_up = rig.now() + 10
    while true do
      local port, err = rig.try_open(url, opts)
      if port then return keep(port) end
      local not_there = err.code == "refused" and err.message:find "Connection refused"
      if not not_there or rig.now() > give_up then error(err, 0) end
      rig.sleep(0.02)
    end
  end

  local function s_server(name, more)
    local port = free_port()
    local server = run(("openssl s_server -quiet -naccept 3 -cert %s -key %s -accept %s %s"):format(
      certs:file(name .. ".pem"), certs:file(name .. ".key"), port, more or ""))
    return "socket+tls://127.0.0.1:" .. port, server
  end

  it("talks to openssl s_server", function()
    for _, version in ipairs { "-tls1_2", "-tls1_3" } do
      local url, server = s_server("server", version)
      local port = open_when_there(url, { ca = certs:file "ca.pem", timeout = 5 })
      port:write "from the client\n"
      server:expect "from the client"
      server:write "from the server\n"
      assert.equal("from the server", port:read_line())
    end
  end)

  it("refuses a wrong name, an expired and a self-signed certificate", function()
    for name, words in pairs { wrong = "another name", expired = "has expired", self = "signed by itself" } do
      local err = fails(open_when_there, (s_server(name)), { ca = certs:file "ca.pem", timeout = 5 })
      assert.same({ "permission", true }, { err.code, err.message:find(words, 1, true) ~= nil }, err.message)
    end
  end)

  it("shows its certificate where that is wanted", function()
    local url, server = s_server("server", "-Verify 1 -verify_return_error -CAfile " .. certs:file "ca.pem")
    local port = open_when_there(url, certs:of("client", { ca = certs:file "ca.pem", timeout = 5 }))
    port:write "hello\n"
    server:expect "hello"
  end)

  it("does not talk to a server that is older than TLS 1.2", function()
    local url = s_server("server", "-tls1_1 -cipher ALL:@SECLEVEL=0")
    assert.matches("TLS", fails(open_when_there, url, { ca = certs:file "ca.pem", timeout = 5 }).message)
  end)

  with_socat("talks to socat", function()
    local server = run(("socat -d -d OPENSSL-LISTEN:0,bind=127.0.0.1,cert=%s,key=%s,verify=0 EXEC:cat"):format(
      certs:file "server.pem", certs:file "server.key"))
    local address = server:expect "listening on AF=%d+ (%S+)"
    local port = keep(rig.open("socket+tls://" .. address, { ca = certs:file "ca.pem", timeout = 5 }))
    port:write(("x\255"):rep(50000))
    assert.equal(("x\255"):rep(50000), port:read(100000))
  end)
end)
