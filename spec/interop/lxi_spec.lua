-- Programs of others at our simulators: lxi-tools, socat, pySerial; and rig.scpi at a server made of socat.
local rig = require "moonrig"
local shell = require "support.shell"

local function lxi(url, command)
  return (shell.run(("lxi scpi -r -t 3 -a 127.0.0.1 -p %s '%s' 2>&1"):format(url:match("%d+$"), command)))
end

describe("lxi-tools", function()
  it("asks a simulated supply", function()
    local psu <close> = require("moonrig.sim.script").load("examples/sims/psu.lua", { load = "10" })
    local url = psu:listen("socket://127.0.0.1:0").url
    assert.equal("MOONRIG,PSU-3205,SIM320501,1.4.0\n", lxi(url, "*IDN?"))
    assert.equal("", lxi(url, "VOLT:SLEW 10000;:VOLT 5;:OUTP ON"))
    assert.is_true(math.abs(5 - tonumber(lxi(url, "MEAS:VOLT?"))) < 0.01)
    assert.equal('-113,"Undefined header"\n', lxi(url, "FOO;:SYST:ERR?"))
  end)
end)

describe("socat", function()
  it("types at a simulated device with a prompt", function()
    local dut <close> = require("moonrig.sim.script").load("examples/sims/dut.lua", { rate = "100000" })
    local path = os.tmpname()
    os.remove(path)
    dut:listen("unix:" .. path)
    local terminal <close> = rig.open(("exec:exec socat -,raw,echo=0 UNIX-CONNECT:%s"):format(path), { timeout = 5 })
    terminal:expect("mr1# ")
    terminal:write("version\r")
    terminal:expect("version\r\nfw 2.1.0", { plain = true })
  end)

  it("answers rig.scpi", function()
    local script = os.tmpname()
    local file = assert(io.open(script, "w"))
    file:write [[
while read -r line; do case "$line" in
  '*IDN?') echo 'shell,script,0,1' ;;
  'SLOW?') sleep 0.2; echo slow ;;
  'VOLT?') echo '+1.5E-3 V' ;;
esac; done
]]
    file:close()
    local server <close> = rig.open(("exec:exec socat -d -d TCP-LISTEN:0,bind=127.0.0.1,reuseaddr SYSTEM:'sh %s' 2>&1")
      :format(script), { timeout = 5 })
    local url = "socket://127.0.0.1:" .. server:expect("listening on .-:(%d+)%s")
    local psu <close> = rig.scpi(url, { timeout = 3 })
    assert.equal("script", psu:idn().model)
    assert.equal("timeout", select(2, psu:try_query("SLOW?", 0.02)).code)
    assert.equal(0.0015, psu:query_number("VOLT?"))
    os.remove(script)
  end)
end)

describe("pySerial", function()
  it("asks a simulator on a pseudo-terminal", function()
    local psu <close> = rig.sim { idn = "A,B,C,D", on = { ["ECHO?"] = function(_, s) return s end } }
    local listener = psu:listen("pty:")
    local text, code = shell.run(([[/usr/bin/python3 -c '
import serial
with serial.Serial("%s", 115200, timeout=3) as s:
    for q in ("*IDN?", "ECHO? 42", "*OPC?;*OPC?"):
        s.write(q.encode() + b"\r\n")
        print(s.readline())
']]):format(listener.url:match("/dev/.*")))
    assert.same({ "b'A,B,C,D\\n'\nb'42\\n'\nb'1;1\\n'\n", 0 }, { text, code })
  end)
end)
