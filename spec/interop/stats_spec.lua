-- moonrig stats against scipy and statsmodels, which calculate the same figures from the same record (stats_peer.py).
local external = require "support.external"
local json = require "moonrig.json"
local program = require "support.program"
local record = require "moonrig.record"

describe("moonrig stats", function()
  local path, seed

  before_each(function() path, seed = os.tmpname(), 2026 end)
  after_each(function() os.execute(("rm -f '%s' '%s-wal' '%s-shm'"):format(path, path, path)) end)

  local function random()
    seed = (seed * 1103515245 + 12345) % 2 ^ 31
    return (seed + 0.5) / 2 ^ 31
  end
  local function normal() return math.sqrt(-2 * math.log(random())) * math.cos(2 * math.pi * random()) end

  local function fill(fn)
    os.remove(path)
    local rec <close> = record.open(path)
    rec.db:script "PRAGMA synchronous = OFF"
    fn(rec)
  end

  local function run(rec, given)
    local one = rec:start_run { station = "s", operator = given.operator, dut = { serial = given.serial },
      procedure = { name = "final" } }
    for attempt, values in ipairs(given.attempts) do
      local phase = one:phase { name = "rail", attempt = attempt }
      for _, m in ipairs(values) do phase:measurement(m) end
      phase:finish { outcome = "PASS" }
    end
    one:finish { outcome = given.outcome or "PASS" }
  end

  -- What both say of the record.
  local function ask(option)
    local theirs, code = external.run(("/usr/bin/python3 spec/interop/stats_peer.py '%s' %s"):format(path, option))
    assert.equal(0, code, theirs)
    local ours
    ours, code = external.run(("'%s' stats '%s' --json %s"):format(program.path, path, option))
    assert.equal(0, code, ours)
    return json.decode(theirs), json.decode(ours)
  end

  -- Every figure that the peer gives is ours too.
  local compared
  local function compare(expected, got, where)
    if type(expected) == "table" then
      assert.equal("table", type(got), where)
      if #expected > 0 or #got > 0 then assert.equal(#expected, #got, where) end
      for key, value in pairs(expected) do compare(value, got[key], where .. "." .. key) end
    elseif math.type(expected) == "float" then
      compared = compared + 1
      assert.is_true(math.abs(expected - got) <= 1e-9 * math.max(1e-3, math.abs(expected)),
        ("%s: %s, the peer says %s"):format(where, got, expected))
    else
      assert.equal(expected, got, where)
    end
  end

  local function agree(option, least)
    local theirs, ours = ask(option)
    compared = 0
    compare(theirs, ours, "")
    assert.is_true(compared >= least, compared)
    return ours
  end

  it("agrees on yields, spread, capability, normality, percentiles and the control chart", function()
    fill(function(rec)
      for i = 1, 400 do
        local wide = i > 250 and 0.1 or 0.05
        local drift = i > 330 and 0.012 or 0
        local function values(offset)
          return { { name = "normal", value = 5 + offset + drift + 0.01 * normal(), unit = "V", outcome = "PASS",
              limits = { min = 5 - wide, max = 5 + wide } },
            { name = "skew", value = 0.004 * math.exp(0.5 * normal()), unit = "V", outcome = "PASS",
              limits = { max = 0.02 } },
            { name = "coarse", value = math.floor(80 + 2 * normal()), outcome = "PASS", limits = { min = 75 } },
            { name = "far", value = 1e7 + 0.001 * normal(), unit = "Hz", outcome = "PASS", limits = {} },
            { name = "other unit", value = normal(), unit = i % 2 == 0 and "V" or "mV", outcome = "PASS",
              limits = { min = -4, max = 4 } },
            { name = "same", value = 3, outcome = "PASS", limits = { min = 2, max = 4 } },
            { name = "sometimes", value = i % 60 ~= 0 and (i % 50 == 0 and 0 / 0 or i % 70 == 0 and math.huge
              or random()) or nil, outcome = i % 60 ~= 0 and "PASS" or "UNSET", limits = { min = 0, max = 1 } } }
        end
        run(rec, { serial = "SN" .. i * 6 // 7, attempts = i % 9 == 0 and { values(1), values(0) } or { values(0) },
          outcome = ({ "FAIL", "ERROR", "ABORTED", "TIMEOUT" })[math.floor(random() * 30) + 1] })
      end
      run(rec, { serial = "last", attempts = { { { name = "once", value = 1.5, outcome = "PASS",
        limits = { min = 1 } } } } })
    end)
    local one = agree("", 1000).procedures[1]
    local names = {}
    for i, set in ipairs(one.measurements) do names[i] = set.name end
    table.sort(names)
    assert.equal("coarse far normal normal once other unit other unit same skew sometimes", table.concat(names, " "))
    for _, set in ipairs(one.measurements) do
      local counted = 0
      for _, count in ipairs(set.histogram.counts) do counted = counted + count end
      assert.equal(set.spread.n, counted + set.histogram.below + set.histogram.above)
    end
  end)

  local function study(interaction)
    fill(function(rec)
      local parts, cells = {}, {}
      for p = 1, 8 do parts[p], cells[p] = normal(), { normal(), normal(), normal() } end
      for _ = 1, 3 do
        for a = 1, 3 do
          for p = 1, 8 do
            run(rec, { serial = "P" .. p, operator = ("ABC"):sub(a, a), attempts = { { { name = "gap", outcome = "PASS",
              value = parts[p] + 0.1 * a + interaction * cells[p][a] + 0.1 * normal() } } } })
          end
        end
      end
    end)
    return agree("--grr", 30).studies[1].grr
  end

  it("agrees on a gage study with and without an interaction", function()
    assert.is_true(study(0).pooled)
    assert.is_false(study(0.3).pooled)
  end)
end)
