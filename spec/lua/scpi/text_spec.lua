local text = require "moonrig.scpi.text"

describe("SCPI text", function()
  it("is split outside of quotes, parentheses and blocks", function()
    assert.same({ "1", " 2" }, text.split("1, 2", ","))
    local message = [[A "x;y";B 'z;';C (@1;2);D #14a;b;;]]
    assert.same({ 'A "x;y"', "B 'z;'", "C (@1;2)", "D #14a;b;", "" }, text.split(message, ";"))
    assert.same({ "one" }, text.split("one", ";"))
    assert.same({ "", "" }, text.split(",", ","))
  end)

  it("is quoted and unquoted", function()
    assert.equal('VOLT "a"', text.unquote [["VOLT ""a"""]])
    assert.equal("it's", text.unquote "'it''s'")
    assert.equal("bare", text.unquote "bare")
    assert.equal([["say ""hi"""]], text.quote [[say "hi"]])
  end)

  it("knows how much of a block is missing", function()
    assert.equal("#210abcdefghij", text.block "abcdefghij")
    assert.equal("#10", text.block "")
    assert.equal(0, text.missing "CURV #13abc")
    assert.equal(2, text.missing "CURV #13a")
    assert.equal(1, text.missing "DATA #12ab,#13ab")
    assert.equal(0, text.missing "VOLT 5")
  end)

  it("is trimmed, but not inside a block", function()
    assert.equal("VOLT 5", text.trim "  VOLT 5 \r")
    assert.equal("DATA #13a \r", text.trim " DATA #13a \r ")
  end)
end)
