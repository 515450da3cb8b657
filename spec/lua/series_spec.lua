local aggregate = require "moonrig.aggregate"
local bench = require "support.bench"
local events = require "moonrig.events"
local limitline = require "moonrig.limitline"
local limits = require "moonrig.limits"
local live = require "moonrig.live"
local record = require "moonrig.record"

local NAN <const>, INF <const> = 0 / 0, math.huge

-- The measurements of the phase "p" by name, and their outcomes in order.
local function measured(run)
  local by_name, words = {}, {}
  for i, m in ipairs(run.phases[1].measurements) do
    by_name[m.name] = m
    words[i] = m.name .. " " .. m.outcome
  end
  return by_name, table.concat(words, ", ")
end

describe("t:series", function()
  local b
  before_each(function() b = bench.new() end)
  after_each(function() b:close() end)

  it("records the points that a function adds, and judges the worst", function()
    local result, run = b:run [[
      test.phase("p", function(t)
        local passed = t:series("v", function(add)
          assert(add(0, 5.01) == true)
          assert(add(0.5, 5.11) == false)
          assert(add(1, 5.07) == false)
        end, { unit = "V", x = { name = "time", unit = "s" }, min = 4.95, max = 5.05 })
        assert(passed == false)
      end)
    ]]
    assert.same({ "FAIL", "p: v = 5.11 V is above 5.05 V at time 0.5 s" }, { result.outcome, result.message })
    local m = run.phases[1].measurements[1]
    assert.same({ "v", 5.11, "V", "FAIL", { min = 4.95, max = 5.05 } },
      { m.name, m.value, m.unit, m.outcome, m.limits })
    assert.same({ x = { 0, 0.5, 1 }, y = { 5.01, 5.11, 5.07 }, x_name = "time", x_unit = "s", x_log = false }, m.series)
  end)

  it("takes a list of points, or of values, which are numbered", function()
    local result, run = b:run [[
      test.phase("p", function(t)
        assert(t:series("a", { { 10, 1 }, { 20, 2 } }))
        assert(t:series("b", { 7, 8, 9.5 }, { min = 6 }))
      end)
    ]]
    assert.equal("PASS", result.outcome)
    local by_name = measured(run)
    assert.same({ { 10, 20 }, { 1, 2 } }, { by_name.a.series.x, by_name.a.series.y })
    assert.same({ { 1, 2, 3 }, { 7, 8, 9.5 } }, { by_name.b.series.x, by_name.b.series.y })
    assert.is_nil(by_name.a.value)          -- without limits no point is the worst
    assert.equal(7, by_name.b.value)
  end)

  it("judges what the values come to, as measurements of their own", function()
    local _, run = b:run [[
      test.phase("p", function(t)
        t:series("v", { 1, 2, 3, 4 }, { unit = "V", aggregate = { mean = { min = 2.4, max = 2.6 }, max = { max = 3.5 },
          stddev = {}, p25 = { unit = "mV", max = 2000 } } })
      end)
    ]]
    local by_name, words = measured(run)
    assert.equal("v PASS, v.max FAIL, v.mean PASS, v.p25 PASS, v.stddev PASS", words)
    assert.same({ 2.5, "V", { min = 2.4, max = 2.6 } },
      { by_name["v.mean"].value, by_name["v.mean"].unit, by_name["v.mean"].limits })
    assert.same({ 1750, "mV" }, { by_name["v.p25"].value, by_name["v.p25"].unit })
  end)

  it("takes limits declared with the phase, also of what the values come to", function()
    local result, run = b:run [[
      test.phase("p", { limits = { v = { unit = "V", max = 3, aggregate = { mean = { max = 2 } } },
          ["v.min"] = { unit = "V", min = 1.5 }, w = { aggregate = { mean = {} } } } }, function(t)
        t:series("v", { 1000, 2000 }, { unit = "mV", x = { name = "step" } })
      end)
    ]]
    local by_name, words = measured(run)
    assert.equal("v PASS, v.mean PASS, v.min FAIL, w UNSET, w.mean UNSET", words)
    assert.same({ 2, { 1, 2 }, "step" }, { by_name.v.value, by_name.v.series.y, by_name.v.series.x_name })
    assert.equal("p: v.min = 1 V is below 1.5 V", result.message)
  end)

  it("has limits that change along the axis", function()
    local _, run = b:run [[
      test.phase("p", function(t)
        t:series("gain", { { 10, -1 }, { 100, -3 }, { 1000, -9 }, { 20000, -40 } }, { unit = "dB",
          x = { name = "frequency", unit = "Hz", log = true }, min = { { 10, -2 }, { 1000, -6 } }, max = 0 })
      end)
    ]]
    local m = run.phases[1].measurements[1]
    assert.same({ -9, { min = -6, max = 0, text = "min along a line of 2 points" }, "FAIL" },
      { m.value, m.limits, m.outcome })
    assert.same({ -2, -4, -6, -INF }, m.series.min)      -- at 100 Hz half way, on this axis
    assert.is_nil(m.series.max)
    assert.is_true(m.series.x_log)
  end)

  it("fails on NaN, without limits too, and marks marginal points", function()
    local result, run = b:run [[
      test.phase("p", function(t)
        t:series("nan", { 1, 0 / 0, 2 }, { aggregate = { mean = {} } })
        t:series("edge", { 1, 4.9, 2 }, { max = 5, marginal_max = 4.5 })
      end)
    ]]
    local by_name, words = measured(run)
    assert.equal("FAIL", result.outcome)
    assert.equal("nan FAIL, nan.mean FAIL, edge PASS", words)
    assert.is_true(by_name.nan.value ~= by_name.nan.value)
    assert.is_true(by_name.edge.marginal)
  end)

  it("gives a function the whole of it, and earlier values", function()
    local result, run = b:run [[
      test.phase("p", function(t)
        t:measure("most", 3)
        t:series("v", { 1, 2, 4 }, { satisfies = function(points, earlier)
          for i = 2, #points.y do
            if points.y[i] < points.y[i - 1] then return false, "falls" end
          end
          return points.y[#points.y] <= earlier.most, "ends above what was most"
        end })
      end)
    ]]
    assert.equal("FAIL", result.outcome)
    assert.equal("v = - ends above what was most", run.phases[1].message)
  end)

  it("fails without points, and shows nothing to grow", function()
    local result, run = b:run([[ test.phase("p", function(t) t:series("v", {}, { min = 1 }) end) ]],
      { observer = function(e) assert(e.event ~= "series") end })
    assert.same({ "FAIL", "p: v has no points" }, { result.outcome, result.message })
    assert.equal("UNSET", run.phases[1].measurements[1].outcome)
  end)

  it("ends at the first bad point when it is to stop on fail", function()
    local result, run = b:run [[
      test.phase("p", function(t)
        t:series("v", function(add)
          add(1)
          add(9)
          t:log "never"
        end, { max = 5, stop_on_fail = true })
      end)
      test.phase("q", function() end)
    ]]
    assert.equal("FAIL", result.outcome)
    assert.same({ 1, 9 }, run.phases[1].measurements[1].series.y)
    assert.equal("SKIP", run.phases[2].outcome)
    assert.same({}, run.phases[1].logs)
  end)

  it("keeps what was measured when the rest cannot be", function()
    local result, run = b:run [[
      test.phase("p", { limits = { v = { max = 5 } } }, function(t)
        t:series("v", function(add)
          add(1)
          add(2)
          error "the oven is on fire"
        end)
      end)
    ]]
    assert.same({ "ERROR" }, { result.outcome })
    assert.matches("the oven is on fire", result.message, 1, true)
    local m = run.phases[1].measurements[1]
    assert.same({ "UNSET", { 1, 2 }, { max = 5 } }, { m.outcome, m.series.y, m.limits })
    assert.equal(1, #run.phases[1].measurements)
  end)

  it("refuses what is no series", function()
    for code, message in pairs {
      ['t:series("v", 5)'] = 'series "v": expected a list of points or a function(add), got number',
      ['t:series("v", { "x" })'] = 'series "v": point 1: expected a value, or {x, value} with a finite x, got x',
      ['t:series("v", { 1, { 0 / 0, 2 } })'] = 'series "v": point 2: expected a value, or {x, value} with a finite x',
      ['t:series("v", { { 0, 1 } }, { x = { log = true } })'] = 'series "v": point 1: x = 0 has no place on a log',
      ['t:series("v", { { 1, 1 } }, { x = { log = true }, min = { { 0, 1 }, { 2, 1 } } })'] =
        'series "v": min begins at x = 0, which has no place on a logarithmic axis',
      ['t:series("v", { 1 }, { equals = 1 })'] = "equals is for single values; a series has min and max",
      ['t:series("v", { 1 }, { x = { title = "a" } })'] = 'there is no field "title"',
      ['t:series("v", { 1 }, { aggregate = { median = {} } })'] = 'there is no aggregate "median"',
      ['t:series("v", { 1 }, { min = { { 2, 1 }, { 1, 1 } } })'] = "a list of points {x, limit} with rising x",
      ['t:series("v", { 1 }); t:series("v", { 1 })'] = 'measurement "v" was taken already in this phase',
      ['t:measure("v", 1, { min = { { 1, 1 }, { 2, 1 } } })'] = "limits with an axis or aggregates are for t:series",
      ['local f; t:series("v", function(add) f = add; add(1) end); f(2)'] = 'series "v": it has ended already',
    } do
      local result = b:run(('test.phase("p", function(t) %s end)'):format(code))
      assert.equal("ERROR", result.outcome, code)
      assert.matches(message, result.message, 1, true)
    end
  end)

  it("tells observers of each point", function()
    local told = {}
    b:run([[ test.phase("p", function(t) t:series("v", function(add) add(3); add(4) end) end) ]],
      { observer = function(e) if e.event == "series" then told[#told + 1] = { #e.points.y, e.added } end end })
    assert.same({ { 1, 1 }, { 2, 1 } }, told)
  end)

  -- What an observer writes to its file.
  local function written(observer, ...)
    local text = {}
    local out = { write = function(_, ...) text[#text + 1] = table.concat { ... } return true end,
      flush = function() return true end }
    b:run([[ test.phase("p", function(t) t:series("v", function(add) add(3); add(4) end, { unit = "V", max = 5,
      x = { name = "time", unit = "s" } }) end) ]], { observer = observer(out, ...) })
    return table.concat(text)
  end

  it("is seen to grow on a terminal, in a line that what follows takes the place of", function()
    local text = written(live.new, true)
    assert.is_truthy(text:find("\r\27%[K  v +3 V\27%[2m  time 1 s\27%[0m"), text)
    assert.is_truthy(text:find("\r\27%[K  v +4 V  <= 5 V"), text)
    assert.is_truthy(text:find("worst of 2 points, at time 2 s", 1, true))
    assert.is_nil(written(live.new, false):find("[\r\27]"))
    assert.is_nil(written(live.new, true, true):find("\r", 1, true))    -- beside other runs lines stay as they are
  end)

  it("is told to programs point by point", function()
    local text = written(events.new)
    assert.is_truthy(text:find('{"added":[[2.0,4.0]],"event":"series","name":"v","phase":"p","points":2,"unit":"V",'
      .. '"x_name":"time","x_unit":"s"}\n', 1, true))
    assert.is_truthy(text:find('"outcome":"PASS","phase":"p","points":2,"unit":"V","value":4.0}', 1, true))
  end)
end)

describe("a series in the record", function()
  local path, rec
  before_each(function()
    path = os.tmpname()
    rec = record.open(path)
  end)
  after_each(function()
    rec:close()
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end)

  it("is there while it grows, and is one that was not taken when its process ends", function()
    local run = rec:start_run { station = "S", dut = { serial = "1" }, procedure = { name = "p" } }
    local phase = run:phase { name = "p" }
    local series = phase:series { name = "v", unit = "V", columns = "x y max" }
    series:points(("<ddd"):pack(1, 2, 3))
    series:points(("<dddddd"):pack(2, INF, 3, 3, NAN, INF))
    phase:measurement { name = "after", value = 1, outcome = "PASS" }
    local list = rec:load(run.num).phases[1].measurements
    assert.equal("v UNSET after PASS", ("%s %s %s %s"):format(list[1].name, list[1].outcome, list[2].name,
      list[2].outcome))
    assert.same({ 1, 2, 3 }, list[1].series.x)
    assert.same({ 2, INF }, { list[1].series.y[1], list[1].series.y[2] })
    assert.is_true(list[1].series.y[3] ~= list[1].series.y[3])
    assert.same({ 3, 3, INF }, list[1].series.max)
  end)

  it("refuses points when its phase has ended", function()
    local run = rec:start_run { station = "S", dut = { serial = "1" }, procedure = { name = "p" } }
    local phase = run:phase { name = "p" }
    local series = phase:series { name = "v", columns = "x y" }
    phase:finish { outcome = "PASS" }
    local ok, e = pcall(series.points, series, "")
    assert.is_false(ok)
    assert.equal("closed", e.code)
  end)
end)

describe("what values come to", function()
  -- NumPy: a = [3.1, 2.7, 9.4, 5.5, 5.5, 1.2]; a.mean(), a.std(ddof=1), numpy.percentile(a, [0, 5, 50, 95, 99.9, 100])
  it("agrees with NumPy", function()
    local a = { 3.1, 2.7, 9.4, 5.5, 5.5, 1.2 }
    for name, expected in pairs { min = 1.2, max = 9.4, mean = 4.566666666666666, stddev = 2.9008044861153026,
      p0 = 1.2, p5 = 1.575, p50 = 4.3, p95 = 8.425, ["p99.9"] = 9.3805, p100 = 9.4 } do
      assert.near(expected, aggregate.of(name, a), 1e-12, name)
    end
  end)

  it("is NaN when a value is, or one value has no deviation", function()
    for _, name in ipairs { "min", "max", "mean", "stddev", "p50" } do
      local value = aggregate.of(name, { 1, NAN, 2 })
      assert.is_true(value ~= value, name)
    end
    local one = aggregate.of("stddev", { 1 })
    assert.is_true(one ~= one)
    assert.equal(1, aggregate.of("p95", { 1 }))
    assert.equal(INF, aggregate.of("p50", { INF, INF }))
  end)

  it("has these names", function()
    for _, name in ipairs { "min", "max", "mean", "stddev", "p0", "p99.9", "p100" } do
      assert.is_true(aggregate.is_known(name), name)
    end
    for _, name in ipairs { "p101", "p-1", "p", "median", 5 } do assert.is_false(aggregate.is_known(name), name) end
  end)
end)

describe("a limit line", function()
  local line = { { 10, 0 }, { 20, 10 }, { 20, 5 }, { 40, 5 } }

  it("is straight between its points, tighter at a step, and nowhere else", function()
    for x, expected in pairs { [10] = 0, [15] = 5, [20] = 10, [30] = 5, [40] = 5 } do
      assert.equal(expected, limitline.at(line, x, math.max, false), x)
    end
    assert.equal(5, limitline.at(line, 20, math.min, false))
    assert.is_nil(limitline.at(line, 9.999, math.max, false))
    assert.is_nil(limitline.at(line, 40.001, math.max, false))
  end)

  it("cannot stand beside within", function()
    local ok, e = pcall(limits.new, { min = { { 1, 1 }, { 2, 2 } }, within = { nominal = 1, percent = 1 } }, "v")
    assert.is_false(ok)
    assert.matches("within stands for min and max", e.message, 1, true)
    assert.equal("unsupported", e.code)
  end)
end)
