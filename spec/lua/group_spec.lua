-- Groups of phases, retries, conditions, phases that run beside others, and how t ends things early.
local bench = require "support.bench"
local rig = require "moonrig"
local phases = bench.phases

describe("a group", function()
  local b
  before_each(function() b = bench.new() end)
  after_each(function() b:close() end)

  it("has a setup and a teardown of its own, also inside another", function()
    local result, run = b:run [[
      test.setup("power", function() end)
      test.group("hot", function()
        test.setup("heat", function() end)
        test.phase("leak", function() end)
        test.group("load", function()
          test.phase("full", function() end)
          test.teardown("off", function() end)
        end)
        test.teardown("cool", function() end)
      end)
      test.phase("after", function() end)
      test.teardown("off", function() end)
    ]]
    assert.equal("PASS", result.outcome)
    assert.same({ "power PASS", "hot/heat PASS", "hot/leak PASS", "hot/load/full PASS", "hot/load/off PASS",
      "hot/cool PASS", "after PASS", "off PASS" }, phases(run))
    assert.same({ "setup", "teardown" }, { run.phases[2].group, run.phases[6].group })
  end)

  it("whose phase fails tears down, and the run goes on; whose phase raises tears down, and the run stops", function()
    local result, run = b:run [[
      test.group("one", function()
        test.phase("a", { stop_on_fail = true }, function(t) t:fail "bad" end)
        test.phase("b", function() end)
        test.teardown(function() end)
      end)
      test.group("two", function()
        test.phase("a", function() error "broken" end)
        test.phase("b", function() end)
        test.teardown(function() end)
      end)
      test.phase("after", function() end)
      test.teardown(function() end)
    ]]
    assert.equal("ERROR", result.outcome)
    assert.same({ "one/a FAIL", "one/b SKIP", "one/teardown PASS", "two/a ERROR", "two/b SKIP", "two/teardown PASS",
      "after SKIP", "teardown PASS" }, phases(run))
    assert.matches('not run: phase "one/a" ended as FAIL', run.phases[2].message)
    assert.matches('not run: group "two" ended as ERROR', run.phases[7].message)
  end)

  it("whose setup fails runs no phase, but its teardown", function()
    local result, run = b:run [[
      test.group("g", function()
        test.setup(function(t) t:fail "no" end)
        test.phase("a", function() end)
        test.teardown(function() end)
      end)
      test.phase("after", function() end)
    ]]
    assert.equal("FAIL", result.outcome)
    assert.same({ "g/setup FAIL", "g/a SKIP", "g/teardown PASS", "after PASS" }, phases(run))
  end)

  it("is tried again as a whole, every attempt is kept, and the last one counts", function()
    local result, run = b:run [[
      local n = 0
      test.group("g", { retry = 2 }, function()
        test.setup("on", function() n = n + 1 end)
        test.phase("a", function(t) t:measure("v", n, { min = 2 }) end)
        test.teardown("off", function() end)
      end)
    ]]
    assert.equal("PASS", result.outcome)
    assert.same({ "g/on PASS", "g/a FAIL", "g/off PASS", "g/on#2 PASS", "g/a#2 PASS",
      "g/off#2 PASS" }, phases(run))
    assert.same({ 1, 2 }, { run.phases[2].attempt, run.phases[5].attempt })
    assert.matches("group g: attempt 1 ended as FAIL", run.logs[1].message)
  end)

  it("ends by what retry's then says when its attempts are used up", function()
    for word, expected in pairs { stop = "after SKIP", continue = "after PASS" } do
      local result, run = b:run(([[
        test.group("g", { retry = { limit = 1, ["then"] = %q } }, function()
          test.phase("a", function(t) if %q == "stop" then t:fail "no" else error "no" end end)
        end)
        test.phase("after", function() end)
      ]]):format(word, word))
      assert.equal(word == "stop" and "FAIL" or "ERROR", result.outcome)
      assert.equal(expected, phases(run)[3])
    end
  end)

  it("has its teardown run innermost first when the run is cut short in it", function()
    local inside = rig.queue()
    local text = [[
      test.group("out", function()
        test.group("in", function()
          test.phase("wait", function() rig.sleep(60) end)
          test.phase("never", function() end)
          test.teardown("inner", function(t) rig.sleep(0.01) t:log "inner" end)
        end)
        test.phase("never", function() end)
        test.teardown("outer", function() rig.sleep(0.01) end)
      end)
      test.teardown("last", function() end)
    ]]
    local task = rig.spawn(function()
      return b:run(text, { observer = function(e) if e.event == "phase_began" then inside:push(e.phase) end end })
    end)
    assert.equal("out/in/wait", inside:pop(5))
    task:cancel "stopped by hand"
    pcall(task.join, task)
    local run = b:last()
    assert.equal("ABORTED", run.outcome)
    assert.same({ "out/in/wait ERROR", "out/in/never SKIP", "out/in/inner PASS", "out/never SKIP", "out/outer PASS",
      "last PASS" }, phases(run))
  end)

  it("gives a teardown that hangs its budget, and goes on with the others", function()
    local result, run = b:run [[
      test.group("g", { teardown_budget = 0.05 }, function()
        test.phase("a", function() end)
        test.teardown("hangs", function() rig.sleep(60) end)
      end)
      test.teardown("last", function() end)
    ]]
    assert.equal("ERROR", result.outcome)
    assert.same({ "g/a PASS", "g/hangs ERROR", "last PASS" }, phases(run))
  end)
end)

