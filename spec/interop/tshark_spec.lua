-- What tshark reads in our pcapng files.
local rig = require "moonrig"

local FIELDS = { "frame.time_epoch", "frame.p2p_dir", "rtacser.timestamp", "rtacser.eventtype", "rtacser.cts",
  "rtacser.rts", "rtacser.dtr", "data.data", "frame.comment" }

local function tshark(path)
  local command = ("tshark -r %s -T fields -E separator=';' -E occurrence=f -e %s 2>/dev/null")
    :format(path, table.concat(FIELDS, " -e "))
  local pipe <close> = assert(io.popen(command))
  local rows = {}
  for line in pipe:lines() do
    local row, i = {}, 0
    for value in (line .. ";"):gmatch("([^;]*);") do
      i = i + 1
      row[FIELDS[i]:match("[^.]*$")] = value
    end
    rows[#rows + 1] = row
  end
  return rows
end

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

describe("tshark", function()
  it("shows time, direction, signals, events, bytes and comments of a capture", function()
    local rows = tshark("spec/fixtures/pcapng/session.pcapng")
    local sent, received = "0", "1"
    assert.are.equal(9, #rows)
    assert.are.same({ time_epoch = "1700000000.123456000", p2p_dir = "", timestamp = "0.000000000", eventtype = "0x00",
      cts = "0", rts = "1", dtr = "1", data = "", comment = "open, 9600 8N1" }, rows[1])
    assert.are.same({ time_epoch = "1700000000.123473000", p2p_dir = sent, timestamp = "0.000017000",
      eventtype = "0x01", cts = "0", rts = "1", dtr = "1", data = hex("*IDN?\n"), comment = "" }, rows[2])
    assert.are.equal("1", rows[3].cts)
    assert.are.same({ time_epoch = "1700000003.124690000", p2p_dir = received, timestamp = "3.001234000",
      eventtype = "0x02", cts = "1", rts = "1", dtr = "1", data = hex("ACME,PSU-100,7,1.0\r\n"), comment = "" },
      rows[4])
    assert.are.equal("break 0.25 s", rows[5].comment)
    local events = {}
    for i, row in ipairs(rows) do events[i] = row.eventtype end
    assert.are.same({ "0x00", "0x01", "0x00", "0x02", "0x09", "0x07", "0x08", "0x0a", "0x02" }, events)
    assert.are.equal(512, #rows[9].data)
  end)

  it("shows what spy has captured on a port", function()
    local path = os.tmpname()
    local before = os.time()
    local port = rig.open("spy://loop://?format=pcapng&file=" .. path)
    port:write("*IDN?\n")
    port:read_line()
    port.rts = false
    port:set { baudrate = 115200 }
    port:send_break(0.01)
    rig.sleep(0.02)
    port:close()
    local rows = tshark(path)
    os.remove(path)
    local seen = {}
    for i, row in ipairs(rows) do
      local time = tonumber(row.time_epoch)
      assert.is_true(time >= before and time < before + 10)
      seen[i] = ("%s %s rts=%s cts=%s %s%s"):format(row.eventtype, row.p2p_dir, row.rts, row.cts, row.data, row.comment)
    end
    assert.are.same({
      "0x00  rts=1 cts=1 open, 9600 8N1",
      "0x01 0 rts=1 cts=1 " .. hex("*IDN?\n"),
      "0x02 1 rts=1 cts=1 " .. hex("*IDN?\n"),
      "0x00  rts=0 cts=0 ",
      "0x00  rts=0 cts=0 settings, 115200 8N1",
      "0x09  rts=0 cts=0 break 0.01 s",
      "0x00  rts=0 cts=0 close",
    }, seen)
    assert.is_true(tonumber(rows[7].timestamp) - tonumber(rows[6].timestamp) >= 0.03)
  end)

  it("shows the traffic of a run, also of an instrument that was opened twice", function()
    local traffic = require("moonrig.traffic").new()
    for _, question in ipairs { "first?", "second?" } do
      local port <close> = rig.open "loop://"
      traffic:follow("psu", port)
      port:write_line(question)
    end
    local path = os.tmpname()
    traffic:finish(function(file, problem)
      assert.same({ "psu.pcapng", "application/vnd.tcpdump.pcap", nil }, { file.name, file.mime, problem })
      local out <close> = assert(io.open(path, "wb"))
      out:write(file.data)
    end)
    local rows, sent = tshark(path), {}
    os.remove(path)
    for _, row in ipairs(rows) do
      if row.p2p_dir == "0" then sent[#sent + 1] = row.data end
    end
    assert.same({ hex "first?\n", hex "second?\n" }, sent)
    assert.equal("close", rows[#rows].comment)
  end)
end)
