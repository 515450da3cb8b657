-- In the lab's VM: a bridge and its RFC 2217 server on the kernel's own drivers, at a null-modem cable: what a
-- remote client sees of the line, and what the line sees of it.
local rig = require "moonrig"
local cable = require "vm.cable"

local ALL = {}
for i = 0, 255 do ALL[#ALL + 1] = string.char(i) end
ALL = table.concat(ALL)

local function failure(fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok, "no error was raised")
  return e
end

for _, kind in ipairs { "ftdi", "pl2303", "cp210x", "acm" } do
  describe("a bridge on " .. kind, function()
    local wire, bridge, client, far

    setup(function() wire = cable.new(kind, kind) end)
    teardown(function() wire:close() end)
    before_each(function()
      bridge = rig.bridge { port = wire.a .. "?baudrate=115200", listen = { "rfc2217://127.0.0.1:0" }, quiet = true }
      cable.wait_for("the device", function() return bridge:status().state == "open" end)
      client = rig.open(bridge.urls[1], { baudrate = 115200, timeout = 10 })
      far = rig.open(wire.b, { baudrate = 115200, timeout = 10 })
    end)
    after_each(function()
      client:close()
      bridge:close()
      far:close()
    end)

    local function seen(what, condition) cable.wait_for(what, condition) end

    it("carries every byte value both ways", function()
      client:write(ALL, ALL)
      assert.equal(ALL .. ALL, far:read(512))
      far:write(ALL)
      assert.equal(ALL, client:read(256))
    end)

    it("puts rate and framing in force, and the bytes arrive", function()
      for _, s in ipairs { { baudrate = 9600, parity = "E" }, { baudrate = 57600, parity = "O", stopbits = 2 },
        { baudrate = 115200, parity = "N", stopbits = 1 } } do
        client:set(s)
        far:set(s)
        client:write "\1\2\127"
        assert.equal("\1\2\127", far:read(3))
      end
    end)

    it("waits with a change until what was written before is on the line", function()
      far.baudrate, client.baudrate = 9600, 9600
      client:write(("x"):rep(100))
      client.baudrate = 115200
      assert.equal(("x"):rep(100), far:read(100))
      far.baudrate = 115200
      client:write "fast"
      assert.equal("fast", far:read(4))
      assert.equal(0, far.errors.framing)
    end)

    it("shows and moves the signals", function()
      seen("dsr and cd", function() return client.dsr and client.cd end)
      far.dtr = false
      seen("dsr and cd off", function() return not client.dsr and not client.cd end)
      far.dtr = true
      client.dtr = false
      seen("dsr off", function() return not far.dsr end)
      client.dtr = true
      seen("dsr on", function() return far.dsr end)
      if kind == "acm" then return end -- it has no CTS
      far.rts = false
      seen("cts off", function() return not client.cts end)
      far.rts = true
      client.rts = false
      seen("cts off", function() return not far.cts end)
    end)

    -- The emulated processor stumbles now and then: the best of some tries counts.
    it("shows a change within 20 ms", function()
      local best = math.huge
      seen("dsr", function() return client.dsr end)
      for i = 1, 10 do
        local watcher = rig.spawn(function()
          client:wait_signals("dsr", 5)
          return rig.now()
        end)
        rig.sleep(0.03)
        local began = rig.now()
        far.dtr = i % 2 == 0
        best = math.min(best, watcher:join() - began)
      end
      assert.is_true(best < 0.02, ("%.1f ms"):format(best * 1000))
    end)

    it("passes on breaks, both ways", function()
      client:send_break(0.1)
      seen("the break", function() return far.errors.breaks > 0 end)
      far:send_break(0.1)
      seen("the break's notification", function() return client.errors.breaks > 0 end)
    end)

    it("notifies errors of parity", function()
      if kind == "acm" then return end -- the model counts them, the driver's notifications say so late
      far:set { parity = "O" }
      client:set { parity = "E" }
      far:write "abc"
      seen("the errors", function() return client.errors.parity > 0 end)
    end)

    it("keeps its clients when the plug is pulled, and serves them again when it is back", function()
      wire:unplug(0)
      seen("the loss", function() return bridge:status().state == "lost" end)
      client:write "meanwhile\n"
      wire:plug(0)
      seen("the device", function() return bridge:status().state == "open" end)
      assert.equal("meanwhile", far:read_line())
      far:write "and back\n"
      assert.equal("and back", client:read_line())
      client.baudrate = 19200
      far.baudrate = 19200
      client:write "ok"
      assert.equal("ok", far:read(2))
      client.dtr = false
      seen("dsr off", function() return not far.dsr end)
    end)

    it("answers with what is in force when the chip refuses", function()
      local refused = { ftdi = { baudrate = 4000000 }, cp210x = { baudrate = 3000000 }, acm = { rtscts = true } }
      if not refused[kind] then return end
      local e = failure(client.set, client, refused[kind])
      assert.equal("unsupported", e.code)
      client:write "still"
      assert.equal("still", far:read(5))
    end)
  end)
end

describe("the reset sequence of an ESP32, through client, bridge and cable,", function()
  local wire, bridge, client, far

  setup(function() wire = cable.new("ftdi", "ftdi") end)
  teardown(function() wire:close() end)
  before_each(function()
    bridge = rig.bridge { port = wire.a, listen = { "rfc2217://127.0.0.1:0" }, quiet = true }
    client = rig.open(bridge.urls[1], { timeout = 10 })
    far = rig.open(wire.b, { timeout = 10 })
  end)
  after_each(function()
    client:close()
    bridge:close()
    far:close()
  end)

  -- Looks at the far end all the time, and notes when DTR (as DSR) and RTS (as CTS) change.
  local function watch(edges)
    local dsr, cts = far.dsr, far.cts
    while true do
      local d, c = far.dsr, far.cts
      if d ~= dsr or c ~= cts then
        edges[#edges + 1] = { at = rig.now(), dtr = d, rts = c }
        dsr, cts = d, c
      end
      rig.sleep(0)
    end
  end

  it("keeps its order, and its times", function()
    local edges = {}
    client:set { dtr = false, rts = false }
    cable.wait_for("the levels", function() return not far.dsr and not far.cts end)
    local watcher = rig.spawn(watch, edges)
    rig.sleep(0.05)
    client:set { dtr = false, rts = true }   -- EN low: reset
    rig.sleep(0.1)
    client:set { dtr = true, rts = false }   -- out of reset, IO0 low: the bootloader
    rig.sleep(0.05)
    client:set { dtr = false, rts = false }
    rig.sleep(0.05)
    watcher:cancel()
    pcall(watcher.join, watcher)
    local first, last = edges[1], edges[#edges]
    assert.same({ false, true }, { first.dtr, first.rts })
    assert.same({ false, false }, { last.dtr, last.rts })
    local boot
    for _, edge in ipairs(edges) do
      if edge.dtr and not edge.rts then boot = boot or edge end
    end
    local reset, hold = boot.at - first.at, last.at - boot.at
    assert.is_true(math.abs(reset - 0.1) < 0.03 and math.abs(hold - 0.05) < 0.03,
      ("reset %.1f ms, boot %.1f ms"):format(reset * 1000, hold * 1000))
  end)
end)
