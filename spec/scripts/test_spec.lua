-- moonrig test as a program: what it prints, records, returns, and what a signal does to it.  The
-- instruments are sockets of this spec, so that it sees what really arrives there.
local record = require "moonrig.record"
local rig = require "moonrig"

local moonrig = os.getenv "MOONRIG" or "build/moonrig"

describe("moonrig test", function()
  local files, results, received, listener

  local function file(text)
    local path = os.tmpname()
    files[#files + 1] = path
    local f <close> = assert(io.open(path, "w"))
    f:write(text)
    return path
  end

  before_each(function()
    files, received = {}, {}
    results = os.tmpname()
    os.remove(results)
    listener = rig.listen("socket://127.0.0.1:0", function(port)
      for line in port:lines() do received[#received + 1] = line end
    end)
  end)

  after_each(function()
    listener:close()
    for _, path in ipairs(files) do os.remove(path) end
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(results .. suffix) end
  end)

  local function command(text, args)
    if not text:find "test.procedure" then text = 'test.procedure { name = "P", serial = "^SN%d+$" } ' .. text end
    local station = file(([[return { name = "ST1", results = %q, instruments = {
      psu = { url = %q, driver = "port", safe_state = { "SAFE" } } } }]]):format(results, listener.url))
    return ("%s test %s --station %s %s"):format(moonrig,
      file('local rig = require "moonrig"; local test = rig.test; ' .. text), station, args or "--dut SN1")
  end

  -- Runs a shell command to its end: all that it printed, its exit code.
  local function run_command(line)
    local port <close> = rig.open(("exec:{ %s; } 2>&1 </dev/null"):format(line), { timeout = 20 })
    local lines = {}
    for text in port:lines() do lines[#lines + 1] = text end
    local _, e = port:try_read(1)
    return table.concat(lines, "\n"), tonumber(e.message:match "exited with status (%d+)")
  end

  local function run(text, args) return run_command(command(text, args) .. " | cat; exit ${PIPESTATUS:-0}") end

  local function exit_code(text, args) return select(2, run_command(command(text, args))) end

  local function last_run()
    local rec <close> = record.open(results)
    local list = rec:runs { last = 1 }
    return list[1] and rec:load(list[1].id)
  end

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
    local output, code = run_command("ulimit -f 2048; " .. command(text) .. " | tail -n 9; exit ${PIPESTATUS:-0}")
    assert.matches("the record cannot be written: [^\n]*ulimit %-f", output)
    assert.matches("switched off", output)
    assert.matches("\nERROR  unit SN1", output)
    assert.equal(0, code)
    assert.equal("SAFE", received[#received])
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

  it("tests a unit at each site at once, with the name of the site before its lines", function()
    local station = file(([[return { name = "ST1", results = %q, sites = { {}, {}, spare = {} } }]]):format(results))
    local procedure = file [[local test = require "moonrig".test
      test.procedure { name = "P", serial = "^SN%d+$" }
      test.phase("a", function(t) t:check("good", t.dut.serial ~= "SN3") end)]]
    local line = ("%s test %s --station %s --site all --report junit=- 2>&1 "):format(moonrig, procedure, station)
    local output, code = run_command(line .. "--dut SN2 --dut spare=SN3")
    assert.equal(1, code, output)
    assert.matches("1     | [^\n]*PASS[^\n]*  unit SN2", output)
    assert.matches("spare | [^\n]*FAIL[^\n]*  unit SN3", output)
    assert.equal(2, select(2, output:gsub("<testsuite ", "")))
    output, code = run_command("printf 'SN5\\n\\nSN6\\n' | " .. line)
    assert.equal(0, code, output)
    assert.matches("Serial number at site 2 (Enter: none):", output, 1, true)
    assert.matches("spare | [^\n]*PASS[^\n]*  unit SN6", output)
    for given, words in pairs {
      ["--dut SN1 --dut SN2 --dut SN3 --dut SN4"] = "--dut SN4: there is no further site for it",
      ["--dut right=SN1"] = '--dut right=SN1: there is no site "right"; there are 1, 2, spare',
      ["--dut 1=SN1 --dut 2=SN1"] = "unit SN1 is at site 1 already", ["--dut XY"] = "does not match",
    } do
      output, code = run_command(line .. given)
      assert.equal(64, code)
      assert.matches(words, output, 1, true)
    end
    output = run_command("printf 'SN5\\nSN5\\nSN6\\n\\n' | " .. line)
    assert.matches("unit SN5 is at site 1 already; serial number at site 2 (Enter: none):", output, 1, true)
  end)

  it("takes the name of the only site of a station, too", function()
    local station = file(([[return { results = %q, sites = { left = {} } }]]):format(results))
    local procedure = file [[local test = require "moonrig".test
      test.procedure { name = "P", serial = "^SN%d+$" }
      test.phase("a", function() end)]]
    local output, code = run_command(("%s test %s --station %s --site all --dut left=SN2 2>&1"):format(moonrig,
      procedure, station))
    assert.equal(0, code, output)
    assert.same({ "SN2", "left" }, { last_run().dut.serial, last_run().site })
  end)

  it("says at the end how each site has ended", function()
    local station = file(([[return { name = "ST1", results = %q, sites = { {}, {} } }]]):format(results))
    local procedure = file [[local test = require "moonrig".test
      test.procedure { name = "P" }
      test.phase("a", function(t) t:check("good", t.dut.serial ~= "LONG-3") end)]]
    local output, code = run_command(("%s test %s --station %s --site all --dut 1 --dut LONG-3 | cat")
      :format(moonrig, procedure, station))
    assert.equal(0, code)
    assert.matches("2 | a %.%.%.\n2 |   good +false  equals true +FAIL\n2 | a +0%.%d%d s  FAIL\n", output)
    assert.matches("\n\nsite 1  PASS     unit 1       +%d+%.%d%d s\nsite 2  FAIL     unit LONG%-3  +%d+%.%d%d s   "
      .. "a: good = false is not true\n1 of 2 units passed\nrecord: ", output)
  end)

  -- Runs three sites in a terminal; each is in its phase until the file is there.
  local function at_terminal(text, fn)
    local gate = file ""
    os.remove(gate)
    local station = file(([[return { name = "ST1", results = %q, sites = { {}, {}, {} } }]]):format(results))
    local procedure = file(([[local rig = require "moonrig" local test = rig.test
      local function wait() while not io.open(%q) do rig.sleep(0.005) end end
      test.procedure { name = "P" } ]]):format(gate) .. text)
    local port <close> = rig.open(("exec:stty sane; %s test %s --station %s --site all --dut A --dut B --dut C; "
      .. "echo code $?"):format(moonrig, procedure, station), { timeout = 15 })
    fn(port, function() assert(io.open(gate, "w")):close() end)
    local rec <close> = record.open(results)
    local outcomes = {}
    for _, head in ipairs(rec:runs()) do
      outcomes[tonumber(head.site)] = head.outcome .. " " .. (head.message or "")
    end
    return outcomes
  end

  it("ends one site at a word from the terminal; the others go on", function()
    local outcomes = at_terminal([[
      test.phase("hold", function(t) wait() end)
      test.phase("next", function() end)
    ]], function(port, open_gate)
      port:expect "type stop 1 to end that site after its phase, abort 1 to end it now; Ctrl%-C aborts all"
      port:expect "3 | .*hold.*%.%.%."
      port:write "abort 2\r"
      port:expect "site 2 is aborted"
      port:expect "2 | .*ABORTED.*unit B"
      for line, answer in pairs { ["stop 9"] = "there is no site 9; there are 1, 2, 3, all",
        stop = "say which site: 1, 2, 3, all", ["stop 2"] = "site 2 has ended",
        hello = "nothing is asked now; type stop 1" } do
        port:write(line .. "\r")
        port:expect(answer)
      end
      port:write "stop 1\r"
      port:expect "site 1 stops when this phase is over"
      open_gate()
      port:expect "1 of 3 units passed"
      port:expect "code 130"
    end)
    assert.same({ "ABORTED stopped by the operator", "ABORTED aborted by the operator", "PASS " }, outcomes)
  end)

  it("keeps a question the last thing on the terminal, and takes commands beside it", function()
    local outcomes = at_terminal([[
      test.phase("ask", function(t)
        if t.dut.serial == "A" then t:check("led", t:prompt("Which?", { options = { "red", "green" } }) == "green") end
      end)
      test.phase("hold", function(t) if t.dut.serial == "B" then t:log "at B" end wait() end)
      test.phase("next", function() end)
    ]], function(port, open_gate)
      port:expect "site 1: Which%?\r\n    1  red\r\n    2  green: "
      port:expect "\27%[2A\r\27%[J2 | .-at B.-\r\nsite 1: Which%?\r\n    1  red\r\n    2  green: "
      port:write "stop 2\r"
      port:expect "site 2 stops when this phase is over\r\nsite 1: Which%?"
      port:write "green\r"
      port:expect "1 | .*led.*PASS"
      open_gate()
      port:expect "2 of 3 units passed"
    end)
    assert.same({ "PASS ", "ABORTED stopped by the operator", "PASS " }, outcomes)
  end)

  it("takes commands from a program as JSON, a line each, and tells it of those that cannot be", function()
    local station = file(([[return { name = "ST1", results = %q, sites = { {}, {} } }]]):format(results))
    local procedure = file [[local rig = require "moonrig" local test = rig.test
      test.procedure { name = "P" }
      test.phase("a", function(t) if t.dut.serial == "B" then rig.sleep(60) end t:prompt "Ready?" end)]]
    local output, code = run_command(([[printf '%%s\n' '{"command":"abort","site":2}' '{"command":"stop"}' \
      '{"command"' yes | %s test %s --station %s --site all --dut A --dut B --json-events 2>&-]])
      :format(moonrig, procedure, station))
    assert.equal(130, code, output)
    local seen, ends = {}, {}
    for text in output:gmatch "[^\n]+" do
      local event = rig.json.decode(text)
      if event.event == "refused" then seen[#seen + 1] = event.message end
      if event.event == "run_ended" then ends[event.site] = event.outcome end
    end
    assert.equal("say which site: 1, 2, all", seen[1])
    assert.matches("^not JSON at line 1", seen[2])
    assert.same({ ["1"] = "PASS", ["2"] = "ABORTED" }, ends)
  end)

  it("goes on with the other sites when units are tested again and again", function()
    local station = file(([[return { name = "ST1", results = %q, sites = { {}, {} } }]]):format(results))
    local procedure = file [[local test = require "moonrig".test
      test.procedure { name = "P" }
      test.phase("a", function(t) if t.dut.serial == "A" then t:abort "enough" end end)]]
    local output, code = run_command(("%s test %s --station %s --site all --dut A --dut B --repeat 3")
      :format(moonrig, procedure, station))
    assert.equal(130, code, output)
    local rec <close> = record.open(results)
    local count = {}
    for _, head in ipairs(rec:runs()) do count[head.dut.serial] = (count[head.dut.serial] or 0) + 1 end
    assert.same({ A = 1, B = 3 }, count)
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
      :format(results))
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
    local rec <close> = record.open(results)
    assert.same({ { name = "main board", serial = "MB1", part = "MB-100" }, { name = "radio", serial = "RB7" },
      { name = "cell", serial = "C-MB1", revision = "2" } }, rec:load(1).dut.subunits)
    output, code = run_command(("%s report --results %s --dut RB7"):format(moonrig, results))
    assert.equal(0, code)
    assert.matches("  unit       SN1\n  sub-unit   main board: MB1, part MB-100\n  sub-unit   radio: RB7", output, 1,
      true)
    assert.is_nil(output:find "SN2")
    output = run_command(("%s verify %s"):format(moonrig, results))
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
    local station = file(([[return { name = "ST1", results = %q, sites = { {}, {} } }]]):format(results))
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
    assert.is_nil(io.open(results))
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
      "record: " .. results:gsub("%p", "%%%0"),
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
    local rec <close> = record.open(results)
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
    files[#files + 1] = junit
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
    files[#files + 1], files[#files + 2] = html, junit
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
      while #received < count do rig.sleep(0.001) end
    end)
    return table.concat(received, " ")
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
        test.phase("a", function(t) t.dmm:query "READ?" end)]], station, results))
    lost:close()
    assert.equal(2, code)
    assert.matches(lost.url:match "//(.*)", output, 1, true)
    assert.equal("closed", last_run().code)
  end)
end)
