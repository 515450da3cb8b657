local rig = require "moonrig"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local function link_target(path)
  local p <close> = rig.open("exec:readlink " .. path)
  local ok, target = pcall(p.read_line, p)
  return ok and target or nil
end

-- A shell command at the far end: its output goes to the port, its input comes from it.
local function client(name, command) return rig.open(("exec:exec <%s >%s; %s"):format(name, name, command)) end

describe("pty:", function()
  local link
  before_each(function()
    link = os.tmpname()
    os.remove(link)
  end)
  after_each(function() os.remove(link) end)

  it("is the far end of the terminal that it names", function()
    local p <close> = rig.open "pty:"
    assert.matches("^/dev/pts/%d+$", p.name)
    local c <close> = client(p.name, "read x; echo got $x") -- luacheck: ignore c
    p:write_line "hello"
    assert.equal("got hello", p:read_line())
  end)

  it("carries every byte value both ways, without echo", function()
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    all = table.concat(all):rep(40)
    local p <close> = rig.open "pty:"
    local c <close> = client(p.name, "exec cat") -- luacheck: ignore c
    p:write(all)
    assert.equal(all, p:read(#all))
    assert.equal(0, p.in_waiting)
  end)

  it("stays open while clients come and go", function()
    local p <close> = rig.open "pty:"
    for i = 1, 3 do
      local c <close> = client(p.name, "echo client " .. i) -- luacheck: ignore c
      assert.equal("client " .. i, p:read_line())
    end
    assert.is_true(p.is_open)
  end)

  it("survives a client whose controlling terminal it was", function()
    local p <close> = rig.open "pty:"
    local c <close> = rig.open(("exec:setsid sh -c 'exec <%s; echo bye >%s'"):format(p.name, p.name))
    assert.equal("bye", p:read_line())
    assert.equal("closed", fails(c.read_line, c).code)
    local d <close> = client(p.name, "exec cat") -- luacheck: ignore d
    p:write "still\r\nraw\3"
    assert.equal("still\r\nraw\3", p:read(11))
    assert.equal(0, p.in_waiting)
  end)

  it("keeps what is written until somebody reads, and then makes the writer wait", function()
    local p <close> = rig.open "pty:"
    p:write "early\n"
    assert.equal(6, p.out_waiting)
    p:drain()
    p:flush_output()
    assert.equal(0, p.out_waiting)
    local err = fails(p.write, p, ("x"):rep(1e6), 0.02)
    assert.equal("timeout", err.code)
    local c <close> = client(p.name, "head -c " .. err.written .. " | wc -c") -- luacheck: ignore c
    assert.equal(tostring(err.written), p:read_line():match "%d+")
  end)

  it("has a link where asked, as long as it is open", function()
    local p = rig.open("pty:" .. link)
    assert.equal(p.name, link_target(link))
    p:close()
    assert.is_nil(link_target(link))
  end)

  it("does not touch a link in use, or what it has not made", function()
    local p <close> = rig.open("pty:" .. link)
    local err = fails(rig.open, "pty:" .. link)
    assert.equal("busy", err.code)
    assert.matches("in use", err.message)
    assert.equal(p.name, link_target(link))
    p:close()
    io.open(link, "w"):close()
    assert.equal("busy", fails(rig.open, "pty:" .. link).code)
    os.remove(link)
    rig.open("exec:ln -s /dev/null " .. link):try_read(1)
    assert.equal("busy", fails(rig.open, "pty:" .. link).code)
    assert.equal("/dev/null", link_target(link))
    assert.equal("not_found", fails(rig.open, "pty:/nonexistent/link").code)
  end)

  it("replaces a link that a killed run left behind", function()
    rig.open("exec:ln -s /dev/pts/999999 " .. link):try_read(1)
    local p <close> = rig.open("pty:" .. link)
    assert.equal(p.name, link_target(link))
  end)

  it("leaves a link alone that somebody else has put in its place", function()
    local p = rig.open("pty:" .. link)
    rig.open("exec:ln -sf /dev/null " .. link):try_read(1)
    p:close()
    assert.equal("/dev/null", link_target(link))
  end)

  it("is one client for rig.listen", function()
    local listener = rig.listen("pty:" .. link, function(port)
      for line in port:lines() do port:write_line(line:upper()) end
    end)
    local c <close> = rig.open(("exec:exec 3<>%s; echo idn? >&3; head -n1 <&3"):format(link))
    assert.equal("IDN?", c:read_line())
    assert.equal("device:" .. link, listener.url)
    listener:close()
    listener:join()
    assert.is_nil(link_target(link))
  end)

  it("has the settings of the slave, which both sides change", function()
    local p <close> = rig.open("pty:", { baudrate = 115200 })
    local c <close> = rig.open("device:" .. p.name .. "?baudrate=57600&stopbits=2")
    assert.same({ 57600, 2, 8, "N" }, { p.baudrate, p.stopbits, p.bytesize, p.parity })
    c:set { baudrate = 12345, rtscts = true, stopbits = 1 }
    assert.same({ 12345, 1, true, false }, { p.baudrate, p.stopbits, p.rtscts, p.xonxoff })
    c.baudrate = 9600
    p.baudrate = 115200
    assert.equal(115200, p.baudrate)
    p:set { baudrate = 4800 }
    assert.equal(4800, p.baudrate)
    local err = fails(p.set, p, { bytesize = 7 })
    assert.equal("unsupported", err.code)
    assert.matches("bytesize 7 was asked for, 8 is in force", err.message)
  end)

  it("is not closed to others by a client that was killed", function()
    local p <close> = rig.open "pty:"
    local first <close> = rig.open("device:" .. p.name)
    local exclusive <close> = rig.open(([[exec:/usr/bin/python3 -c '
import array, fcntl, os
held = array.array("i", [7])
fcntl.ioctl(os.open("%s", os.O_RDWR | os.O_NOCTTY), 0x80045440, held) # TIOCGEXCL
print(held[0])']]):format(p.name))
    assert.equal("0", exclusive:read_line())
    assert.equal("busy", fails(rig.open, first.url).code)
  end)

  it("has no modem signals and no break", function()
    local p <close> = rig.open "pty:"
    assert.equal("unsupported", fails(function() return p.cts end).code)
    assert.equal("unsupported", fails(function() p.dtr = true end).code)
    assert.equal("unsupported", fails(p.send_break, p).code)
  end)
end)
