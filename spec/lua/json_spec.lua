local json = require "moonrig.json"

local function fails(code, message, fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal(code, e.code)
  assert.matches(message, e.message, 1, true)
end

-- Runs a Python program, which reads `input` from a file and whose output is returned.
local function python(program, input)
  local data, source = os.tmpname(), os.tmpname()
  for name, text in pairs { [data] = input, [source] = program } do
    local f <close> = assert(io.open(name, "wb"))
    f:write(text)
  end
  local p = assert(io.popen(("python3 '%s' '%s' 2>&1"):format(source, data)))
  local output = p:read("a")
  p:close()
  os.remove(data)
  os.remove(source)
  return output
end

describe("json.encode", function()
  it("writes scalars", function()
    assert.equal("null", json.encode(nil))
    assert.equal("null", json.encode(json.null))
    assert.equal("true", json.encode(true))
    assert.equal('"a"', json.encode("a"))
    assert.equal("7", json.encode(7))
  end)

  it("keeps integers and floats apart", function()
    assert.equal("5", json.encode(5))
    assert.equal("5.0", json.encode(5.0))
    assert.equal("-0.0", json.encode(-0.0))
    assert.equal("9223372036854775807", json.encode(math.maxinteger))
    assert.equal("-9223372036854775808", json.encode(math.mininteger))
  end)

  it("writes the shortest digits that read back the same", function()
    local cases = { [0.1] = "0.1", [1 / 3] = "0.3333333333333333", [0.1 + 0.2] = "0.30000000000000004",
      [1e22] = "1e+22", [5e-324] = "5e-324", [1.5e-310] = "1.5e-310", [4.35] = "4.35",
      [1.7976931348623157e308] = "1.7976931348623157e+308" }
    for x, text in pairs(cases) do assert.equal(text, json.encode(x)) end
  end)

  it("tells arrays from objects, also empty ones", function()
    assert.equal("[1,2,3]", json.encode { 1, 2, 3 })
    assert.equal("{}", json.encode {})
    assert.equal("[]", json.encode(json.array {}))
    assert.equal("{}", json.encode(json.object()))
    assert.equal('{"a":[]}', json.encode { a = json.array() })
    assert.equal("[null,1]", json.encode { json.null, 1 })
  end)

  it("sorts keys unless told not to", function()
    assert.equal('{"a":1,"aa":2,"b":3}', json.encode { b = 3, aa = 2, a = 1 })
    assert.same({ b = 3, a = 1 }, json.decode(json.encode({ b = 3, a = 1 }, { sort = false })))
  end)

  it("indents", function()
    assert.equal('{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}',
      json.encode({ a = { 1, {} }, b = json.array() }, { indent = 2 }))
  end)

  it("escapes what must be escaped and nothing else", function()
    assert.equal([["\" \\ \b\f\n\r\t \u0000\u001f\u007f / é 🌕"]], json.encode("\" \\ \b\f\n\r\t \0\31\127 / é 🌕"))
  end)

  it("raises for NaN and infinities unless told what to write", function()
    for _, x in ipairs { 0 / 0, math.huge, -math.huge } do
      fails("unsupported", "value.a[2] is", json.encode, { a = { 1, x } })
    end
    local all = { 0 / 0, math.huge, -math.huge }
    assert.equal("[null,null,null]", json.encode(all, { nonfinite = "null" }))
    assert.equal('["nan","inf","-inf"]', json.encode(all, { nonfinite = "string" }))
    assert.equal("[NaN,Infinity,-Infinity]", json.encode(all, { nonfinite = "literal" }))
  end)

  it("raises for bytes that are not UTF-8 unless told what to write", function()
    fails("unsupported", "value.reply is a string whose byte 3 (0xb0)", json.encode, { reply = "25\xb0C" })
    assert.equal('"25\u{fffd}C"', json.encode("25\xb0C", { invalid = "replace" }))
    assert.equal([["25\udcb0C"]], json.encode("25\xb0C", { invalid = "escape" }))
  end)

  it("raises for what has no form, and says which part it is", function()
    fails("unsupported", "value.a.b[1] is a function", json.encode, { a = { b = { print } } })
    fails("unsupported", "value has elements 1 to 1 and also the key x", json.encode, { 1, x = 2 })
    fails("unsupported", "value.t has the key 1.5 (number)", json.encode, { t = { [1.5] = 1 } })
    fails("unsupported", "has holes", json.encode, { 1, nil, nil, 4 })
    fails("unsupported", "has the key 2 (number)", json.encode, { a = 1, [2] = 2 })
  end)

  it("notices a table that contains itself", function()
    local t = {}
    t.t = t
    fails("unsupported", "deeper than 128", json.encode, t)
    fails("unsupported", "deeper than 1 ", json.encode, { {} }, { depth = 1 })
    assert.equal("[{}]", json.encode({ {} }, { depth = 2 }))
  end)

  it("refuses unknown options", function()
    fails("unsupported", "bad option sorted", json.encode, {}, { sorted = true })
    fails("unsupported", "bad option nonfinite = maybe", json.encode, {}, { nonfinite = "maybe" })
    fails("unsupported", "bad option depth", json.decode, "1", { depth = 1e9 })
  end)
end)

describe("json.decode", function()
  it("reads values, with space around", function()
    assert.same({ a = { 1, 2.5, "x", true, false, json.null }, b = {} },
      json.decode ' {"a" : [1, 2.5 ,"x",\ttrue,false,null],\r\n"b":{}} ')
  end)

  it("keeps integers and floats apart", function()
    assert.equal("integer", math.type(json.decode "5"))
    assert.equal("float", math.type(json.decode "5.0"))
    assert.equal("float", math.type(json.decode "5e0"))
    assert.equal(math.mininteger, json.decode "-9223372036854775808")
    assert.equal("float", math.type(json.decode "9223372036854775808"))
    assert.equal(-math.huge, 1 / json.decode "-0.0")
    assert.equal(-math.huge, 1 / json.decode "-0")
  end)

  it("keeps empty arrays", function()
    assert.equal('{"a":[],"b":{}}', json.encode(json.decode '{"b":{},"a":[]}'))
  end)

  it("reads escapes", function()
    assert.equal('"\\/\b\f\n\r\t\0é🌕', json.decode [["\"\\\/\b\f\n\r\t\u0000\u00E9\ud83c\udf15"]])
  end)

  it("skips a byte order mark", function() assert.equal(1, json.decode "\u{feff}1") end)

  it("gives lone surrogates back as bytes only when asked", function()
    fails("protocol", "half a surrogate pair", json.decode, [["\udcb0"]])
    fails("protocol", "half a surrogate pair", json.decode, [["\ud83c"]], { invalid = "escape" })
    assert.equal("\xb0", json.decode([["\udcb0"]], { invalid = "escape" }))
    assert.equal("\u{fffd}", json.decode([["\ud83c"]], { invalid = "replace" }))
  end)

  it("reads NaN and Infinity only when asked", function()
    fails("protocol", 'found "NaN"', json.decode, "[NaN]")
    local t = json.decode("[NaN,Infinity,-Infinity]", { nonfinite = "literal" })
    assert.is_true(t[1] ~= t[1] and t[2] == math.huge and t[3] == -math.huge)
  end)

  it("says where and what is wrong", function()
    local cases = {
      { "", "line 1 column 1 (byte 1): expected a value, found the end" },
      { "[1,2", "byte 5): expected , or ]" },
      { "[1,]", "byte 4): expected a value, found \"]\"" },
      { "{\n  \"a\": 1,\n  b: 2}", "line 3 column 3 (byte 15): expected a key in \"quotes\", found \"b\"" },
      { '{"a" 1}', "expected : after a key" },
      { '{"a":1 "b":2}', "expected , or }" },
      { "01", "does not begin with 0" }, { "-", "needs a digit" }, { "1.", "text after the value" },
      { "+1", "expected a value" }, { ".5", "expected a value" }, { "0x10", "text after the value" },
      { "1e999", "too large" }, { '"a', "without its closing quote" }, { '"a\nb"', "control character 0x0a" },
      { [["\x"]], "no escape \\x" }, { [["\u12"]], "four hexadecimal" }, { "nul", 'found "nul"' },
      { "truex", 'found "truex"' }, { "1 2", "text after the value" }, { '"\xff"', "byte 0xff is not UTF-8" },
      { '"\xed\xa0\x80"', "is not UTF-8" }, { "'a'", "expected a value" },
    }
    for _, case in ipairs(cases) do fails("protocol", case[2], json.decode, case[1]) end
    fails("unsupported", "wants a string, got a table", json.decode, {})
  end)

  it("limits the depth", function()
    local function nested(n) return ("["):rep(n) .. ("]"):rep(n) end
    assert.is_table(json.decode(nested(128)))
    fails("protocol", "nested deeper than 128", json.decode, nested(129))
    fails("protocol", "nested deeper than 128", json.decode, ("["):rep(1e6))
    fails("protocol", "nested deeper than 2", json.decode, nested(3), { depth = 2 })
  end)

  it("takes time linear in the text", function()
    local function cost(n)
      local text = '["' .. ("\\n\\u00e9x"):rep(n) .. '",' .. ("1.5,"):rep(n) .. "{}" .. (" "):rep(n) .. "]"
      local least = math.huge
      for _ = 1, 3 do
        collectgarbage()
        local start = os.clock()
        json.decode(text)
        least = math.min(least, os.clock() - start)
      end
      return least
    end
    assert.is_true(cost(40000) < 25 * cost(4000))
  end)
end)

describe("json, both ways", function()
  it("keeps every byte string", function()
    local all = {}
    for i = 0, 255 do all[i + 1] = string.char(i) end
    for _, s in ipairs { table.concat(all), "\xf0\x9f\x8c", "é\xc3", "\xed\xb2\xb0", "\xff\xff🌕\x80" } do
      assert.equal(s, json.decode(json.encode(s, { invalid = "escape" }), { invalid = "escape" }))
    end
  end)

  it("keeps random doubles, and Python reads the same from as few digits", function()
    local list = {}
    for _ = 1, 3000 do
      local x = string.unpack("d", string.pack("i8", math.random(0)))
      if x == x and x ~= math.huge and x ~= -math.huge then list[#list + 1] = x end
    end
    for i = 1, 2000 do
      list[#list + 1] = math.random(-999999, 999999) * 10.0 ^ math.random(-12, 12) * (i % 3 + 1)
    end
    local text = json.encode(list)
    local back, hex = json.decode(text), {}
    for i, x in ipairs(list) do
      assert.equal(x, back[i])
      assert.equal("float", math.type(back[i]))
      hex[i] = ("%a"):format(x)
    end
    local output = python([==[
import json, sys
for line in open(sys.argv[1]):
    text, hexadecimal = line.split()
    x = float.fromhex(hexadecimal)
    if json.loads(text) != x: print("differs", line)
    digits = lambda s: len(s.lower().split("e")[0].replace(".", "").strip("-0"))
    if digits(text) > digits(repr(x)): print("longer than", repr(x), line)
print("checked")
]==], (function()
      local lines = {}
      for i, x in ipairs(list) do lines[i] = json.encode(x) .. " " .. hex[i] .. "\n" end
      return table.concat(lines)
    end)())
    assert.equal("checked\n", output)
  end)

  it("agrees with Python's json", function()
    local value = { int = math.maxinteger, float = 1e23, text = "NUL \0 é 🌕 \127 \u{2028}",
      list = { 1, { 2.0 }, json.array() }, object = {}, yes = true, null = json.null, bytes = "\xb0\xff",
      infinite = { math.huge, -math.huge } }
    local opts = { invalid = "escape", nonfinite = "literal" }
    local output = python([==[
import json, sys
v = json.load(open(sys.argv[1]))
assert v["int"] == 2**63 - 1 and v["float"] == 1e23, v
assert v["text"] == "NUL \0 \xe9 \U0001f315 \x7f \u2028", v
assert v["list"] == [1, [2.0], []] and type(v["list"][1][0]) is float, v
assert v["bytes"].encode("utf-8", "surrogateescape") == b"\xb0\xff", v
print(json.dumps(v, indent=1))
]==], json.encode(value, opts))
    assert.same(value, json.decode(output, opts))
  end)
end)
