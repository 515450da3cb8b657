-- The arithmetic of the statistics, against published examples and, where python3 is there, its module `statistics`.
local capability = require "moonrig.stats.capability"
local control = require "moonrig.stats.control"
local distribution = require "moonrig.stats.distribution"
local grr = require "moonrig.stats.grr"
local histogram = require "moonrig.stats.histogram"
local normality = require "moonrig.stats.normality"
local sample = require "moonrig.stats.sample"
local words = require "moonrig.stats.words"
local yield = require "moonrig.stats.yield"
local python = require "support.python"

local function near(expected, got, tolerance)
  assert.is_true(math.abs(expected - got) <= tolerance, ("%s is not %s"):format(got, expected))
end

local function moments_of(values)
  local m = capability.start()
  for _, x in ipairs(values) do capability.add(m, x) end
  return m
end

local function spread_of(values) return capability.spread(moments_of(values)) end

describe("a share", function()
  -- Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
  it("has the interval after Wilson", function()
    for _, case in ipairs { { 81, 263, 0.2553, 0.3662 }, { 15, 148, 0.0624, 0.1605 }, { 0, 20, 0, 0.1611 },
        { 1, 29, 0.0061, 0.1718 } } do
      local share = yield.share(case[1], case[2])
      near(case[3], share.low, 5e-5)
      near(case[4], share.high, 5e-5)
    end
  end)

  it("stays within 0 and 1, and is none of nothing", function()
    assert.equal(0, yield.share(0, 3).low)
    assert.equal(1, yield.share(3, 3).high)
    assert.same({ count = 0, of = 0 }, yield.share(0, 0))
  end)
end)

