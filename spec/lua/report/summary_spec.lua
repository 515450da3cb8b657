local samples = require "support.sample_runs"
local summary = require "moonrig.report.summary"

local function phases(...)
  local list = {}
  for i, p in ipairs { ... } do
    list[i] = samples.phase { name = p[1], attempt = p[2], outcome = p[3], group = p[4] }
  end
  return list
end

local function superseded(list)
  local sum, marks = summary.of(samples.run { phases = list }), {}
  for i, phase in ipairs(list) do marks[i] = sum.superseded[phase] end
  return marks
end

describe("report.summary", function()
  it("finds the attempts that a later one replaced", function()
    assert.same({ true, true, false }, superseded(phases({ "a", 1 }, { "a", 2 }, { "a", 3 })))
    assert.same({ true, true, false, false }, superseded(phases({ "a", 1 }, { "b", 1 }, { "a", 2 }, { "b", 2 })))
  end)

  it("keeps phases that only share a name", function()
    assert.same({ false, false }, superseded(phases({ "a", 1 }, { "a", 1 })))
    assert.same({ false, false }, superseded(phases({ "a", 1, "PASS", "setup" }, { "a", 2 })))
    assert.same({ true, false, true, false }, superseded(phases({ "a", 1 }, { "a", 2 }, { "a", 1 }, { "a", 2 })))
  end)

  it("counts what stands, not what was repeated", function()
    local sum = summary.of(samples.pass())
    assert.equal("PASS", sum.verdict)
    assert.same({ 6, 12, 0, 1, 1, 1 }, { sum.phases, sum.measurements, sum.failed, sum.marginal, sum.skipped,
      sum.retries })
    assert.same({}, sum.reasons)
    assert.equal("11 measurements in 6 phases, none failed, 1 marginal, 1 skipped, 1 attempt repeated",
      summary.in_words(sum))
  end)

  it("says all that failed", function()
    local texts = {}
    for i, reason in ipairs(summary.of(samples.fail()).reasons) do texts[i] = reason.phase .. ": " .. reason.text end
    assert.same({ "5 V rail: v_5v0 = 5.12 V, limits: 4.95 to 5.05 V", "5 V rail: load step = NaN V, limits: >= 4.8 V",
      "5 V rail: current = inf A, limits: <= 1.5 A", "5 V rail: efficiency was not measured, limits: >= 85 %" }, texts)
  end)

  it("says why a run ended, also outside of its phases", function()
    local reasons = summary.of(samples.aborted()).reasons
    assert.equal("stopped by the operator (Ctrl-C) [cancelled]", reasons[1].text)
    assert.is_nil(reasons[1].phase)
    assert.equal("5 V rail", reasons[2].phase)
    local bare = samples.run { outcome = "FAIL", phases = phases { "a", 1, "FAIL" } }
    assert.equal("no reason was recorded", summary.of(bare).reasons[1].text)
  end)

  it("calls a run without end RUNNING", function()
    local run = samples.run { running = true, phases = { samples.phase { name = "a" } } }
    run.outcome, run.phases[1].outcome = nil, nil
    local sum = summary.of(run)
    assert.equal("RUNNING", sum.verdict)
    assert.equal("did not end", sum.reasons[1].text)
  end)

  it("puts things in the order in which they happened", function()
    local phase = samples.phase { name = "a", measurements = { { name = "m", seq = 3 } },
      logs = { { message = "l", seq = 2 }, { message = "l2", seq = 5 } }, prompts = { { message = "p", seq = 4 } } }
    local kinds = {}
    for i, entry in ipairs(summary.timeline(phase)) do kinds[i] = entry.kind end
    assert.same({ "log", "measurement", "prompt", "log" }, kinds)
    local run = samples.run { phases = { phase }, logs = { { message = "first" } } }
    run.phases[1].logs[1].seq, run.logs[1].seq = 7, 9
    local all = summary.collect(run, "logs")
    assert.equal("first", all[#all].item.message)
    assert.equal(phase, all[1].phase)
  end)
end)
