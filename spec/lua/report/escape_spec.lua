local escape = require "moonrig.report.escape"
local external = require "support.external"

describe("report.escape", function()
  it("leaves readable text alone", function()
    for _, s in ipairs { "", "PSU 4711", "two\nlines\tof text", "\u{b0}C \u{3a9} \u{65e5}\u{672c}" } do
      assert.equal(s, escape.visible(s))
    end
  end)

  it("shows controls, bytes that are not UTF-8 and marks that turn the writing", function()
    assert.equal("a\\x00b\\x1b[2J\\r\n\\x7f", escape.visible "a\0b\27[2J\r\n\127")
    assert.equal("\\xff\\xc3(\\xed\\xa0\\x80", escape.visible "\xff\xc3(\xed\xa0\x80")
    assert.equal("\\u{9b}\\u{202e}\\u{2066}\\u{61c}\\u{ffff}", escape.visible "\u{9b}\u{202e}\u{2066}\u{61c}\u{ffff}")
    assert.equal("\u{201c}\u{2069c}", escape.visible "\u{201c}\u{2069c}")
  end)

  it("escapes markup", function()
    assert.equal("&lt;b&gt; &amp;amp; &quot;x&quot; &#39;y&#39;\n", escape.markup [[<b> &amp; "x" 'y']] .. "\n")
    assert.equal("a&#10;b&#9;c &lt;", escape.attribute "a\nb\tc <")
  end)

  it("leaves no byte that XML refuses, whatever goes in", function()
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    for _, code in ipairs { 0x80, 0x9f, 0xd7ff, 0xe000, 0xfffd, 0xfffe, 0xffff, 0x10ffff } do
      all[#all + 1] = utf8.char(code)
    end
    local s = table.concat(all)
    local output, code = external.run("xmllint --noout \"$1\"", ('<x a="%s">%s</x>'):format(escape.attribute(s),
      escape.markup(s)))
    assert.equal("", output)
    assert.equal(0, code)
  end)

  it("writes CSS strings that end nowhere else", function()
    assert.equal('"PSU-4711, run 5"', escape.css "PSU-4711, run 5")
    assert.equal('"\\000022 \\00003b \\00007d \\00003c /style\\00003e \\00005c \\00000a "',
      escape.css '";}</style>\\\n')
    assert.is_nil(escape.css(("<>\"'\\;{}\n"):rep(3)):sub(2, -2):find "[<>\"';{}\n]")
  end)

  it("writes Base64", function()
    local cases = { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=",
      foobar = "Zm9vYmFy", ["\xff\xfe\xfd\0"] = "//79AA==" }
    for bytes, text in pairs(cases) do assert.equal(text, escape.base64(bytes)) end
  end)
end)
