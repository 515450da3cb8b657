local json = require "moonrig.json"
local record = require "moonrig.record"
local rig = require "moonrig"

describe("moonrig report", function()
  local folder, ids

  local function run_of(rec, serial, outcome)
    local run = rec:start_run { station = "bench", dut = { serial = serial, part = "P1" },
      procedure = { name = "final" } }
    local phase = run:phase { name = "rail" }
    phase:measurement { name = "v", value = 0.1 + 0.2, unit = "V", outcome = outcome, limits = { min = 0, max = 1 } }
    phase:attachment { name = "a.png", mime = "image/png", data = "foo" }
    phase:finish { outcome = outcome }
    run:finish { outcome = outcome }
    return run.id
  end

  setup(function()
    local pipe = assert(io.popen "mktemp -d")
    folder = pipe:read "l"
    pipe:close()
    local rec <close> = record.open(folder .. "/results.db")
    ids = { run_of(rec, "SN1", "PASS"), run_of(rec, "SN'2", "FAIL"), run_of(rec, "SN1", "FAIL") }
  end)
  teardown(function() os.execute(("rm -r '%s'"):format(folder)) end)

  --- stdout and stderr together, exit code; run in the folder of results.db
  local function moonrig(arguments)
    local pipe = assert(io.popen(("P=$PPID; cd '%s' && /proc/$P/exe report %s 2>&1"):format(folder, arguments)))
    local text = pipe:read "a"
    local _, _, code = pipe:close()
    return text, code
  end

  local function ids_of(arguments)
    local text, code = moonrig(arguments .. " --format json")
    assert.equal(0, code, text)
    local list = json.decode(text)
    assert.is_nil(list.id)
    for i, run in ipairs(list) do list[i] = run.id end
    return list
  end

  it("prints the last run as text", function()
    local text, code = moonrig ""
    assert.equal(0, code)
    assert.matches("^FAIL  SN1  final\n", text)
    assert.is_truthy(text:find("FAIL     v  0.30000000000000004 V  0 to 1 V\n", 1, true))
  end)

  it("prints a run by number or id, as one document", function()
    for _, name in ipairs { "2", ids[2] } do
      local text, code = moonrig(name .. " --format json")
      assert.equal(0, code)
      assert.equal(ids[2], json.decode(text).id)
    end
    assert.equal(ids[3], json.decode((moonrig "--last --format json")).id)
  end)

  it("selects runs", function()
    assert.same({ ids[3], ids[1] }, ids_of "3 1")
    assert.same({ ids[1], ids[3] }, ids_of "--dut SN1")
    assert.same({ ids[2] }, ids_of [[--dut "SN'2"]])
    assert.same({ ids[2], ids[3] }, ids_of "--last 2")
    assert.same(ids, ids_of "--last 9")
    assert.same(ids, ids_of "--since 2020-02-29")
    assert.same({ ids[1], ids[3] }, ids_of "--since 2020-02-29T12:30 --dut SN1")
    assert.equal(ids[3], json.decode((moonrig "--dut SN1 --last --format json")).id)
  end)

  it("writes each format, to a file too", function()
    for format, word in pairs { text = "FAIL  SN1", json = "moonrig-run/1", junit = "<testsuites ",
        html = "data:image/png;base64,Zm9v", csv = ",v,", ["csv-wide"] = ",rail / v (V)\r\n", stdf = "rail / v",
        openhtf = '"data": "Zm9v"', wsjf = '"stepType": "WATS_AttachFile"' } do
      local text, code = moonrig("--format " .. format)
      assert.equal(0, code)
      assert.is_truthy(text:find(word, 1, true))
      assert.equal("", (moonrig(("--format %s -o out.%s"):format(format, format))))
      local f <close> = assert(io.open(("%s/out.%s"):format(folder, format), "rb"))
      assert.equal(text, f:read "a")
    end
  end)

  it("writes several runs where the format has room for them", function()
    for _, format in ipairs { "csv", "csv-wide", "stdf" } do
      local text, code = moonrig("--last 3 --format " .. format)
      assert.equal(0, code)
      assert.is_truthy(text:find("SN'2", 1, true))
    end
    for _, format in ipairs { "openhtf", "wsjf" } do
      local text, code = moonrig("--last 3 --format " .. format)
      assert.equal(64, code)
      assert.equal(("moonrig report: %s holds one run in a file, not 3; write a file for each\n"):format(format), text)
    end
  end)

  it("gives back a file that was attached, by its name or SHA-256", function()
    local sha = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
    assert.same({ "foo", 0 }, { moonrig "2 --attachment a.png | cat" })
    assert.same({ "foo", 0 }, { moonrig("--last --attachment " .. sha) })
    assert.same({ "", 0 }, { moonrig "1 --attachment a.png -o got.png" })
    local f <close> = assert(io.open(folder .. "/got.png", "rb"))
    assert.equal("foo", f:read "a")
    assert.same({ "moonrig: run 1 has no attachment b.png (there are a.png)\n", 2 }, { moonrig "1 --attachment b.png" })
    for arguments, message in pairs { ["--dut SN1"] = "name one run", ["1 2"] = "name one run" } do
      local text, code = moonrig(arguments .. " --attachment a.png")
      assert.equal(64, code)
      assert.is_truthy(text:find(message, 1, true), text)
    end
    local text, code = moonrig "1 --attachment a.png -o no/got.png"
    assert.equal(2, code)
    assert.is_truthy(text:find("no/got.png: No such file", 1, true), text)
  end)

  it("asks which one is meant of attachments with one name", function()
    local path = folder .. "/two.db"
    do
      local rec <close> = record.open(path)
      local run = rec:start_run { station = "bench", dut = { serial = "SN1" }, procedure = { name = "final" } }
      run:attachment { name = "a.txt", mime = "text/plain", data = "one" }
      local phase = run:phase { name = "rail" }
      phase:attachment { name = "a.txt", mime = "text/plain", data = "two" }
      phase:attachment { name = "b.txt", mime = "text/plain", data = "same" }
      phase:attachment { name = "b.txt", mime = "text/plain", data = "same" }
      run:finish { outcome = "PASS" }
    end
    assert.same({ "same", 0 }, { moonrig "--results two.db --attachment b.txt" })
    local text, code = moonrig "--results two.db --attachment a.txt"
    assert.equal(2, code)
    local sha = text:match "has 2 attachments a.txt; say which by its SHA%-256: %x+, (%x+)"
    assert.same({ "two", 0 }, { moonrig("--results two.db --attachment " .. sha) })
  end)

  it("writes no binary to a terminal", function()
    for format, output in pairs { stdf = "moonrig report: --format stdf: not on a terminal; name a file with -o "
        .. "(moonrig report --help tells more)", csv = "run,run_id,serial" } do
      local port <close> = rig.open(("exec:exec %s report --results %s/results.db --format %s"):format(
        os.getenv "MOONRIG" or "build/moonrig", folder, format), { timeout = 20 })
      assert.equal(output, port:read_line():sub(1, #output))
    end
  end)

  it("takes the process code of WATS", function()
    assert.equal(50, json.decode((moonrig "1 --format wsjf --process-code 50")).processCode)
    assert.equal(64, select(2, moonrig "1 --format wsjf --process-code x"))
  end)

  it("reads the record that --results names, and changes nothing", function()
    local text, code = moonrig(("1 --results sqlite:%s/results.db"):format(folder))
    assert.equal(0, code)
    assert.matches("^PASS  SN1", text)
    text, code = moonrig "--results none.db"
    assert.equal(2, code)
    assert.matches("none.db", text)
    assert.is_nil(io.open(folder .. "/none.db"))
  end)

  it("says what it does not find", function()
    for arguments, message in pairs { ["99"] = "results.db has no run 99", ["--dut x"] = "has no run of unit x",
        ["--since 2999-01-01"] = "has no run since 2999-01-01" } do
      local text, code = moonrig(arguments)
      assert.equal(2, code)
      assert.is_truthy(text:find(message, 1, true), text)
      assert.equal(1, select(2, text:gsub("\n", "")))
    end
  end)

  it("refuses wrong arguments in one line with exit code 64", function()
    for arguments, message in pairs {
      ["--format xlsx"] = 'moonrig report: there is no report format "xlsx"; there are text, json, junit, html, pdf,',
      ["1 --last"] = "not both", ["--since 2026-02-30"] = '--since "2026-02-30": wants a day',
      ["--since 2026-07-01T99"] = "wants a day", ["--last 0"] = "--last: wants a number above 0",
      ["--last x"] = "malformed argument 'x'", ["--nonsense"] = "--nonsense",
    } do
      local text, code = moonrig(arguments)
      assert.equal(64, code, text)
      assert.is_truthy(text:find(message, 1, true), text)
      assert.equal(1, select(2, text:gsub("\n", "")))
    end
  end)

  it("does not take a full disk for success", function()
    local text, code = moonrig "--last 2 2>&1 >/dev/full #"
    assert.equal(2, code)
    assert.equal("moonrig: cannot write to standard output: No space left on device\n", text)
  end)

  it("has help with an example", function()
    local text, code = moonrig "--help"
    assert.equal(0, code)
    assert.is_truthy(text:find("example: moonrig report", 1, true))
  end)
end)
