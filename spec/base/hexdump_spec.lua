-- spec of core/base/hexdump.c.  spec/interop/pyserial_dump_spec.lua compares it with pySerial itself.
local codec = require("moonrig.core").codec

describe("hexdump", function()
  it("writes a line for each 16 bytes, the last one padded", function()
    local bytes = {}
    for i = 0, 19 do bytes[i + 1] = string.char(i) end
    assert.are.equal(
      "000000.001 RX   0000  00 01 02 03 04 05 06 07  08 09 0A 0B 0C 0D 0E 0F  ................\n" ..
      "000000.001 RX   0010  10 11 12 13                                       ....            \n",
      codec.hexdump(0.001, "RX", table.concat(bytes)))
  end)

  it("shows printable ASCII and dots for the rest", function()
    assert.are.equal("000012.500 TX   0000  20 7E 7F FF 00 41                                  ~...A          \n",
      codec.hexdump(12.5, "TX", " ~\127\255\0A"))
  end)

  it("keeps its columns for 8 and 9 bytes", function()
    assert.are.equal("000000.000 TX   0000  61 61 61 61 61 61 61 61                           aaaaaaaa        \n",
      codec.hexdump(0, "TX", ("a"):rep(8)))
    assert.are.equal("000000.000 TX   0000  61 61 61 61 61 61 61 61  61                       aaaaaaaaa       \n",
      codec.hexdump(0, "TX", ("a"):rep(9)))
  end)

  it("lets offset and time grow beyond their columns", function()
    local text = codec.hexdump(12345678.9, "TX", ("x"):rep(65537))
    assert.matches("\n12345678%.900 TX   10000  78 ", text)
  end)

  it("writes nothing for no bytes", function()
    assert.are.equal("", codec.hexdump(0, "RX", ""))
  end)
end)

describe("hexdump_text", function()
  it("puts a text behind time and label", function()
    assert.are.equal("000000.302 BRK  send_break 0.3s\n", codec.hexdump_text(0.302, "BRK", "send_break 0.3s"))
    assert.are.equal("000003.000 Q-RX reset_input_buffer\n", codec.hexdump_text(3, "Q-RX", "reset_input_buffer"))
  end)
end)
