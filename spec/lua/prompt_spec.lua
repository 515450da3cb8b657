-- t:prompt: questions to the operator, and their answers in the record.
local bench = require "support.bench"

describe("a prompt", function()
  local b, asked
  before_each(function()
    b = bench.new()
    asked = {}
  end)
  after_each(function() b:close() end)

  -- Runs a phase with lines as what the operator types.
  local function run(body, lines)
    local n = 0
    return b:run('test.phase("ask", function(t) ' .. body .. " end)", { ask = function(text, timeout)
      asked[#asked + 1] = { text = text, timeout = timeout }
      n = n + 1
      return lines[n]
    end })
  end

  it("gives a text, a number, a choice, yes or no, and records what was answered", function()
    local result, as_recorded = run([[
      t:check("text", t:prompt "Name?", { equals = "Ada" })
      t:measure("number", t:prompt("Room?", { unit = "degC" }), { unit = "degC" })
      t:check("choice", t:prompt("Colour?", { options = { "red", "green" } }), { equals = "green" })
      t:check("yes", t:prompt("Good?", { kind = "yesno" }))
      t:check("no", t:prompt("As in the picture?", { image = "led.png" }) == false)
    ]], { " Ada ", "21,5", "2", "Yes", "n" })
    assert.same({ "PASS" }, { result.outcome, result.message })
    local prompts = {}
    for i, p in ipairs(as_recorded.phases[1].prompts) do prompts[i] = { p.kind, p.message, p.answer } end
    assert.same({ { "text", "Name?", "Ada" }, { "number", "Room?", 21.5 }, { "choice", "Colour?", "green" },
      { "yesno", "Good?", true }, { "image", "As in the picture?", false } }, prompts)
    assert.matches("\n    1  red\n    2  green: $", asked[3].text)
    assert.matches("led.png", asked[5].text)
  end)

  it("asks again until the answer is possible", function()
    local _, as_recorded = run([[
      t:prompt("Serial?", { matches = "^B%d+$" })
      t:prompt("Turns?", { min = 1, max = 9 })
      t:prompt("Colour?", { options = { "red", "rose", "blue" } })
    ]], { "", "A1", "B12", "ten", "10", "7", "r", "5", "ro" })
    local answers = {}
    for i, p in ipairs(as_recorded.phases[1].prompts) do answers[i] = p.answer end
    assert.same({ "B12", 7, "rose" }, answers)
    assert.matches("an answer is needed", asked[2].text)
    assert.matches("does not match", asked[3].text)
    assert.matches("from 1 to 9", asked[6].text)
  end)

  it("is an ERROR when nobody is there, and when it cannot be asked", function()
    local result = b:run [[test.phase("a", function(t) t:prompt "?" end)]]
    assert.equal("ERROR", result.outcome)
    assert.matches("nobody can be asked", result.message)
    for given, words in pairs {
      ['"?", { kind = "x" }'] = "wants \"text\"", ['"?", { kind = "choice" }'] = "a choice wants options",
      ['""'] = "message",
    } do
      result = run(("t:prompt(%s)"):format(given), {})
      assert.equal("ERROR", result.outcome)
      assert.matches(words, result.message)
    end
  end)

  it("has a time limit", function()
    run([[t:prompt("?", { timeout = 5 })]], { "x" })
    assert.is_true(asked[1].timeout <= 5)
  end)
end)
