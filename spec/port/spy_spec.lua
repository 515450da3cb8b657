-- spec of core/port/spy.c.  spec/interop compares its text with pySerial's and shows its pcapng to tshark.
local rig = require "moonrig"

local path

local function contents(name)
  local file <close> = assert(io.open(name or path, "rb"))
  return file:read("a")
end

-- The dump without its times.
local function dump()
  return (contents():gsub("%f[^\n\0]%d%d%d%d%d%d%.%d%d%d ", ""))
end

local function fails(...)
  local ok, err = pcall(...)
  assert.is_false(ok)
  return err
end

-- What a script of its own writes to standard output and standard error.
local function run(text)
  local script = os.tmpname()
  local file = assert(io.open(script, "w"))
  file:write(text)
  file:close()
  local pipe = assert(io.popen(("/proc/$PPID/exe %s 2>&1"):format(script)))
  local output = pipe:read("a")
  assert(pipe:close(), output)
  os.remove(script)
  return output
end

describe("spy", function()
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("writes down bytes and what is done to the port, in pySerial's words", function()
    local port <close> = rig.open("spy://loop://?file=" .. path)
    port:write("hello")
    port:read(5)
    port.rts = false
    port.dtr = true
    local _ = { port.cts, port.dsr, port.ri, port.cd }
    port.break_condition = true
    port.break_condition = false
    port:send_break(0.01)
    port:flush_input()
    port:flush_output()
    port:drain()
    assert.are.equal(table.concat({
      "TX   0000  68 65 6C 6C 6F                                    hello           ",
      "RX   0000  68 65 6C 6C 6F                                    hello           ",
      "RTS  inactive",
      "DTR  active",
      "CTS  inactive",
      "DSR  active",
      "RI   inactive",
      "CD   active",
      "BRK  active",
      "BRK  inactive",
      "BRK  send_break 0.01s",
      "Q-RX reset_input_buffer",
      "Q-TX reset_output_buffer",
      "Q-TX flush",
    }, "\n") .. "\n", dump())
  end)

  it("shows with `all` reads without bytes, in_waiting, and changes of inputs", function()
    local port <close> = rig.open("spy://loop://?all&file=" .. path)
    port:try_read(1, 0.01)
    local _ = port.in_waiting
    port.rts = not port.rts
    assert.matches("^RX   <empty>\nQ%-RX in_waiting %-> 0\n", dump())
    assert.matches("\nCTS  %a+\n", dump())
  end)

  it("writes with `raw` the bytes alone", function()
    local port <close> = rig.open("spy://loop://?raw&file=" .. path)
    port:write("a\0\255")
    port.rts = false
    port:flush_input()
    assert.are.equal("a\0\255a\0\255", contents())
  end)

  it("colours each event and goes back to normal", function()
    local port <close> = rig.open("spy://loop://?color&file=" .. path)
    port:write("x")
    port.rts = true
    local red, green, white, normal = "\27[31m", "\27[32m", "\27[37m", "\27[0m\n"
    local lines = {}
    for line in contents():gmatch("[^\n]*\n") do lines[#lines + 1] = line end
    assert.are.same({ red, green, white }, { lines[1]:sub(1, 5), lines[2]:sub(1, 5), lines[3]:sub(1, 5) })
    for _, line in ipairs(lines) do assert.are.equal(normal, line:sub(-5)) end
  end)

  it("counts the seconds from the opening", function()
    local port <close> = rig.open("spy://loop://?file=" .. path)
    rig.sleep(0.05)
    port:write("x")
    local seconds = tonumber(contents():match("^(%d%d%d%d%d%d%.%d%d%d) TX"))
    assert.is_true(seconds >= 0.05 and seconds < 1)
  end)

  it("goes in front of any URL, and leaves it its own options", function()
    local listener = rig.listen("socket://127.0.0.1:0", function(port) port:write(port:read(2):upper()) end)
    local port <close> = rig.open("spy://" .. listener.url .. "?timeout=2&file=" .. path, { eol = "\r" })
    assert.are.same({ 2, "\r", listener.url }, { port.timeout, port.eol, port.url:match("^[^?]*") })
    port:write("ab")
    assert.are.equal("AB", port:read(2))
    assert.matches("TX   0000  61 62 .*RX   0000  41 42 ", dump())
    listener:close()
  end)

  it("takes the URL as an option where that has a query of its own", function()
    local port <close> = rig.open("spy://?file=" .. path .. "&url=loop://?timeout=3")
    assert.are.equal(3, port.timeout)
    port:write("x")
    assert.matches("^TX ", dump())
  end)

  it("can be put on top of another", function()
    local second = os.tmpname()
    local port <close> = rig.open("spy://?raw&file=" .. path .. "&url=spy://loop://?raw&file=" .. second)
    port:write("both")
    assert.are.equal("bothboth", contents())
    assert.are.equal(contents(), contents(second))
    os.remove(second)
  end)

  it("writes to standard error without a file", function()
    assert.matches("^000000%.%d%d%d TX   0000  78 ",
      run 'local port <close> = require("moonrig").open("spy://loop://") port:write("x")')
  end)

  it("names the option or file at fault", function()
    local err = fails(rig.open, "spy://loop://?format=xml")
    assert.are.equal("unsupported", err.code)
    assert.matches("option format=xml: expected text or pcapng", err.message)
    assert.matches("option file is missing", fails(rig.open, "spy://loop://?format=pcapng").message)
    assert.matches("option raw means nothing with format=pcapng",
      fails(rig.open, "spy://loop://?raw&format=pcapng&file=" .. path).message)
    assert.matches("option color=perhaps", fails(rig.open, "spy://loop://?color=perhaps").message)
    assert.matches("the URL of the port is missing", fails(rig.open, "spy://?file=" .. path).message)
    err = fails(rig.open, "spy://loop://?file=/nowhere/at/all")
    assert.are.equal("not_found", err.code)
    assert.matches("cannot write /nowhere/at/all: No such file", err.message)
    assert.matches('unknown option "fiel"', fails(rig.open, "spy://loop://?fiel=x").message)
  end)

  it("leaves the file alone where the port cannot be opened", function()
    local file = assert(io.open(path, "w"))
    file:write("evidence")
    file:close()
    fails(rig.open, "spy://nonsense://?file=" .. path .. "&format=xml")
    assert.are.equal("evidence", contents())
  end)

  it("goes on with the port when the file can take no more, and says so once", function()
    assert.are.equal("moonrig: /dev/full: No space left on device; nothing more is written to it\nstill here\n", run [[
      local port <close> = require("moonrig").open("spy://loop://?file=/dev/full")
      io.stdout:setvbuf("no")
      port:write("still here")
      print(port:read(10))
    ]])
  end)
end)
