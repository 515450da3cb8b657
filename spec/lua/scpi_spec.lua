local rig = require "moonrig"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

-- A simulator that writes down what it is asked.
local function recorder(spec)
  local sim = rig.sim(spec)
  local heard = {}
  sim.observer = function(command) heard[#heard + 1] = command end
  return sim, heard
end

describe("an instrument", function()
  local sim, psu
  before_each(function()
    sim = rig.sim {
      idn = "ACME, PSU-1 ,SN42,1.0-b",
      state = { volt = 5.0, name = "one" },
      on = {
        ["VOLTage"] = { "volt", min = 0, max = 30 },
        ["NAME"] = { "name" },
        ["NAME?"] = function(self) return '"' .. self.state.name .. '"' end,
        ["LIST?"] = "1.5,-2E3,9.91E37,+7",
        ["BAD?"] = "1.5,oops,2",
        ["EMPTY?"] = "",
        ["DATA <block>"] = function(self, bytes) self.state.data = bytes end,
        ["DATA?"] = function(self) return self:block(self.state.data) end,
      },
    }
    psu = rig.scpi(sim:connect(), { timeout = 1 })
  end)
  after_each(function()
    psu:close()
    sim:close()
  end)

  it("is asked and told", function()
    psu:write("VOLT 12.5"):write("NAME 'x;y'")
    assert.equal("12.5", psu:query("VOLT?"))
    assert.equal("x;y", psu:query_string("NAME?"))
    assert.equal("instrument: " .. psu.url, tostring(psu))
  end)

  it("says who it is", function()
    assert.same({ maker = "ACME", model = "PSU-1", serial = "SN42", firmware = "1.0-b",
      raw = "ACME, PSU-1 ,SN42,1.0-b" }, psu:idn())
    sim.idn = "something old"
    assert.same({ maker = "something old", raw = "something old" }, psu:idn())
    sim.idn = "A,B,C,1.0,options 1,2"
    assert.equal("1.0,options 1,2", psu:idn().firmware)
  end)

  it("gives numbers, and says which reply is none", function()
    assert.equal(5, psu:query_number("VOLT?"))
    local list = psu:query_numbers("LIST?")
    assert.is_true(list[3] ~= list[3])
    list[3] = 0
    assert.same({ 1.5, -2000, 0, 7 }, list)
    assert.same({ 5, 5 }, psu:query_numbers("VOLT?;VOLT?"))
    local err = fails(psu.query_number, psu, "NAME?")
    assert.same({ "protocol", '"one"', "NAME?", "query_number" }, { err.code, err.received, err.query, err.op })
    assert.matches('"NAME?" was answered "\\"one\\"": not a number', err.message, 1, true)
    assert.matches([["BAD?" was answered "1.5,oops,2": "oops": not a number]],
      fails(psu.query_numbers, psu, "BAD?").message, 1, true)
    assert.matches("empty", fails(psu.query_number, psu, "EMPTY?").message)
  end)

  it("gives blocks of any bytes", function()
    local all = {}
    for i = 0, 255 do all[i + 1] = string.char(i) end
    all = table.concat(all)
    for _, bytes in ipairs { all, "", "\r\n", ("x\n"):rep(50000) } do
      psu:write_block("DATA", bytes)
      assert.is_true(bytes == psu:query_block("DATA?"))
    end
    psu:write_block("DATA", string.pack(">fff", 1, 0.5, -2))
    assert.same({ 1, 0.5, -2 }, psu:query_numbers("DATA?", { format = ">f" }))
    assert.matches("12 bytes, not a multiple of 8", fails(psu.query_numbers, psu, "DATA?", { format = ">d" }).message)
    assert.equal(5, psu:query_number("VOLT?"))
  end)

  it("says that a reply is no block, and is in step", function()
    local err = fails(psu.query_block, psu, "LIST?")
    assert.same({ "protocol", "1.5,-2E3,9.91E37,+7" }, { err.code, err.received })
    assert.equal(5, psu:query_number("VOLT?"))
  end)

  it("reports its error queue", function()
    assert.equal(psu, psu:check_errors())
    psu:write("VOLT 99;FOO")
    local err = fails(psu.check_errors, psu)
    assert.equal("protocol", err.code)
    assert.same({ { code = -222, text = "Data out of range" }, { code = -113, text = "Undefined header" } }, err.errors)
    assert.matches('reports -222 "Data out of range", -113 "Undefined header"', err.message, 1, true)
    local none, twin = psu:try_check_errors()
    assert.same({ psu, nil }, { none, twin })
  end)

  it("gives up on an error queue without end", function()
    sim:on("SYSTem:ERRor[:NEXT]?", '-100,"again"')
    local err = fails(psu.check_errors, psu)
    assert.equal(100, #err.errors)
    assert.matches("and the queue is not empty", err.message)
  end)

  it("reads the error queue after each command when asked to", function()
    psu.check = true
    psu:write("VOLT 1")
    local err = fails(psu.write, psu, "VOLT -1")
    assert.matches('-222 "Data out of range" after "VOLT -1"', err.message, 1, true)
    assert.same({ nil, "protocol" }, { psu:try_query("VOLT?;FOO?"), select(2, psu:try_query("VOLT?;FOO?")).code })
  end)

  it("waits with opc, clears and resets", function()
    psu:write("VOLT 7;FOO")
    assert.equal(psu, psu:opc():clear():check_errors():reset())
    assert.equal(5, psu:query_number("VOLT?"))
    sim:on("*OPC?", "maybe")
    assert.equal('pair:a: *OPC? was answered "maybe", not 1', fails(psu.opc, psu).message)
  end)

  it("has twins, which raise what is a mistake all the same", function()
    assert.equal(5, psu:try_query_number("VOLT?"))
    local value, err = psu:try_query("SILENCE?", 0.01)
    assert.same({ nil, "timeout" }, { value, err.code })
    assert.equal("unsupported", fails(psu.try_query, psu, 5).code)
    assert.matches("write: call it with a colon", fails(psu.write, "VOLT 5").message)
    assert.matches("write: argument 1: expected a command, got nil", fails(psu.write, psu).message)
    assert.matches("write: argument 1: expected a command, got an empty string", fails(psu.write, psu, "").message)
    assert.matches("argument 2: expected a string", fails(psu.write_block, psu, "DATA").message)
  end)

  it("never takes bytes that nobody asked for as an answer", function()
    sim:on("TWICE?", "1\n2")
    assert.equal("1", psu:query("TWICE?"))
    assert.equal(5, psu:query_number("VOLT?"))
    psu:write("LIST?")
    while psu.port.in_waiting == 0 do rig.sleep(0.001) end
    assert.equal(5, psu:query_number("VOLT?"))
    psu:write("LIST?"):write_block("DATA", "abc")
    while psu.port.in_waiting == 0 do rig.sleep(0.001) end
    assert.equal("abc", psu:query_block("DATA?"))
  end)

  it("asks one line at a time", function()
    local err = fails(psu.query, psu, "VOLT?\nNAME?")
    assert.same({ "unsupported", "query" }, { err.code, err.op })
    assert.matches("is more than one line; write ; between commands", err.message, 1, true)
    assert.equal("unsupported", fails(psu.query_block, psu, "DATA?\r\nNAME?").code)
    assert.equal("5", psu:query("VOLT?\n"))
  end)

  it("never mixes the replies of two tasks", function()
    sim.delay = function(self) return self.random:uniform() * 0.001 end
    sim:on("ECHO?", function(_, n) return n end)
    rig.group(function(group)
      for task = 1, 5 do
        group:spawn(function()
          for i = 1, 10 do
            local n = task * 100 + i
            assert.equal(n, psu:query_number("ECHO? " .. n))
          end
        end)
      end
    end)
  end)

  it("is held for several commands in a row", function()
    local order = {}
    local other
    do
      local held <close> = psu:hold() -- luacheck: ignore held
      other = rig.spawn(function()
        psu:write("VOLT 9")
        order[#order + 1] = "other"
      end)
      psu:write("VOLT 3")
      rig.sleep(0)
      assert.equal(3, psu:query_number("VOLT?"))
      order[#order + 1] = "holder"
    end
    other:join()
    assert.same({ "holder", "other" }, order)
    assert.equal(9, psu:query_number("VOLT?"))
  end)

  it("takes options, and names the one at fault", function()
    assert.equal(0.5, rig.scpi(sim:connect(), { timeout = 0.5 }).port.timeout)
    assert.matches("option check: expected boolean, got yes", fails(rig.scpi, sim:connect(), { check = "yes" }).message)
    assert.matches("option resync: expected auto or false or function or reopen or wait, got maybe",
      fails(rig.scpi, sim:connect(), { resync = "maybe" }).message)
    assert.equal("unsupported", fails(rig.scpi, sim:connect(), { nonsense = 1 }).code)
    assert.matches("expected a URL or a port, got nil", fails(rig.scpi).message)
  end)

  it("opens URLs", function()
    local listener <close> = sim:listen("socket://127.0.0.1:0")
    local other <close> = rig.scpi(listener.url .. "?timeout=1", { eol = "\n" })
    assert.same({ 1, "PSU-1" }, { other.port.timeout, other:idn().model })
    assert.equal("refused", fails(rig.scpi, "socket://127.0.0.1:1").code)
  end)
end)

describe("an indefinite block", function()
  it("ends with a line end and silence", function()
    local near, far = rig.pair()
    local scope <close> = rig.scpi(near, { timeout = 1 })
    local device = rig.spawn(function()
      far:read_line()
      far:write("#0one\n")
      rig.sleep(0)
      far:write("\0two\n\nthree\n")
    end)
    assert.equal("one\n\0two\n\nthree", scope:query_block("CURV?"))
    device:join()
  end)

  it("is followed by a line end, unless the instrument has none", function()
    local near, far = rig.pair()
    local replies = { "#13abc", "#13abc", "#13abcd\n#3x12" }
    rig.spawn(function()
      for _, reply in ipairs(replies) do
        far:read_line()
        far:write(reply)
      end
    end)
    local scope <close> = rig.scpi(near, { timeout = 0.02 })
    assert.equal("timeout", fails(scope.query_block, scope, "CURV?").code)
    local other <close> = rig.scpi(near, { block_eol = false })
    assert.equal("abc", other:query_block("CURV?"))
    assert.equal("abc", other:query_block("CURV?"))
  end)
end)

describe("the end of an instrument", function()
  it("sends the commands for it, whatever happened", function()
    local sim, heard = recorder {}
    local ok = pcall(function()
      local psu <close> = rig.scpi(sim:connect(), { on_close = { "OUTP OFF", "*CLS" } })
      psu:write("OUTP ON")
      error "the script failed"
    end)
    rig.sleep(0.01)
    assert.same({ false, { "OUTP ON", "OUTP OFF", "*CLS" } }, { ok, heard })
  end)

  it("happens once, and also after a cancel", function()
    local sim, heard = recorder {}
    local psu = rig.scpi(sim:connect(), { on_close = "OUTP OFF" })
    local task = rig.spawn(function()
      local own <close> = psu -- luacheck: ignore own
      psu:query("SILENCE?", 60)
    end)
    rig.sleep(0.01)
    task:cancel()
    assert.equal("cancelled", fails(task.join, task).code)
    psu:close()
    rig.sleep(0.01)
    assert.same({ "SILENCE?", "", "OUTP OFF" }, heard) -- the empty line ends what may be half written
    assert.equal("closed", fails(psu.query, psu, "A?").code)
  end)

  it("says when the commands could not be sent", function()
    local sim = rig.sim {}
    local psu = rig.scpi(sim:connect(), { on_close = "OUTP OFF" })
    sim:close()
    rig.sleep(0.01)
    local err = fails(psu.close, psu)
    assert.equal("closed", err.code)
    assert.matches("the commands for the end (OUTP OFF) could not be sent", err.message, 1, true)
    psu:close()
    err = fails(function()
      local other <close> = rig.scpi(sim:connect(), { on_close = "OUTP OFF" })
      rig.sleep(0)
      sim:close()
      other:query("A?")
    end)
    assert.matches("^pair:a: the far end .* and the commands for the end %(OUTP OFF%) could not be sent", err.message)
  end)

  it("waits for another task's exchange, but not for ever", function()
    local sim, heard = recorder {}
    local psu = rig.scpi(sim:connect(), { on_close = "OUTP OFF" })
    local other = rig.spawn(function() return psu:try_query("SILENCE?", 0.02) end)
    rig.sleep(0)
    psu:close()
    other:join()
    rig.sleep(0.01)
    assert.same({ "SILENCE?", "OUTP OFF" }, heard)
  end)
end)

describe("a reply that is late", function()
  -- A simulator whose SLOW? is answered when the test says so.
  local function slow_one(spec)
    local gate = rig.queue()
    spec.on = spec.on or {}
    spec.on["SLOW?"] = function()
      gate:pop()
      return "slow"
    end
    spec.on["B?"] = "b"
    local sim, heard = recorder(spec)
    return sim, heard, gate
  end

  local function timed_out(psu, command)
    local value, err = psu:try_query(command or "SLOW?", 0.01)
    assert.same({ nil, "timeout" }, { value, err and err.code })
    return err
  end

  it("is thrown away when it is there already: nothing is sent for it", function()
    local sim, heard, gate = slow_one {}
    local psu <close> = rig.scpi(sim:connect(), { timeout = 1 })
    local err = timed_out(psu)
    assert.matches('%(asked "SLOW%?"%)', err.message)
    gate:push(true)
    rig.sleep(0.01)
    assert.equal("b", psu:query("B?"))
    assert.same({ "SLOW?", "B?" }, heard)
  end)

  it("is waited for and thrown away when it comes later", function()
    local sim, heard, gate = slow_one {}
    local psu <close> = rig.scpi(sim:connect(), { timeout = 1 })
    timed_out(psu)
    rig.spawn(function()
      rig.sleep(0.02)
      gate:push(true)
    end)
    assert.equal("b", psu:query("B?"))
    assert.same({ "SLOW?", "B?" }, heard)
  end)

  it("comes before a fence, when it takes long", function()
    local sim, heard, gate = slow_one {}
    local psu <close> = rig.scpi(sim:connect(), { timeout = 1 })
    timed_out(psu)
    local err = fails(psu.query, psu, "B?", 0.04)
    assert.equal("timeout", err.code)
    assert.equal('pair:a: out of step: "SLOW?" has not been answered yet, nor what was sent after it; '
      .. '"B?" was not sent', err.message)
    gate:push(true)
    assert.equal("b", psu:query("B?"))
    assert.same({ "SLOW?", "*OPC?;*OPC?" }, { heard[1], heard[2] })
    assert.equal("b", psu:query("B?"))
  end)

  it("that never comes costs one fence", function()
    local sim, heard = recorder { on = { ["B?"] = "b" } }
    local psu <close> = rig.scpi(sim:connect(), { timeout = 0.6 })
    sim:fault("drop")
    timed_out(psu, "B?")
    assert.equal("b", psu:query("B?"))
    sim:fault("drop")
    timed_out(psu, "B?")
    assert.equal("b", psu:query("B?"))
    assert.same({ "B?", "*OPC?;*OPC?", "B?", "B?", "*OPC?;*OPC?;*OPC?", "B?" }, heard)
  end)

  it("of an instrument that takes one query in a message comes before *IDN?", function()
    local sim, heard = recorder { scpi = false, on = { ["B?"] = "b", ["*IDN?"] = "ACME,X,1,2" } }
    local psu <close> = rig.scpi(sim:connect(), { timeout = 0.6 })
    for _ = 1, 2 do
      timed_out(psu, "SILENCE?")
      assert.equal("b", psu:query("B?"))
    end
    assert.same({ "SILENCE?", "*OPC?;*OPC?", "*IDN?", "B?", "SILENCE?", "*IDN?", "B?" }, heard)
  end)

  it("of an instrument that knows neither is held for lost after a while", function()
    local sim = rig.sim { scpi = false, on = { ["B?"] = "b" } }
    local psu <close> = rig.scpi(sim:connect(), { timeout = 0.05, late = 0.3 })
    timed_out(psu, "SILENCE?")
    local refused = 0
    while true do
      local line, err = psu:try_query("B?")
      if line then break end
      assert.matches("out of step", err.message)
      refused = refused + 1
    end
    assert.is_true(refused >= 1 and refused <= 6)
    assert.equal("b", psu:query("B?"))
  end)

  it("is not mistaken after a query that was cancelled", function()
    local sim, _, gate = slow_one {}
    local psu <close> = rig.scpi(sim:connect(), { timeout = 1 })
    local task = rig.spawn(function() return psu:query("SLOW?") end)
    rig.sleep(0.01)
    task:cancel()
    assert.equal("cancelled", fails(task.join, task).code)
    gate:push(true)
    assert.equal("b", psu:query("B?"))
  end)

  it("may be the rest of a block", function()
    local near, far = rig.pair()
    local scope <close> = rig.scpi(near, { timeout = 1 })
    rig.spawn(function()
      for line in far:lines(math.huge) do
        if line == "CURV?" then
          far:write("#215one\ntwo\n")
        elseif line == "*OPC?;*OPC?" then
          far:write("three\n4\n1;1\n")
        else
          far:write_line("b")
        end
      end
    end)
    assert.equal("timeout", select(2, scope:try_query_block("CURV?", 0.01)).code)
    assert.equal("b", scope:query("B?"))
    far:close()
  end)

  it("leaves writing alone: a safe state does not wait", function()
    local sim, heard, gate = slow_one {}
    local psu <close> = rig.scpi(sim:connect(), { timeout = 1 })
    timed_out(psu)
    gate:push(true)
    psu:write("OUTP OFF")
    rig.sleep(0.01)
    assert.same({ "SLOW?", "OUTP OFF" }, heard)
    assert.equal("b", psu:query("B?"))
  end)

  it("is waited for by drain, and before an end with commands", function()
    local sim, heard, gate = slow_one {}
    local psu = rig.scpi(sim:connect(), { timeout = 1, on_close = "OUTP OFF" })
    timed_out(psu)
    local ok, err = pcall(psu.drain, psu, 0.01)
    assert.same({ false, "timeout", "drain" }, { ok, err.code, err.op })
    assert.matches('it is not known whether what was sent has arrived: "SLOW?" has not been answered yet', err.message,
      1, true)
    rig.spawn(function() gate:push(true) end)
    assert.equal(psu, psu:drain())
    assert.equal("b", psu:query "B?")
    timed_out(psu)
    rig.spawn(function() gate:push(true) end)
    psu:close()
    assert.equal("OUTP OFF", heard[#heard])
  end)

  it("can be dealt with in other ways", function()
    local sim, heard, gate = slow_one {}
    local listener <close> = sim:listen("socket://127.0.0.1:0")
    local psu <close> = rig.scpi(listener.url, { timeout = 1, resync = "reopen" })
    timed_out(psu)
    assert.equal("b", psu:query("B?"))
    gate:push(true)
    assert.equal("b", psu:query("B?"))

    local strict <close> = rig.scpi(sim:connect(), { timeout = 1, resync = false })
    timed_out(strict)
    assert.matches('"SLOW?" was not answered; call forget() when', fails(strict.query, strict, "B?").message, 1, true)
    gate:push(true)
    rig.sleep(0.01)
    assert.equal("b", strict:forget():query("B?"))

    local asked
    local own <close> = rig.scpi(sim:connect(), { timeout = 1, resync = function(port, query)
      asked = query
      gate:push(true)
      port:read_line()
    end })
    timed_out(own)
    assert.same({ "b", "SLOW?" }, { own:query("B?"), asked })

    heard[1] = nil
    local patient <close> = rig.scpi(sim:connect(), { timeout = 0.03, resync = "wait", late = 60 })
    timed_out(patient)
    assert.matches("out of step", fails(patient.query, patient, "B?").message)
    gate:push(true)
    assert.equal("b", patient:query("B?"))
    for _, command in ipairs(heard) do assert.not_matches("%*", command) end
  end)

  -- What every mode has to hold, under load: an answer is the answer to its question, or there is none.
  for name, spec in pairs {
    ["SCPI"] = {},
    ["knows *IDN? only, silent otherwise"] = { scpi = false },
    ["knows *IDN? only, with error texts"] = { scpi = false, unknown = "ERR" },
  } do
    it("is never handed out as another answer: " .. name, function()
      spec.idn = "A,B,C,D"
      spec.on = { ["ECHO?"] = function(_, n) return n end, ["*IDN?"] = spec.scpi == false and "A,B,C,D" or nil }
      spec.delay = function(self) return self.random:uniform() < 0.7 and 0 or self.random:uniform() * 0.02 end
      spec.faults = { drop = { probability = 0.03 }, cut = spec.scpi ~= false and { probability = 0.03 } or nil }
      local sim = rig.sim(spec)
      local psu <close> = rig.scpi(sim:connect(), { timeout = 0.01, late = 600 })
      local good = 0
      for i = 1, 60 do
        local line = psu:try_query(i % 10 == 0 and "*IDN?" or "ECHO? " .. i)
        if line then
          good = good + 1
          assert.equal(i % 10 == 0 and "A,B,C,D" or tostring(i), line)
        end
      end
      assert.is_true(good > 5)
      sim:close()
    end)
  end
end)
