-- Several units at once: a run for each site, with instruments of its own and shared ones.
local bench = require "support.bench"
local rig = require "moonrig"
local sites = require "moonrig.sites"
local station = require "moonrig.station"

describe("sites", function()
  local b
  before_each(function() b = bench.new() end)
  after_each(function() b:close() end)

  -- A job for each of two sites: `own` at each site, `psu` for both.
  local function jobs(text, more)
    b:instrument("psu", { safe_state = { "OFF" } })
    b:instrument("own", { safe_state = { "own off" } })
    local given = { name = "ST", instruments = { psu = b.instruments.psu },
      sites = { { instruments = { own = b.instruments.own } }, { instruments = { own = b.instruments.own } } } }
    local all, stations = {}, { station.new(given, { site = "1" }), station.new(given, { site = "2" }) }
    local shared = sites.share(stations)
    for i, of in ipairs(stations) do
      all[i] = { plan = b:load(text), opts = { serial = "SN" .. i, record = b.record, station = of, shared = shared } }
      for name, value in pairs(more or {}) do all[i].opts[name] = value end
    end
    return all
  end

  local function outcomes(results)
    local list = {}
    for i, result in ipairs(results) do list[i] = result.outcome end
    return table.concat(list, " ")
  end

  it("run side by side, each with a record of its own; a slow one does not hold the other", function()
    local results = sites.run(jobs [[
      test.phase("meet", function(t)
        BENCH.here = (BENCH.here or 0) + 1
        while BENCH.here < 2 do rig.sleep(0.001) end       -- both are in this phase at once
        if t.dut.serial == "SN2" then t:fail "bad" end
      end)
    ]])
    assert.equal("PASS FAIL", outcomes(results))
    local runs = b.record:runs()
    local seen = {}
    for i, head in ipairs(runs) do seen[i] = head.site .. head.dut.serial .. head.outcome end
    table.sort(seen)
    assert.same({ "1SN1PASS", "2SN2FAIL" }, seen)
  end)

  it("have shared instruments to themselves for a phase, and are told of them as of their own", function()
    local results = sites.run(jobs [[
      test.phase("use", function(t)
        t.psu:write("on " .. t.dut.serial)
        rig.sleep(0.01)
        t.psu:write("off " .. t.dut.serial)
      end)
    ]])
    assert.equal("PASS PASS", outcomes(results))
    local sent = table.concat(b.sent, "; ")
    assert.matches("on SN(%d); psu: off SN%1; psu: on SN(%d); psu: off SN%2", sent)
    for _, head in ipairs(b.record:runs()) do
      assert.equal("psu", b.record:load(head.id).instruments[1].role)
    end
  end)

  local USE <const> = [[
    test.phase("use", function(t)
      t.own:write "own"
      t.psu:write "psu"
    end)
  ]]

  -- How often the shared supply and the own instruments were set to their safe states.
  local function made_safe()
    local sent = table.concat(b.sent, "; ")
    return { select(2, sent:gsub("psu: OFF", "")), select(2, sent:gsub("own: own off", "")) }
  end

  it("set the shared instruments' safe state once, also when all end at the same moment", function()
    sites.run(jobs(USE .. [[
      test.phase("meet", function()
        BENCH.here = (BENCH.here or 0) + 1
        while BENCH.here < 2 do rig.sleep(0.001) end
      end)
    ]]))
    assert.same({ 1, 2 }, made_safe())
  end)

  it("set it after the last run, and one that cannot even start keeps nobody from it", function()
    local all = jobs(USE)
    all[2].opts.record = setmetatable({ start_run = function() error("disk full", 0) end }, { __index = b.record })
    local ok, err = pcall(sites.run, all)
    assert.is_false(ok)
    assert.equal("disk full", err)
    assert.same({ 1, 1 }, made_safe())
    assert.equal("PASS", b:last().outcome)
  end)

  it("do not wait for themselves where a phase beside others uses a shared instrument", function()
    local results = sites.run(jobs [[
      test.phase("watch", { background = true }, function(t)
        t.psu:write "watch"
        rig.sleep(60)
      end)
      test.phase("use", { timeout = 5 }, function(t) t.psu:write "use" end)
    ]])
    assert.equal("PASS PASS", outcomes(results))
  end)

  it("are all aborted by Ctrl-C, and each tears down", function()
    local inside = rig.queue()
    local all = jobs([[
      test.phase("wait", function() rig.sleep(60) end)
      test.teardown(function(t) t.own:write("down " .. t.dut.serial) end)
    ]], { observer = function(e) if e.event == "phase_began" and e.phase == "wait" then inside:push(true) end end })
    local results
    local task = rig.spawn(function() results = sites.run(all) end)
    inside:pop(5)
    inside:pop(5)
    task:cancel "stopped by hand"
    pcall(task.join, task)
    assert.equal("ABORTED ABORTED", outcomes(results))
    local sent = table.concat(b.sent, "; ")
    assert.matches("down SN1", sent)
    assert.matches("down SN2", sent)
  end)
end)
