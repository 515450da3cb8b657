-- core/port/termios2.c and marks.c, compiled with a tty driver made up in termios2_fake.c.
describe("termios2", function()
  local program

  setup(function()
    program = os.tmpname()
    assert(os.execute(("cc -std=c11 -D_GNU_SOURCE -Icore -o %s spec/port/termios2_fake.c core/port/marks.c " ..
      "core/port/settings.c core/base/url.c core/base/err.c -lm"):format(program)))
  end)
  teardown(function() os.remove(program) end)

  --- The lines after each command.
  local function run(...)
    local lines, pipe = {}, assert(io.popen(program .. " " .. table.concat({ ... }, " ") .. " 2>&1"))
    for line in pipe:lines() do lines[#lines + 1] = line end
    pipe:close()
    return lines
  end

  -- SER_RS485: 1 enabled, 2 RTS on send, 4 RTS after send, 10 receive during send
  it("switches RS-485 on and off again", function()
    local lines = run("rs485", "rs485=1", "rs485.delay_before_tx=0.0105", "rs485.delay_before_rx=0.002",
      "rs485.rts_level_for_rx=1", "rs485.loopback=1", "rs485.rts_level_for_tx=0", "rs485=0")
    assert.matches("rs485 3 0 0 ", lines[1])
    assert.matches("rs485 3 11 0 ", lines[2])
    assert.matches("rs485 3 11 2 ", lines[3])
    assert.matches("rs485 7 11 2 ", lines[4])
    assert.matches("rs485 17 11 2 ", lines[5])
    assert.matches("rs485 15 11 2 ", lines[6])
    assert.matches("rs485 0 ", lines[7])
  end)

  it("raises RS-485 that is not in force as asked, and takes it back", function()
    local lines = run("clamps", "rs485.delay_before_tx=0.5")
    assert.matches("unsupported: tty: rs485 on 100 0.5/0 was asked for, on 100 0.1/0 is in force " ..
      "(driver clamps: RTS levels for tx, rx, loopback, delays)", lines[1], 1, true)
    assert.matches("; 9600 .* rs485 0 0 0 low_latency 0 raw 0$", lines[1])
    assert.matches("unsupported: .* rs485 0 0 0 low_latency 0 raw 0$", run("deaf", "rs485.rts_level_for_rx=1")[1])
  end)

  it("knows that what the driver has not is off", function()
    local lines = run("bare", "rs485=0", "low_latency=0", "rs485=1", "low_latency=1")
    assert.matches("^9600 ", lines[1])
    assert.matches("^9600 ", lines[2])
    assert.matches("^unsupported: tty: rs485 is not known to its driver bare", lines[3])
    assert.matches("^unsupported: tty: low_latency is not known to its driver bare", lines[4])
  end)

  it("switches low latency on and off", function()
    local lines = run("usual", "low_latency=1", "baudrate=300", "low_latency=0")
    assert.matches("low_latency 1", lines[1])
    assert.matches("^300 .* low_latency 1", lines[2])
    assert.matches("low_latency 0", lines[3])
  end)

  it("puts all back where one part is refused", function()
    local lines = run("slow", "baudrate=115200", "parity=E", "baudrate=9700")
    assert.matches("unsupported: tty: baudrate 115200 was asked for, 9600 is in force (driver slow); 9600",
      lines[1], 1, true)
    assert.matches("raw 0$", lines[1])
    assert.matches("^9600 cflag 460 ", lines[2])
    assert.matches("^9600 ", lines[3])             -- 1 % off is as good
  end)

  it("takes a rate within 2.5 %", function()
    assert.matches("^117504 ", run("near", "baudrate=115200")[1])
  end)

  it("refuses what drivers only pretend to take", function()
    assert.matches("bytesize 5 was asked for, 8 is in force (driver ftdi_sio: the chip has 7 and 8)",
      run("ftdi_sio", "bytesize=5")[1], 1, true)
    assert.matches("rtscts on was asked for, off is in force (driver cdc_acm",
      run("cdc_acm", "rtscts=1")[1], 1, true)
    assert.matches("dsrdtr on was asked for, off is in force", run("usual", "dsrdtr=1")[1], 1, true)
  end)

  it("takes marks out of received bytes, wherever a read ends", function()
    assert.same({ "41ff42 parity 0 breaks 0", "4100 parity 0 breaks 1", "41ff parity 2 breaks 0",
      "41ff00 parity 1 breaks 1" },
      run("usual", "marks=41ffff42", "marks=41ff,00,00", "marks=ff0041ff00ff", "marks=41,ff,00,ff,ff,0000"))
  end)
end)
