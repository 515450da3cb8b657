-- SPDX-License-Identifier: MIT
-- report/json.lua: a run as JSON with nothing lost; docs/report-json.md describes it and
-- docs/report-json.schema.json is its JSON Schema.  Every documented key is there, null where there is nothing;
-- keys stand in byte order.  Several runs are an array.

local json = require "moonrig.json"

local document = {}

local SCHEMA = "moonrig-run/1"
-- NaN and infinities are the strings "nan", "inf", "-inf"; `type` tells them from a text that reads so. Bytes that
-- are not UTF-8 are lone surrogates, as Python's surrogateescape reads and writes them.
local OPTIONS = { indent = 2, nonfinite = "string", invalid = "escape" }

local keys = {
  run = { "id", "num", "outcome", "running", "interrupted", "marginal", "code", "message", "started_at", "ended_at",
    "duration", "station", "site", "operator", "mode", "simulated", "attempt", "runtime", "host" },
  dut = { "serial", "part", "revision", "batch" },
  subunit = { "name", "serial", "part", "revision" },
  procedure = { "name", "version", "script_sha256" },
  seal = { "seq", "prev", "doc", "hash", "key", "signature", "note", "head" },
  series = { "x", "y", "min", "max", "x_name", "x_unit", "x_log" },
  phase = { "seq", "name", "group", "parent", "attempt", "at", "duration", "outcome", "marginal", "code", "message" },
  measurement = { "seq", "name", "at", "value", "unit", "outcome", "marginal", "instrument", "uncertainty", "doc" },
  log = { "seq", "at", "level", "message", "source" },
  attachment = { "seq", "at", "name", "mime", "size", "sha256" },
  prompt = { "seq", "at", "kind", "message", "options", "answer", "duration" },
  instrument = { "role", "url", "maker", "model", "serial", "firmware", "simulated", "cal_due", "cal_certificate" },
}

local function pick(source, names)
  local out = {}
  for _, key in ipairs(names) do
    local value = source[key]
    if value == nil then value = json.null end
    out[key] = value
  end
  return out
end

local function list(source, convert)
  local out = json.array()
  for i, item in ipairs(source) do out[i] = convert(item) end
  return out
end

-- What both a run and a phase have.
local function add_parts(out, part)
  out.logs = list(part.logs, function(log) return pick(log, keys.log) end)
  out.attachments = list(part.attachments, function(file) return pick(file, keys.attachment) end)
  out.prompts = list(part.prompts, function(prompt) return pick(prompt, keys.prompt) end)
  return out
end

local function measurement(m)
  local out = pick(m, keys.measurement)
  out.type = m.value == nil and json.null or math.type(m.value) or type(m.value)
  out.limits = m.limits or json.null
  out.series = m.series and pick(m.series, keys.series) or json.null
  return out
end

local function phase(p)
  local out = add_parts(pick(p, keys.phase), p)
  out.measurements = list(p.measurements, measurement)
  return out
end

local function any_table(t) return next(t or {}) and t or json.object() end

local function document_of(run)
  local out = add_parts(pick(run, keys.run), run)
  out.schema = SCHEMA
  out.seal = run.seal and pick(run.seal, keys.seal) or json.null
  out.dut = pick(run.dut, keys.dut)
  out.dut.subunits = list(run.dut.subunits or {}, function(part) return pick(part, keys.subunit) end)
  out.procedure = pick(run.procedure, keys.procedure)
  out.phases = list(run.phases, phase)
  out.instruments = list(run.instruments, function(unit) return pick(unit, keys.instrument) end)
  out.config, out.meta = any_table(run.config), any_table(run.meta)
  return out
end

---@param runs moonrig.Run[]
---@param context { many: boolean }
---@param put fun(text: string)
function document.render(runs, context, put)
  if not context.many then return put(json.encode(document_of(runs[1]), OPTIONS) .. "\n") end
  for i, run in ipairs(runs) do
    -- A level deeper; there is no newline but those between values.
    put((i > 1 and ",\n  " or "[\n  ") .. json.encode(document_of(run), OPTIONS):gsub("\n", "\n  "))
  end
  put(runs[1] and "\n]\n" or "[]\n")
end

return document
