local aiag = require "support.aiag"
local core = require "moonrig.core"
local json = require "moonrig.json"
local python = require "support.python"
local record = require "moonrig.record"
local shell = require "support.shell"

local DAY <const> = 86400 * 1000000
local START <const> = 1782864000 * 1000000  -- 2026-07-01

describe("moonrig stats", function()
  local folder, real_time, now

  setup(function()
    local pipe = assert(io.popen "mktemp -d")
    folder = pipe:read "l"
    pipe:close()
    real_time = core.store.time
    core.store.time = function()
      now = now + 1000
      return now, now
    end
  end)
  teardown(function()
    core.store.time = real_time
    os.execute(("rm -r '%s'"):format(folder))
  end)
  before_each(function() now = START end)

  --- stdout and stderr together, exit code; run in the folder
  local function moonrig(arguments)
    return shell.run(("cd '%s' && %s stats %s"):format(folder, shell.moonrig, arguments))
  end

  local function tree_of(arguments)
    local text, code = moonrig(arguments .. " --json")
    assert.equal(0, code, text)
    return json.decode(text)
  end

  local function fill(name, fn)
    local rec <close> = record.open(("%s/%s.db"):format(folder, name))
    rec.db:script "PRAGMA synchronous = OFF"
    fn(rec)
  end

  -- A run of one phase; m: measurements, outcome PASS and limits 4 to 6 V unless said.
  local function run(rec, serial, outcome, m, more)
    more = more or {}
    local one = rec:start_run { station = more.station or "line 1", operator = more.operator, site = more.site,
      dut = { serial = serial, part = more.part }, procedure = { name = more.procedure or "final",
      version = more.version or "1.0" }, mode = more.mode, simulated = more.simulated }
    local phase = one:phase { name = "rail" }
    for _, x in ipairs(m or {}) do
      phase:measurement { name = x.name or "v", value = x.value, unit = "V", outcome = x.outcome or "PASS",
        limits = x.limits or { min = 4, max = 6 } }
    end
    phase:finish { outcome = outcome == "PASS" and "PASS" or outcome == "FAIL" and "FAIL" or "ERROR",
      code = more.code }
    if outcome then one:finish { outcome = outcome, code = more.code } end
    now = now + 60 * 1000000
  end

  local function shares(y)
    local list = {}
    for i, name in ipairs { "first_pass", "final", "retested", "recovered", "strict_first_pass" } do
      list[i] = ("%d/%d"):format(y[name].count, y[name].of)
    end
    return table.concat(list, " ")
  end

  it("counts units by their first judged run, and tells other ends apart", function()
    fill("yield", function(rec)
      run(rec, "A", "PASS")
      run(rec, "B", "FAIL")
      run(rec, "B", "PASS")
      run(rec, "C", "ERROR")       -- a test that broke: then it passed
      run(rec, "C", "PASS")
      run(rec, "D", "ABORTED")     -- never judged
      run(rec, "E", "FAIL")
      run(rec, "E", "FAIL")
      run(rec, "A", "PASS")        -- tested once more though it had passed
      run(rec, "F", "TIMEOUT")
      run(rec, "F", "FAIL")
      run(rec, "A", "PASS", nil, { part = "other" })  -- another unit: the same number of another part
    end)
    local one = tree_of("yield.db").procedures[1]
    assert.equal(12, one.yield.runs)
    assert.same({ PASS = 5, FAIL = 4, ERROR = 1, TIMEOUT = 1, ABORTED = 1 }, one.yield.outcomes)
    -- judged: A, B, C, E, F, other A; first passed: A, C, other A; last passed: those and B
    assert.equal("3/6 4/6 3/6 1/3 2/7", shares(one.yield))
    local text = moonrig "yield.db"
    assert.is_truthy(text:find("first-pass yield           50.0 % (3 of 6 units; 18.8 to 81.2 %)\n", 1, true), text)
    assert.is_truthy(text:find("5 PASS, 4 FAIL, 1 ERROR, 1 TIMEOUT, 1 ABORTED", 1, true))
  end)

  it("looks at what went before the time asked for", function()
    fill("time", function(rec)
      run(rec, "A", "FAIL")
      now = START + DAY
      run(rec, "A", "PASS")  -- not a first pass, also when only this day is asked for
      run(rec, "B", "PASS")
      now = START + 2 * DAY
      run(rec, "B", "FAIL")
    end)
    assert.equal("1/2 1/2 2/2 1/1 1/2", shares(tree_of("time.db").procedures[1].yield))
    assert.equal("1/1 0/1 1/1 0/0 1/1", shares(tree_of("time.db --since 2026-07-02").procedures[1].yield))
    assert.equal("1/1 1/1 0/1 0/0 1/1",
      shares(tree_of("time.db --since 2026-07-02 --until 2026-07-02").procedures[1].yield))
    assert.equal(1, tree_of("time.db --until 2026-07-01").procedures[1].yield.runs)
    local days = tree_of("time.db").procedures[1].time
    assert.equal("day", days.unit)
    assert.equal("2026-07-01", days.list[1].key)
    assert.equal(3, #days.list)
  end)

  it("keeps procedures, versions and stations apart, and selects", function()
    fill("groups", function(rec)
      run(rec, "A", "PASS", nil, { version = "1.0", station = "s1" })
      run(rec, "B", "FAIL", nil, { version = "1.1", station = "s2", part = "P" })
      run(rec, "B", "PASS", nil, { version = "1.1", station = "s1", part = "P" })
      run(rec, "A", "FAIL", nil, { procedure = "burn-in" })
    end)
    local tree = tree_of "groups.db"
    assert.equal("burn-in", tree.procedures[1].name)
    assert.equal(0, tree.rolled)
    local groups = tree.procedures[2].groups
    assert.equal("1.0 1/1 1.1 0/1", ("%s %d/%d %s %d/%d"):format(groups.version[1].key,
      groups.version[1].first_pass.count, groups.version[1].first_pass.of, groups.version[2].key,
      groups.version[2].first_pass.count, groups.version[2].first_pass.of))
    -- The second run of B is no first one of s1.
    assert.equal("1/1 1/1 0/1 0/0 1/1", shares(tree_of("groups.db --procedure final --station s1").procedures[1].yield))
    assert.equal(2, tree_of("groups.db --part P").procedures[1].yield.runs)
    assert.is_nil(tree_of("groups.db --part P").rolled)
  end)

  it("leaves simulated runs, other modes and unfinished runs out, and says so", function()
    fill("left", function(rec)
      run(rec, "A", "PASS")
      run(rec, "B", "FAIL", nil, { simulated = true })
      run(rec, "C", "FAIL", nil, { mode = "debug" })
      run(rec, "D", nil)
    end)
    local text = moonrig "left.db"
    for _, part in ipairs { "(1 of 1 unit;", "1 simulated run left out (--simulated counts them)\n",
        "1 run of another mode than production left out\n", "1 run without an end left out\n" } do
      assert.is_truthy(text:find(part, 1, true), text)
    end
    assert.equal(2, tree_of("left.db --simulated").procedures[1].yield.runs)
    assert.equal(3, tree_of("left.db --simulated --mode all").procedures[1].yield.runs)
    assert.equal(1, tree_of("left.db --mode debug").procedures[1].yield.runs)
  end)

  it("takes the values of first runs, never two limits in one", function()
    local wide = { min = 3, max = 7 }
    fill("values", function(rec)
      run(rec, "A", "PASS", { { value = 5.0 } })
      run(rec, "B", "FAIL", { { value = 6.5, outcome = "FAIL" } })
      run(rec, "B", "PASS", { { value = 5.5 } })   -- a second run
      run(rec, "C", "ERROR", { { value = 9.0 } })  -- not judged
      run(rec, "C", "PASS", { { value = 5.2 } })
      run(rec, "D", "PASS", { { value = 5.0, limits = wide }, { name = "on", value = true, limits = { equals = true } },
        { name = "id", value = "x", limits = { equals = "x" } }, { name = "n", value = 3, limits = { min = 1 } } },
        { version = "1.1" })
      run(rec, "E", "FAIL", { { value = 0 / 0, outcome = "FAIL" }, { value = math.huge, outcome = "FAIL" } })
      run(rec, "F", "PASS", { { name = "t", value = 10.0, limits = { nominal = 10, within = 2 } } })
    end)
    local list = tree_of("values.db").procedures[1].measurements
    local seen = {}
    for i, set in ipairs(list) do
      seen[i] = ("%s %s..%s n=%d bad=%d"):format(set.name, set.low, set.high, set.spread.n, set.not_finite)
    end
    assert.same({ "v 4.0..6.0 n=3 bad=2", "v 3.0..7.0 n=1 bad=0", "n 1.0..nil n=1 bad=0", "t 9.8..10.2 n=1 bad=0" },
      seen)
    assert.same({ 5.0, 6.5, 5.2 }, list[1].chart.values)
    local text = moonrig "values.db"
    for _, note in ipairs {
        "2 values not a finite number, left out; only 3 values: wide intervals, no test of normality",
        "one value: no sigma" } do
      assert.is_truthy(text:find(note, 1, true), text)
    end
    assert.equal(2, #tree_of("values.db --measurement v").procedures[1].measurements)
    local by = tree_of("values.db --measurement v --by version").procedures[1].measurements
    assert.same({ key = "version", value = "1.1" }, by[2].by)
  end)

  it("takes values in the order of time, whatever the order of the rows", function()
    fill("order", function(rec)
      for day = 5, 1, -1 do
        now = START + day * DAY
        run(rec, "S" .. day, "PASS", { { value = 5 + day / 10 }, { name = "w", value = 5.0 } })
      end
    end)
    local all = { 5.1, 5.2, 5.3, 5.4, 5.5 }
    for arguments, values in pairs { [""] = all, ["--measurement v"] = all,
        ["--measurement v --until 2026-07-02"] = { 5.1 }, ["--until 2026-07-03"] = { 5.1, 5.2 } } do
      local set = tree_of("order.db " .. arguments).procedures[1].measurements[1]
      assert.equal("v", set.name)
      assert.equal(#values, set.spread.n)
      if values[2] then assert.same(values, set.chart.values) end
    end
  end)

  it("takes of a repeated phase the last attempt", function()
    fill("attempts", function(rec)
      local one = rec:start_run { station = "s", dut = { serial = "A" }, procedure = { name = "final" } }
      for attempt, value in ipairs { 9.0, 5.0 } do
        local phase = one:phase { name = "rail", attempt = attempt }
        phase:measurement { name = "v", value = value, outcome = attempt == 1 and "FAIL" or "PASS" }
        phase:finish { outcome = attempt == 1 and "FAIL" or "PASS" }
      end
      one:finish { outcome = "FAIL", code = "limits" }
    end)
    local one = tree_of("attempts.db").procedures[1]
    assert.equal(1, one.measurements[1].spread.n)
    assert.equal(5, one.measurements[1].spread.mean)
    assert.equal("limits", one.failures.causes[1].code)
  end)

  it("says what is not normal, with indices that do not want it to be", function()
    fill("normal", function(rec)
      for i = 1, 40 do
        local x = (i - 0.5) / 40
        run(rec, "S" .. i, "PASS", { { name = "even", value = 5 + 0.2 * math.log(x / (1 - x)) },
          { name = "skew", value = 4.2 + 0.05 * math.exp(4 * x) / 4 },
          { name = "one side", value = 4.2 + 0.05 * math.exp(4 * x) / 4, limits = { max = 6 } },
          { name = "free", value = math.exp(4 * x), limits = {} } })
      end
    end)
    local sets = {}
    for _, set in ipairs(tree_of("normal.db").procedures[1].measurements) do sets[set.name] = set end
    assert.is_true(sets.even.normality.p > 0.5)
    assert.is_true(sets.skew.normality.p < 0.001)
    local p, c = sets.skew.percentiles, sets.skew.capability
    assert.is_true(math.abs(c.ppk_percentile - (p.median - 4) / (p.median - p.low)) < 1e-12
      or math.abs(c.ppk_percentile - (6 - p.median) / (p.high - p.median)) < 1e-12)
    assert.is_nil(sets.free.capability.ppk_percentile)
    local text = moonrig "normal.db"
    assert.is_nil(text:find "even, [^\n]*normal")
    assert.matches("skew, 4 to 6 V: not normal %(Anderson%-Darling 2%.%d%d, p < 0%.001%): by percentiles Pp %d%.%d%d, "
      .. "Ppk %d%.%d%d %(too good with fewer than 741 values%)", text)
    assert.matches("one side, <= 6 V: not normal %([^)]*%): by percentiles Ppk %d", text)
    assert.matches("free, no limits: not normal %([^)]*%); no limits", text)
    assert.equal("", (moonrig "normal.db --html normal.html"))
    local file <close> = assert(io.open(folder .. "/normal.html", "rb"))
    local page = file:read "a"
    assert.is_truthy(page:find("Normal p</th>", 1, true))
    assert.is_truthy(page:find("<dt>Normal (Anderson-Darling)</dt><dd>no, p &lt; 0.001</dd>", 1, true))
    assert.is_truthy(page:find("<dt>Pp, Ppk by percentiles</dt>", 1, true))
  end)

  it("sorts what failed by how often it failed first", function()
    fill("pareto", function(rec)
      local bad = { value = 9.0, outcome = "FAIL" }
      local function of(...)
        local list = {}
        for i, name in ipairs { ... } do list[i] = { name = name, value = bad.value, outcome = bad.outcome } end
        return list
      end
      run(rec, "A", "FAIL", of("a", "b"))
      run(rec, "B", "FAIL", of("b", "b"))
      run(rec, "C", "FAIL", of("b"))
      run(rec, "D", "ERROR", nil, { code = "timeout" })
      run(rec, "E", "PASS", of())
    end)
    local failures = tree_of("pareto.db").procedures[1].failures
    assert.equal(4, failures.runs)
    local seen = {}
    for i, c in ipairs(failures.causes) do
      seen[i] = ("%s:%s:%s %d %d %.2f"):format(c.phase, c.measurement, c.code, c.first, c.all, c.cumulative)
    end
    assert.same({ "rail:b: 2 3 0.50", "rail::timeout 1 1 0.75", "rail:a: 1 1 1.00" }, seen)
  end)

  it("agrees with a calculation in python over the same record", function()
    if not python.is_there() then return pending "no python3" end
    local seed = 1
    local function random()
      seed = (seed * 1103515245 + 12345) % 2 ^ 31
      return seed / 2 ^ 31
    end
    fill("python", function(rec)
      for i = 1, 300 do
        local outcome = ({ "FAIL", "ERROR", "ABORTED" })[math.floor(random() * 12) + 1] or "PASS"
        run(rec, "SN" .. i % 170, outcome, { { value = 5 + random() }, { value = 3 * random(), name = "w" } })
      end
    end)
    local one = tree_of("python.db").procedures[1]
    local set = one.measurements[1]
    local figures = table.pack(python.numbers([[
import sqlite3, statistics as s
db = sqlite3.connect("%s/python.db")
first, last, ever, values = {}, {}, {}, []
for num, unit, outcome in db.execute("select num, unit, outcome from run join run_end on run = num order by num"):
    ever.setdefault(unit, outcome)
    if outcome in ("PASS", "FAIL"):
        if unit not in first:
            first[unit] = outcome
            values += [v for v, in db.execute("select num from measurement where run = ? and name = 'v'", (num,))]
        last[unit] = outcome
good = lambda d: sum(v == "PASS" for v in d.values())
m, sd = s.fmean(values), s.stdev(values)
mr = s.fmean([abs(a - b) for a, b in zip(values, values[1:])])
print(len(first), good(first), good(last), len(ever), good(ever), len(values), repr(m), repr(sd), repr(mr / 1.128),
    repr(min(6 - m, m - 4) / 3 / sd), repr(2 / 6 / (mr / 1.128)))]], folder))
    local y = one.yield
    local got = { y.first_pass.of, y.first_pass.count, y.final.count, y.strict_first_pass.of, y.strict_first_pass.count,
      set.spread.n, set.spread.mean, set.spread.sigma_overall, set.spread.sigma_within, set.capability.ppk,
      set.capability.cp }
    assert.equal(11, figures.n)
    for i, expected in ipairs(got) do
      assert.is_true(math.abs(figures[i] - expected) < 1e-12, ("%d: %s, %s"):format(i, figures[i], expected))
    end
  end)

  local function fill_study(name, skip, more)
    fill(name, function(rec)
      for t = 1, 3 do
        for a = 1, 3 do
          for p = 1, 10 do
            if not (skip and skip(p, a, t)) then
              run(rec, "P" .. p, "PASS", { { name = "gap", value = aiag.trials[a][t][p],
                limits = { min = -4, max = 4 } } }, { operator = ("ABC"):sub(a, a) })
            end
          end
        end
      end
      if more then more(rec) end
    end)
  end

  it("analyses a gage study", function()
    fill_study "grr"
    local one = tree_of("grr.db --grr").studies[1]
    assert.equal(4, one.grr.ndc)
    assert.is_true(math.abs(one.grr.sources.grr.sigma - 0.302373) < 2e-6)
    assert.same({ "A", "B", "C" }, one.names)
    local text = moonrig "grr.db --grr"
    assert.matches("gage R&R +0%.30237 +27%.9 %% +7%.8 %% +22%.7 %%", text)
    assert.is_truthy(text:find("p 0.974, joined to the repeatability", 1, true))
    assert.equal("", (moonrig "grr.db --grr --html grr.html"))
  end)

  it("takes as many trials as all have, and says what is missing in a study", function()
    fill_study("uneven", function(p, a, t) return p == 1 and a == 1 and t == 3 end)
    local one = tree_of("uneven.db --grr").studies[1]
    assert.equal(2, one.grr.trials)
    assert.equal(29, one.left_out)
    fill_study("hole", function(p, a) return p == 2 and a == 2 end)
    for arguments, message in pairs {
      ["hole.db"] = "every unit has to be measured by every operator: P2 was not by B",
      ["grr.db --appraiser station"] = "wants two stations or more, there is 1: line 1",
      ["grr.db --appraiser site"] = "no run has its site recorded",
    } do
      local text = moonrig(arguments .. " --grr")
      assert.is_truthy(text:find(message, 1, true), text)
    end
  end)

  it("writes one HTML file without script, in which foreign text is text", function()
    local bad = "<script>alert(1)</script>\"&'\x1b\xff"
    fill("html", function(rec)
      for i = 1, 40 do
        run(rec, "S" .. i, i % 7 == 0 and "FAIL" or "PASS", { { name = bad, value = 5 + i % 5 / 100,
          outcome = i % 7 == 0 and "FAIL" or "PASS" }, { name = "once", value = 1, limits = { min = 0 } } },
          { procedure = bad, version = bad .. i % 2, station = bad .. i % 3, operator = bad .. i % 4, code = bad })
        if i == 20 then now = now + DAY end
      end
    end)
    assert.equal("", (moonrig "html.db --html out.html"))
    local file <close> = assert(io.open(folder .. "/out.html", "rb"))
    local text = file:read "a"
    assert.is_nil(text:find("<script", 1, true))
    assert.is_nil(text:find "[\x1b\xff]")
    assert.is_nil(text:find " on%w+=")
    assert.is_nil(text:find(' style="', 1, true))
    assert.is_nil(text:find "%f[%w]nan%f[%W]")
    assert.is_truthy(text:find("default-src &#39;none&#39;", 1, true))
    assert.is_truthy(text:find("Control chart of once", 1, true))
    local screen = moonrig "html.db"
    assert.is_nil(screen:find "[\x1b\xff]")
  end)

  it("draws what has no spread, no limits or one value", function()
    fill("odd", function(rec)
      for i = 1, 3 do
        run(rec, "S" .. i, "PASS", { { name = "same", value = 5 }, { name = "free", value = i, limits = {} },
          { name = "point", value = 5, limits = { min = 5, max = 5 } }, { name = "bad", value = 0 / 0 } })
      end
      run(rec, "S4", "PASS", { { name = "one", value = 1 }, { name = "large", value = 1e308 },
        { name = "large", value = -1e308 } })
    end)
    assert.equal("", (moonrig "odd.db --html odd.html"))
    local file <close> = assert(io.open(folder .. "/odd.html", "rb"))
    assert.is_nil(file:read("a"):find "=\"[^\"]*%f[%w]%-?nan%f[%W]")
    local text, code = moonrig "odd.db"
    assert.equal(0, code)
    for _, note in ipairs { "same, 4 to 6 V: all values are equal: no index", "free, no limits: only 3 values",
        "bad, 4 to 6 V: 3 values not a finite number, left out; no values" } do
      assert.is_truthy(text:find(note, 1, true), text)
    end
  end)

  it("counts further limits of a measurement that has fifty", function()
    fill("many", function(rec)
      for i = 1, 60 do run(rec, "S" .. i, "PASS", { { value = 5, limits = { min = 0, max = 10 + i } } }) end
    end)
    local one = tree_of("many.db").procedures[1]
    assert.equal(50, #one.measurements)
    assert.same({ { name = "v", sets = 50, values = 10 } }, one.left_out)
  end)

  it("says why there is nothing", function()
    record.open(folder .. "/empty.db"):close()
    fill("simulated", function(rec) run(rec, "A", "PASS", nil, { simulated = true }) end)
    fill("results", function(rec) run(rec, "A", "PASS") end)
    for arguments, message in pairs { ["empty.db"] = "moonrig: empty.db holds no runs yet\n",
        ["simulated.db"] = "no finished run to count: 1 simulated run left out (--simulated counts them)",
        ["--procedure x"] = "results.db has no finished run with procedure x",
        ["--since 2999-01-01"] = "with since 2999-01-01", ["none.db"] = "none.db",
        ["--grr"] = "the runs selected have no measured numbers",
        ["--html none/x.html"] = "cannot write none/x.html" } do
      local text, code = moonrig(arguments)
      assert.equal(2, code, text)
      assert.is_truthy(text:find(message, 1, true), text)
      assert.equal(1, select(2, text:gsub("\n", "")))
    end
  end)

  it("says that nothing was measured under a name", function()
    local text, code = moonrig "yield.db --measurement none"
    assert.equal(0, code)
    assert.is_truthy(text:find("\nno numbers of a measurement none in first runs\n", 1, true), text)
  end)

  it("tells one run of it", function()
    local text, code = moonrig ""
    assert.equal(0, code)
    assert.matches("first%-pass yield +100%.0 %% %(1 of 1 unit; 20%.7 to 100%.0 %%%)", text)
  end)

  it("refuses wrong arguments in one line with exit code 64", function()
    for arguments, message in pairs { ["--since yesterday"] = '--since "yesterday": wants a day',
        ["--until 2026-02-30"] = "wants a day", ["--json --html x"] = "one of them", ["--by moon"] = "moon",
        ["--appraiser site"] = "belongs to --grr", ["--grr --by site"] = "a study is not split",
        ["--what"] = "--what" } do
      local text, code = moonrig(arguments)
      assert.equal(64, code, text)
      assert.is_truthy(text:find(message, 1, true), text)
      assert.equal(1, select(2, text:gsub("\n", "")))
    end
  end)

  it("has help with an example", function()
    local text, code = moonrig "--help"
    assert.equal(0, code)
    assert.is_truthy(text:find("example: moonrig stats", 1, true))
  end)
end)
