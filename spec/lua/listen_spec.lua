local rig = require "moonrig"
local program = require "support.program"

describe("rig.listen", function()
  it("gives the handler a port whose url and name say who the client is", function()
    local seen = rig.queue()
    local listener <close> = rig.listen("socket://127.0.0.1:0", function(port) seen:push { port.url, port.name } end)
    local client <close> = rig.open(listener.url) -- luacheck: ignore client
    local url, name = table.unpack(seen:pop(1))
    assert.equal("socket://" .. name, url)
    assert.matches("^127%.0%.0%.1:%d+$", name)
    assert.equal("listener: " .. listener.url, tostring(listener))
  end)

  it("refuses arguments of a wrong type", function()
    for _, arguments in ipairs { {}, { 5, print }, { "socket://127.0.0.1:0" }, { "socket://127.0.0.1:0", "x" } } do
      local ok, err = pcall(rig.listen, arguments[1], arguments[2])
      assert.same({ false, "unsupported" }, { ok, err.code })
      assert.matches("^listen: argument [12]: expected", err.message)
    end
  end)

  it("lets clients go away, but hides no other port's end", function()
    local p = program.run [[
      local instrument = rig.open "loop://"
      local listener = rig.listen("socket://127.0.0.1:0", function(port)
        if port:read_line() == "use" then
          instrument:close()
          instrument:read_line()
        else
          port:read_line()
        end
      end)
      rig.open(listener.url):write_line("go"):close()
      rig.sleep(0.05)
      print "still there"
      local client = rig.open(listener.url):write_line "use"
      rig.sleep(5)
    ]]
    assert.same({ "still there\n", 2 }, { p.out, p.code })
    assert.matches("loop:// is closed", p.err)
  end)
end)
