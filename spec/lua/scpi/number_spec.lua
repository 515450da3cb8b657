local number = require "moonrig.scpi.number"

local function parse(text)
  local value, reason = number.parse(text)
  return value or reason
end

describe("a SCPI number", function()
  it("is what Lua reads, in every notation of IEEE 488.2", function()
    for text, value in pairs {
      ["5"] = 5, ["+5"] = 5, ["-0.25"] = -0.25, [".5"] = 0.5, ["5."] = 5, ["+1.50000E-03"] = 0.0015, ["1E3"] = 1000,
      ["1.5 E -3"] = 0.0015, ["  7 "] = 7, ["-1.23456789E+02"] = -123.456789,
    } do assert.equal(value, parse(text), text) end
    assert.equal("integer", math.type(parse "+12"))
  end)

  it("has words and values for what is not one", function()
    for _, text in ipairs { "9.91E37", "+9.91000000E+37", "NAN", "nan" } do
      assert.is_true(parse(text) ~= parse(text), text)
    end
    for _, text in ipairs { "9.9E37", "+9.90000000E+37", "INF", "+INF", "infinity", "INFinity" } do
      assert.equal(math.huge, parse(text), text)
    end
    for _, text in ipairs { "-9.9E37", "-INF", "NINF", "NINFinity" } do assert.equal(-math.huge, parse(text), text) end
    assert.equal(9.8e37, parse "9.8E37")
    assert.equal(1e38, parse "1E38")
  end)

  it("takes suffixes: M is milli, but mega before OHM and HZ", function()
    for text, value in pairs {
      ["1.5E-3 V"] = 1.5e-3, ["1.5V"] = 1.5, ["150 mV"] = 0.15, ["150 MV"] = 0.15, ["10 MOHM"] = 1e7, ["10 MHZ"] = 1e7,
      ["10 MHz"] = 1e7, ["4.7 KOHM"] = 4700, ["4.7kOhm"] = 4700, ["5 MAV"] = 5e6, ["5 MAHZ"] = 5e6, ["3 MA"] = 3e-3,
      ["20 uA"] = 20e-6, ["20 \xC2\xB5A"] = 20e-6, ["2 k\xCE\xA9"] = 2000, ["2 m\xCE\xA9"] = 2e-3,
      ["2 M\xCE\xA9"] = 2e6, ["33 PF"] = 33e-12, ["100 NS"] = 100e-9, ["12 %"] = 12, ["-3 dBm"] = -3,
      ["2.4 GHZ"] = 2.4e9,
      ["25 CEL"] = 25, ["0.5 V/S"] = 0.5, ["1 MS"] = 1e-3, ["1 EXHZ"] = 1e18, ["1.5E3 MV"] = 1.5, ["1 MIN"] = 1,
    } do assert.equal(value, parse(text), text) end
  end)

  it("is read exactly, also with a multiplier", function()
    assert.equal(0.1, parse "100 MV")
    assert.equal(1.1e-6, parse "1.1 UV")
    assert.equal(123.456e-9, parse "123.456 NA")
  end)

  it("may be hexadecimal, octal or binary", function()
    assert.same({ 255, 15, 5, 1 << 60 }, { parse "#HfF", parse "#q17", parse "#B101", parse "#H1000000000000000" })
    assert.equal("more than 62 bits", parse "#HFFFFFFFFFFFFFFFFF")
    assert.equal("not a #H, #Q or #B number", parse "#B12")
  end)

  it("is not guessed", function()
    for text, reason in pairs {
      [""] = "empty", ["abc"] = "not a number", ["0x10"] = 'unknown suffix "x10"', ["1,5"] = 'unknown suffix ",5"',
      ["5 furlong"] = 'unknown suffix "furlong"', ["4.7 K"] = '"K" may be a unit or a multiplier',
      ["1 2"] = 'unknown suffix "2"', ["-"] = "not a number", ["E5"] = "not a number",
      ["5 V/FOO"] = 'unknown suffix "V/FOO"',
    } do
      local value, why = number.parse(text)
      assert.same({ nil, reason }, { value, why }, text)
    end
  end)
end)
