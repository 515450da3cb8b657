-- spec of core/proto/pcapng.c: golden bytes.  spec/interop/tshark_spec.lua shows what tshark reads in them.
local codec = require("moonrig.core").codec
local session = require("spec.fixtures.pcapng.session")

local function fixture(name)
  local file <close> = assert(io.open("spec/fixtures/pcapng/" .. name, "rb"))
  return file:read("a")
end

describe("pcapng", function()
  it("writes the bytes of the golden file", function()
    assert.are.equal(fixture("session.pcapng"), session(codec))
  end)

  it("pads every block to 4 bytes and repeats its length at its end", function()
    for size = 0, 9 do
      local block = codec.pcapng_packet(1, 0, 0, 0, ("x"):rep(size), ("c"):rep(size))
      assert.are.equal(0, #block % 4)
      assert.are.equal(#block, string.unpack("<I4", block, 5))
      assert.are.equal(#block, string.unpack("<I4", block, #block - 3))
      assert.are.equal(12 + size, string.unpack("<I4", block, 21))
      assert.are.equal(12 + size, string.unpack("<I4", block, 25))
    end
  end)

  it("keeps microseconds beyond 32 bits", function()
    local block = codec.pcapng_packet(2, 0x123456789abcdef, 4294967295999999, 0)
    assert.are.equal(0x1234567, string.unpack("<I4", block, 13))
    assert.are.equal(0x89abcdef, string.unpack("<I4", block, 17))
    assert.are.equal(4294967295, string.unpack(">I4", block, 29))
    assert.are.equal(999999, string.unpack(">I4", block, 33))
  end)

  it("cuts a name that no option can hold", function()
    local head = codec.pcapng_head(("n"):rep(70000), "url")
    assert.are.equal(28 + 12 + 4, string.unpack("<I4", head, 5))
    assert.is_true(#head < 66000)
  end)
end)
