-- A run is ended from outside: by who has its object, as the event run_began gives it.
local bench = require "support.bench"
local rig = require "moonrig"
local sites = require "moonrig.sites"
local station = require "moonrig.station"

describe("a run that is ended from outside", function()
  local b
  before_each(function() b = bench.new() end)
  after_each(function() b:close() end)

  -- Runs it in a task of its own, which is cancelled; `act` is called with the run in another one when the phase "here"
  -- has begun.
  local function run(text, act)
    local the_run
    return rig.spawn(b.run, b, text, { ask = function() rig.sleep(60) end, observer = function(event)
      the_run = event.run or the_run
      if event.event == "phase_began" and event.phase:find "here$" then rig.spawn(act, the_run) end
    end }):join()
  end

  local TEXT <const> = [[
    test.phase("here", { retry = 2 }, function(t) rig.sleep(0.02) t:log "done" t:fail "bad" end)
    test.phase("next", function() end)
    test.teardown("down", function(t) t:log "down" end)
  ]]

  it("with stop ends after its phase, tears down, and is ABORTED with the reason", function()
    local result, as_recorded = run(TEXT, function(r) assert.is_true(r:stop()) end)
    assert.same({ "ABORTED", "cancelled", "stopped by the operator" },
      { as_recorded.outcome, as_recorded.code, as_recorded.message })
    assert.same({ "here FAIL", "next SKIP", "down PASS" }, bench.phases(as_recorded))
    assert.equal("not run: stopped by the operator", as_recorded.phases[2].message)
    assert.equal("done", as_recorded.phases[1].logs[1].message)
    assert.same({ false, false }, { result:stop(), result:abort() })
  end)

  it("with abort ends at once, tears down, and is ABORTED with the reason", function()
    local _, as_recorded = run([[
      test.phase("here", function() rig.sleep(60) end)
      test.phase("next", function() end)
      test.teardown("down", function(t) t:log "down" end)
    ]], function(r) r:abort() end)
    assert.same({ "ABORTED", "cancelled", "aborted by the operator" },
      { as_recorded.outcome, as_recorded.code, as_recorded.message })
    assert.same({ "here ERROR", "next SKIP", "down PASS" }, bench.phases(as_recorded))
  end)

  it("may be aborted after it was told to stop, also while it asks", function()
    local _, as_recorded = run([[
      test.phase("here", function(t) t:prompt "Ready?" end)
      test.teardown("down", function(t) t:log "down" end)
    ]], function(r)
      r:stop "enough"
      r:abort()
    end)
    assert.same({ "ABORTED", "enough" }, { as_recorded.outcome, as_recorded.message })
    assert.same({ "here ERROR", "down PASS" }, bench.phases(as_recorded))
    assert.is_nil(as_recorded.phases[1].prompts[1].answer)
  end)

  it("does not wait for the next attempt, of a phase or of a group, nor for what runs beside", function()
    for _, text in ipairs {
      [[test.phase("here", { retry = { limit = 3, delay = 60 } }, function(t) rig.sleep(0.01) t:fail() end)]],
      [[test.group("g", { retry = { limit = 3, delay = 60 } }, function()
          test.phase("beside", { background = true }, function() rig.sleep(60) end)
          test.phase("here", function(t) rig.sleep(0.01) t:fail() end)
        end)]],
    } do
      local _, as_recorded = run(text, function(r)
        rig.sleep(0.03)       -- between the attempts by now; if not yet, there is no other one either
        r:stop()
      end)
      assert.equal("ABORTED", as_recorded.outcome)
    end
  end)

  it("finishes its teardown, when that is what it does", function()
    local _, as_recorded = run([[
      test.phase("a", function() end)
      test.teardown("here", function(t) rig.sleep(0.02) t:log "down" end)
      test.teardown("too", function() end)
    ]], function(r) r:abort() end)
    assert.equal("ABORTED", as_recorded.outcome)
    assert.same({ "a PASS", "here PASS", "too PASS" }, bench.phases(as_recorded))
  end)

  it("at one site leaves the others alone, and gives back the instruments that they share", function()
    b:instrument("psu")
    local given = { name = "ST", instruments = { psu = b.instruments.psu }, sites = { {}, {} } }
    local stations = { station.new(given, { site = "1" }), station.new(given, { site = "2" }) }
    for verb, expected in pairs { abort = "ERROR", stop = "PASS" } do
      local jobs, shared, runs, inside = {}, sites.share(stations), {}, rig.queue()
      for i, of in ipairs(stations) do
        jobs[i] = { plan = b:load [[
          test.phase("use", function(t)
            if t.dut.serial == "SN2" then while not BENCH.first do rig.sleep(0.001) end end
            t.psu:write("use " .. t.dut.serial)
            BENCH.first = true
            if t.dut.serial == "SN1" then t:log "inside" rig.sleep(BENCH.long) end
          end)
        ]], opts = { serial = "SN" .. i, record = b.record, station = of, shared = shared, observer = function(e)
          if e.event == "run_began" then runs[i] = e.run end
          if e.event == "log" then inside:push(true) end
        end } }
      end
      b.first, b.long = nil, verb == "abort" and 60 or 0.02
      rig.spawn(function()
        inside:pop(5)
        runs[1][verb](runs[1])
      end)
      local results = sites.run(jobs)
      assert.same({ "ABORTED", "PASS" }, { results[1].outcome, results[2].outcome })
      assert.equal(expected, b.record:load(results[1].id).phases[1].outcome)
    end
    assert.equal("psu: use SN1; psu: use SN2; psu: use SN1; psu: use SN2", table.concat(b.sent, "; "))
  end)
end)