describe("capability", function()
  -- NIST/SEMATECH e-Handbook of Statistical Methods, 6.1.6: USL 20, LSL 8, mean 16, sigma 2.
  it("is that of the handbook", function()
    local c = capability.indices({ n = 50, mean = 16, sigma_within = 2, sigma_overall = 2 }, 8, 20)
    near(1, c.cp, 1e-12)
    near(2 / 3, c.cpk, 1e-12)
    near(1, c.pp, 1e-12)
    near(2 / 3, c.ppk, 1e-12)
    near(2 / 3 - 1.959964 * math.sqrt(1 / 450 + 4 / 9 / 98), c.ppk_low, 1e-6)
    near(2 / 3 + 1.959964 * math.sqrt(1 / 450 + 4 / 9 / 98), c.ppk_high, 1e-6)
  end)

  -- Cryer and Ryan, Journal of Quality Technology 22 (1990) 187-192: the variance of a mean moving range.
  it("knows less of Cpk than of Ppk, as moving ranges know less of sigma", function()
    local c = capability.indices({ n = 50, mean = 16, sigma_within = 2, sigma_overall = 2 }, 8, 20)
    local variance = (0.8264 * 50 - 1.0821) / 49 ^ 2
    near(1.959964 * math.sqrt(1 / 450 + 4 / 9 * variance), c.cpk - c.cpk_low, 1e-5)
    near(c.cpk - c.cpk_low, c.cpk_high - c.cpk, 1e-12)
    assert.is_true(c.cpk_low < c.ppk_low)
    assert.is_number(capability.indices({ n = 2, mean = 5, sigma_within = 1, sigma_overall = 1 }, 0, 9).cpk_low)
  end)

  it("has indices by percentiles, which count each side by itself", function()
    local c = capability.indices({ n = 9, mean = 3, sigma_within = 1, sigma_overall = 1 }, 0, 10,
      { n = 9, low = 1, median = 2, high = 6 })
    near(10 / 5, c.pp_percentile, 1e-12)
    near(2, c.ppk_percentile, 1e-12)     -- (2 - 0) / (2 - 1); the other side is (10 - 2) / (6 - 2), the same
    near(1.5, capability.indices({ n = 9 }, nil, 8, { n = 9, low = 1, median = 2, high = 6 }).ppk_percentile, 1e-12)
    assert.same({}, capability.indices({ n = 2 }, 0, 10, { n = 2, low = 2, median = 2, high = 2 }))
  end)

  it("takes percentiles between two values", function()
    local values = {}
    for i = 0, 2000 do values[i + 1] = i end
    local p = capability.percentiles(values)
    near(2.7, p.low, 1e-9)
    assert.equal(1000, p.median)
    near(1997.3, p.high, 1e-9)
    assert.same({ n = 1, low = 7, median = 7, high = 7 }, capability.percentiles { 7 })
    assert.is_nil(capability.percentiles {})
  end)

  it("knows one limit alone", function()
    local spread = { n = 50, mean = 16, sigma_within = 2, sigma_overall = 2 }
    local low, high = capability.indices(spread, 8, nil), capability.indices(spread, nil, 20)
    assert.is_nil(low.cp)
    assert.is_nil(high.pp)
    near(4 / 3, low.cpk, 1e-12)
    near(2 / 3, high.ppk, 1e-12)
    assert.same(low, capability.indices(spread, 8, math.huge))
    assert.same({}, capability.indices(spread, nil, nil))
  end)

  it("has a negative index when the mean is beyond a limit", function()
    near(-0.5, capability.indices({ n = 9, mean = 23, sigma_within = 2, sigma_overall = 2 }, 8, 20).cpk, 1e-12)
  end)

  it("has no index without spread, and no sigma of one value", function()
    local same = spread_of { 5, 5, 5 }
    assert.equal(0, same.sigma_overall)
    assert.same({}, capability.indices(same, 4, 6))
    local one = spread_of { 5 }
    assert.equal(5, one.mean)
    assert.is_nil(one.sigma_overall)
    assert.is_nil(one.sigma_within)
    assert.same({}, capability.indices(one, 4, 6))
    assert.same({ n = 0 }, spread_of {})
    assert.same({}, capability.indices(spread_of {}, 4, 6))
  end)

  it("does not lose digits far from zero, nor take an overflow for a sigma", function()
    local values = {}
    for i = 1, 1000 do values[i] = 1e9 + i % 2 end
    near(0.5002501876563868, spread_of(values).sigma_overall, 1e-12)
    near(1e9 + 0.5, spread_of(values).mean, 1e-6)
    assert.is_nil(spread_of({ -1e300, 1e300, 1e300 }).sigma_overall)
  end)

  it("agrees with python", function()
    if not python.is_there() then return pending "no python3" end
    local values, list = {}, {}
    local seed = 42
    for i = 1, 500 do
      seed = (seed * 1103515245 + 12345) % 2 ^ 31
      values[i] = 5 + seed / 2 ^ 31 * 0.1
      list[i] = ("%.17g"):format(values[i])
    end
    local mean, sigma, ranges = python.numbers([[
import statistics as s
v = [%s]
r = [abs(a - b) for a, b in zip(v, v[1:])]
print(repr(s.fmean(v)), repr(s.stdev(v)), repr(s.fmean(r)))]], table.concat(list, ","))
    local spread = spread_of(values)
    near(mean, spread.mean, 1e-13)
    near(sigma, spread.sigma_overall, 1e-13)
    near(ranges / 1.128, spread.sigma_within, 1e-13)
  end)
end)

