-- sample_runs.lua: runs as rec:load() gives them, for the specs of the reports; each call makes a new tree.
local json = require "moonrig.json"

local samples = {}

local function with_defaults(defaults, given)
  for key, value in pairs(defaults) do
    if given[key] == nil then given[key] = value end
  end
  return given
end

local lists = { "logs", "attachments", "prompts" }

local function with_lists(part, more)
  for _, name in ipairs { more, table.unpack(lists) } do part[name] = json.array(part[name]) end
  return part
end

-- Numbers the things of a run in the order in which they stand.
local function number(run)
  local seq = 0
  local function count(item)
    seq = seq + 1
    item.seq, item.at = seq, item.at or seq / 16
  end
  for _, name in ipairs(lists) do for _, item in ipairs(run[name]) do count(item) end end
  for _, phase in ipairs(run.phases) do
    count(phase)
    for _, name in ipairs { "measurements", table.unpack(lists) } do
      for _, item in ipairs(phase[name]) do count(item) end
    end
  end
  return run
end

function samples.phase(given)
  with_lists(given, "measurements")
  return with_defaults({ group = "main", attempt = 1, duration = 0.25, outcome = "PASS", marginal = false }, given)
end

function samples.measurement(given) return with_defaults({ outcome = "PASS", marginal = false }, given) end

function samples.run(given)
  with_lists(given, "phases")
  given.instruments = json.array(given.instruments)
  return number(with_defaults({ id = "0197c2a0-5b7e-7c3d-8a41-5f6b7c8d9e0f", num = 12, outcome = "PASS",
    running = false, interrupted = false, marginal = false, started_at = "2026-07-01T12:00:00.123456Z",
    ended_at = "2026-07-01T12:00:12.468000Z", duration = 12.344544, station = "bench-3", dut = { serial = "PSU4711" },
    procedure = { name = "PSU-100 final", version = "1.4.0" }, mode = "production", simulated = false, attempt = 1,
    runtime = "moonrig 0.1.0", host = "line2", config = {}, meta = {} }, given))
end

local m, phase = samples.measurement, samples.phase

local function rails(v_5v0, outcome)
  return {
    m { name = "v_5v0", value = v_5v0, unit = "V", outcome = outcome, instrument = "dmm", uncertainty = 0.0004,
      limits = { min = 4.95, max = 5.05, marginal_min = 4.97, marginal_max = 5.03 } },
    m { name = "ripple", value = 0.0034, unit = "V", limits = { max = 0.02 }, doc = "20 MHz bandwidth, peak to peak" },
  }
end

local function instruments()
  return {
    { role = "dmm", url = "socket://10.0.0.5:5025", maker = "Keysight", model = "34465A", serial = "MY60012345",
      firmware = "A.03.02", simulated = false, cal_due = "2027-03-31", cal_certificate = "K-2026-0815" },
    { role = "psu", url = "/dev/ttyUSB0?baudrate=115200", maker = "Rigol", model = "DP832", serial = "DP8C1",
      firmware = "00.01.14", simulated = false },
  }
end

--- A unit that passed, marginally and with a repeated attempt; every kind of limit and thing is in it.
function samples.pass()
  return samples.run {
    marginal = true, site = "left", operator = "M. Weber", attempt = 2, instruments = instruments(),
    dut = { serial = "PSU4711", part = "PSU-100", revision = "B", batch = "2026-27", subunits = json.array {
      { name = "main board", serial = "MB-17", part = "MB-100", revision = "C" }, { name = "fan", serial = "0042" } } },
    procedure = { name = "PSU-100 final", version = "1.4.0", script_sha256 = ("5d"):rep(32) },
    config = { station = "bench-3.lua", sites = json.array { "left", "right" } },
    meta = { fixture = "FX-7", temperature = 23.4 },
    seal = { seq = 12, prev = ("1a"):rep(32), doc = ("2b"):rep(32), hash = ("3c"):rep(32), key = ("4d"):rep(32),
      signature = ("5e"):rep(64), head = { seq = 15, hash = ("6f"):rep(32) } },
    logs = { { level = "info", message = "station ready", source = "station.lua:8" } },
    phases = {
      phase { name = "power on", group = "setup", duration = 0.8123 },
      phase { name = "identify", measurements = {
        m { name = "model", value = "PSU-100", limits = { equals = "PSU-100" } },
        m { name = "firmware", value = "1.4.2", limits = { matches = "^1%.4%." } },
        m { name = "variant", value = "EU", limits = { one_of = { "EU", "US" } } },
        m { name = "boards", value = 2, limits = { equals = 2 } },
        m { name = "burned in", value = true, limits = { equals = true } } },
        prompts = { { kind = "yesno", message = "Is the green LED on?", answer = true, duration = 3.2 } } },
      phase { name = "5 V rail", outcome = "FAIL", duration = 0.512, measurements = rails(5.12, "FAIL"),
        logs = { { level = "warning", message = "settling, once more" } } },
      phase { name = "5 V rail", attempt = 2, duration = 0.498, marginal = true, measurements = {
        m { name = "v_5v0", value = 5.0412, unit = "V", marginal = true, instrument = "dmm", uncertainty = 0.0004,
          limits = { min = 4.95, max = 5.05, marginal_min = 4.97, marginal_max = 5.03 } },
        m { name = "ripple", value = 0.0034, unit = "V", limits = { max = 0.02 },
          doc = "20 MHz bandwidth, peak to peak" } } },
      phase { name = "3.3 V rail", measurements = {
        m { name = "v_3v3", value = 3.3187, unit = "V", limits = { nominal = 3.3, within = 2 } },
        m { name = "insulation", value = 5.2e9, unit = "Ohm", limits = { min = 1e8 } },
        m { name = "checked by hand", value = 17.25, limits = { text = "between the neighbours" } },
        m { name = "temperature", value = 24.75, unit = "\u{b0}C" } } },
      phase { name = "high voltage", outcome = "SKIP", message = "not for this variant", measurements = {
        m { name = "hipot", outcome = "SKIPPED", unit = "mA", limits = { max = 5 } } } },
      phase { name = "power off", group = "teardown", duration = 0.0421, logs = {
        { level = "debug", message = "OUTP OFF" } } },
    },
    attachments = { { name = "scope.txt", mime = "text/plain", size = 2048, sha256 = ("ab"):rep(32) } },
  }
