-- The dump text, byte for byte against pySerial's formatter.
local codec = require("moonrig.core").codec

local function pyserial(cases)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  for _, case in ipairs(cases) do
    local value = case.text or case.bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
    file:write(("%.17g\t%s\t%s\n"):format(case.seconds, case.what, value))
  end
  file:close()
  local pipe = assert(io.popen("/usr/bin/python3 spec/interop/pyserial_dump.py < " .. path))
  local text = pipe:read("a")
  assert(pipe:close(), "python3-serial is needed")
  os.remove(path)
  return text
end

local function moonrig(cases)
  local text = {}
  for i, case in ipairs(cases) do
    if case.text then
      text[i] = codec.hexdump_text(case.seconds, case.what, case.text)
    else
      text[i] = codec.hexdump(case.seconds, case.what:upper(), case.bytes)
    end
  end
  return table.concat(text)
end

describe("the dump text", function()
  it("is pySerial's", function()
    local all = {}
    for byte = 0, 255 do all[byte + 1] = string.char(byte) end
    local bytes = table.concat(all)
    local cases = {
      { seconds = 0, what = "tx", bytes = bytes },
      { seconds = 1 / 3, what = "rx", bytes = bytes .. "x" },
    }
    for size = 1, 40 do
      local what = size % 2 == 0 and "tx" or "rx"
      cases[#cases + 1] = { seconds = size * 0.0625005, what = what, bytes = bytes:sub(-size) }
    end
    for i, label in ipairs { "RTS", "Q-RX", "Q-TX", "BRK", "RI", "CD", "DTR", "CTS", "DSR" } do
      cases[#cases + 1] = { seconds = 99999.9994 + i / 8, what = label, text = "active" }
    end
    cases[#cases + 1] = { seconds = 1e7, what = "rx", bytes = ("z"):rep(65600) }
    assert.are.equal(pyserial(cases), moonrig(cases))
  end)
end)
