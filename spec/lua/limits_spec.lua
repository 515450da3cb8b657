local limits = require "moonrig.limits"

local NAN = 0 / 0

local function judge(spec, value, earlier) return limits.new(spec, "v"):judge(value, earlier) end

local function passes(spec, value) return (judge(spec, value)) end

local function refused(message, spec)
  local ok, e = pcall(limits.new, spec, "v")
  assert.is_false(ok)
  assert.equal("unsupported", e.code)
  assert.matches(message, e.message, 1, true)
end

describe("limits", function()
  it("include min and max themselves, to the last bit", function()
    local spec = { min = 4.95, max = 5.05 }
    local below = string.unpack("d", string.pack("i8", string.unpack("i8", string.pack("d", 4.95)) - 1))
    local above = string.unpack("d", string.pack("i8", string.unpack("i8", string.pack("d", 5.05)) + 1))
    for value, expected in pairs { [4.95] = true, [5.05] = true, [5] = true, [below] = false, [above] = false } do
      assert.equal(expected, passes(spec, value), ("%.17g"):format(value))
    end
  end)

  it("say why a value fails, with the unit", function()
    local _, _, why = judge({ min = 4.95, max = 5.05, unit = "V" }, 5.21)
    assert.equal("is above 5.05 V", why)
    _, _, why = judge({ min = 4.95, unit = "V" }, -1)
    assert.equal("is below 4.95 V", why)
    _, _, why = judge({ equals = "34465A" }, "34461A")
    assert.equal("is not 34465A", why)
    _, _, why = judge({ one_of = { "A", 2 } }, "C")
    assert.equal("is none of A, 2", why)
    _, _, why = judge({ matches = "^1%.4" }, "1.3")
    assert.equal("does not match ^1%.4", why)
  end)

  it("never pass NaN, whatever they are", function()
    for _, spec in ipairs { {}, { min = 1 }, { max = 1 }, { min = -math.huge, max = math.huge }, { equals = 1 },
      { one_of = { 1 } }, { within = { nominal = 0, absolute = math.huge } }, { unit = "V" },
      { satisfies = function() return true end } } do
      local passed, marginal, why = judge(spec, NAN)
      assert.same({ false, false, "is not a number (NaN)" }, { passed, marginal, why })
    end
  end)

  it("take infinity as the largest number", function()
    assert.is_true(passes({ min = 1e6 }, math.huge))
    assert.is_false(passes({ max = 1e6 }, math.huge))
  end)

  it("pass everything when there are none", function()
    assert.is_true(passes(nil, 1))
    assert.is_true(passes({ unit = "V" }, "x"))
    assert.is_nil(limits.new({ unit = "V" }, "v").recorded)
  end)

  it("mark what lies in the marginal zone", function()
    local spec = { min = 4, marginal_min = 4.5, marginal_max = 5.5, max = 6 }
    for value, expected in pairs { [3.9] = "FAIL", [4] = "marginal", [4.5] = "PASS", [5.5] = "PASS", [5.6] = "marginal",
      [6] = "marginal", [6.1] = "FAIL" } do
      local passed, marginal = judge(spec, value)
      assert.equal(expected, not passed and "FAIL" or marginal and "marginal" or "PASS", tostring(value))
    end
  end)

  it("compute within from percent or absolute, also around a negative nominal", function()
    local r = limits.new({ within = { nominal = -12, percent = 5 } }, "v").recorded
    assert.same({ nominal = -12, within = 5, min = -12.6, max = -11.4 }, r)
    r = limits.new({ within = { nominal = 3.3, absolute = 0.3 } }, "v").recorded
    assert.same({ nominal = 3.3, min = 3.0, max = 3.5999999999999996 }, r)
    assert.is_true(passes({ within = { nominal = -12, percent = 5 } }, -12.6))
    assert.is_false(passes({ within = { nominal = -12, percent = 5 } }, -12.61))
  end)

  it("compare integers and floats by value, and tell kinds apart", function()
    assert.is_true(passes({ equals = 5 }, 5.0))
    assert.is_true(passes({ one_of = { 1, 2 } }, 2.0))
    assert.is_false(passes({ equals = "5" }, 5))
    assert.is_false(passes({ equals = true }, "true"))
  end)

  it("ask a function, which sees earlier measurements", function()
    local spec = { satisfies = function(value, earlier) return value < earlier.idle, "draws no more than idle" end }
    assert.is_true((judge(spec, 1, { idle = 2 })))
    local passed, _, why = judge(spec, 3, { idle = 2 })
    assert.same({ false, "draws no more than idle" }, { passed, why })
    assert.matches("^function at .*limits_spec.lua:%d+$", limits.new(spec, "v").recorded.text)
  end)

  it("want all that is given to hold", function()
    local even = { min = 0, max = 10, satisfies = function(v) return v % 2 == 0 end, text = "even, 0 .. 10" }
    assert.is_true(passes(even, 4))
    assert.is_false(passes(even, 5))
    assert.is_false(passes(even, 12))
  end)

  it("are copied, so that a later change of the table changes nothing", function()
    local spec = { one_of = { "A" } }
    local l = limits.new(spec, "v")
    spec.one_of[1] = "B"
    assert.same({ one_of = { "A" } }, l.recorded)
    assert.is_true((l:judge "A"))
  end)

  it("refuse what they do not know, and what cannot be", function()
    refused('there is no limit "maximum" (there are', { maximum = 1 })
    refused("min = nan: wants a number", { min = NAN })
    refused("min = 5: wants a number", { min = "5" })
    refused("max = 1 is below min = 2; nothing could pass", { min = 2, max = 1 })
    refused("marginal_max = 5 is below marginal_min = 6", { marginal_min = 6, marginal_max = 5 })
    refused("marginal_min = 1 is below min = 2", { min = 2, marginal_min = 1 })
    refused("wants a list", { one_of = {} })
    refused("wants a Lua pattern", { matches = "[" })
    refused("wants nominal and one of percent and absolute", { within = { nominal = 5 } })
    refused("wants nominal and one of percent and absolute", { within = { nominal = 5, percent = 1, absolute = 1 } })
    refused("percent = -1: wants a number, 0 or more", { within = { nominal = 5, percent = -1 } })
    refused("give one or the other", { min = 1, within = { nominal = 5, percent = 1 } })
    refused("text alone is no limit", { text = "looks good" })
    refused("got a number", 5)
  end)

  it("refuse a value of another kind instead of failing it", function()
    local ok, e = pcall(judge, { min = 1 }, "+1.5")
    assert.is_false(ok)
    assert.matches('min and max want a number, the value is the string "+1.5"', e.message, 1, true)
    ok, e = pcall(judge, { matches = "x" }, 5)
    assert.is_false(ok)
    assert.matches("matches wants a string", e.message, 1, true)
  end)
end)
