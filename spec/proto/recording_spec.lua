-- spec of core/proto/recording.c
local codec = require("moonrig.core").codec

local HEAD = "# moonrig recording 1, 2026-01-31T12:00:00Z\n"

local function fault(text)
  local ok, err = pcall(codec.recording_copy, text)
  assert.is_false(ok)
  return err.message
end

describe("a recording", function()
  it("keeps every kind of event", function()
    local events = [[
0.000093 open "/dev/ttyUSB0"
0.000185 tx "*IDN?\n"
0.012031 rx "ACME,\"PSU\\100\",\x00\xff\e\t\r\n"
0.200000 set rts off
0.200001 set dtr on
0.201000 signals cts cd
0.202000 signals
0.300000 asked dsr on
0.400000 break 0.25
0.400001 break on
0.400002 break off
0.500000 flush_input
0.500000 flush_output
0.510000 drain
0.600000 lost "the reason"
12345.700000 close
]]
    assert.are.equal(events, codec.recording_copy(HEAD .. events))
  end)

  it("may hold blanks, comments, settings and carriage returns", function()
    assert.are.equal('1.500000 open "a"\n2.000000 settings \n2.000000 rx "x"\n',
      codec.recording_copy(HEAD ..
        '\r\n# by hand\r\n\n  1.5   open "a" 9600 8N1  \n2 settings 115200 7E2\n2.0 rx "x" \r'))
  end)

  it("carries all bytes", function()
    local all = {}
    for byte = 0, 255 do all[byte + 1] = string.char(byte) end
    local line = '0.000001 rx "' .. codec.escape_bytes(table.concat(all)) .. '"\n'
    assert.are.equal(line, codec.recording_copy(HEAD .. line))
  end)

  it("says which line is wrong, and how", function()
    assert.matches("^line 1: this is no recording", fault(""))
    assert.matches("^line 1: this is no recording", fault("PK\3\4"))
    assert.matches("^line 1: this is no recording", fault("# moonrig recording 10\n"))
    assert.matches("^line 2: expected the time in seconds", fault(HEAD .. 'x rx "a"'))
    assert.matches("^line 2: expected the time in seconds", fault(HEAD .. '-1 rx "a"'))
    assert.matches("^line 2: expected the time in seconds", fault(HEAD .. '99999999999999999999 rx "a"'))
    assert.matches("^line 3: the time goes back", fault(HEAD .. "2.0 drain\n1.999999 drain"))
    assert.matches("^line 2: no such event; they are open tx rx", fault(HEAD .. '1 recv "a"'))
    assert.matches("^line 2: expected bytes between double quotes", fault(HEAD .. "1 rx a"))
    assert.matches("^line 2: the closing quote is missing", fault(HEAD .. '1 rx "a\\"'))
    assert.matches("^line 2: in the quotes, character 2 begins no escape", fault(HEAD .. '1 rx "a\\q"'))
    assert.matches("^line 2: something stands behind the event", fault(HEAD .. '1 rx "a" "b"'))
    assert.matches("^line 2: expected a signal: dtr", fault(HEAD .. "1 signals cts foo"))
    assert.matches("^line 2: expected on or off", fault(HEAD .. "1 set rts up"))
    assert.matches("^line 2: expected on or off", fault(HEAD .. "1 break"))
    assert.matches("^line 2: expected the seconds of the break", fault(HEAD .. "1 break 1e999"))
  end)
end)
