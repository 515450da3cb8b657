local new_matcher = require "moonrig.sim.match"

local function matcher(keys)
  local m = new_matcher()
  for _, key in ipairs(keys) do assert(not m:add(key, key)) end
  return m
end

-- The key that answers, and the values it is given.
local function found(m, unit)
  local entry, values = m:scpi(unit)
  if not entry then return values end
  values.n = nil
  return entry.key, values
end

describe("the keys of a simulator", function()
  it("match short and long forms, in any case", function()
    local m = matcher { "MEASure:VOLTage[:DC]?", "[SOURce:]CURRent[:LEVel]", "*IDN?", "ver?" }
    for _, unit in ipairs { "MEAS:VOLT?", "measure:voltage?", "MEAS:VOLTAGE:DC?", "Meas:Volt:dc?" } do
      assert.equal("MEASure:VOLTage[:DC]?", found(m, unit), unit)
    end
    for _, unit in ipairs { "CURR 1", "SOUR:CURR 1", "source:current:level 1", "CURR:LEV 1" } do
      assert.equal("[SOURce:]CURRent[:LEVel]", found(m, unit), unit)
    end
    assert.equal("*IDN?", found(m, "*idn?"))
    assert.equal("ver?", found(m, "VER?"))
    for _, unit in ipairs { "MEASU:VOLT?", "MEAS:VOLT", "MEAS?", "SOUR:MEAS:VOLT?", "CURR:LEVE 1" } do
      assert.is_nil(found(m, unit), unit)
    end
  end)

  it("take numbers at the end of words", function()
    local m = matcher { "OUTPut#:STATe?", "CHANnel3:NAME?" }
    assert.same({ "OUTPut#:STATe?", { 2 } }, { found(m, "OUTP2:STAT?") })
    assert.same({ "OUTPut#:STATe?", { 1 } }, { found(m, "output:state?") })
    assert.same({ "CHANnel3:NAME?", {} }, { found(m, "CHAN3:NAME?") })
    assert.is_nil(found(m, "CHAN4:NAME?"))
  end)

  it("read typed parameters, or say which SCPI error it is", function()
    local m = matcher { "A <number>", "B <boolean>[,<word>]", "C <string>", "D <integer>,<block>", "E VOLT", "F" }
    assert.same({ "A <number>", { 0.0015 } }, { found(m, "A 1.5 MV") })
    assert.same({ "B <boolean>[,<word>]", { true, "FAST" } }, { found(m, "B ON, fast") })
    assert.same({ "B <boolean>[,<word>]", { false } }, { found(m, "B 0") })
    assert.same({ "C <string>", { "a,b" } }, { found(m, 'C "a,b"') })
    assert.same({ "D <integer>,<block>", { 7, "x,\r" } }, { found(m, "D 7, #13x,\r") })
    assert.same({ "E VOLT", {} }, { found(m, "E volt") })
    assert.same({ "F", { "1", "two", "'three, 3'" } }, { found(m, "F 1, two,'three, 3'") })
    assert.same({ -109, -104, -108, -104, -141, -104, -160, -224 }, { found(m, "A"), found(m, "A x"), found(m, "A 1,2"),
      found(m, "B maybe"), found(m, "B 1,5"), found(m, "D 1.5,#10"), found(m, "D 1,2"), (found(m, "E AMPS")) })
  end)

  it("are Lua patterns when they begin with ^, the longest first", function()
    local m = matcher { "^SET (%a+)$", "^SET (%a+) (%d+)$", "^(.)" }
    assert.same({ "^SET (%a+)$", { "x" } }, { found(m, "SET x") })
    assert.same({ "^SET (%a+) (%d+)$", { "x", "5" } }, { found(m, "SET x 5") })
    assert.same({ "^(.)", { "?" } }, { found(m, "?") })
  end)

  it("can be replaced, and overloaded by parameter", function()
    local m = matcher { "V?", "FUNC VOLT", "FUNC CURR" }
    m:add("V?", "new")
    assert.equal("new", (m:scpi("V?")).reply)
    assert.same({ "FUNC VOLT", "FUNC CURR" }, { (found(m, "FUNC VOLT")), (found(m, "FUNC CURR")) })
  end)

  it("are whole lines, patterns and first words for what is not SCPI", function()
    local m = matcher { "get temp", "^set (%d+)$", "help", "stop" }
    m:add("say", function() end)
    assert.equal("get temp", m:line("get temp").key)
    assert.is_nil((m:line("GET TEMP")))
    local entry, values = m:line("set 12")
    assert.same({ "^set (%d+)$", "12" }, { entry.key, values[1] })
    entry, values = m:line("say hello there")
    assert.same({ "say", { n = 1, "hello there" } }, { entry.key, values })
    assert.is_nil((m:line("stop now")))
    assert.is_nil((m:line("")))
  end)

  it("are checked", function()
    local m = new_matcher()
    assert.equal("unknown parameter <nmber> (number integer boolean word string block any)", m:add("A <nmber>", ""))
    assert.matches("unfinished capture", m:add("^(", ""))
    assert.equal("empty", m:add(" ", ""))
  end)
end)
