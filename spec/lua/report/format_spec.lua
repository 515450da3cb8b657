local format = require "moonrig.report.format"

describe("report.format", function()
  it("writes numbers exactly and briefly", function()
    local cases = { [5.0] = "5", [0.1] = "0.1", [1 / 3] = "0.3333333333333333", [1.5e-7] = "1.5e-7",
      [9.91e37] = "9.91e37", [-2.5] = "-2.5", [1e100] = "1e100", [math.huge] = "inf", [-math.huge] = "-inf",
      [math.maxinteger] = "9223372036854775807" }
    for x, text in pairs(cases) do assert.equal(text, format.number(x)) end
    assert.equal("NaN", format.number(0 / 0))
    assert.equal("-0", format.number(-0.0))
  end)

  it("writes no number that reads back as another", function()
    local x = 0.1
    for _ = 1, 200 do
      x = x * -1.7 + 1e-9
      assert.equal(x, tonumber(format.number(x)))
      assert.equal(1 / x, tonumber(format.number(1 / x)))
    end
  end)

  it("writes values with their units", function()
    assert.equal("5.01 V", format.quantity(5.01, "V"))
    assert.equal("5", format.quantity(5, nil))
    assert.equal("34465A", format.quantity("34465A", "V"))
    assert.equal("false", format.quantity(false))
    assert.equal("-", format.quantity(nil, "V"))
  end)

  it("writes every kind of limit", function()
    local cases = {
      { { min = 4.95, max = 5.05 }, "4.95 to 5.05 V" }, { { min = 3 }, ">= 3 V" }, { { max = -3.0 }, "<= -3 V" },
      { { equals = "34465A" }, 'equals "34465A"' }, { { equals = false }, "equals false" },
      { { one_of = { "a", 2, true } }, 'one of "a", 2, true' }, { { matches = "^1%." }, "matches ^1%." },
      { { nominal = 3.3, within = 5 }, "3.3 V \u{b1} 5 %" },
      { { nominal = 3.3, within = 5, min = 3.135, max = 3.465 }, "3.3 V \u{b1} 5 %" },
      { { nominal = 3.3, min = 3.2, max = 3.4 }, "3.2 to 3.4 V, nominal 3.3 V" }, { { text = "odd" }, "odd" },
      { { min = 1, text = "odd" }, ">= 1 V, odd" },
    }
    for _, case in ipairs(cases) do assert.equal(case[2], format.limits(case[1], "V")) end
    assert.is_nil(format.limits(nil, "V"))
    assert.is_nil(format.limits({ marginal_max = 1 }, "V"))
  end)

  it("writes marginal zones", function()
    assert.equal("marginal below 4.97 V, above 5.03 V",
      format.marginal({ marginal_min = 4.97, marginal_max = 5.03 }, "V"))
    assert.equal("marginal above 3", format.marginal { marginal_max = 3 })
    assert.is_nil(format.marginal { max = 3 })
  end)

  it("says what a measurement came to", function()
    assert.equal("v = 5.12 V, limits: 4.95 to 5.05 V", format.measurement { name = "v", value = 5.12, unit = "V",
      outcome = "FAIL", limits = { min = 4.95, max = 5.05 } })
    assert.equal("v was not measured, limits: >= 1", format.measurement { name = "v", outcome = "UNSET",
      limits = { min = 1 } })
    assert.equal("v skipped", format.measurement { name = "v", outcome = "SKIPPED" })
  end)

  it("writes answers", function()
    local cases = { { true, "yes" }, { false, "no" }, { 12.5, "12.5" }, { "SN 1", "SN 1" }, { nil, "no answer" } }
    for _, case in ipairs(cases) do assert.equal(case[2], format.answer { kind = "text", answer = case[1] }) end
  end)

  it("writes durations without a jump where the unit changes", function()
    local cases = { [0] = "0 ms", [0.0421] = "42 ms", [0.9994] = "999 ms", [0.9996] = "1.0 s", [12.34] = "12.3 s",
      [59.94] = "59.9 s", [59.96] = "1 min 00 s", [247] = "4 min 07 s", [3599.4] = "59 min 59 s",
      [3599.6] = "1 h 00 min", [7500] = "2 h 05 min" }
    for s, text in pairs(cases) do assert.equal(text, format.duration(s)) end
    assert.equal("-", format.duration(nil))
  end)

  it("writes times, sizes and counts", function()
    assert.equal("2026-07-01 12:00:00 UTC", format.time "2026-07-01T12:00:00.123456Z")
    assert.equal("-", format.time(nil))
    assert.equal("1 byte", format.size(1))
    assert.equal("1.5 KiB", format.size(1536))
    assert.equal("3.0 MiB", format.size(3 * 1024 * 1024))
    assert.equal("0 runs", format.count(0, "run"))
  end)

  it("cuts long texts between characters", function()
    assert.equal("abc", format.cut("abc", 3))
    assert.equal("abc... (4 bytes)", format.cut("abcd", 3))
    assert.equal("a... (5 bytes)", format.cut("a\u{e9}\u{e9}", 2))
    assert.equal("a\u{e9}... (5 bytes)", format.cut("a\u{e9}\u{e9}", 3))
  end)
end)
