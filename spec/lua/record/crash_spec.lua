-- What is left when the process that writes a record is killed, and when several write at once.
local record = require "moonrig.record"

-- The program that runs this, with a script, as a process of its own: its output, and its pid.
local self = "/proc/" .. io.open("/proc/self/stat"):read("a"):match("^%d+") .. "/exe"

local RECORDER = [[
local record = require "moonrig.record"
io.stdout:setvbuf "line"
print((io.open("/proc/self/stat"):read("a"):match("^%d+")))
local rec = record.open(arg[1])
local run = rec:start_run { station = "ST1", dut = { serial = arg[2] }, procedure = { name = "crash" } }
local n = 0
for p = 1, tonumber(arg[3]) do
  local phase = run:phase { name = "phase " .. p }
  for _ = 1, 10 do
    n = n + 1
    phase:measurement { name = "m", value = n, outcome = "PASS" }
    print(n)
  end
  phase:finish { outcome = "PASS" }
end
run:finish { outcome = "PASS" }
rec:close()
print "done"
]]

describe("record, with other processes", function()
  local path, script

  before_each(function()
    path, script = os.tmpname(), os.tmpname()
    os.remove(path)
    local f <close> = assert(io.open(script, "w"))
    f:write(RECORDER)
  end)

  after_each(function()
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
    os.remove(script)
  end)

  local function spawn(serial, phases)
    local p = assert(io.popen(("exec %s '%s' '%s' '%s' %d"):format(self, script, path, serial, phases)))
    return p, p:read "l"
  end

  local function measured(run)
    local n = 0
    for _, phase in ipairs(run.phases) do
      for _, m in ipairs(phase.measurements) do
        n = n + 1
        assert.equal(n, m.value)
      end
    end
    return n
  end

  it("keeps every measurement whose call returned before kill -9, and aborts the run", function()
    for i, lines in ipairs { 1, 7, 10, 11, 25, 60 } do
      local child, pid = spawn("killed " .. i, 1000000)
      local confirmed
      for _ = 1, lines do confirmed = child:read "n" end
      os.execute("kill -9 " .. pid)
      for n in child:lines "n" do confirmed = n end
      child:close()
      local rec <close> = record.open(path)
      local run = rec:runs({ last = 1 })[1]
      assert.same({ "ABORTED", true, false, "interrupted" }, { run.outcome, run.interrupted, run.running, run.code })
      assert.matches("process " .. pid .. " on", run.message, 1, true)
      run = rec:load(run.id)
      assert.equal("killed " .. i, run.dut.serial)
      local n = measured(run)
      assert.is_true(n == confirmed or n == confirmed + 1)
      local last = run.phases[#run.phases]
      if last.code then assert.same({ "ERROR", "interrupted" }, { last.outcome, last.code }) end
      assert.is_true(run.duration >= last.at)
      assert.equal("ok", rec.db:value "PRAGMA integrity_check")
    end
  end)

  it("takes a process that nobody has waited for yet for gone", function()
    local child, pid = spawn("zombie", 1000000)
    child:read "n"
    os.execute("kill -9 " .. pid)
    local function state()
      local f <close> = io.open("/proc/" .. pid .. "/stat")
      return f:read("a"):match "%) (%a)"
    end
    local deadline = os.time() + 10
    repeat assert.is_true(os.time() < deadline) until state() == "Z"
    local rec <close> = record.open(path)
    assert.equal("ABORTED", rec:load(1).outcome)
    child:close()
  end)

  it("leaves alone a run whose process is alive", function()
    local child, pid = spawn("alive", 1000000)
    assert.equal(1, child:read "n")
    do
      local rec <close> = record.open(path)
      local run = rec:load(1)
      assert.same({ true, false }, { run.running, run.interrupted })
      assert.is_nil(run.outcome)
    end
    local n = child:read "n"
    assert.equal(2, n)
    os.execute("kill -9 " .. pid)
    child:close()
    -- a reader sees it ended, but does not write that down
    local reader <close> = record.open(path, { readonly = true })
    assert.same({ "ABORTED", true }, { reader:load(1).outcome, reader:load(1).interrupted })
    assert.is_nil(reader:load(1).ended_at)
    assert.equal("ABORTED", reader:runs({ outcome = "ABORTED" })[1].outcome)
    assert.equal(0, reader.db:value "SELECT count(*) FROM run_end")
    local rec <close> = record.open(path)
    assert.equal(1, rec.db:value "SELECT count(*) FROM run_end")
    assert.is_not_nil(reader:load(1).ended_at)
  end)

  it("takes a process with the same pid but another start time, boot or host for what it is", function()
    local process = require "moonrig.record.process"
    local function alive(change)
      local this = process.this()
      for key, value in pairs(change) do this[key] = value end
      return process.is_alive(this)
    end
    assert.is_true(alive {})
    assert.is_false(alive { pid_start = 1 })
    assert.is_false(alive { pid = 4194305 })
    assert.is_false(alive { boot = "another boot" })
    assert.is_true(alive { host = "another container", pid = 4194305 })
  end)

  it("lets several processes make and fill one database at the same time", function()
    local children = {}
    for i = 1, 4 do children[i] = spawn("writer " .. i, 5) end
    local rec <close> = record.open(path)
    local run = rec:start_run { station = "ST1", dut = { serial = "parent" }, procedure = { name = "crash" } }
    local phase = run:phase { name = "p" }
    for i = 1, 50 do phase:measurement { name = "m", value = i, outcome = "PASS" } end
    for i = 1, 4 do
      assert.matches("50\ndone\n$", children[i]:read "a")
      children[i]:close()
    end
    run:finish { outcome = "PASS" }
    local runs = rec:runs()
    assert.equal(5, #runs)
    for _, head in ipairs(runs) do
      assert.equal("PASS", head.outcome)
      assert.equal(50, measured(rec:load(head.id)))
    end
    assert.equal(1, rec.db:value "SELECT count(*) FROM station")
    assert.equal("ok", rec.db:value "PRAGMA integrity_check")
  end)
end)
