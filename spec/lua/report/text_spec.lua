local report = require "moonrig.report"
local samples = require "support.sample_runs"

local function has(text, line)
  assert.is_truthy(("\n" .. text):find("\n" .. line .. "\n", 1, true), line .. "\n" .. text)
end

describe("report text", function()
  it("shows verdict, unit, every attempt, value, limits, unit of measure and marginal marks", function()
    local text = report.render("text", samples.pass())
    has(text, "PASS  PSU4711  PSU-100 final 1.4.0")
    has(text, "  unit       PSU4711, part PSU-100, revision B, batch 2026-27")
    has(text, "  sub-unit   main board: MB-17, part MB-100, revision C\n  sub-unit   fan: 0042")
    has(text, "FAIL   5 V rail  512 ms (attempt 1, repeated)")
    has(text, "    FAIL     v_5v0            5.12 V          4.95 to 5.05 V, marginal below 4.97 V, above 5.03 V, "
      .. "uncertainty 0.0004 V, by dmm")
    has(text, "PASS   5 V rail  498 ms (attempt 2, marginal)")
    has(text, "    PASS !   v_5v0            5.0412 V        4.95 to 5.05 V, marginal below 4.97 V, above 5.03 V, "
      .. "uncertainty 0.0004 V, by dmm")
    has(text, "    SKIPPED  hipot            -               <= 5 mA")
    has(text, "    asked    Is the green LED on?: yes")
    has(text, "    debug    1 line not shown")
    has(text, "PASS, marginal  PSU4711: 11 measurements in 6 phases, none failed, 1 marginal, 1 skipped, "
      .. "1 attempt repeated")
  end)

  it("stands in columns", function()
    local columns = {}
    for line in report.render("text", samples.pass()):gmatch "[^\n]+" do
      local at = line:match "^    [A-Z]+ !? *[^ ].-  +[^ ].-  +()[^ ]"
      if at and line:find "^    PASS" then columns[utf8.len(line:sub(1, at))] = line end
    end
    local first = next(columns)
    assert.is_not_nil(first)
    assert.is_nil(next(columns, first))
  end)

  it("says of series which point is the worst", function()
    local text = report.render("text", samples.curves())
    assert.is_truthy(text:find("FAIL +gain +%-9 dB +worst of 4 points, at frequency 1000 Hz, %-6 to 0 dB, min along"))
    assert.is_truthy(text:find("PASS +ripple +%- +2 points\n"))
    assert.is_truthy(text:find("UNSET +cut +%- +1 point\n"))
  end)

  it("says why a run did not pass", function()
    local text = report.render("text", samples.fail())
    has(text, "FAIL  PSU4712: 4 of 5 measurements failed")
    has(text, "  5 V rail: efficiency was not measured, limits: >= 85 %")
    text = report.render("text", samples.aborted())
    has(text, "  stopped by the operator (Ctrl-C) [cancelled]")
    has(text, "  note       SIMULATED: the instruments were simulators, this says nothing about the unit")
  end)

  it("lets no foreign text move the cursor or begin a line", function()
    local text = report.render("text", samples.hostile())
    assert.is_nil(text:find "[%z\1-\9\11-\31\127]")
    assert.is_truthy(utf8.len(text))
    assert.is_nil(text:find("\u{202e}", 1, true))
    assert.is_nil(text:find("\u{9b}", 1, true))
    assert.is_nil(("\n" .. text):find "\n%-%->")
  end)

  it("names no more than twenty reasons", function()
    local list = {}
    for i = 1, 30 do list[i] = samples.measurement { name = "m" .. i, value = 1, outcome = "FAIL" } end
    local text = report.render("text", samples.run { outcome = "FAIL",
      phases = { samples.phase { name = "p", outcome = "FAIL", measurements = list } } })
    has(text, "  p: m20 = 1")
    has(text, "  and 10 more")
    assert.is_nil(text:find("  p: m21", 1, true))
  end)

  it("puts several runs one after the other", function()
    local text = report.render("text", { samples.pass(), samples.fail() })
    has(text, "PASS  PSU4711  PSU-100 final 1.4.0")
    has(text, "FAIL  PSU4712  PSU-100 final 1.4.0")
  end)
end)