describe("a phase", function()
  local b
  before_each(function() b = bench.new() end)
  after_each(function() b:close() end)

  it("or a group is run only when its condition holds, which sees earlier measurements", function()
    local result, run = b:run [[
      test.phase("a", function(t) t:measure("v", 3) end)
      test.phase("b", { when = function(values) return values.v > 5 end }, function() end)
      test.group("c", { when = function(values) return values.v > 5 end }, function()
        test.phase("d", function() end)
        test.teardown(function() end)
      end)
      test.phase("e", { when = function(values) return values.v < 5 end }, function() end)
    ]]
    assert.equal("PASS", result.outcome)
    assert.same({ "a PASS", "b SKIP", "c/d SKIP", "c/teardown SKIP", "e PASS" }, phases(run))
    result = b:run [[test.phase("a", { when = function(values) return values.v > 5 end }, function() end)]]
    assert.equal("ERROR", result.outcome)
    assert.matches("attempt to compare", result.message)
  end)

  it("that times out stops the run, goes on or is tried again", function()
    for on_timeout, expected in pairs {
      stop = { "a ERROR", "b SKIP" }, continue = { "a ERROR", "b PASS" }, retry = { "a ERROR", "a#2 PASS", "b PASS" },
    } do
      local result, run = b:run(([[
        local n = 0
        test.phase("a", { timeout = 0.05, on_timeout = %q, retry = 1 }, function()
          n = n + 1
          if n == 1 then rig.sleep(60) end
        end)
        test.phase("b", function() end)
      ]]):format(on_timeout))
      assert.equal(on_timeout == "retry" and "PASS" or "TIMEOUT", result.outcome)
      assert.same(expected, phases(run))
    end
  end)

  it("may ask for another attempt, three times unless it says how often", function()
    local _, run = b:run [[
      test.phase("a", function(t) t:retry "not yet" end)
      test.phase("b", { retry = 1 }, function(t) if t.attempt == 1 then t:retry() end end)
    ]]
    assert.same({ "a FAIL", "a#2 FAIL", "a#3 FAIL", "a#4 FAIL", "b FAIL", "b#2 PASS" }, phases(run))
    assert.equal("not yet", run.phases[1].message)
  end)

  it("may abort the run", function()
    local result, run = b:run [[
      test.phase("a", function(t) t:abort "smoke" end)
      test.phase("b", function() end)
      test.teardown(function() end)
    ]]
    assert.same({ "ABORTED", "smoke" }, { result.outcome, result.message })
    assert.same({ "a ERROR", "b SKIP", "teardown PASS" }, phases(run))
  end)

  it("may run beside others until they have ended", function()
    local result, run = b:run [[
      local seen = 0
      test.group("g", function()
        test.phase("watch", { background = true }, function(t)
          while true do
            seen = seen + 1
            rig.sleep(0.005)
          end
        end)
        test.phase("work", function() while seen < 3 do rig.sleep(0.002) end end)
      end)
      test.phase("after", function(t)
        local now = seen
        rig.sleep(0.02)
        t:check("it has ended", seen == now)
      end)
    ]]
    assert.same({ "PASS" }, { result.outcome, result.message })
    assert.same({ "g/watch PASS", "g/work PASS", "after PASS" }, phases(run))
  end)

  it("beside others that does not end turns the run to ERROR, and teardown runs", function()
    local result, run = b:run [[
      test.procedure { name = "P", teardown_budget = 0.05 }
      local bench = BENCH
      test.phase("stubborn", { background = true }, function()
        while not bench.over do pcall(rig.sleep, 0.01) end
      end)
      test.phase("work", function() end)
      test.teardown(function() end)
    ]]
    b.over = true
    assert.same({ "ERROR", "stubborn: it does not end" }, { result.outcome, result.message })
    assert.same({ "stubborn ERROR", "work PASS", "teardown PASS" }, phases(run))
  end)

  it("beside others that fails, fails the run", function()
    local result, run = b:run [[
      test.phase("watch", { background = true }, function(t) t:measure("leak", 3, { max = 1 }) end)
      test.phase("work", function() rig.sleep(0.02) end)
    ]]
    assert.equal("FAIL", result.outcome)
    assert.same({ "watch FAIL", "work PASS" }, phases(run))
  end)

  it("that is not interruptible goes on to its end before the run is aborted", function()
    local inside = rig.queue()
    local task = rig.spawn(function()
      return b:run([[
        test.phase("flash", { interruptible = false }, function(t) rig.sleep(0.05) t:check("written", true) end)
        test.phase("after", function() end)
      ]], { observer = function(e) if e.event == "phase_began" then inside:push(true) end end })
    end)
    inside:pop(5)
    task:cancel "stopped by hand"
    pcall(task.join, task)
    local run = b:last()
    assert.equal("ABORTED", run.outcome)
    assert.same({ "flash PASS", "after SKIP" }, phases(run))
  end)

  it("may attach files, whose kind their names say", function()
    local _, run = b:run [[
      test.phase("a", function(t)
        t:attach("curve.csv", "0;1\n")
        t:attach("dump", "\0\1", "application/x-dump")
      end)
    ]]
    local kinds = {}
    for i, file in ipairs(run.phases[1].attachments) do kinds[i] = file.name .. " " .. file.mime end
    assert.same({ "curve.csv text/csv", "dump application/x-dump" }, kinds)
  end)

  it("refuses what cannot be", function()
    for text, words in pairs {
      ['test.phase("a", { retry = { limit = 1, ["then"] = "go" } }, function() end)'] = "how often to try again",
      ['test.phase("a", { on_timeout = "x" }, function() end)'] = '"stop", "continue" or "retry"',
      ['test.setup("a", { background = true }, function() end)'] = "only phases run beside others",
      ['test.group("a", function() end)'] = "it has no test.phase",
      ['test.group("a", { limits = {} }, function() end)'] = "there is no option",
    } do
      local ok, err = pcall(b.run, b, text)
      assert.is_false(ok)
      assert.matches(words, tostring(err), 1, true)
    end
  end)
end)
