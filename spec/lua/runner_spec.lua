local bench = require "support.bench"
local rig = require "moonrig"
local phases = bench.phases

describe("a run", function()
  local b
  before_each(function() b = bench.new() end)
  after_each(function() b:close() end)

  it("runs setup, phases and teardown in the order of the file, and passes", function()
    local events = {}
    local result, run = b:run([[
      local order = {}
      test.teardown(function(t) t:log(table.concat(order, " ")) end)
      test.setup(function() order[#order + 1] = "setup" end)
      test.phase("one", function(t)
        order[#order + 1] = "one"
        t:measure("v", 5.01, { unit = "V", min = 4.95, max = 5.05 })
      end)
      test.phase("two", function(t)
        order[#order + 1] = "two"
        t:check("model", "A", { equals = "A" })
      end)
    ]], { operator = "Ada", observer = function(e) events[#events + 1] = e.event end })
    assert.same({ "PASS" }, { result.outcome, result.code, result.message })
    assert.same({ "setup PASS", "one PASS", "two PASS", "teardown PASS" }, phases(run))
    assert.same({ "setup", "main", "main", "teardown" },
      { run.phases[1].group, run.phases[2].group, run.phases[3].group, run.phases[4].group })
    assert.equal("setup one two", run.phases[4].logs[1].message)
    assert.same({ "PASS", "SN1", "P", "1" },
      { run.outcome, run.dut.serial, run.procedure.name, run.procedure.version })
    assert.same({ "ST1", "Ada", false }, { run.station, run.operator, run.simulated })
    local v = run.phases[2].measurements[1]
    assert.same({ "v", 5.01, "V", "PASS", { min = 4.95, max = 5.05 } },
      { v.name, v.value, v.unit, v.outcome, v.limits })
    assert.equal("run_began phase_began phase_ended phase_began measurement phase_ended phase_began "
      .. "measurement phase_ended phase_began log phase_ended run_ended", table.concat(events, " "))
  end)

  it("fails when a measurement fails, goes on, and says which came first", function()
    local result, run = b:run [[
      test.phase("one", function(t)
        assert(t:measure("v", 5.21, { unit = "V", max = 5.05 }) == false)
        assert(t:measure("i", 1, { max = 2 }) == true)
      end)
      test.phase("two", function(t) t:check("led", false) end)
      test.phase("three", function(t) t:check("fan", true) end)
    ]]
    assert.same({ "FAIL", "one: v = 5.21 V is above 5.05 V" }, { result.outcome, result.message })
    assert.same({ "one FAIL", "two FAIL", "three PASS" }, phases(run))
    assert.equal("led = false is not true", run.phases[2].message)
    assert.same({ equals = true }, run.phases[2].measurements[1].limits)
  end)

  it("refuses what cannot be said beside declared limits, by its name", function()
    for given, message in pairs {
      ["5"] = 'measurement "v": wants a table, got a number', ["{ unit = 5 }"] = "unit = 5: wants a string",
      ["{ min = 1 }"] = "its limits were declared with the phase; leave them out here",
      ["{ x = 1 }"] = "x = 1: wants {name = ",
    } do
      local result = b:run(([[test.phase("a", { limits = { v = { unit = "V" } } }, function(t)
        t:measure("v", 1, %s)
      end)]]):format(given))
      assert.equal("ERROR", result.outcome)
      assert.matches(message, result.message, 1, true)
    end
  end)

  it("records a marginal pass as such", function()
    local result, run = b:run [[
      test.phase("one", function(t) t:measure("v", 5.04, { max = 5.05, marginal_max = 5.03 }) end)
    ]]
    assert.equal("PASS", result.outcome)
    assert.same({ true, true, true }, { run.marginal, run.phases[1].marginal, run.phases[1].measurements[1].marginal })
  end)

  it("fails on NaN, with limits and without", function()
    local result, run = b:run [[
      test.phase("one", function(t) t:measure("v", 0 / 0) end)
    ]]
    assert.equal("FAIL", result.outcome)
    local m = run.phases[1].measurements[1]
    assert.is_true(m.value ~= m.value)
    assert.equal("FAIL", m.outcome)
  end)

  it("fails when something declared was not measured", function()
    local result, run = b:run [[
      test.phase("one", { limits = { v = { min = 1, unit = "V" }, w = { equals = "x" }, u = {} } }, function(t)
        t:measure("v", 2)
        t:check("w", "x")
      end)
    ]]
    assert.same({ "FAIL", "one: u was not measured" }, { result.outcome, result.message })
    local m = run.phases[1].measurements
    assert.same({ "v", "PASS", "V", "w", "PASS", "u", "UNSET" },
      { m[1].name, m[1].outcome, m[1].unit, m[2].name, m[2].outcome, m[3].name, m[3].outcome })
    assert.is_nil(m[3].value)
  end)

  it("marks what a skipped phase declared as SKIPPED, and passes", function()
    local result, run = b:run [[
      test.phase("one", { limits = { v = { min = 1 } } }, function(t) t:skip("no fan fitted") end)
    ]]
    assert.equal("PASS", result.outcome)
    assert.same({ "SKIP", "no fan fitted", "SKIPPED" },
      { run.phases[1].outcome, run.phases[1].message, run.phases[1].measurements[1].outcome })
  end)

  it("ends a phase with t:fail, also when the procedure catches everything", function()
    local result, run = b:run [[
      test.phase("one", function(t) pcall(t.fail, t, "label missing", "L1") end)
      test.phase("two", function(t) t:fail() end)
    ]]
    assert.same({ "FAIL", "L1", "one: label missing" }, { result.outcome, result.code, result.message })
    assert.same({ "one FAIL", "two FAIL" }, phases(run))
  end)

  it("stops at the first failure when told so, for the run, a phase or a measurement", function()
    for _, text in ipairs {
      [[test.procedure { name = "P", stop_on_fail = true } test.phase("one", function(t) t:check("c", false) end)]],
      [[test.phase("one", { stop_on_fail = true }, function(t) t:check("c", false) end)]],
      [[test.phase("one", function(t)
          t:check("c", false, { equals = true, stop_on_fail = true })
          error "reached"
        end)]],
    } do
      local result, run = b:run(text .. [[
        test.phase("two", function(t) t:check("d", true) end)
        test.teardown(function() end)
      ]])
      assert.same({ "FAIL", "one: c = false is not true" }, { result.outcome, result.message })
      assert.same({ "one FAIL", "two SKIP", "teardown PASS" }, phases(run))
      assert.equal('not run: phase "one" ended as FAIL', run.phases[2].message)
    end
  end)

  it("runs no phase after a setup that did not pass, but teardown", function()
    for _, body in ipairs { 't:fail "no air"', 'error "no air"' } do
      local result, run = b:run(("test.setup(function(t) %s end)"):format(body) .. [[
        test.setup("second", function() end)
        test.phase("one", function() end)
        test.teardown(function() end)
      ]])
      assert.matches("setup: .*no air", result.message)
      assert.same({ "second SKIP", "one SKIP", "teardown PASS" }, { table.unpack(phases(run), 2) })
    end
  end)

  it("tries a phase again and keeps every attempt", function()
    local result, run = b:run [[
      local n = 0
      test.phase("one", { retry = 2 }, function(t)
        n = n + 1
        assert(t.attempt == n)
        t:measure("v", n, { min = 3 })
      end)
      test.phase("two", { retry = { limit = 1, delay = 0.001 } }, function(t) t:check("c", false) end)
      test.phase("three", { retry = 1 }, function(t) if t.attempt == 1 then error "glitch" end end)
    ]]
    assert.equal("two: c = false is not true", result.message)
    assert.same({ "one FAIL", "one#2 FAIL", "one#3 PASS", "two FAIL", "two#2 FAIL", "three ERROR", "three#2 PASS" },
      phases(run))
    assert.equal(3, run.phases[3].measurements[1].value)
  end)

  it("passes when the last attempts pass", function()
    local result = b:run [[
      test.phase("one", { retry = 1 }, function(t) t:check("c", t.attempt == 2) end)
    ]]
    assert.equal("PASS", result.outcome)
  end)

  it("is an ERROR after an error in a phase, with line and traceback, and tears down", function()
    local result, run = b:run [[
      test.phase("one", function(t)
        local nothing
        t:log(nothing.field)
      end)
      test.phase("two", function() end)
      test.teardown(function() end)
    ]]
    assert.equal("ERROR", result.outcome)
    assert.matches("^one: .*:3: attempt to index a nil value %(local 'nothing'%)$", result.message)
    assert.same({ "one ERROR", "two SKIP", "teardown PASS" }, phases(run))
    assert.matches("stack traceback:.*:3:", run.phases[1].logs[1].message)
  end)

  it("keeps the code and the line of an error object", function()
    local result, run = b:run [[
      test.phase("one", function(t)
        local near, far = rig.pair()
        near:read_line(0.001)
      end)
    ]]
    assert.same({ "ERROR", "timeout", "timeout" }, { result.outcome, result.code, run.phases[1].code })
    assert.matches("^one: .*:3: ", result.message)
  end)

  it("refuses wrong use of t as an error of the procedure", function()
    for body, message in pairs {
      ['t:measure("v", "5.0")'] = 'measurement "v": expected a number, got the string "5.0"; t:check takes',
      ['t:measure("v", nil)'] = 'measurement "v": expected a number, got nil',
      ['t:measure("v", 1, { mni = 1 })'] = 'measurement "v": there is no limit "mni" (there are',
      ['t:measure("v", 1); t:measure("v", 1)'] = 'measurement "v" was taken already in this phase',
      ['t:measure(5, 1)'] = "a measurement wants a name, got 5",
      ['t:check("c", "x")'] = 'check "c": a string wants limits',
      ['t:check("c", nil)'] = 'check "c": expected a string, boolean or number, got nil',
      ['t:log("x", "loud")'] = 'log: there is no level "loud"',
      ['t.nothing:write "x"'] = 'station ST1 has no instrument "nothing"',
    } do
      local result = b:run(("test.phase('one', function(t) %s end)"):format(body))
      assert.same({ "ERROR", body }, { result.outcome, body })
      assert.matches(message, result.message, 1, true)
    end
  end)

  it("times a phase out, tears down and is a TIMEOUT", function()
    local result, run = b:run [[
      test.phase("one", { timeout = 0.02 }, function() rig.sleep(10) end)
      test.phase("two", function() end)
      test.teardown(function() rig.sleep(0.001) end)
    ]]
    assert.same({ "TIMEOUT", "timeout", "one: took longer than its timeout of 0.02 s" },
      { result.outcome, result.code, result.message })
    assert.same({ "one ERROR", "two SKIP", "teardown PASS" }, phases(run))
    assert.is_true(run.phases[1].duration < 0.5)
  end)

  it("is not fooled by a phase that catches its timeout", function()
    local result, run = b:run [[
      test.phase("caught", { timeout = 0.02, retry = 1 }, function() pcall(rig.sleep, 10) end)
      test.phase("two", function() end)
    ]]
    assert.equal("TIMEOUT", result.outcome)
    assert.same({ "caught ERROR", "caught#2 ERROR", "two SKIP" }, phases(run))
    result = b:run [[
      test.phase("loop", { timeout = 0.02 }, function(t)
        pcall(rig.sleep, 10)
        t:log "still here"
        BENCH.reached = true
      end)
    ]]
    assert.equal("TIMEOUT", result.outcome)
    assert.is_nil(b.reached)
  end)

  it("gives earlier values to a function in the limits", function()
    local result = b:run [[
      test.phase("one", function(t) t:measure("idle", 0.1) end)
      test.phase("two", function(t)
        t:measure("loaded", 0.05, { unit = "A", satisfies = function(v, earlier)
          return v > earlier.idle, "draws less than idle"
        end })
      end)
    ]]
    assert.same({ "FAIL", "two: loaded = 0.05 A draws less than idle" }, { result.outcome, result.message })
  end)

  it("ends as ERROR when teardown fails, and runs the other teardowns", function()
    local result, run = b:run [[
      test.phase("one", function(t) t:check("c", true) end)
      test.teardown("first", function() error "stuck" end)
      test.teardown("second", function() end)
    ]]
    assert.equal("ERROR", result.outcome)
    assert.matches("first: .*stuck", result.message)
    assert.same({ "one PASS", "first ERROR", "second PASS" }, phases(run))
  end)

  it("ends a teardown that does not end by itself, after its budget", function()
    local result, run = b:run [[
      test.procedure { name = "P", teardown_budget = 0.05 }
      test.phase("one", function() end)
      test.teardown("slow", function() rig.sleep(100) end)
      test.teardown("next", function() end)
    ]]
    assert.same({ "ERROR", "timeout", "slow: teardown took longer than its budget of 0.05 s" },
      { result.outcome, result.code, result.message })
    assert.same({ "one PASS", "slow ERROR", "next SKIP" }, phases(run))
  end)

  it("takes the error of a task that the phase joins", function()
    local result = b:run [[
      test.phase("one", function() rig.spawn(function() error "in the task" end):join() end)
    ]]
    assert.equal("ERROR", result.outcome)
    assert.matches("in the task", result.message)
  end)
end)

describe("instruments of a run", function()
  local b
  before_each(function() b = bench.new() end)
  after_each(function() b:close() end)

  it("are opened at first use, once, and recorded", function()
    local opened = 0
    b:instrument("psu", { on_open = function() opened = opened + 1 end, methods = {
      idn = function() return { maker = "ACME", model = "P1", serial = "7", firmware = "1.0" } end },
      calibration = { due = "2999-01-31", certificate = "C-1" } })
    b:instrument("dmm", { on_open = function() error "not used, not opened" end })
    local result, run = b:run [[
      test.phase("one", function(t) t.psu:write "A" end)
      test.phase("two", function(t) t.psu:write "B" end)
    ]]
    assert.equal("PASS", result.outcome)
    assert.equal(1, opened)
    assert.same({ "psu: A", "psu: B" }, b.sent)
    assert.same({ { role = "psu", url = "loop://", maker = "ACME", model = "P1", serial = "7", firmware = "1.0",
      simulated = false, cal_due = "2999-01-31", cal_certificate = "C-1" } }, run.instruments)
    assert.same({}, run.logs)
  end)

  it("are opened before the first phase when the procedure names them", function()
    b:instrument("psu", { url = "socket://127.0.0.1:1" })
    local result, run = b:run [[
      test.procedure { name = "P", instruments = { "psu" } }
      test.setup(function() end)
      test.phase("one", function() end)
      test.teardown(function() end)
    ]]
    assert.same({ "ERROR", "refused" }, { result.outcome, result.code })
    assert.matches("instruments: .*instrument psu %(socket://127.0.0.1:1%): ", result.message)
    assert.same({ "instruments ERROR", "setup SKIP", "one SKIP", "teardown PASS" }, phases(run))
  end)

  it("have to be who the station file says", function()
    b:instrument("psu", { idn = "^RIGOL,DP832,", methods = {
      idn = function() return { maker = "ACME", model = "P1", serial = "7", firmware = "1.0" } end } })
    local result = b:run [[test.phase("one", function(t) t.psu:write "A" end)]]
    assert.same({ "ERROR", "not_found" }, { result.outcome, result.code })
    assert.matches("expected an instrument that matches ^RIGOL,DP832,, found ACME,P1,7,1.0", result.message, 1, true)
    assert.same({}, b.sent)
  end)

  it("are warned about when their calibration is over", function()
    b:instrument("psu", { calibration = { due = "2020-01-31" } })
    local _, run = b:run [[test.phase("one", function(t) t.psu:write "A" end)]]
    assert.same({ "warning", "psu: its calibration was due on 2020-01-31" }, { run.logs[1].level, run.logs[1].message })
  end)

  it("are put into their safe state after teardown, whatever happened", function()
    b:instrument("psu", { safe_state = { "VOLT 0", "OUTP OFF" } })
    b:instrument("load", { safe_state = function(load) load:write "INP 0" end })
    b:instrument("dmm", { safe_state = { "unused" } })
    for body, outcome in pairs { [""] = "PASS", ["t:fail()"] = "FAIL", ["error 'x'"] = "ERROR",
      ["rig.sleep(10)"] = "TIMEOUT" } do
      for i = #b.sent, 1, -1 do b.sent[i] = nil end
      local result, run = b:run(([[
        test.phase("one", { timeout = 0.02 }, function(t) t.psu:write "ON"; t.load:write "ON"; %s end)
        test.teardown(function(t) t.psu:write "OUTP OFF first"; error "stuck" end)
      ]]):format(body))
      assert.equal(outcome == "TIMEOUT" and "TIMEOUT" or "ERROR", result.outcome)
      assert.equal("psu: ON, load: ON, psu: OUTP OFF first, psu: VOLT 0, psu: OUTP OFF, load: INP 0",
        table.concat(b.sent, ", "))
      local last = run.phases[#run.phases]
      assert.same({ "safe state", "teardown", "PASS", "psu: VOLT 0; OUTP OFF" },
        { last.name, last.group, last.outcome, last.logs[1].message })
    end
  end)

  it("whose safe state fails turn the run to ERROR; the others still get theirs", function()
    b:instrument("psu", { safe_state = { "OUTP OFF" }, on_write = function(command)
      if command == "OUTP OFF" then error "stuck" end
    end })
    b:instrument("load", { safe_state = { "INP 0" } })
    local result, run = b:run [[test.phase("one", function(t) t.psu:write "ON"; t.load:write "ON" end)]]
    assert.equal("ERROR", result.outcome)
    assert.matches("safe state: .*stuck", result.message)
    assert.same({ "psu: ON", "load: ON", "load: INP 0" }, b.sent)
    assert.equal("error", run.phases[2].logs[1].level)
  end)

  it("that are lost are opened again for teardown and safe state", function()
    local connections = {}
    local listener = rig.listen("socket://127.0.0.1:0", function(port)
      local lines = {}
      connections[#connections + 1] = lines
      for line in port:lines() do
        lines[#lines + 1] = line
        if line == "DIE" then return port:close() end
      end
    end)
    b.instruments.psu = { url = listener.url, driver = "port", safe_state = { "SAFE" } }
    local result, run = b:run [[
      test.phase("one", function(t) t.psu:write_line "DIE"; t.psu:read_line() end)
      test.teardown(function(t) t.psu:write_line "OUTP OFF" end)
    ]]
    assert.same({ "ERROR", "closed" }, { result.outcome, result.code })
    assert.same({ "one ERROR", "teardown PASS", "safe state PASS" }, phases(run))
    while #connections < 2 or #connections[2] < 2 do rig.sleep(0.001) end
    assert.same({ { "DIE" }, { "OUTP OFF", "SAFE" } }, connections)
    listener:close()
  end)

  it("that broke off in the middle of a reply are lost, whatever is still to be read", function()
    local connections = {}
    local listener = rig.listen("socket://127.0.0.1:0", function(port)
      local lines = {}
      connections[#connections + 1] = lines
      for line in port:lines() do
        lines[#lines + 1] = line
        if line == "MEAS?" then
          port:write "12."
          return port:close()
        end
      end
    end)
    b.instruments.psu = { url = listener.url, idn = false, safe_state = { "SAFE" } }
    local result, run = b:run [[
      test.phase("one", function(t) t:measure("v", t.psu:query_number "MEAS?") end)
      test.teardown(function(t) t.psu:write "OUTP OFF" end)
    ]]
    assert.same({ "ERROR", "closed" }, { result.outcome, result.code })
    assert.same({}, run.phases[1].measurements)
    while #connections < 2 or #connections[2] < 2 do rig.sleep(0.001) end
    assert.same({ { "MEAS?" }, { "OUTP OFF", "SAFE" } }, connections)
    listener:close()
  end)

  it("are not read from by the teardown of a group, since a phase beside it may wait for an answer", function()
    local listener = rig.listen("socket://127.0.0.1:0", function(port)
      for _ in port:lines() do port:write_line "12.5" end
    end)
    b.instruments.psu = { url = listener.url, idn = false }
    local result = b:run [[
      test.phase("beside", { background = true }, function(t)
        while true do
          t:check("v" .. #BENCH.sent, t.psu:query "MEAS?", { equals = "12.5" })
          BENCH.sent[#BENCH.sent + 1] = "seen"
        end
      end)
      for n = 1, 20 do
        test.group("group " .. n, function()
          test.phase("wait", function() local seen = #BENCH.sent; while #BENCH.sent == seen do rig.sleep(0) end end)
          test.teardown("off", function() end)
        end)
      end
    ]]
    assert.same({ "PASS" }, { result.outcome, result.message })
    listener:close()
  end)

  it("are put into their safe state on a new connection when they cannot be reached on the first", function()
    local connections = {}
    local listener = rig.listen("socket://127.0.0.1:0", function(port)
      local lines = {}
      connections[#connections + 1] = lines
      for line in port:lines() do
        lines[#lines + 1] = line
        if line == "DIE" then return port:close() end
        if line == "*IDN?" then port:write_line(#connections == 2 and "garbage" or "ACME,PSU,1,1") end
      end
    end)
    b.instruments.psu = { url = listener.url, idn = "^ACME", safe_state = { "SAFE" } }
    local _, run = b:run [[ test.phase("one", function(t) t.psu:query "DIE" end) ]]
    assert.same({ "one ERROR", "safe state PASS" }, phases(run))
    while #connections < 3 or #connections[3] < 2 do rig.sleep(0.001) end
    assert.same({ { "*IDN?", "DIE" }, { "*IDN?" }, { "*IDN?", "SAFE" } }, connections)
    listener:close()
  end)

  it("are waited for when they owe an answer: closed before it, they would not read their safe state", function()
    local lines, may_answer = {}, rig.queue()
    local listener = rig.listen("socket://127.0.0.1:0", function(port)
      for line in port:lines() do
        lines[#lines + 1] = line
        if line == "MEAS?" then
          may_answer:pop()
          port:write_line "12.5"
        elseif line == "*OPC?;*OPC?" then
          port:write_line "1;1"
        end
      end
    end)
    b.instruments.psu = { url = listener.url, idn = false, safe_state = { "SAFE" } }
    local result, run = b:run([[
      test.phase("one", { timeout = 0.02 }, function(t) t.psu:query "MEAS?" end)
    ]], { observer = function(e)
      if e.event == "phase_began" and e.phase == "safe state" then
        rig.spawn(function()
          rig.sleep(0)
          may_answer:push(true)
        end)
      end
    end })
    assert.equal("TIMEOUT", result.outcome)
    assert.same({ "one ERROR", "safe state PASS" }, phases(run))
    assert.same({ "MEAS?", "", "SAFE" }, { lines[1], lines[2], lines[3] })  -- "" ends what may be half written
    listener:close()
  end)

  it("are put into their safe state although a task that was left behind holds them", function()
    local lines = {}
    local listener = rig.listen("socket://127.0.0.1:0", function(port)
      for line in port:lines() do lines[#lines + 1] = line end
    end)
    b.instruments.psu = { url = listener.url, idn = false, safe_state = { "SAFE" } }
    local _, run = b:run [[
      test.phase("one", function(t)
        local psu = t.psu
        BENCH.left = rig.spawn(function() local held <close> = psu:hold(); rig.sleep(3600) end)
        rig.sleep(0)
      end)
    ]]
    b.left:cancel()
    assert.same({ "one PASS", "safe state PASS" }, phases(run))
    while #lines < 1 do rig.sleep(0.001) end
    assert.same({ "SAFE" }, lines)
    listener:close()
  end)
end)

describe("the record of a run", function()
  local b
  before_each(function() b = bench.new() end)
  after_each(function() b:close() end)

  -- A record whose run refuses writes from the n-th on, as a full disk does.
  local function failing_after(n)
    local core = require "moonrig.core"
    local function wrap(object)
      return setmetatable({}, { __index = function(_, name)
        local value = object[name]
        if type(value) ~= "function" then return value end
        return function(_, ...)
          n = n - 1
          if n < 0 then error(core.error { code = "system", message = "database or disk is full" }, 0) end
          local result = value(object, ...)
          return type(result) == "table" and wrap(result) or result
        end
      end })
    end
    return wrap(b.record)
  end

  local PROCEDURE = [[
    test.phase("one", function(t) t:measure("v", 1); t:measure("w", 2); end)
    test.phase("two", function(t) t:log "x" end)
    test.teardown(function(t) t.psu:write "OFF"; t:log "off" end)
  ]]

  it("that cannot be written ends the run as ERROR, and teardown runs", function()
    b:instrument("psu")
    local calls, passed = 1
    repeat                                        -- the n-th write fails, n = 1... until all pass
      calls = calls + 1
      for i = #b.sent, 1, -1 do b.sent[i] = nil end
      local ended
      local result = b:run(PROCEDURE, { record = failing_after(calls - 1), observer = function(e)
        if e.event == "run_ended" then ended = e end
      end })
      passed = result.outcome == "PASS"
      if not passed then
        assert.same({ "ERROR", "system" }, { result.outcome, result.code })
        assert.matches("the record cannot be written: database or disk is full", result.message)
      end
      assert.same({ "psu: OFF" }, b.sent)
      assert.equal(result.outcome, ended.outcome)
    until passed
    assert.is_true(calls > 12)
  end)

  it("says how the run ended when there is room for that again", function()
    local record = require "moonrig.record"
    local rec <close> = record.open(b.path)
    b.full = function(is_full)
      local pages = is_full and rec.db:value "PRAGMA page_count" or 1 << 20
      rec.db:value("PRAGMA max_page_count = " .. pages)
    end
    local result, run = b:run([[
      test.phase("one", function(t)
        t:measure("v", 1)
        BENCH.full(true)
        local ok, e = pcall(t.attach, t, "scope.bin", ("x"):rep(1 << 20))
        BENCH.full(false)
        error(e, 0)
      end)
      test.phase("two", function() end)
      test.teardown(function(t) t:log "off" end)
    ]], { record = rec })
    assert.same({ "ERROR", "system" }, { result.outcome, result.code })
    assert.same({ "ERROR", "system", result.message }, { run.outcome, run.code, run.message })
    assert.matches("the record cannot be written: .*the disk is full", run.message)
    assert.same({ "one ERROR", "two SKIP", "teardown PASS" }, phases(run))
    assert.equal(1, run.phases[1].measurements[1].value)
  end)

  it("is kept room for: a phase ends before the disk is full", function()
    local core = require "moonrig.core"
    local space = core.store.space
    finally(function() core.store.space = space end)
    assert.is_true(space(b.path) > 0)
    assert.is_nil(space "/nonexistent")
    core.store.space = function() return 100 * 1024 end
    local result, run = b:run [[
      test.phase("one", function(t) t:measure("v", 1) end)
      test.teardown(function(t) t:measure("w", 2) end)
    ]]
    assert.matches("the disk is full but for 100 KiB, which the end of the run needs", result.message)
    assert.same({ "ERROR", result.message }, { run.outcome, run.message })
    assert.same({ "one ERROR", "teardown PASS" }, phases(run))
    assert.equal(2, run.phases[2].measurements[1].value)
  end)

  it("is missed when somebody removes it", function()
    local result = b:run [[ test.phase("one", function() os.remove(BENCH.path) end) ]]
    assert.same({ "ERROR", ("the record %s is gone: it was moved or removed"):format(b.path) },
      { result.outcome, result.message })
  end)
end)
