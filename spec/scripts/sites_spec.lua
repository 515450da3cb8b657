-- moonrig test at several sites as a program: units side by side, told apart, stopped one by one.
local here = require "support.test_command"
local record = require "moonrig.record"
local rig = require "moonrig"

local file, last_run, moonrig, run_command = here.file, here.last_run, here.moonrig, here.run

describe("moonrig test at sites", function()
  before_each(here.open)
  after_each(here.close)

  it("tests a unit at each site at once, with the name of the site before its lines", function()
    local station = file(([[return { name = "ST1", results = %q, sites = { {}, {}, spare = {} } }]]):format(
      here.results))
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
    local station = file(([[return { results = %q, sites = { left = {} } }]]):format(here.results))
    local procedure = file [[local test = require "moonrig".test
      test.procedure { name = "P", serial = "^SN%d+$" }
      test.phase("a", function() end)]]
    local output, code = run_command(("%s test %s --station %s --site all --dut left=SN2 2>&1"):format(moonrig,
      procedure, station))
    assert.equal(0, code, output)
    assert.same({ "SN2", "left" }, { last_run().dut.serial, last_run().site })
  end)

  it("says at the end how each site has ended", function()
    local station = file(([[return { name = "ST1", results = %q, sites = { {}, {} } }]]):format(here.results))
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
    local station = file(([[return { name = "ST1", results = %q, sites = { {}, {}, {} } }]]):format(here.results))
    local procedure = file(([[local rig = require "moonrig" local test = rig.test
      local function wait() while not io.open(%q) do rig.sleep(0.005) end end
      test.procedure { name = "P" } ]]):format(gate) .. text)
    local port <close> = rig.open(("exec:stty sane; %s test %s --station %s --site all --dut A --dut B --dut C; "
      .. "echo code $?"):format(moonrig, procedure, station), { timeout = 15 })
    fn(port, function() assert(io.open(gate, "w")):close() end)
    local rec <close> = record.open(here.results)
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
    local station = file(([[return { name = "ST1", results = %q, sites = { {}, {} } }]]):format(here.results))
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
    local station = file(([[return { name = "ST1", results = %q, sites = { {}, {} } }]]):format(here.results))
    local procedure = file [[local test = require "moonrig".test
      test.procedure { name = "P" }
      test.phase("a", function(t) if t.dut.serial == "A" then t:abort "enough" end end)]]
    local output, code = run_command(("%s test %s --station %s --site all --dut A --dut B --repeat 3")
      :format(moonrig, procedure, station))
    assert.equal(130, code, output)
    local rec <close> = record.open(here.results)
    local count = {}
    for _, head in ipairs(rec:runs()) do count[head.dut.serial] = (count[head.dut.serial] or 0) + 1 end
    assert.same({ A = 1, B = 3 }, count)
  end)
end)
