-- procedure.lua: what the campaign runs: as a final test in production has it, groups with their own setup and
-- teardown, retries, a phase beside others, a limits file, a question, attachments, logs, an instrument that all
-- sites share.
-- It keeps a journal of its own in $CAMPAIGN_JOURNAL, a line for each thing, with tabs: about and then done SERIAL
-- PHASE ATTEMPT NAME TOKEN VALUE, before t:measure is called and after it has returned; answered SERIAL; attached
-- SERIAL SIZE.
-- The serial number says what shall go wrong: K12A-fail, K12A-hang, K12A-retry.
local rig = require "moonrig"
local test = rig.test

test.procedure { name = "Campaign", version = "3", part = "CP-1", serial = "^K%d+%u%-?%l*$", limits = "limits.csv",
  teardown_budget = 8 }

local journal = assert(io.open(os.getenv "CAMPAIGN_JOURNAL", "a"))
journal:setvbuf "no"

local count = 0

local function note(...) journal:write(table.concat({ ... }, "\t") .. "\n") end

-- Asks for a value, and notes it before and after it is recorded by record(value).
local function take(t, phase, name, instrument, record)
  count = count + 1
  local token = ("%s.%d"):format(t.dut.serial:gsub("%-", ""), count)
  local value = instrument:query_number("MEAS:VOLT? " .. token)
  local line = { t.dut.serial, phase, t.attempt, name, token, ("%.17g"):format(value) }
  note("about", table.unpack(line))
  record(value)
  note("done", table.unpack(line))
end

local function measure(t, phase, name, instrument, given)
  take(t, phase, name, instrument, function(value) t:measure(name, value, given) end)
end

local function wants(t, what) return t.dut.serial:find("-" .. what, 1, true) ~= nil end

test.setup("reset", function(t)
  t.psu:write "*RST;*CLS"
  t:check("idn", t.psu:idn().model, { equals = "CAMPAIGN" })
  t:check("closed", t:prompt("Is the lid closed?", { kind = "yesno", timeout = 20 }))
  note("answered", t.dut.serial)
end)

test.phase("watch", { background = true }, function(t)
  for n = 1, math.huge do
    measure(t, "watch", "w" .. n, t.psu, { unit = "V", min = -1, max = 31 })
    rig.sleep(0.02)
  end
end)

test.group("power", { retry = 1 }, function()
  test.setup("on", function(t) t.psu:write "VOLT 12;:OUTP ON" end)

  test.phase("load", { retry = 2 }, function(t)
    measure(t, "power/load", "v_load", t.psu)
    measure(t, "power/load", "v_again", t.psu)
    if wants(t, "retry") and t.attempt == 1 then t:retry "once more" end
    if wants(t, "fail") then t:fail("no good", "E42") end
    for n = 1, 5 do
      measure(t, "power/load", "v" .. n, t.psu, { unit = "V", within = { nominal = 12, percent = 2 } })
    end
  end)

  test.group("hot", function()
    test.setup("heat", function(t)
      t.psu:write "VOLT 5"
      rig.sleep(0.02)
    end)
    test.phase("hot", { timeout = 1 }, function(t)
      measure(t, "power/hot/hot", "v_hot", t.psu)
      if wants(t, "hang") then rig.sleep(60) end
      t:log "hot"
    end)
    test.teardown("cool", function(t)
      t.psu:write "VOLT 1"
      measure(t, "power/hot/cool", "v_cool", t.psu)
    end)
  end)

  test.teardown("off", function(t) t.psu:write "OUTP OFF" end)
end)

test.phase("reference", { retry = 1 }, function(t)
  for n = 1, 4 do measure(t, "reference", "r" .. n, t.dmm, { unit = "V", min = -1, max = 1 }) end
end)

test.phase("flash", { interruptible = false }, function(t)
  for n = 1, 3 do measure(t, "flash", "f" .. n, t.psu, { unit = "V", min = -1, max = 31 }) end
end)

-- A point of a series is noted as NAME#N.
test.phase("settling", { retry = 1 }, function(t)
  t:series("s", function(add)
    for n = 1, 6 do
      take(t, "settling", "s#" .. n, t.psu, function(value) add(n / 10, value) end)
    end
  end, { unit = "V", x = { name = "time", unit = "s" }, min = -1, max = 31 })
end)

test.phase("curve", function(t)
  local rows = {}
  for n = 1, 5 do
    measure(t, "curve", "c" .. n, t.psu, { unit = "V", min = -1, max = 31 })
    rows[n] = ("%d,%d\n"):format(n, count)
  end
  local curve = table.concat(rows) .. (t.dut.serial .. "\n"):rep(1000)
  t:attach("curve.csv", curve)
  note("attached", t.dut.serial, #curve)
  t:log("the curve has been taken", "debug")
end)

test.teardown("end", function(t)
  t.psu:write "VOLT 0;:OUTP OFF"
  measure(t, "end", "v_end", t.psu, { unit = "V", max = 1 })
end)
