-- moonrig test as a program: what it prints, records, returns, and what a signal does to it.  The
-- instruments are sockets of this spec, so that it sees what really arrives there.
local here = require "support.test_command"
local record = require "moonrig.record"
local rig = require "moonrig"

local command, file, last_run, moonrig, run_command = here.command, here.file, here.last_run, here.moonrig, here.run

describe("moonrig test", function()
  before_each(here.open)
  after_each(here.close)

  local function run(text, args) return run_command(command(text, args) .. " | cat; exit ${PIPESTATUS:-0}") end

  local function exit_code(text, args) return select(2, run_command(command(text, args))) end

  -- Starts it, waits for a marker in its output, sends signals: the rest of its output, its exit code.
  local function interrupted(text, marker, ...)
    local shell = ("echo $$; export NO_COLOR=1; exec %s 2>&1"):format(command(text))
    local port <close> = rig.open("exec:" .. shell, { timeout = 20 })
    local pid = port:read_line()
    for _, signal in ipairs { ... } do
      port:expect(marker)
      os.execute(("kill -%s %s"):format(signal, pid))
    end
    local rest = {}
    for line in port:lines() do rest[#rest + 1] = line end
    local _, e = port:try_read(1)
    return table.concat(rest, "\n"), tonumber(e.message:match "status (%d+)"), e.message
  end

  it("ends with the exit code of the verdict", function()
    assert.equal(0, exit_code [[test.phase("a", function(t) t:check("c", true) end)]])
    assert.equal(1, exit_code [[test.phase("a", function(t) t:check("c", false) end)]])
    assert.equal(2, exit_code [[test.phase("a", function(t) error "x" end)]])
    assert.equal(2, exit_code [[test.phase("a", { timeout = 0.01 }, function(t) rig.sleep(10) end)]])
    assert.equal(2, exit_code [[test.phase("a", function(t) rig.spawn(error, "nobody joins this"); rig.sleep(5) end)]])
  end)

  it("tears down when its record may not get larger (ulimit -f)", function()
    local text = [[
      test.phase("a", function(t)
        t.psu:write_line "ON"
        for n = 1, 10000 do t:measure("v" .. n, n) end
      end)
      test.teardown(function(t) t:log "switched off" end)
    ]]
    local output, code = run_command("export NO_COLOR=1; ulimit -f 2048; " .. command(text))
    assert.matches("the record cannot be written: [^\n]*ulimit %-f", output)
    assert.matches("switched off", output)
    assert.matches("\nERROR  unit SN1", output)
    assert.equal(2, code)
    assert.equal("SAFE", here.received[#here.received])
    local of = last_run()
    assert.is_true(#of.phases[1].measurements > 10)
  end)

  it("tears down after a phase that would end the program", function()
    local output = run [[
      test.phase("a", function(t) os.exit(0) end)
      test.teardown(function(t) t:log "switched off" end)
    ]]
    assert.matches("os.exit in a procedure would leave out teardown", output, 1, true)
    assert.matches("switched off", output)
    assert.equal("ERROR", last_run().outcome)
  end)

  it("asks for the serial number of each unit until it fits, and for what a phase asks", function()
    local text = [[test.phase("a", function(t) t:check("led", t:prompt("LED?", { kind = "yesno" })) end)]]
    local output, code = run_command("printf 'XY1\\nSN7\\nyes\\nSN8\\nno\\n' | " .. command(text, "--repeat 9"))
    assert.equal(1, code, output)
    assert.matches('serial number "XY1" does not match', output, 1, true)
    assert.matches("PASS[^\n]- unit SN7", output)
    assert.matches("FAIL[^\n]- unit SN8", output)
    assert.equal("SN8", last_run().dut.serial)
  end)

  it("tells a program what happens, one JSON object a line", function()
    local line = "printf 'yes\\n' | " .. command([[test.phase("a", function(t)
      t:check("led", t:prompt("LED?", { kind = "yesno" }))
      t:measure("nan", 0 / 0)
      t:attach("x.csv", "1")
      t:log "said"
    end)]], "--dut SN1 --json-events 2>&-")
    local seen = {}
    for text in run_command(line):gmatch "[^\n]+" do
      local event = rig.json.decode(text)
      seen[#seen + 1] = event.event
      if event.name == "nan" then assert.same({ "nan", "FAIL" }, { event.value, event.outcome }) end
    end
    assert.equal("run_began phase_began prompt answer measurement measurement attachment log phase_ended "
      .. "run_ended", table.concat(seen, " "):gsub(" instrument", ""))
  end)

  it("ends the line of a question that nobody answers before it says so", function()
    local output, code = run_command(("%s test %s </dev/null 2>&1"):format(moonrig,
      file 'local test = require "moonrig".test; test.procedure { name = "P" }; test.phase("a", function() end)'))
    assert.same({ 64, "Serial number: \nmoonrig: say which unit: --dut SERIAL (nobody answers the question)" },
      { code, (output:gsub("%s+$", "")) })
  end)

  -- More than a pipe holds is told before its reader begins to read.
  it("does not wait for a program that does not read, and says then what it has missed", function()
    local full, reading = os.tmpname(), os.tmpname()
    os.remove(full)
    os.remove(reading)
    local line = command(([[test.phase("a", function(t)
      for _ = 1, 1500 do t:log(("x"):rep(100)) end
      t:check("full", true)
      io.open(%q, "w"):close()
      repeat rig.sleep(0.005) until io.open(%q)
      for _ = 1, 100 do
        t:log "again"
        rig.sleep(0.005)
      end
    end)]]):format(full, reading), "--dut SN1 --json-events 2>&-")
    local output = run_command(("%s | { while [ ! -e '%s' ]; do sleep 0.02; done; : > '%s'; cat; }"):format(line, full,
      reading))
    assert.is_truthy(output:find('\n{"bytes":%d+,"event":"lost"}\n'), output:sub(-500))
    assert.is_truthy(output:find('"event":"lost"}.*"name":"full"'))     -- the last of what was left out
    assert.is_true(select(2, output:gsub('"message":"xxx', "")) < 1500)
    assert.matches('"event":"run_ended","outcome":"PASS"}\n?$', output)
    local recorded = last_run()
    assert.same({ "PASS", 1600 }, { recorded.outcome, #recorded.phases[1].logs })
    os.remove(full)
    os.remove(reading)
  end)

  it("names the line of the procedure that asked when nobody answers", function()
    local text = [[test.phase("a", function(t) t:prompt "Ready?" end)]]
    local output = run_command(command(text))
    assert.matches("a: [^\n]*spec[^\n]*:1: nobody answers the question: standard input has ended", output)
  end)

  it("goes on, and says so, when the events cannot be written", function()
    local text = [[test.phase("a", function() end)]]
    local output, code = run_command(command(text, "--dut SN1 --json-events >/dev/full"))
    assert.equal(0, code, output)
    assert.matches("^moonrig: events are lost: No space left on device\nrecord: ", output)
    assert.equal("PASS", last_run().outcome)
  end)

  it("records what the station file says of all runs, and over it what is said of one", function()
    local station = file(('return { results = %q, meta = { laboratory = "Weber", humidity = 40, customer = "any" } }')
      :format(here.results))
    local procedure = file [[local test = require("moonrig").test
      test.procedure { name = "P" }
      test.phase("a", function() end)]]
    local output, code = run_command(("%s test %s --station %s --dut SN1 --meta customer=ACME"):format(moonrig,
      procedure, station))
    assert.equal(0, code, output)
    assert.same({ laboratory = "Weber", humidity = 40, customer = "ACME" }, last_run().meta)
  end)

  it("records revision, batch and what else is said of a run", function()
    local output, code = run_command(command([[test.phase("a", function() end)]],
      "--dut SN1 --revision C --batch L7 --meta customer=ACME --meta order='4711 / 2'"))
    assert.equal(0, code, output)
    local as_recorded = last_run()
    assert.same({ "C", "L7", { customer = "ACME", order = "4711 / 2" } }, { as_recorded.dut.revision,
      as_recorded.dut.batch, as_recorded.meta })
    assert.equal(64, select(2, run_command(command([[test.phase("a", function() end)]], "--dut SN1 --meta x"))))
  end)

  it("records part and meta of the procedure; --part must agree, --meta goes before", function()
    local text = [[test.procedure { name = "P", part = "PSU-100", meta = { line = "A", customer = "ACME", n = 5 } }
      test.phase("a", function() end)]]
    local output, code = run_command(command(text, "--dut SN1 --part PSU-100 --meta customer=Miller"))
    assert.equal(0, code, output)
    assert.same({ line = "A", customer = "Miller", n = 5 }, last_run().meta)
    output, code = run_command(command(text, "--dut SN1 --part PSU-200"))
    assert.same({ "moonrig: part PSU-200: the procedure P is for part PSU-100", 64 }, { output, code })
    output, code = run_command(command('test.phase("a", function() end)', "--dut SN1 --part PSU-300"))
    assert.equal(0, code, output)
    assert.equal("PSU-300", last_run().dut.part)
  end)

  local MADE_OF <const> = [[test.procedure { name = "P", subunits = {
    { name = "main board", part = "MB-100", serial = "^MB%d+$" }, { name = "radio", serial = "^RB%d+$" } } }
    test.phase("a", function(t)
      t:subunit("cell", "C-" .. t.dut.subunits[1].serial, { revision = "2" })
      t:subunit("cell", "C-" .. t.dut.subunits[1].serial)
    end)]]

  it("asks for the sub-units that the procedure declares, and records them with those that it reads itself", function()
    local output, code = run_command("printf 'SN1\nRB7\nMB1\nRB7\nSN2\nMB1\nRB8\n' | "
      .. command(MADE_OF, "--repeat 2"))
    assert.equal(0, code, output)
    assert.matches('Serial number of main board: RB7\nserial number "RB7" does not match ^MB%d+$, the pattern of '
      .. "main board; serial number of main board: MB1", output, 1, true)
    assert.matches("    main board: MB1, part MB%-100[^\n]*\n[^ ]*    radio: RB7", output)
    local rec <close> = record.open(here.results)
    assert.same({ { name = "main board", serial = "MB1", part = "MB-100" }, { name = "radio", serial = "RB7" },
      { name = "cell", serial = "C-MB1", revision = "2" } }, rec:load(1).dut.subunits)
    output, code = run_command(("%s report --results %s --dut RB7"):format(moonrig, here.results))
    assert.equal(0, code)
    assert.matches("  unit       SN1\n  sub-unit   main board: MB1, part MB-100\n  sub-unit   radio: RB7", output, 1,
      true)
    assert.is_nil(output:find "SN2")
    output = run_command(("%s verify %s"):format(moonrig, here.results))
    assert.matches("ST1: 2 runs", output)
  end)

  it("takes sub-units from the command line, and refuses what cannot be", function()
    local given = "--dut SN1 --subunit 'main board=MB1,revision=C' --subunit radio=RB7,part=RB-1 "
    local output, code = run_command(command(MADE_OF, given))
    assert.equal(0, code, output)
    assert.same({ { name = "main board", serial = "MB1", part = "MB-100", revision = "C" },
      { name = "radio", serial = "RB7", part = "RB-1" } }, { table.unpack(last_run().dut.subunits, 1, 2) })
    for args, words in pairs {
      ["--dut SN1"] = "say which main board is in SN1: --subunit 'main board=SERIAL' (nobody answers the question)",
      [given .. "--subunit fan=1"] = 'the procedure P knows no sub-unit "fan"',
      [given .. "--subunit radio=RB8"] = "radio was given before",
      ["--dut SN1 --subunit radio"] = "--subunit radio: wants NAME=SERIAL",
      ["--dut SN1 --subunit radio=MB1"] = 'sub-unit "radio": serial number "MB1" does not match ^RB%d+$',
      ["--dut SN1 --subunit 'main board=MB1,part=MB-2'"] = "part MB-2: the procedure P wants MB-100",
    } do
      output, code = run_command(command(MADE_OF, args))
      assert.equal(64, code, output)
      assert.matches(words, output, 1, true)
    end
    output, code = run_command(command([[test.phase("a", function(t) t:subunit("radio", "RB8") end)]],
      "--dut SN1 --subunit radio=RB7"))
    assert.equal(2, code)
    assert.matches('sub-unit "radio": it is RB7, and now RB8', output, 1, true)
  end)

  it("has one sub-unit at one site only", function()
    local station = file(([[return { name = "ST1", results = %q, sites = { {}, {} } }]]):format(here.results))
    local line = ("%s test %s --station %s --site all 2>&1 --dut SN1 --dut SN2 "):format(moonrig,
      file('local test = require "moonrig".test; ' .. MADE_OF), station)
    local board = "--subunit '1:main board=MB1' --subunit '2:main board=MB%d' "
    local output, code = run_command(line .. board:format(2) .. "--subunit 1:radio=RB1 --subunit 2:radio=RB2")
    assert.equal(0, code, output)
    for args, words in pairs {
      [board:format(1) .. "--subunit 1:radio=RB1"] = "--subunit: MB1 is the main board of SN1 already",
      [board:format(2) .. "--subunit radio=RB1"] = "wants SITE:NAME=SERIAL, since there are several sites",
      [board:format(2) .. "--subunit 3:radio=RB1"] = 'there is no site "3"; there are 1, 2',
    } do
      output, code = run_command(line .. args)
      assert.equal(64, code, output)
      assert.matches(words, output, 1, true)
    end
    output = run_command("printf 'RB1\nRB1\nRB2\n' | " .. line .. board:format(2))
    assert.matches("RB1 is the radio of SN1 already; serial number of radio at site 2: RB2", output, 1, true)
  end)

  it("takes wrong arguments as such, and records nothing", function()
    local good = [[test.phase("a", function() end)]]
    for args, message in pairs {
      [""] = "say which unit: --dut SERIAL",
      ["--dut XY1"] = 'serial number "XY1" does not match ^SN%d+$, the pattern of P',
      ["--dut SN1 --report pdff"] = 'there is no report format "pdff"',
      ["--dut SN1 --repeat 2 --report openhtf"] = "openhtf holds one run in a file, not 2; write a file for each",
      ["--dut SN1 --report wsjf"] = "--report wsjf wants a part number: part = ... in test.procedure",
      ["--dut SN1 --report stdf=-"] = "--report stdf=-: not on a terminal; name a file: stdf=FILE",
      ["--dut SN1 --repeat 0"] = "--repeat 0: wants a number, 1 or more",
      ["--dut SN1 --site 2"] = 'there is no site "2"',
      ["--dut SN1 --results postgresql://db/x"] = 'there is no scheme "postgresql"',
      ["--dut SN1 --station /nonexistent"] = "there is no station file /nonexistent",
      ["--dut SN1 --colour"] = "unknown option '--colour'",
    } do
      local output, code = run_command(command(good, args))
      assert.equal(64, code, output)
      assert.matches(message, output, 1, true)
    end
    for text, message in pairs {
      ["test.phase('a', {}, 5)"] = "expected a function(t), got number",
      ["x = = 1"] = "unexpected symbol near '='",
      ["nothing.x = 1"] = "attempt to index a nil value (global 'nothing')",
    } do
      local output, code = run_command(command(text))
      assert.equal(64, code, output)
      assert.matches(message, output, 1, true)
    end
    local output, code = run_command(moonrig .. " test /nonexistent.lua --dut SN1")
    assert.same({ "moonrig: there is no file /nonexistent.lua", 64 }, { output, code })
    assert.is_nil(io.open(here.results))
  end)

  it("says what it does, with an example", function()
    local output, code = run_command(moonrig .. " test --help")
    assert.equal(0, code)
    assert.matches("example: moonrig test psu_final.lua --dut PSU4711", output, 1, true)
  end)

  it("shows all the digits of a value that does not pass", function()
    local output = run [[
      test.procedure { name = "P" }
      test.phase("rail", function(t)
        t:measure("good", 5.05, { unit = "V", max = 5.05 })
        t:measure("near", 5.0499999999, { unit = "V", max = 5.05 })
        t:measure("bad", 5.0500000001, { unit = "V", max = 5.05 })
      end)
    ]]
    assert.matches("good +5%.05 V  <= 5%.05 V +PASS", output)
    assert.matches("near +5%.05 V  <= 5%.05 V +PASS", output)
    assert.matches("bad +5%.0500000001 V  <= 5%.05 V +FAIL", output)
    assert.matches("rail: bad = 5.0500000001 V is above 5.05 V", output, 1, true)
  end)

  it("prints plain lines when the output is no terminal", function()
    local output = run [[
      test.procedure { name = "PSU final", version = "1.4" }
      test.phase("rail", { retry = 1 }, function(t)
        t:measure("v", t.attempt == 1 and 5.21 or 5.01, { unit = "V", min = 4.95, max = 5.05 })
        t:check("name", "a\27[2Jb", { matches = "^a" })
      end)
      test.phase("off", function(t) t:skip "no fan" end)
    ]]
    assert.is_nil(output:find "\27")
    for _, line in ipairs {
      "PSU final 1%.4   unit SN1   station ST1   run 1",
      "  v +5%.21 V  4%.95 to 5%.05 V +FAIL",
      "rail %(attempt 2%)",
      "  v +5%.01 V  4%.95 to 5%.05 V +PASS",
      "  name +a\\e%[2Jb  matches %^a +PASS",
      "off +SKIP\n    no fan",
      "PASS  unit SN1   2 of 2 measurements passed   %d+%.%d%d s",
      "record: " .. here.results:gsub("%p", "%%%0"),
    } do
      assert.matches(line, output)
    end
  end)

  it("uses colour and large letters on a terminal, unless told not to", function()
    local text = [[test.phase("a", function(t) t:measure("v", 1, { min = 0, max = 2 }) end)]]
    local output = run_command("TERM=xterm LC_ALL=C.UTF-8 " .. command(text))
    assert.matches("\27[32mPASS\27[0m", output, 1, true)
    assert.matches("├────\27[0m\27[32m●", output, 1, true)
    assert.matches("\27[32;7m  ", output, 1, true)
    for _, plain in ipairs { "NO_COLOR=1 TERM=xterm ", "TERM=dumb " } do
      assert.is_nil(run_command(plain .. command(text)):find "\27")
    end
  end)

  it("appends run after run to the same record", function()
    run([[test.phase("a", function(t) t:check("c", true) end)]], "--dut SN1 --operator Ada")
    local output = run([[test.phase("a", function(t) t:check("c", true) end)]], "--dut SN1 --repeat 2")
    assert.matches("run 2\n.*run 3\n", output)
    local rec <close> = record.open(here.results)
    local list = rec:runs()
    assert.same({ "PASS", "Ada", 1, "PASS", 2, "PASS", 3 }, { list[1].outcome, list[1].operator, list[1].attempt,
      list[2].outcome, list[2].attempt, list[3].outcome, list[3].attempt })
    assert.is_truthy(rec:blob(list[1].procedure.script_sha256):find("t:check", 1, true))
  end)

  it("returns the worst of repeated runs", function()
    local counter = file "0"
    local text = ([[
      test.phase("a", function(t)
        local f = io.open(%q, "r+")
        local n = f:read "n" + 1
        f:seek "set"
        f:write(n)
        f:close()
        if n == 2 then t:fail "second" end
      end)
    ]]):format(counter)
    assert.equal(1, exit_code(text, "--dut SN1 --repeat 3"))
  end)

  it("writes the other reports when one cannot be written, and does not end as PASS", function()
    local junit = os.tmpname()
    here.remove_at_end(junit)
    local output, code = run_command(command([[test.phase("a", function() end)]],
      ("--dut SN1 --report csv=/nonexistent/x.csv --report junit=%s"):format(junit)))
    assert.equal(2, code)
    assert.matches("moonrig test: csv report: cannot write /nonexistent/x.csv: No such file", output, 1,
      true)
    assert.matches("junit report: " .. junit, output, 1, true)
    assert.equal("PASS", last_run().outcome)
  end)

  it("writes reports", function()
    local html, junit = os.tmpname(), os.tmpname()
    here.remove_at_end(html)
    here.remove_at_end(junit)
    local output = run([[test.phase("rail", function(t) t:measure("v", 5, { min = 1 }) end)]],
      ("--dut SN1 --report html=%s --report junit=%s"):format(html, junit))
    assert.matches("html report: " .. html, output, 1, true)
    assert.matches("junit report: " .. junit, output, 1, true)
    assert.matches("<html", assert(io.open(html)):read "a", 1, true)
    assert.matches("<testsuite", assert(io.open(junit)):read "a", 1, true)
    output = run_command(command([[test.phase("rail", function(t) t:measure("v", 5, { min = 1 }) end)]],
      "--dut SN1 --report json=-") .. " 2>/dev/null")
    assert.equal(5, rig.json.decode(output).phases[1].measurements[1].value)
  end)

  local TEARDOWN = [[
    test.teardown(function(t) t.psu:write_line "OFF"; rig.sleep(0.01); t.psu:write_line "OFF 2" end)
  ]]

  -- What arrived at the instrument after "ON", when all has arrived.
  local function arrived(count)
    rig.deadline(5, function()
      while #here.received < count do rig.sleep(0.001) end
    end)
    return table.concat(here.received, " ")
  end

  for name, body in pairs {
    ["a phase that waits"] = 'test.phase("a", function(t) t.psu:write_line "ON"; t:log "here"; rig.sleep(60) end)',
    ["a phase that waits for an instrument"] =
      'test.phase("a", function(t) t.psu:write_line "ON"; t:log "here"; t.psu:read_line(60) end)',
    ["a phase that computes"] =
      'test.phase("a", function(t) t.psu:write_line "ON"; t:log "here"; while true do end end)',
    ["a phase that catches errors"] = [[test.phase("a", function(t)
      t.psu:write_line "ON"
      t:log "here"
      for _ = 1, 3 do pcall(rig.sleep, 60) if rig.now() < 0 then break end t:log "again" end
    end)]],
    ["the delay before another attempt"] = [[test.phase("a", { retry = { limit = 1, delay = 60 } }, function(t)
      t.psu:write_line "ON"
      t:log "here"
      t:fail()
    end)]],
    ["a setup"] = [[test.setup(function(t) t.psu:write_line "ON"; t:log "here"; rig.sleep(60) end)
      test.phase("a", function(t) t.psu:write_line "REACHED" end)]],
    ["a phase with tasks"] = [[test.phase("a", function(t)
      t.psu:write_line "ON"
      rig.group(function(g)
        for _ = 1, 3 do g:spawn(rig.sleep, 60) end
        t:log "here"
      end)
    end)]],
  } do
    it("stops at Ctrl-C in " .. name .. ", tears down and sets the safe state", function()
      local signal = name == "a setup" and "TERM" or "INT"
      local output, code = interrupted(body .. TEARDOWN .. 'test.phase("next", function(t) t:log "reached" end)',
        "    here\n", signal)
      assert.equal(130, code, output)
      assert.equal("ON OFF OFF 2 SAFE", arrived(4))
      assert.matches("ABORTED  unit SN1", output, 1, true)
      assert.is_nil(output:find("reached", 1, true))
      local r = last_run()
      assert.same({ "ABORTED", false, "cancelled", signal == "TERM" and "interrupted by SIGTERM" or "interrupted" },
        { r.outcome, r.interrupted, r.code, r.message })
      local last = r.phases[#r.phases]
      assert.same({ "safe state", "PASS" }, { last.name, last.outcome })
      assert.same({ "teardown", "PASS" }, { r.phases[#r.phases - 1].name, r.phases[#r.phases - 1].outcome })
    end)
  end

  it("does not cut a teardown short that runs a program meanwhile", function()
    local _, code = run_command(command [[
      test.phase("a", function(t) t.psu:write_line "ON" end)
      test.teardown(function(t)
        os.execute "kill -TERM $PPID; sleep 0.2"
        t:log "still here"
        t.psu:write_line "OFF"
      end)
    ]])
    assert.equal(130, code)
    assert.equal("ON OFF SAFE", arrived(3))
    assert.equal("ABORTED", last_run().outcome)
  end)

  it("does not cut teardown short at Ctrl-C, once or twice", function()
    local output, code = interrupted([[
      test.phase("a", function(t) t.psu:write_line "ON" end)
      test.teardown(function(t)
        t:log "here"
        rig.sleep(0.1)
        t:log "here"
        rig.sleep(0.1)
        t.psu:write_line "OFF"
      end)
    ]], "    here\n", "INT", "INT")
    assert.equal(130, code)
    assert.equal("ON OFF SAFE", arrived(3))
    assert.matches("cleaning up for at most", output, 1, true)
    assert.equal("ABORTED", last_run().outcome)
  end)

  it("keeps what was recorded when it is killed, and shows the run as ABORTED", function()
    local _, _, message = interrupted([[
      test.phase("a", function(t)
        t:measure("first", 1.5, { unit = "V", max = 2 })
        t:measure("second", 0x7fffffffffffffff)
        rig.sleep(60)
      end)
    ]], "  second [^\n]*\n", "KILL")
    assert.matches("ended by signal 9", message, 1, true)
    local r = last_run()
    assert.same({ "ABORTED", true, "interrupted" }, { r.outcome, r.interrupted, r.code })
    local m = r.phases[1].measurements
    assert.same({ "first", 1.5, "V", "second", math.maxinteger }, { m[1].name, m[1].value, m[1].unit, m[2].name,
      m[2].value })
  end)

  it("says which instrument was lost", function()
    local lost = rig.listen("socket://127.0.0.1:0", function(port) port:read_line() end)
    local station = file(('return { instruments = { dmm = { url = %q, driver = "port" } } }'):format(lost.url))
    local output, code = run_command(("%s test %s --dut SN1 --station %s --results %s"):format(moonrig,
      file [[local test = require "moonrig".test
        test.procedure { name = "P" }
        test.phase("a", function(t) t.dmm:query "READ?" end)]], station, here.results))
    lost:close()
    assert.equal(2, code)
    assert.matches(lost.url:match "//(.*)", output, 1, true)
    assert.equal("closed", last_run().code)
  end)
end)
