local rig = require "moonrig"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("a simulator", function()
  local sim, port
  local function simulate(spec)
    sim = rig.sim(spec)
    port = sim:connect { timeout = 1 }
  end
  after_each(function() sim:close() end)

  it("answers with text, captures, numbers and functions", function()
    simulate {
      format = "%.3f",
      state = { volt = 1.25 },
      on = {
        ["PING?"] = "pong", ["^ECHO (%w+) (%w+)$"] = "%2-%1-%%", ["TEN?"] = 10, ["NONE"] = false,
        ["MEASure:VOLTage?"] = function(self) return self.state.volt end,
        ["ADD? <number>,<number>"] = function(_, a, b) return a + b end,
        ["FLAG?"] = function() return false end, ["OVER?"] = function() return math.huge end,
        ["ODD?"] = function() return -(0 / 0) end, ["UNDER?"] = function() return -math.huge end,
      },
    }
    local replies = {}
    for i, command in ipairs { "PING?", "ECHO a b", "TEN?", "meas:volt?", "ADD? 1,2", "FLAG?", "OVER?", "ODD?",
      "UNDER?" } do
      replies[i] = port:query(command)
    end
    assert.same({ "pong", "b-a-%", "10", "1.250", "3", "0", "9.9E37", "9.91E37", "-9.9E37" }, replies)
    assert.equal("pong", port:query("NONE;PING?"))
    assert.is_nil(sim:reply("NONE"))
  end)

  it("takes several commands in a message, from where the one before stood", function()
    simulate { on = { ["MEASure:VOLTage?"] = "v", ["MEASure:CURRent?"] = "i", ["CURRent?"] = "limit", ["A:B:C?"] = "c",
      ["A:B:D?"] = "d", ["TEXT?"] = function(_, s) return s end } }
    assert.equal("v;i;limit", sim:reply("MEAS:VOLT?;CURR?;:CURR?"))
    assert.equal("c;1;d", sim:reply(" :A:B:C? ; *OPC?;D?"))
    assert.equal('"x;y";1', sim:reply 'TEXT? "x;y";*OPC?')
    assert.equal("c", sim:reply("A:B:C?;CURR?"))
    assert.equal('-113,"Undefined header"', sim:reply("SYST:ERR?"))
  end)

  it("has settings: asked and told by one line of description", function()
    local told = {}
    simulate {
      state = { volt = 0, on = false, mode = "VOLT", name = "" },
      on = {
        ["VOLTage"] = { "volt", min = 0, max = 30, default = 5, on_set = function(_, v) told[#told + 1] = v end },
        ["OUTPut"] = { "on" }, ["FUNCtion"] = { "mode", choices = { "VOLTage", "CURRent" } }, ["NAME"] = { "name" },
      },
    }
    assert.equal("0;0;30;5", sim:reply("VOLT?;VOLT? MIN;VOLT? MAX;VOLT? DEF"))
    assert.equal("12.5;30;5", sim:reply("VOLT 12500 MV;VOLT?;VOLT MAX;VOLT?;VOLT DEF;VOLT?"))
    assert.same({ 12.5, 30, 5 }, told)
    assert.equal("1;0", sim:reply("OUTP ON;OUTP?;OUTP 0;OUTP?"))
    assert.equal("CURR;VOLT", sim:reply("FUNC current;FUNC?;FUNC VOLT;FUNC?"))
    assert.equal("it's", sim:reply("NAME 'it''s';NAME?"))
    sim:reply("VOLT;VOLT 31;VOLT 1,2;VOLT x;OUTP maybe;FUNC RES;VOLT? SOME;VOLT NAN")
    local codes = {}
    for code in sim:reply((":SYST:ERR?;"):rep(9)):gmatch "(%-?%d+),\"" do codes[#codes + 1] = tonumber(code) end
    assert.same({ -109, -222, -108, -104, -104, -224, -224, -222, 0 }, codes)
  end)

  it("knows the common commands", function()
    simulate { idn = "A,B,C,D", state = { volt = 1 }, on = { ["VOLTage"] = { "volt" } } }
    assert.equal("A,B,C,D;1;0;1999.0", sim:reply("*IDN?;*OPC?;*TST?;SYST:VERS?"))
    assert.equal("1", sim:reply("VOLT 9;*RST;VOLT?"))
    assert.equal("128;0;36;0;32;0", sim:reply("*ESR?;*ESR?;*ESE 36;*ESE?;*STB?;BAD;*ESR?;*ESR?"))
    assert.equal("36;100;0;0", sim:reply("*CLS;BAD;*STB?;*SRE 32;*STB?;*CLS;*STB?;SYST:ERR:COUN?"))
    assert.equal("1", sim:reply("*OPC;*WAI;*ESR?"))
  end)

  it("keeps the oldest errors when its queue is full", function()
    simulate { error_limit = 2 }
    sim:reply("A;B;C")
    assert.equal('2;-113,"Undefined header";-350,"Queue overflow";0,"No error"',
      sim:reply("SYST:ERR:COUN?;:SYST:ERR?;:SYST:ERR?;:SYST:ERR?"))
  end)

  it("takes blocks with line ends in them", function()
    simulate { on = { ["DATA <block>"] = function(self, bytes) self.state.data = bytes end,
      ["DATA?"] = function(self) return self:block(self.state.data) end } }
    for _, bytes in ipairs { "a\nb\r\n\r", "\n", "\r\n", ";,\"'" } do
      port:write("DATA ", require("moonrig.scpi.text").block(bytes), "\n")
      port:write("DATA?\n")
      local head = ("#1%d"):format(#bytes)
      assert.equal(head .. bytes .. "\n", port:read(#head + #bytes + 1))
    end
  end)

  it("takes long messages, and survives endless ones", function()
    simulate { on = { ["DATA <block>"] = function(self, bytes) self.state.size = #bytes end,
      ["SIZE?"] = function(self) return self.state.size end } }
    port:write("DATA #73000000", ("x"):rep(3000000), "\n")
    assert.equal("3000000", port:query("SIZE?"))
    local megabyte = ("x"):rep(1024 * 1024)
    for _ = 1, 18 do port:write(megabyte) end
    port:write("\n")
    assert.equal("3000000", port:query("SIZE?"))
    assert.equal('-363,"Input buffer overrun"', port:query("SYST:ERR?"))
  end)

  it("takes lines as they are when it does not speak SCPI", function()
    simulate { scpi = false, eol = "\r", eol_in = "\r", echo = true,
      unknown = function(_, line) return "? " .. line end,
      on = { ["get temp"] = "23.5", ["^set (%d+)$"] = "ok %1" } }
    port.eol = "\r"
    assert.same({ "get temp", "23.5" }, { port:query("get temp"), port:read_line() })
    assert.same({ "set 5", "ok 5" }, { port:query("set 5"), port:read_line() })
    assert.same({ "a;b", "? a;b" }, { port:query("a;b"), port:read_line() })
  end)

  it("has one state for all who connect, here and over the network", function()
    simulate { state = { volt = 0 }, on = { ["VOLTage"] = { "volt" } } }
    local listener = sim:listen("socket://127.0.0.1:0")
    local other <close> = rig.open(listener.url)
    port:write_line("VOLT 7")
    assert.equal("1", port:query("*OPC?"))
    assert.equal("7", other:query("VOLT?"))
    sim:close()
    assert.equal("closed", fails(other.query, other, "VOLT?").code)
    assert.equal("refused", fails(rig.open, listener.url).code)
  end)

  it("can be given a port to serve, and knows it in its functions", function()
    simulate { on = { ["BEEP"] = function(self) self.port:write("beep") end } }
    local near, far = rig.pair()
    local task = rig.spawn(sim.serve, sim, far)
    near:write_line("BEEP")
    assert.equal("beep", near:read(4))
    near:close()
    task:join()
    assert.is_false(far.is_open)
  end)

  it("may run a session of its own", function()
    simulate { session = function(self, p)
      p:write(self.idn .. "\n")
      p:write(p:read(3):reverse())
    end, idn = "hello" }
    assert.equal("hello", port:read_line())
    assert.equal("cba", port:write("abc"):read(3))
  end)

  it("takes its time: delay before a reply, rate of its bytes", function()
    simulate { delay = 0.02, on = { ["A?"] = ("x"):rep(20) } }
    local t0 = rig.now()
    port:query("A?")
    assert.is_true(rig.now() - t0 >= 0.02)
    sim.delay, sim.rate = nil, 1000
    t0 = rig.now()
    port:query("A?")
    assert.is_true(rig.now() - t0 >= 0.02)
    sim.rate = nil
    sim.delay = { 0.01, 0.02 }
    t0 = rig.now()
    port:query("A?")
    assert.is_true(rig.now() - t0 >= 0.01)
  end)

  it("has the same noise again for the same seed", function()
    local function run(seed)
      simulate { seed = seed, on = { ["N?"] = function(self) return self:noise(1) end } }
      return sim:reply("N?;N?;N?")
    end
    assert.equal(run(5), run(5))
    assert.are_not.equal(run(5), run(6))
    local random = require "moonrig.sim.random"(1)
    local sum, squares, least, most = 0, 0, 1, 0
    for _ = 1, 10000 do
      local n, u = random:normal(2), random:uniform()
      sum, squares = sum + n, squares + n * n
      least, most = math.min(least, u), math.max(most, u)
    end
    assert.is_true(math.abs(sum / 10000) < 0.1)
    assert.is_true(math.abs(math.sqrt(squares / 10000) - 2) < 0.1)
    assert.is_true(least >= 0 and least < 0.01 and most < 1 and most > 0.99)
    for _ = 1, 100 do
      local i = random:integer(3, 5)
      assert.is_true(i >= 3 and i <= 5)
    end
  end)

  it("says what is wrong with its description", function()
    simulate {}
    assert.matches('unknown field "VOLT?" (commands go into on = { ... }', fails(rig.sim, { ["VOLT?"] = 1 }).message, 1,
      true)
    assert.matches("expected a table, got nil", fails(rig.sim).message)
    assert.matches('on: "A": a reply is a string', fails(sim.on, sim, "A", true).message, 1, true)
    assert.matches("a setting is written", fails(sim.on, sim, "A?", { "x" }).message)
    assert.matches("unknown parameter <x>", fails(sim.on, sim, "A <x>", "").message)
    assert.matches('fault: unknown fault "burn" (drop', fails(sim.fault, sim, "burn").message, 1, true)
    assert.matches('unknown option "often"', fails(sim.fault, sim, "drop", { often = 1 }).message)
    assert.matches("option count of a fault: expected a whole number",
      fails(sim.fault, sim, "drop", { count = "x" }).message)
  end)
end)

describe("a fault", function()
  local sim, port
  before_each(function()
    sim = rig.sim { seed = 4, on = { ["A?"] = "aaaa", ["B?"] = "bbbb", ["GO"] = function() end } }
    port = sim:connect { timeout = 0.02 }
  end)
  after_each(function() sim:close() end)

  it("drops, cuts, garbles, changes, delays a reply, or ends the connection: as often as it is told", function()
    sim:fault("drop", 2)
    assert.same({ nil, nil, "aaaa" }, { (port:try_query("A?")), (port:try_query("A?")), (port:query("A?")) })
    sim:fault("cut")
    assert.is_nil((port:try_query("A?")))
    assert.equal("aa", port:read(2))
    assert.equal("bbbb", port:query("B?"))
    sim:fault("garble")
    local garbled = port:query("A?")
    assert.same({ 4, true }, { #garbled, garbled ~= "aaaa" })
    sim:fault("wrong")
    assert.equal("aaaa", port:query("B?"))
    sim:fault("wrong", { reply = "42" })
    assert.equal("42", port:query("B?"))
    sim:fault("stall", { seconds = 0.03 })
    assert.is_nil((port:try_query("A?")))
    assert.equal("aaaa", port:read_line())
    sim:fault("disconnect")
    assert.equal("closed", fails(port.query, port, "A?").code)
  end)

  it("may be taken away by one client while it lets another wait", function()
    local other <close> = sim:connect()
    sim:fault("garble", { probability = 1e-9 })
    sim:fault("stall", { probability = 1, match = "^A", seconds = 0.05 })
    port:write_line "A?"
    rig.sleep(0)                    -- it has begun to wait
    sim:clear_faults()
    assert.equal("bbbb", other:query "B?")
    assert.equal("aaaa", port:read_line(5))
  end)

  it("strikes the commands it is for", function()
    sim:fault("drop", { match = "^B", count = 1 })
    port:write_line("GO")
    assert.equal("aaaa", port:query("A?"))
    assert.is_nil((port:try_query("B?")))
    assert.equal("bbbb", port:query("B?"))
  end)

  it("strikes by probability, the same way for the same seed", function()
    local function run()
      local one = rig.sim { seed = 9, on = { ["A?"] = "a" }, faults = { wrong = { probability = 0.3, reply = "x" } } }
      local p <close> = one:connect()
      local seen = {}
      for i = 1, 40 do seen[i] = p:query("A?") end
      return table.concat(seen)
    end
    local first = run()
    assert.equal(first, run())
    local _, strikes = first:gsub("x", "")
    assert.is_true(strikes > 3 and strikes < 25)
  end)

  it("can be ordered over the wire, and taken back", function()
    port:write_line("SIM:FAUL DROP,5")
    assert.is_nil((port:try_query("A?")))
    port:write_line("SIM:FAUL:CLE")
    assert.equal("aaaa", port:query("A?"))
    port:write_line("SIM:FAUL:PROB WRONG,1")
    assert.equal("aaaa", port:query("B?"))
    sim:clear_faults("wrong")
    port:write_line("SIM:FAUL STALL,1,0.03;:SIM:FAUL BURN")
    assert.is_nil((port:try_query("A?")))
    assert.equal("aaaa", port:read_line())
    assert.equal('-224,"Illegal parameter value"', port:query("SYST:ERR?"))
  end)
end)

describe("a device with a prompt", function()
  local sim, port
  before_each(function()
    sim = rig.sim {
      state = { fail = "" },
      console = {
        rom = { "ROM 1\n", 0.001, "RAM ok\n" },
        autoboot = { seconds = 0.03, prompt = "=> ", on = { version = "loader 1" } },
        boot = "Starting\n",
        login = { root = "secret", guest = "" },
        prompt = "dut# ",
      },
      on = {
        version = "2.1.0",
        ["^adc (%w+)$"] = "adc %1 = 3.3",
        count = function(self)
          for i = 1, 3 do self:say(i .. "\n") end
          return "done"
        end,
        reboot = function(self) self:reboot() end,
        exit = function(self) self.leave = true end,
      },
    }
    port = sim:connect { timeout = 2 }
  end)
  after_each(function()
    port:close()
    sim:close()
  end)

  local function log_in()
    port:expect("login: ")
    port:write("guest\r")
    port:expect("dut# ")
  end

  it("boots, asks who is there, takes commands", function()
    assert.equal("ROM 1\r\nRAM ok\r\nHit any key to stop autoboot: 1 \r\nStarting\r\n\r\ndut login: ",
      port:read_until("login: "))
    port:write("root\n")
    assert.equal("root\r\nPassword: ", port:read_until("Password: "))
    port:write("wrong\n")
    port:expect("Login incorrect")
    port:expect("login: ")
    port:write("root\nsecret\n")
    port:expect("dut# ")
    port:write("version\r\n")
    assert.equal("version\r\n2.1.0\r\ndut# ", port:read_until("# "))
    port:write("adc vin\r")
    assert.equal("adc vin = 3.3", port:expect("\n(.-)\r\n"))
    port:write("  what is this\r")
    assert.equal("what: command not found", port:expect("\n(.-)\r\n"))
  end)

  it("has a line to type in: echo, erasing, Ctrl-C", function()
    log_in()
    port:write("versX\8ion\r")
    assert.equal("versX\8 \8ion\r\n2.1.0\r\ndut# ", port:read_until("# "))
    port:write("vers\3\r\r")
    assert.equal("vers^C\r\ndut# \r\ndut# \r\ndut# ", port:read(27))
  end)

  it("talks while it works, logs out, reboots", function()
    log_in()
    port:write("count\r")
    assert.equal("count\r\n1\r\n2\r\n3\r\ndone\r\ndut# ", port:read_until("# "))
    port:write("exit\r")
    log_in()
    port:write("reboot\r")
    port:expect("ROM 1")
    log_in()
  end)

  it("is stopped in the boot loader by a key or a break", function()
    for _, stop in ipairs { function() port:write(" ") end, function() port:send_break(0.001) end } do
      port:expect("autoboot: 1")
      stop()
      port:expect("=> ")
      port:write("version\rwhat\rboot\r")
      assert.equal("loader 1", port:expect("\n(loader.-)\r\n"))
      port:expect("Unknown command 'what'")
      log_in()
      port:write("reboot\r")
    end
  end)

  it("is reset by DTR, and led to the boot loader by RTS", function()
    log_in()
    port:pulse("dtr", 0.01)
    port:expect("ROM 1")
    port:expect("autoboot")
    port:set { dtr = false, rts = false }
    rig.sleep(0.01)
    port.dtr = true
    port:expect("ROM 1\r\nRAM ok\r\n=> ")
    port:write("reset\r")
    log_in()
  end)

  it("drops and garbles as others do", function()
    log_in()
    sim:fault("drop")
    port:write("version\r")
    assert.equal("version\r\ndut# ", port:read_until("# "))
  end)

  it("serves a network connection too, where there are no signals", function()
    local listener = sim:listen("socket://127.0.0.1:0")
    local other <close> = rig.open(listener.url)
    other:expect("login: ")
    other:write("guest\r")
    other:expect("dut# ")
  end)
end)

describe("a simulator in a file", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local function write_file(text)
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
  end

  it("is opened by its name; all who open it meet the same one, until nobody has it", function()
    write_file [[
      local options, path = ...
      return { idn = options.name or "none", state = { n = 0, path = path }, on = {
        ["N"] = { "n" }, ["PATH?"] = function(self) return self.state.path end } }
    ]]
    local a = rig.open("sim:" .. path .. "?name=x&timeout=0.5")
    assert.same({ "x", 0.5, path }, { a:query("*IDN?"), a.timeout, a:query("PATH?") })
    a:write_line("N 5")
    local b <close> = rig.open("sim:" .. path, { name = "x" })
    local c <close> = rig.open("sim:" .. path)
    assert.same({ "5", "0", "none" }, { b:query("N?"), c:query("N?"), c:query("*IDN?") })
    a:close()
    b:close()
    rig.sleep(0.001)
    local d <close> = rig.open("sim:" .. path .. "?name=x")
    assert.equal("0", d:query("N?"))
  end)

  it("is refused with the reason", function()
    write_file "return 5"
    assert.matches("must return rig.sim{...} or the table for it, not number",
      fails(rig.open, "sim:" .. path).message, 1, true)
    write_file "return +"
    assert.matches(path .. ":1: ", fails(rig.open, "sim:" .. path).message, 1, true)
    local err = fails(rig.open, "sim:/nowhere/x.lua")
    assert.same({ "not_found", "simulator /nowhere/x.lua: No such file or directory" }, { err.code, err.message })
    local port
    port, err = rig.try_open("sim:/nowhere/x.lua")
    assert.same({ nil, "not_found" }, { port, err.code })
  end)
end)