end

--- A unit that failed: too high, not a number, never measured.
function samples.fail()
  return samples.run { outcome = "FAIL", instruments = instruments(), num = 13, operator = "M. Weber",
    id = "0197c2a1-0000-7000-8000-000000000013", dut = { serial = "PSU4712", part = "PSU-100" },
    phases = {
      phase { name = "identify", measurements = { m { name = "model", value = "PSU-100",
        limits = { equals = "PSU-100" } } } },
      phase { name = "5 V rail", outcome = "FAIL", measurements = {
        rails(5.12, "FAIL")[1],
        m { name = "load step", value = 0 / 0, unit = "V", outcome = "FAIL", limits = { min = 4.8 } },
        m { name = "current", value = math.huge, unit = "A", outcome = "FAIL", limits = { max = 1.5 } },
        m { name = "efficiency", unit = "%", outcome = "UNSET", limits = { min = 85 } } } },
    } }
end

--- A run that an operator ended between two phases.
--- Series: limits that change along a logarithmic axis; one for information, one cut short, one with NaN.
function samples.curves()
  return samples.run { outcome = "FAIL", phases = { phase { name = "response", outcome = "FAIL", measurements = {
    m { name = "gain", value = -9.0, unit = "dB", outcome = "FAIL", limits = { min = -6.0, max = 0.0,
        text = "min along a line of 2 points" }, series = { x = { 10.0, 100.0, 1000.0, 2e4 }, y = { -1.0, -3.0, -9.0,
        -40.0 }, min = { -2.0, -4.0, -6.0, -math.huge }, x_name = "frequency", x_unit = "Hz", x_log = true } },
    m { name = "gain.mean", value = -13.25, unit = "dB" },
    m { name = "ripple", unit = "mV", series = { x = { 1.0, 2.0 }, y = { 3.0, 4.0 }, x_log = false } },
    m { name = "cut", unit = "V", outcome = "UNSET", series = { x = { 1.0 }, y = { 5.0 }, x_log = false } },
    m { name = "noise", value = 0 / 0, unit = "V", outcome = "FAIL", limits = { max = 1.0 },
      series = { x = { 0.0, 0.5 }, y = { 0.1, 0 / 0 }, x_name = "time", x_unit = "s", x_log = false } },
  } } } }
end

function samples.aborted()
  return samples.run { outcome = "ABORTED", code = "cancelled", message = "stopped by the operator (Ctrl-C)", num = 14,
    id = "0197c2a2-0000-7000-8000-000000000014", simulated = true, mode = "debug",
    phases = { phase { name = "identify" },
      phase { name = "5 V rail", outcome = "ERROR", code = "cancelled",
        message = "cancelled while waiting for a reply" },
      phase { name = "power off", group = "teardown" } } }
end

--- The worst text that an instrument or a barcode can give, wherever there is text.
samples.HOSTILE = "<script>alert(1)</script>\"&'\x1b]0;x\7]]>\0\xff\u{202e}\u{9b}\r\n-->\u{ffff}<\u{e9}"

function samples.hostile()
  local bad = samples.HOSTILE
  return samples.run { outcome = "FAIL", num = 15, message = bad, code = bad, station = bad, site = bad, operator = bad,
    dut = { serial = bad, part = bad, revision = bad, batch = bad }, procedure = { name = bad, version = bad },
    host = bad, runtime = bad, mode = bad, config = { [bad] = bad }, meta = { list = json.array { bad } },
    instruments = { { role = bad, url = bad, maker = bad, model = bad, serial = bad, firmware = bad, simulated = false,
      cal_due = bad, cal_certificate = bad } },
    logs = { { level = "error", message = bad, source = bad } },
    attachments = { { name = bad, mime = bad, size = 1, sha256 = ("00"):rep(32) },
      { name = bad, mime = "image/png", size = 1, sha256 = ("01"):rep(32) } },
    prompts = { { kind = "text", message = bad, answer = bad, options = json.array { bad } } },
    phases = { phase { name = bad, outcome = "FAIL", code = bad, message = bad, measurements = {
      m { name = bad, value = bad, unit = bad, outcome = "FAIL", doc = bad, instrument = bad,
        limits = { equals = bad, one_of = { bad }, matches = bad, text = bad } },
      m { name = bad, value = 1.5, unit = bad, limits = { min = 1, max = 2 } } } },
      phase { name = bad, attempt = 2, outcome = "ERROR", message = bad } } }
end

return samples
