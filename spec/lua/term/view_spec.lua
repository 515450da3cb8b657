local view = require "moonrig.term.view"

-- What a view makes of pieces, all received at time 0.
local function shown(options, ...)
  local v, out = view.new(options), {}
  for i, piece in ipairs { ... } do out[i] = v:show(piece, 0) end
  return table.concat(out) .. v:idle(0)
end

describe("a view", function()
  it("of text ends lines as the screen wants it, in whatever pieces they come", function()
    local raw = { newline = "\r\n" }
    assert.equal("a\r\nb\r\n", shown(raw, "a\r\nb\n"))
    assert.equal("a\r\nb", shown(raw, "a\r", "\nb"))
    assert.equal("a\rb\r\n\r\nc", shown(raw, "a", "\r", "b", "\n", "\n", "c"))
    assert.equal("prompt\r", shown(raw, "prompt\r"))
    assert.equal("a\nb\n", shown({}, "a\r\nb\n"))
  end)

  it("of text shows what a terminal would hide, and lets escape sequences and UTF-8 pass", function()
    assert.equal("␀␁␡ \27[1mµ\27[0m\t\7", shown({}, "\0\1\127 \27[1m\xc2", "\xb5\27[0m\t\7"))
  end)

  it("with visible control characters shows every byte", function()
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    local text = shown({ mode = "visible" }, table.concat(all))
    assert.is_nil(text:find "[^\n\32-\126]")
    assert.equal("\\r\\n\n\\x00\\e[1mµ\\\\ \\n\n\\r\n",
      shown({ mode = "visible" }, "\r", "\n\0\27[1m\xc2", "\xb5\\ \n\r"))
    assert.equal("\\xe2\\x82", shown({ mode = "visible" }, "\xe2\x82"))
    assert.equal("\\xe2\\x82A€", shown({ mode = "visible" }, "\xe2\x82A\xe2", "\x82", "\xac"))
  end)

  it("in hex has rows of 16, a new one after a pause", function()
    local v = view.new { mode = "hex" }
    assert.equal("", v:show("0123456789", 0))
    assert.equal("00000000  < 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n",
      v:show("abcdef\r\n", 0))
    assert.equal("00000010  < 0d 0a                                            ..\n", v:idle(1))
    assert.equal("", v:idle(2))
    v:show("\xff", 3)
    assert.equal("00000012  < ff                                               .\n", v:show("out", 4, true))
    assert.equal("00000000  > 6f 75 74                                         out\n", v:end_line(5))
  end)

  it("in hex shows an unfinished row, and again when it has grown", function()
    local v = view.new { mode = "hex", redraw = true, newline = "\r\n" }
    local first = "00000000  < 41 " .. (" "):rep(45) .. " A"
    assert.equal(first, v:show("A", 0))
    assert.equal("\r00000000  < 41 42 " .. (" "):rep(42) .. " AB", v:show("B", 0))
    assert.equal("\r\n", v:idle(0))
    assert.equal("", v:end_line(0))
  end)

  it("puts the time before each line when its first byte comes", function()
    local v = view.new { time = "elapsed", start = 100 }
    assert.equal("       1.000 one", v:show("one", 101))
    assert.equal(" line\n       2.500 two\n", v:show(" line\r\ntwo\n", 102.5))
    assert.equal("       3.000 \n", v:show("\n", 103))
    v.time = "delta"
    assert.equal("       0.250 x", v:show("x", 103.25))
    assert.matches("^\n%d%d:%d%d:%d%d%.125 y\n$", (function()
      local ended = v:end_line(104)
      v.time = "clock"
      return ended .. v:show("y\n", 105.125)
    end)())
    assert.equal("       1.000 < 41" .. (" "):rep(47) .. "A\n",
      shown({ mode = "hex", time = "elapsed", start = -1 }, "A"))
  end)

  it("shows what was sent in its own colour, and notes on lines of their own", function()
    local v = view.new { colour = true, newline = "\r\n" }
    assert.equal("\27[36mls\27[39m", v:show("ls", 0, true))
    assert.equal("\27[36m\r\n\27[39m", v:show("\r", 0, true))
    assert.equal("> ", v:show("> ", 0))
    assert.equal("\r\n\27[33m--- lost\27[39m\r\n", v:note("lost", 0))
    assert.equal("\27[33m--- back\27[39m\r\n", v:note("back", 0))
    assert.equal("a\r\n--- b\r\n", (function()
      local plain = view.new { newline = "\r\n" }
      return plain:show("a", 0) .. plain:note("b", 0)
    end)())
  end)

  it("raw changes nothing", function()
    assert.equal("a\r\0\27\n", shown({ mode = "raw", newline = "\r\n" }, "a\r", "\0\27\n"))
  end)
end)
