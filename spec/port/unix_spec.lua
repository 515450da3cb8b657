local rig = require "moonrig"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("unix:", function()
  local path, listener
  before_each(function()
    path = os.tmpname()
    os.remove(path)
  end)
  after_each(function()
    if listener then listener:close() end
    listener = nil
    os.remove(path)
  end)

  local function echo(port)
    while true do port:write(port:read_some(nil, math.huge)) end
  end

  it("carries every byte value both ways", function()
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    all = table.concat(all)
    listener = rig.listen("unix:" .. path, echo)
    assert.equal("unix:" .. path, listener.url)
    local client <close> = rig.open(listener.url)
    assert.equal(path, client.name)
    client:write(all)
    assert.equal(all, client:read(256))
  end)

  it("names what is wrong with the path", function()
    assert.equal("not_found", fails(rig.open, "unix:" .. path).code)
    assert.equal("unsupported", fails(rig.open, "unix:").code)
    assert.matches("1 to 107 bytes", fails(rig.open, "unix:/" .. ("x"):rep(107)).message)
    assert.equal("unsupported", fails(rig.open, "unix:" .. path .. "?baudrate=9600").code)
    io.open(path, "w"):close()
    assert.equal("refused", fails(rig.open, "unix:" .. path).code)
    assert.equal("busy", fails(rig.listen, "unix:" .. path, echo).code)
  end)

  it("is removed with its listener, and replaced when nobody serves it any more", function()
    listener = rig.listen("unix:" .. path, echo)
    assert.equal("busy", fails(rig.listen, "unix:" .. path, echo).code)
    listener:close()
    assert.equal("not_found", fails(rig.open, "unix:" .. path).code)
    local killed <close> = rig.open(([[exec:/usr/bin/env python3 -c '
import socket
s = socket.socket(socket.AF_UNIX); s.bind("%s"); s.listen()
print("left")']]):format(path))
    assert.equal("left", killed:read_line())
    assert.equal("closed", fails(killed.read_line, killed).code)
    assert.equal("refused", fails(rig.open, "unix:" .. path).code)
    listener = rig.listen("unix:" .. path, echo)
    rig.open(listener.url):close()
  end)

  it("waits when more clients come at once than the system lines up", function()
    listener = rig.listen("unix:" .. path, echo)
    local open = {}
    rig.group(function(group)
      for i = 1, 300 do
        group:spawn(function()
          open[i] = rig.open(listener.url)
          open[i]:write_line "hello"
          assert(open[i]:read_line() == "hello")
        end)
      end
    end)
    for _, port in ipairs(open) do port:close() end
  end)

  it("gives up in time when nobody accepts", function()
    local full <close> = rig.open(([[exec:/usr/bin/env python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind("%s"); s.listen(0)
c = socket.socket(socket.AF_UNIX); c.connect("%s")
print("full", flush=True)
sys.stdin.read()']]):format(path, path))
    assert.equal("full", full:read_line())
    local t0 = rig.now()
    local err = fails(rig.open, "unix:" .. path, { timeout = 0.1 })
    assert.equal("timeout", err.code)
    assert.is_true(math.abs(rig.now() - t0 - 0.1) < 0.02)
  end)
end)