describe("a control chart", function()
  -- NIST/SEMATECH e-Handbook, 6.3.2.2: ten batches.
  local flow = { 49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1 }

  local function limits_of(values)
    local s = spread_of(values)
    return control.limits(s.mean, s.moving_range)
  end

  it("has the limits of the handbook", function()
    local l = limits_of(flow)
    near(50.81, l.center, 1e-9)
    near(1.8778, l.range_center, 5e-5)
    near(55.8041, l.high, 5e-5)
    near(45.8159, l.low, 5e-5)
    near(3.267 * 16.9 / 9, l.range_high, 1e-9)
    assert.same({}, control.violations(flow, l))
    assert.is_nil(limits_of { 1 })
  end)

  -- The rules at work on a chart with mean 0 and sigma 1.
  local unit = { center = 0, sigma = 1, low = -3, high = 3, range_center = 1.128, range_high = 99 }
  local function rules_of(values)
    local list = {}
    for i, one in ipairs(control.violations(values, unit)) do list[i] = one.point .. ":" .. one.rule end
    return table.concat(list, " ")
  end

  it("marks the Western Electric rules at the point that breaks them", function()
    for values, rules in pairs {
      [{ 0, 3.1, 0 }] = "2:1", [{ 0, -3.1 }] = "2:1", [{ 3 }] = "",
      [{ 2.1, 0, 2.1 }] = "3:2", [{ 2.1, -2.1, 0 }] = "", [{ 2.1, 2.1, 0 }] = "2:2", [{ 2.1, 0, 0, 2.1 }] = "",
      [{ 1.1, 1.1, 0, 1.1, 1.1 }] = "5:3", [{ 1.1, 1.1, 1.1, -1.1, 1.1 }] = "5:3", [{ -1.1, -1.1, -1.1, -1.1 }] = "4:3",
      [{ 1.1, 1.1, 0, 0, 1.1, 1.1 }] = "",
      [{ .1, .1, .1, .1, .1, .1, .1, .1, .1 }] = "8:4 9:4", [{ .1, .1, .1, .1, 0, .1, .1, .1, .1 }] = "",
      [{ -.1, -.1, -.1, -.1, -.1, -.1, -.1, -.1 }] = "8:4",
    } do
      assert.equal(rules, rules_of(values), table.concat(values, " "))
    end
  end)

  it("marks a moving range above its limit, and nothing when no value differs", function()
    assert.same({ { point = 2, rule = "MR" } },
      control.violations({ -1, 1 }, { center = 0, sigma = 1, range_high = 1.9 }))
    assert.same({}, control.violations({ 5, 5, 5 }, limits_of { 5, 5, 5 }))
  end)

  it("is told in words", function()
    assert.equal("none", words.violations {})
    assert.equal("rule 1 (beyond 3 sigma): 2, rule MR (moving range): 1",
      words.violations { { rule = 1 }, { rule = "MR" }, { rule = 1 } })
  end)
end)

describe("the test of normality", function()
  -- D'Agostino and Stephens, Goodness-of-Fit Techniques (1986), page 546: weights of 20 chicks, A2 0.214.
  local chicks = { 156, 162, 168, 182, 186, 190, 190, 196, 202, 210, 214, 220, 226, 230, 230, 236, 236, 242, 246, 270 }

  it("has the published statistic of the chicks, which are normal", function()
    local test = normality.test(chicks)
    near(0.214, test.a_squared, 5e-4)
    near(0.826, test.p, 5e-4)            -- of statsmodels 0.13, normal_ad
    assert.equal(20, test.n)
  end)

  it("does not mind where zero is, nor the unit", function()
    local moved = {}
    for i, x in ipairs(chicks) do moved[i] = 1e7 + x / 1024 end
    near(normality.test(chicks).a_squared, normality.test(moved).a_squared, 1e-9)
  end)

  it("sees what is not normal", function()
    local skew, two = {}, {}
    for i = 1, 100 do skew[i], two[i] = math.exp(i / 20), i <= 50 and i / 1000 or 5 + i / 1000 end
    assert.is_true(normality.test(skew).p < 1e-6)
    assert.is_true(normality.test(two).p < 1e-6)
    two[100] = 1e9                        -- one value far out: its probability is no number any more
    local test = normality.test(two)
    assert.equal(0, test.p)
    assert.is_true(test.a_squared < math.huge)
  end)

  it("is not for less than eight values, or without spread", function()
    assert.is_nil(normality.test { 1, 2, 3, 4, 5, 6, 7 })
    assert.is_nil(normality.test { 5, 5, 5, 5, 5, 5, 5, 5, 5 })
    assert.is_nil(normality.test {})
    assert.is_nil(normality.test { -1e308, 1, 2, 3, 4, 5, 6, 1e308 })
  end)

  it("wants the normal distribution right in its tails", function()
    for _, case in ipairs { { 0, -0.6931471805599453 }, { 1, -1.841021645009264 },
        { 2.9, -6.284058234947419 }, { 3.1, -6.940688458421228 }, { 10, -53.23128515051248 },
        { 40, -804.6084420137539 } } do  -- norm.logsf of scipy 1.10
      local below, above = distribution.ln_normal(case[1])
      near(case[2], above, 1e-10)
      near(1, math.exp(below) + math.exp(above), 1e-12)
      assert.same({ above, below }, { distribution.ln_normal(-case[1]) })
    end
  end)
end)

