-- The same session on pySerial's spy and on ours: the same text, but for the times.
local rig = require "moonrig"

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local all = {}
for byte = 0, 255 do all[byte + 1] = string.char(byte) end

-- name, value
local STEPS = {
  { "write", "*IDN?\n" }, { "read", 6 }, { "write", table.concat(all) }, { "read", 256 }, { "write", "12345678" },
  { "read", 8 }, { "write", "x" }, { "read", 1 }, { "rts", false }, { "cts" }, { "rts", true }, { "cts" },
  { "dtr", false }, { "dsr" },
  { "dtr", true }, { "ri" }, { "cd" }, { "break_condition", true }, { "break_condition", false },
  { "send_break", 0.05 }, { "send_break", 0.125 }, { "flush_input" }, { "flush_output" }, { "drain" }, { "in_waiting" },
  { "read_nothing" }, { "write", "last" }, { "read", 4 },
}

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  os.remove(path)
  return text
end

local function by_pyserial(options)
  local output, steps = os.tmpname(), os.tmpname()
  local file = assert(io.open(steps, "w"))
  for _, step in ipairs(STEPS) do
    local value = step[2]
    if type(value) == "string" then value = hex(value) end
    if type(value) == "boolean" then value = value and "on" or "off" end
    file:write(step[1], value and " " .. value or "", "\n")
  end
  file:close()
  assert(os.execute(("/usr/bin/python3 spec/interop/pyserial_spy.py %s '%s' < %s"):format(output, options, steps)),
    "python3-serial is needed")
  os.remove(steps)
  return read_file(output)
end

local function by_moonrig(options)
  local output = os.tmpname()
  local port = rig.open("spy://loop://?file=" .. output .. options)
  for _, step in ipairs(STEPS) do
    local name, value = step[1], step[2]
    if name == "read_nothing" then
      assert.is_nil((port:try_read(1, 0.01)))
    elseif name == "rts" or name == "dtr" or name == "break_condition" then
      port[name] = value
    else
      local field = port[name]
      if type(field) == "function" then field(port, value) end
    end
  end
  port:close()
  return read_file(output)
end

local function without_times(text)
  return (text:gsub("%d%d%d%d%d%d%.%d%d%d ", ""))
end

describe("the text of spy", function()
  it("is that of pySerial's spy", function()
    assert.are.equal(without_times(by_pyserial("")), without_times(by_moonrig("")))
  end)

  it("is that of pySerial's spy with color, but for going back to normal", function()
    local text = without_times(by_moonrig("&color"))
    assert.are.equal(without_times(by_pyserial("&color")), (text:gsub("\27%[0m", "")))
  end)

  it("is that of pySerial's spy with all, but for the changes that it cannot see", function()
    -- Ours shows the input signals when they change, too: each twice in a row where the script asks.
    local want, got = without_times(by_pyserial("&all")), without_times(by_moonrig("&all"))
    want = want:gsub("[CD][TS][SR]  %a+\n", "")
    got = got:gsub("[CD][TS][SR]  %a+\n", "")
    assert.are.equal(want, got)
  end)
end)
