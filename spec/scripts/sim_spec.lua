local rig = require "moonrig"
local shell = require "support.shell"

-- Runs `moonrig sim` until it has printed n lines: the lines, and the port that it talks to. A line sent to that
-- ends it by a signal.
local function run(arguments, n, signal)
  local p = rig.open(("exec:stty -echo -onlcr; %s sim %s & read x; kill -%s $!; wait $!; echo exit $?")
    :format(shell.moonrig, arguments, signal or "TERM"), { timeout = 5 })
  local lines = {}
  for i = 1, n do lines[i] = p:read_line() end
  return lines, p
end

-- What a command says and how it ends.
local function output(arguments) return shell.run(shell.moonrig .. " sim " .. arguments) end

describe("moonrig sim", function()
  local path
  setup(function()
    path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write [[
      local options = ...
      return { idn = options.idn, state = { n = 0 }, on = { ["N"] = { "n" } } }
    ]]
    file:close()
  end)
  teardown(function() os.remove(path) end)

  it("prints the URL of each endpoint; all lead to the same instrument", function()
    local unix, link = os.tmpname(), os.tmpname()
    os.remove(unix)
    os.remove(link)
    local urls, process = run(("%s --listen socket://127.0.0.1:0 --listen unix:%s --listen pty:%s -- --idn A,B,C,D")
      :format(path, unix, link), 3, "INT")
    assert.matches("^socket://127%.0%.0%.1:%d+$", urls[1])
    assert.equal("unix:" .. unix, urls[2])
    assert.equal("device:" .. link, urls[3])
    for i, url in ipairs { urls[1], urls[2], urls[3], link } do
      local instrument <close> = rig.scpi(url, { timeout = 2 })
      assert.equal("A,B,C,D", instrument:idn().raw)
      assert.equal(i - 1, instrument:query_number("N?"))
      instrument:write("N " .. i):opc()
    end
    assert.equal("exit 0", process:query(""))
    assert.is_nil(io.open(unix))
    assert.is_nil(io.open(link))
  end)

  it("is measured by another one in a process of its own", function()
    local psu_urls, psu_process = run("examples/sims/psu.lua", 1)
    local dmm_urls, dmm_process = run("examples/sims/dmm.lua -- --load 10 --supply " .. psu_urls[1], 1)
    local psu <close> = rig.scpi(psu_urls[1], { timeout = 2 })
    local dmm <close> = rig.scpi(dmm_urls[1], { timeout = 2 })
    dmm:query("MEAS:RES?") -- connects the load
    psu:write("VOLT:SLEW 10000;:CURR 0.2;:VOLT 5;:OUTP ON"):opc()
    rig.sleep(0.005)
    assert.equal("CC", psu:query("OUTP:MODE?"))
    assert.is_true(math.abs(2 - dmm:query_number("MEAS:VOLT?")) < 0.01)
    assert.is_true(math.abs(0.2 - dmm:query_number("MEAS:CURR?")) < 0.001)
    assert.equal("exit 0", dmm_process:query(""))
    assert.equal("exit 0", psu_process:query(""))
  end)

  it("ends well on SIGTERM", function()
    local urls, process = run(path, 1)
    local port <close> = rig.open(urls[1], { timeout = 2 })
    assert.equal("0", port:query("N?"))
    assert.equal("exit 0", process:query(""))
    assert.equal("closed", select(2, port:try_query("N?")).code)
  end)

  it("lets things go wrong, shows them, and takes its time", function()
    local urls, process = run(path
      .. " -v --delay 0.001 --fault drop,count=1,match=N --fault wrong,reply=7,8,probability=1", 1)
    local port <close> = rig.open(urls[1], { timeout = 2 })
    assert.equal("7,8", port:query("*OPC?"))
    assert.is_nil((port:try_query("N?", 0.02)))
    assert.equal("7,8", port:query("N?"))
    assert.equal("> *OPC?\n< 7,8\n> N?\n> N?\n< 7,8\n", process:read_until("N?\n< 7,8\n"))
    assert.equal("exit 0", process:query(""))
  end)

  it("says what is wrong", function()
    local text, code = output("/nowhere.lua")
    assert.same({ "moonrig sim: simulator /nowhere.lua: No such file or directory\n", 2 }, { text, code })
    text = output(path .. " --fault drop,count=1.5")
    assert.matches("option count of a fault: expected a whole number, 1 or more", text)
    text, code = output(path .. " --fault drop,often")
    assert.matches('--fault drop,often: "often" is no option: write NAME=VALUE', text, 1, true)
    assert.equal(64, code)
    text, code = output(path .. " --fault burn")
    assert.matches('unknown fault "burn"', text)
    assert.equal(64, code)
    text, code = output(path .. " -- odd")
    assert.matches('"odd" is no option: write --NAME VALUE or NAME=VALUE', text, 1, true)
    assert.equal(64, code)
    text, code = output("--help")
    assert.matches("example: moonrig sim", text)
    assert.equal(0, code)
    assert.equal(64, select(2, output("")))
  end)
end)
