-- RFC 2217 with other programs at the far end: pySerial (client and server), ser2net, gensiot.
local rig = require "moonrig"
local ptys = require "support.ptys"

-- `it`, or `pending` where the other program is not installed.
local function with(check) return os.execute(check .. " >/dev/null 2>&1") and it or pending end
local with_pyserial, with_ser2net = with "/usr/bin/python3 -c 'import serial'", with "command -v ser2net"
local with_gensiot = with "command -v gensiot"

local PEERS = "/usr/bin/python3 -u spec/interop/rfc2217_peers.py "

local ALL = {}
for i = 0, 255 do ALL[#ALL + 1] = string.char(i) end
ALL = table.concat(ALL)

local function hex(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local open, pair, far

local function keep(port)
  open[#open + 1] = port
  return port
end

local function run(command) return keep(rig.open("exec:" .. command, { timeout = 15 })) end

-- A port number that is free now.
local function free_port()
  local listener <close> = rig.listen("socket://127.0.0.1:0", print)
  return tonumber(listener.url:match ":(%d+)$")
end

-- Opens it as soon as somebody listens there.
local function open_when_there(url, opts)
  local give_up = rig.now() + 10
  while true do
    local port, err = rig.try_open(url, opts)
    if port then return keep(port) end
    if err.code ~= "refused" or rig.now() > give_up then error(err, 0) end
    rig.sleep(0.02)
  end
end

before_each(function()
  open, pair = {}, ptys.new()
  far = rig.open(pair.b, { timeout = 5 })
end)
after_each(function()
  for i = #open, 1, -1 do open[i]:close() end
  far:close()
  pair:close()
end)

local function bridge(more)
  local spec = { port = pair.a, listen = { "rfc2217://127.0.0.1:0" }, quiet = true }
  for key, value in pairs(more or {}) do spec[key] = value end
  return keep(rig.bridge(spec))
end

describe("our server,", function()
  local function pyserial(url)
    local client = run(PEERS .. "client " .. url)
    assert.matches("^open 0%.", client:read_line())
    return function(line) return client:query(line) end
  end

  with_pyserial("pySerial opens it on a pty with its default URL, and all it does works", function()
    local ask = pyserial(bridge().urls[1])
    assert.equal("ok", ask("write " .. hex(ALL)))
    assert.equal(ALL, far:read(256))
    far:write(ALL)
    assert.equal(hex(ALL), ask "read 256")
    for _, line in ipairs { "set baudrate 115200", "set baudrate 65280", "set stopbits 2", "set rtscts True",
      "set rtscts False", "set xonxoff True", "set xonxoff False", "set dtr False", "set dtr True", "set rts False",
      "set break_condition True", "set break_condition False", "send_break 0.05", "reset_input_buffer",
      "reset_output_buffer" } do
      assert.equal("ok", ask(line), line)
    end
    for _, name in ipairs { "cts", "dsr", "ri", "cd" } do assert.equal("False", ask("get " .. name)) end
    assert.equal(65280, far.baudrate - far.baudrate + 65280)
    assert.matches("ValueError: remote rejected value for option 'datasize'", ask "set bytesize 7")
  end)

  with_pyserial("pySerial sees the signals of a device that has them", function()
    local near, device = rig.pair { timeout = 5 }
    keep(device)
    local ask = pyserial(keep(rig.bridge { port = near, listen = { "rfc2217://127.0.0.1:0" }, quiet = true }).urls[1])
    assert.equal("True", ask "get cts")
    device.rts = false
    local give_up = rig.now() + 5
    while ask "get cts" ~= "False" and rig.now() < give_up do rig.sleep(0.005) end
    assert.equal("False", ask "get cts")
    assert.equal("ok", ask "set bytesize 7")
    assert.equal("ok", ask "set parity 'E'")
    assert.equal("ok", ask "set stopbits 1.5")
    assert.equal("ok", ask "set dtr False")
    assert.is_false(device.dsr)
    assert.equal("ok", ask "set break_condition True")
    assert.equal(1, device.errors.breaks)
  end)

  with_pyserial("pySerial opens it again and again, at once", function()
    local url = bridge().urls[1]
    for i = 1, 3 do
      local client = run(PEERS .. "client " .. url)
      assert.matches("^open 0%.", client:read_line())
      client:write_line(("write %s"):format(hex("client " .. i .. "\n")))
      assert.equal("client " .. i, far:read_line())
      client:close()
    end
  end)

  with_gensiot("gensiot is a client of it, and its IAC BRK is a break", function()
    local near, device = rig.pair { timeout = 5 }
    keep(device)
    local served = keep(rig.bridge { port = near, listen = { "rfc2217://127.0.0.1:0" }, quiet = true })
    local client = run(("gensiot -e 29 -i 'stdio(self)' 'telnet(rfc2217),tcp,127.0.0.1,%s'"):format(served.urls[1]
      :match "%d+$"))
    client:write "hello\n"
    assert.equal("hello", device:read_line())
    device:write "welcome\n"
    client:expect "welcome"
    client:write "\29b"
    local give_up = rig.now() + 5
    while device.errors.breaks == 0 and rig.now() < give_up do rig.sleep(0.005) end
    assert.equal(1, device.errors.breaks)
  end)

  with_ser2net("ser2net's connector is a client of it", function()
    local port = free_port()
    local path = os.tmpname()
    local config = assert(io.open(path, "w"))
    config:write(([[
%%YAML 1.1
---
connection: &c
  accepter: tcp,127.0.0.1,%d
  connector: telnet(rfc2217),tcp,127.0.0.1,%s
]]):format(port, bridge().urls[1]:match "%d+$"))
    config:close()
    run("ser2net -n -c " .. path)
    local client = open_when_there(("socket://127.0.0.1:%d"):format(port), { timeout = 5 })
    client:write "through ser2net\255\n"
    assert.equal("through ser2net\255", far:read_line())
    far:write "and back\255\n"
    assert.equal("and back\255", client:read_line())
    os.remove(path)
  end)
end)

describe("our client", function()
  local function exchange(port, device)
    port:write(ALL)
    assert.equal(ALL, device:read(256))
    device:write(ALL)
    assert.equal(ALL, port:read(256))
  end

  with_ser2net("opens ser2net on a pty, with what that answers", function()
    local number = free_port()
    local path = os.tmpname()
    local config = assert(io.open(path, "w"))
    config:write(([[
%%YAML 1.1
---
connection: &c
  accepter: telnet(rfc2217),tcp,127.0.0.1,%d
  connector: serialdev,%s,9600n81,local
]]):format(number, pair.a))
    config:close()
    run("ser2net -n -c " .. path)
    local port = open_when_there(("rfc2217://127.0.0.1:%d"):format(number), { timeout = 3, baudrate = 57600 })
    exchange(port, far)
    port.baudrate = 115200
    port:set { stopbits = 2, xonxoff = true }
    port:set { xonxoff = false }
    port:flush_input()
    port:drain()
    assert.is_false(port.cts)
    assert.equal("ser2net", port.signature)
    -- It does not answer about DTR on a pty: an error that says what was awaited, and then life goes on.
    port.timeout = 0.2
    local err = fails(port.set, port, { dtr = false })
    assert.equal("timeout", err.code)
    assert.matches("no answer to SET%-CONTROL %(DTR%)", err.message)
    port.timeout = 3
    port.baudrate = 9600
    exchange(port, far)
    os.remove(path)
  end)

  with_ser2net("does not wait for what ser2net does not answer, with ign_set_control", function()
    local number = free_port()
    local path = os.tmpname()
    local config = assert(io.open(path, "w"))
    config:write(([[
%%YAML 1.1
---
connection: &c
  accepter: telnet(rfc2217),tcp,127.0.0.1,%d
  connector: serialdev,%s,9600n81,local
]]):format(number, pair.a))
    config:close()
    run("ser2net -n -c " .. path)
    local port = open_when_there(("rfc2217://127.0.0.1:%d?ign_set_control&dtr=0&rts=1"):format(number), { timeout = 3 })
    port:set { dtr = true, rts = false }
    port:send_break(0.01)
    exchange(port, far)
    os.remove(path)
  end)

  with_gensiot("opens gensiot as a server", function()
    local number = free_port()
    run(("gensiot -a --server --signature bench -i serialdev,%s,9600n81,local 'telnet(rfc2217),tcp,127.0.0.1,%d'")
      :format(pair.a, number))
    local port = open_when_there(("rfc2217://127.0.0.1:%d"):format(number), { timeout = 3, baudrate = 115200 })
    exchange(port, far)
    port.baudrate = 19200
    assert.equal(19200, port.baudrate)
  end)

  with_pyserial("opens pySerial's PortManager, whose loop:// has signals", function()
    local server = run(PEERS .. "server")
    local url = "rfc2217://127.0.0.1:" .. server:read_line()
    for _ = 1, 2 do
      local port <close> = rig.open(url, { timeout = 3, baudrate = 38400, rts = true, dtr = true })
      exchange(port, port)
      assert.is_true(port.cts)
      port:set { bytesize = 7, parity = "O", stopbits = 1.5, rtscts = true }
      assert.same({ 7, "O", 1.5, true }, { port.bytesize, port.parity, port.stopbits, port.rtscts })
      port:set { bytesize = 8, parity = "N", stopbits = 1, rtscts = false }
      port:set { rts = false, dtr = false }
      port:send_break(0.01)
      port:flush_input()
      port:flush_output()
      port:drain()
    end
  end)
end)
