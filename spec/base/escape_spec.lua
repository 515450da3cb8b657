-- spec of core/base/escape.c
local codec = require("moonrig.core").codec

local all = {}
for byte = 0, 255 do all[byte + 1] = string.char(byte) end
local every_byte = table.concat(all)

describe("escape_terminal", function()
  it("leaves readable text alone, UTF-8 too", function()
    local text = 'Spannung: 5,02 V ±0.1 µs "Ω" 日本 🙂'
    assert.are.equal(text, codec.escape_terminal(text))
  end)

  it("shows every control byte instead of obeying it", function()
    assert.are.equal("\\e]0;x\\x07\\e[2J\\r\\n\\t\\x7f\\x00", codec.escape_terminal("\27]0;x\7\27[2J\r\n\t\127\0"))
    assert.are.equal("\\xc2\\x9b31m", codec.escape_terminal("\u{9b}31m"))
    for byte = 0, 31 do
      assert.matches("^\\", codec.escape_terminal(string.char(byte)))
    end
  end)

  it("shows what turns the direction of writing or is not seen", function()
    for _, code in ipairs { 0x61c, 0x200b, 0x200e, 0x200f, 0x2028, 0x202a, 0x202e, 0x2066, 0x2069, 0xfeff } do
      assert.matches("^\\x", codec.escape_terminal(utf8.char(code)))
    end
  end)

  it("shows bytes that are no UTF-8 as bytes", function()
    assert.are.equal("\\xff", codec.escape_terminal("\xff"))
    assert.are.equal("a\\xc3", codec.escape_terminal("a\xc3"))
    assert.are.equal("\\xc0\\xaf", codec.escape_terminal("\xc0\xaf"))
    assert.are.equal("\\xe0\\x80\\x9b", codec.escape_terminal("\xe0\x80\x9b"))
    assert.are.equal("\\xed\\xa0\\x80", codec.escape_terminal("\xed\xa0\x80"))
    assert.are.equal("\\xf4\\x90\\x80\\x80", codec.escape_terminal("\xf4\x90\x80\x80"))
  end)

  it("escapes the backslash, so that the text says what the bytes were", function()
    assert.are.equal("C:\\\\dir", codec.escape_terminal("C:\\dir"))
  end)
end)

describe("escape_bytes and unescape", function()
  it("carry all bytes as one line of ASCII", function()
    local text = codec.escape_bytes(every_byte)
    assert.is_nil(text:find("[^ -~]"))
    assert.is_nil(text:find('[^\\]"'))
    assert.are.equal(every_byte, codec.unescape(text))
  end)

  it("say where a text is wrong", function()
    local faults = { ["ab\\q"] = 3, ["\\x4"] = 1, ["\\xg0"] = 1, ["ab\\"] = 3, ['a"b'] = 2, ["a\nb"] = 2, ["\xe9"] = 1 }
    for text, at in pairs(faults) do
      local ok, err = pcall(codec.unescape, text)
      assert.is_false(ok)
      assert.matches("^character " .. at .. " ", err.message)
    end
  end)
end)
