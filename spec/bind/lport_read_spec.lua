local rig = require "moonrig"

describe("lines()", function()
  it("ends when the port is closed here, and raises when the device is lost", function()
    local link = os.tmpname()
    os.remove(link)
    local master = rig.open("pty:" .. link)
    local device <close> = rig.open(link)
    local function collect(port)
      local seen = {}
      local ok, err = pcall(function()
        for line in port:lines() do seen[#seen + 1] = line end
      end)
      return table.concat(seen, ","), ok or err.code
    end
    local reader = rig.spawn(collect, master)
    device:write "one\ntwo"
    rig.sleep(0.02)
    master:write "1\n2"
    rig.sleep(0.02)
    master:close()
    assert.same({ "one", true }, { reader:join() })
    assert.same({ "1,2", "closed" }, { collect(device) })
  end)
end)

describe("a read that ends by inter_byte_timeout", function()
  it("says so", function()
    local near <close>, far = rig.pair { inter_byte_timeout = 0.01, timeout = 5 }
    far:write "ab"
    local _, err = near:try_read(4)
    assert.same({ "timeout", "ab" }, { err.code, err.received })
    assert.matches('not enough bytes before 0.01 s of silence %(inter_byte_timeout%)', err.message)
    far:close()
  end)
end)