describe("a sample", function()
  it("is all values up to a number, sorted", function()
    local s = sample.start()
    for _, x in ipairs { 3, 1, 2 } do sample.add(s, x) end
    assert.same({ 1, 2, 3 }, sample.sorted(s))
    assert.equal(3, s[1])
  end)

  it("takes early and late values alike, and the same ones each time", function()
    local function of_many()
      local s = sample.start()
      for i = 1, 10 * sample.MOST do sample.add(s, i) end
      return sample.sorted(s)
    end
    local list, early = of_many(), 0
    assert.equal(sample.MOST, #list)
    for i, x in ipairs(list) do
      assert.is_true(i == 1 or x > list[i - 1])
      if x <= 5 * sample.MOST then early = early + 1 end
    end
    near(sample.MOST / 2, early, 4 * math.sqrt(sample.MOST / 4))
    assert.same(list, of_many())
  end)
end)

describe("a histogram", function()
  local function of(values)
    local h = histogram.start()
    for _, x in ipairs(values) do histogram.add(h, x) end
    return histogram.show(h, 32)
  end
  local function total(h)
    local sum = h.below + h.above
    for _, count in ipairs(h.counts) do sum = sum + count end
    return sum
  end

  it("counts every value once, in bins that hold it", function()
    local values = {}
    for i = 1, 5000 do values[i] = math.sin(i) * (1 + i / 1000) end
    local h = of(values)
    assert.equal(5000, total(h))
    assert.is_true(#h.counts <= 32)
    local counts = {}
    for i = 1, #h.counts do counts[i] = 0 end
    for _, x in ipairs(values) do
      local at = math.floor((x - h.low) / h.width + 1e-9) + 1
      if counts[at] then counts[at] = counts[at] + 1 end
    end
    for i, count in ipairs(h.counts) do near(counts[i], count, 2) end
  end)

  it("keeps its shape when a value is far out", function()
    local values = {}
    for i = 1, 1000 do values[i] = i % 50 end
    values[500], values[700] = 1e9, -1e9
    local h = of(values)
    assert.equal(1, h.above)
    assert.equal(1, h.below)
    assert.is_true(#h.counts > 10)
  end)

  it("holds equal values, one value, zeros, none", function()
    for _, values in ipairs { { 5, 5, 5 }, { 5 }, { 0, 0 }, { -1e-9 }, { 1e300, 1e300 } } do
      assert.equal(#values, total(of(values)))
    end
    assert.is_nil(of {})
  end)
end)

describe("a gage study", function()
  local study = require "support.aiag"

  -- AIAG, Measurement Systems Analysis, 4th edition, chapter III B. Of parts and appraisers the manual has F over the
  -- repeatability alone; here it is over what the interaction was joined to, as in Minitab and statsmodels.
  it("is that of the AIAG manual", function()
    local g = grr.study(study.cells(study.trials), 8)
    for name, expected in pairs { parts = { 88.3619, 9, 9.81799, 245.614 }, appraisers = { 3.1673, 2, 1.58363, 39.617 },
        interaction = { 0.3590, 18, 0.01994, 0.434 }, repeatability = { 2.7589, 60, 0.04598 } } do
      local t = g.anova[name]
      near(expected[1], t.squares, 5e-5)
      assert.equal(expected[2], t.freedom)
      near(expected[3], t.mean, 5e-6)
      if expected[4] then near(expected[4], t.f, 5e-4) end
    end
    near(0.974, g.anova.interaction.p, 5e-4)
    assert.is_true(g.pooled)
    for name, expected in pairs { repeatability = { 0.199933, 18.4, 3.4 }, appraisers = { 0.226838, 20.9, 4.4 },
        interaction = { 0, 0, 0 }, grr = { 0.302373, 27.9, 7.8 }, parts = { 1.042327, 96.0, 92.2 } } do
      local s = g.sources[name]
      near(expected[1], s.sigma, 2e-6)
      near(expected[2], 100 * s.study, 0.05)
      near(expected[3], 100 * s.contribution, 0.05)
    end
    near(100 * 6 * 0.302373 / 8, 100 * g.sources.grr.tolerance, 1e-3)
    assert.equal(4, g.ndc)
  end)

  it("is that of Minitab where the interaction is no chance", function()
    local g = grr.study(study.cells(study.gaskets))
    for name, expected in pairs { parts = { 2.05871, 9, 0.228745, 39.7178 },
        appraisers = { 0.04800, 2, 0.024000, 4.1672, 0.033 }, interaction = { 0.10367, 18, 0.005759, 4.4588, 0 },
        repeatability = { 0.03875, 30, 0.001292 } } do
      local t = g.anova[name]
      near(expected[1], t.squares, 5.1e-6)
      assert.equal(expected[2], t.freedom)
      near(expected[3], t.mean, 5.1e-7)
      if expected[4] then near(expected[4], t.f, 5e-5) end
      if expected[5] then near(expected[5], t.p, 5e-4) end
    end
    assert.is_false(g.pooled)
  end)

  it("keeps an interaction that is no chance", function()
    local g = grr.study { { { 1, 1.1 }, { 2, 2.1 } }, { { 2, 2.1 }, { 1, 1.1 } }, { { 3, 3.1 }, { 5, 5.1 } } }
    assert.is_false(g.pooled)
    assert.is_true(g.sources.interaction.sigma > 0)
    near(g.sources.total.variance, g.sources.grr.variance + g.sources.parts.variance, 1e-12)
    assert.is_nil(g.sources.grr.tolerance)
  end)

  it("survives a gage that never differs", function()
    local g = grr.study { { { 1, 1 }, { 1, 1 } }, { { 2, 2 }, { 2, 2 } } }
    assert.equal(0, g.sources.grr.sigma)
    assert.is_nil(g.ndc)
    local nothing = grr.study({ { { 1, 1 }, { 1, 1 } }, { { 1, 1 }, { 1, 1 } } }, 0)
    assert.is_nil(nothing.sources.grr.study)
    assert.is_nil(nothing.sources.grr.tolerance)
  end)
end)

describe("the F distribution", function()
  -- NIST/SEMATECH e-Handbook, 1.3.6.7.3: upper critical values.
  it("has the published critical values", function()
    for _, case in ipairs { { 161.448, 1, 1, 0.05 }, { 4.965, 1, 10, 0.05 }, { 3.326, 5, 10, 0.05 },
        { 2.978, 10, 10, 0.05 }, { 10.044, 1, 10, 0.01 }, { 5.636, 5, 10, 0.01 } } do
      near(case[4], distribution.f_tail(case[1], case[2], case[3]), 2e-5)
    end
    assert.equal(1, distribution.f_tail(0, 2, 3))
    assert.equal(0, distribution.f_tail(math.huge, 2, 3))
  end)

  it("is the closed form where there is one", function()
    for _, f in ipairs { 0.1, 1, 3, 20 } do near((1 + f) ^ -1, distribution.f_tail(f, 2, 2), 1e-13) end
  end)
end)

describe("words", function()
  it("round no yield to 100 % or 0 % that is not", function()
    assert.equal("100.0 %", words.percent(1))
    assert.equal("99.9 %", words.percent(0.9996))
    assert.equal("99.99 %", words.percent(0.99999))
    assert.equal("0.0 %", words.percent(0))
    assert.equal("< 0.1 %", words.percent(0.0001))
    assert.equal("-", words.percent(nil))
  end)
end)
