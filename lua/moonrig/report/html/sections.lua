-- SPDX-License-Identifier: MIT
-- report/html/sections.lua: what stands around the results of a run: verdict, facts, what failed, instruments,
-- questions to the operator, attachments, log, settings, and how the record identifies it.

local escape = require "moonrig.report.escape"
local format = require "moonrig.report.format"
local json = require "moonrig.json"
local outcome = require("moonrig.report.html.results").outcome
local qr = require "moonrig.report.qr"
local summary = require "moonrig.report.summary"
local tag = require "moonrig.report.markup"

local sections = {}

local LONGEST = 4000  -- bytes of a text that are shown
local MOST = 20       -- reasons at the top; the results have all
local function cut(s) return format.cut(s, LONGEST) end

-- A list of facts: { word, value } each; those without a value are left out.
local function facts(list)
  local out = {}
  for _, fact in ipairs(list) do
    if fact[2] and fact[2] ~= "" then
      out[#out + 1] = { tag.dt { fact[1] }, tag.dd { class = fact.class, fact[2] } }
    end
  end
  return tag.dl { out }
end

-- What a station noted about the run under a usual name.
local function noted(run, name)
  local value = (run.meta or {})[name]
  return type(value) ~= "table" and value ~= nil and cut(format.value(value))
end

-- Who tested, and where.
local function laboratory(run)
  local name, address = noted(run, "laboratory"), noted(run, "address")
  return (name or address) and tag.p { class = "laboratory", name and tag.strong { name },
    name and address and ", " or "", address }
end

function sections.head(run, sum)
  return tag.header { class = "head",
    tag.div {
      laboratory(run),
      tag.p { class = "kind", "Test report" },
      tag.h1 { run.dut.serial },
      tag.p { class = "what", run.procedure.name, run.procedure.version and " " .. run.procedure.version } },
    tag.p { class = "verdict " .. sum.verdict:lower(), tag.strong { sum.verdict },
      " ", run.marginal and tag.b { "marginal" }, " ", tag.span { summary.in_words(sum) } } }
end

local function is_overdue(run, unit) return unit.cal_due and unit.cal_due < run.started_at:sub(1, #unit.cal_due) end

-- What a reader must know before believing the verdict.
function sections.notices(run)
  local list = {}
  local function add(strong, text) list[#list + 1] = tag.p { class = "notice", tag.strong { strong }, " ", text } end
  if run.simulated then
    add("Simulated.", "The instruments were simulators; this run says nothing about the unit.")
  end
  if run.mode ~= "production" then add("Not a production run.", "Its mode was " .. run.mode .. ".") end
  if not run.outcome then add("Not finished.", "The run was still going on when this report was made.") end
  if run.interrupted then
    add("Interrupted.", "The program went away during the run. What it had measured until then is complete.")
  end
  for _, name in ipairs { "deviations", "waiver" } do
    local text = noted(run, name)
    if text then add(name == "waiver" and "Waiver." or "Deviations from the procedure.", text) end
  end
  for _, unit in ipairs(run.instruments) do
    if is_overdue(run, unit) then
      add("Calibration overdue.", ("%s was due on %s, before this run."):format(unit.role, unit.cal_due))
    end
  end
  return list
end

local function unit_facts(run, dut)
  local list = { { "Unit", dut.serial }, { "Part", dut.part }, { "Revision", dut.revision }, { "Batch", dut.batch } }
  for _, part in ipairs(dut.subunits or {}) do
    list[#list + 1] = { "Sub-unit", cut(("%s: %s"):format(part.name, format.subunit(part))) }
  end
  list[#list + 1] = { "Customer", noted(run, "customer") }
  list[#list + 1] = { "Order", noted(run, "order") }
  return list
end

function sections.facts(run)
  local dut, procedure = run.dut, run.procedure
  return tag.section { class = "facts", ["aria-label"] = "Unit, procedure and place",
    facts(unit_facts(run, dut)),
    facts { { "Procedure", procedure.name }, { "Version", procedure.version }, { "Attempt",
      run.attempt > 1 and ("%d of this unit"):format(run.attempt) }, { "Station", run.station }, { "Site", run.site },
      { "Fixture", noted(run, "fixture") }, { "Operator", run.operator } },
    facts { { "Started", format.time(run.started_at) }, { "Ended", run.ended_at and format.time(run.ended_at) },
      { "Duration", format.duration(run.duration) }, { "Run", run.num },
      { "Temperature", noted(run, "temperature") }, { "Humidity", noted(run, "humidity") } } }
end

-- ISO/IEC 17025, 7.8.6: by what rule a value is said to conform.
local DECISION <const> = "Simple acceptance: a value passes when it is within its limits or equal to one of them. The "
  .. "uncertainty of the measurement, where one is given, is not taken into account."

local function limits_file(run)
  local limits = (run.config or {}).limits
  if type(limits) ~= "table" or type(limits.file) ~= "string" then return nil end
  return limits.file .. (limits.version and ", version " .. format.value(limits.version) or "")
end

--- By what was tested, and in which state the unit came.
function sections.basis(run)
  return tag.section { tag.h2 { "Basis of the test" }, tag.div { class = "basis",
    facts { { "Method", noted(run, "method") }, { "Limits", limits_file(run) },
      { "Decision rule", noted(run, "decision_rule") or DECISION }, { "Received", noted(run, "received") },
      { "Condition", noted(run, "condition") }, { "Authorized by", noted(run, "authorized_by") } } } }
end

function sections.reasons(run, sum)
  if not sum.reasons[1] or run.outcome == "PASS" then return false end
  local list = {}
  for i, reason in ipairs(sum.reasons) do
    if i > MOST then
      list[i] = tag.li { ("and %d more; see the results"):format(#sum.reasons - MOST) }
      break
    end
    list[i] = tag.li { reason.phase and { tag.strong { reason.phase }, ": " }, cut(reason.text) }
  end
  return tag.section { tag.h2 { run.outcome == "FAIL" and "What failed" or "What happened" },
    tag.ul { class = "reasons " .. sum.verdict:lower(), list } }
end

-- A table with a heading for each column.
local function grid(class, names, rows)
  local heads = {}
  for i, name in ipairs(names) do heads[i] = tag.th { scope = "col", name } end
  return tag.div { class = "scroll", tag.table { class = class, tag.thead { tag.tr(heads) }, tag.tbody(rows) } }
end

local function joined(...)
  local words = {}
  for i = 1, select("#", ...) do words[#words + 1] = select(i, ...) or nil end
  return words[1] and table.concat(words, " ")
end

function sections.instruments(run)
  if not run.instruments[1] then return false end
  local rows = {}
  for i, unit in ipairs(run.instruments) do
    rows[i] = tag.tr { tag.td { unit.role },
      tag.td { joined(unit.maker, unit.model) or "not identified", unit.simulated and " (simulated)",
        tag.div { class = "small quiet mono", unit.url or "" } },
      tag.td { unit.serial or "\u{2013}" }, tag.td { unit.firmware or "\u{2013}" },
      tag.td { unit.cal_due or "not recorded", unit.cal_due and (is_overdue(run, unit) and ", overdue" or ", valid"),
        unit.cal_certificate and tag.div { class = "small quiet", "certificate ", unit.cal_certificate } } }
  end
  return tag.section { tag.h2 { "Instruments" }, grid("instruments", { "Name", "Maker and model", "Serial number",
    "Firmware", "Calibration due" }, rows) }
end

function sections.prompts(run)
  local rows = {}
  for i, entry in ipairs(summary.collect(run, "prompts")) do
    local prompt = entry.item
    rows[i] = tag.tr { tag.td { cut(prompt.message), prompt.options and tag.div { class = "small quiet", "of ",
        table.concat(prompt.options, ", ") } },
      tag.td { class = prompt.answer == nil and "quiet", cut(format.answer(prompt)) },
      tag.td { format.duration(prompt.duration) }, tag.td { entry.phase and entry.phase.name or "" } }
  end
  return rows[1] and tag.section { tag.h2 { "Questions to the operator" },
    grid("prompts", { "Question", "Answer", "After", "Phase" }, rows) }
end

-- Attachments

local pictures = { ["image/png"] = true, ["image/jpeg"] = true, ["image/gif"] = true, ["image/webp"] = true,
  ["image/svg+xml"] = true }

local function figure(file, bytes)
  return tag.figure { tag.img { alt = file.name, src = ("data:%s;base64,%s"):format(file.mime, escape.base64(bytes)) },
    tag.figcaption { file.name } }
end

function sections.attachments(run, blob)
  local rows, figures = {}, {}
  for i, entry in ipairs(summary.collect(run, "attachments")) do
    local file = entry.item
    local bytes = pictures[file.mime] and blob(file.sha256)
    if bytes then figures[#figures + 1] = figure(file, bytes) end
    rows[i] = tag.tr { tag.td { file.name, tag.div { class = "small quiet mono", "SHA-256 ", file.sha256 } },
      tag.td { file.mime }, tag.td { class = "short", format.size(file.size) },
      tag.td { entry.phase and entry.phase.name or "" } }
  end
  return rows[1] and tag.section { tag.h2 { "Attachments" }, grid("attachments", { "File", "Type", "Size", "Phase" },
    rows), figures[1] and tag.div { class = "pictures", figures } }
end

-- Log and settings: folded away; on paper a line says so unless they were opened before printing.
local function folded(title, content, on_paper)
  return { tag.details { class = "more", tag.summary { title }, content },
    tag.p { class = "on-paper small quiet", on_paper } }
end

function sections.log(run)
  local rows, longest = {}, 0
  for i, entry in ipairs(summary.collect(run, "logs")) do
    local log = entry.item
    longest = i
    rows[i] = tag.tr { class = "l-" .. log.level, tag.td { class = "number", ("%.3f"):format(log.at) },
      tag.td { log.level }, tag.td { entry.phase and entry.phase.name or "" },
      tag.td { class = "mono", cut(log.message) }, tag.td { class = "mono quiet", log.source or "" } }
  end
  if not rows[1] then return false end
  local lines = format.count(longest, "line")
  return folded("Log, " .. lines, grid("log", { "Seconds", "Level", "Phase", "Message", "Source" }, rows),
    "The log of " .. lines .. " is in the electronic form of this report.")
end

local SETTINGS = { indent = 2, nonfinite = "literal", invalid = "replace" }

function sections.settings(run)
  local rows = {}
  for _, part in ipairs { run.config or {}, run.meta or {} } do
    local names = {}
    for name in pairs(part) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
      local value = part[name]
      local text = type(value) == "table" and json.encode(value, SETTINGS) or format.value(value)
      rows[#rows + 1] = tag.tr { tag.td { name }, tag.td { class = "mono", cut(text) } }
    end
  end
  if not rows[1] then return false end
  local settings = format.count(#rows, "entry"):gsub("entrys$", "entries")
  return folded("Settings and notes, " .. settings, grid("log", { "Name", "Value" }, rows),
    "Settings and notes (" .. settings .. ") are in the electronic form of this report.")
end

function sections.foot(run, many)
  local seal = run.seal or {}
  return tag.footer { class = "foot small",
    tag.div { class = "identity",
      facts { { "Run", run.id, class = "mono" }, { "Script SHA-256", run.procedure.script_sha256, class = "mono" },
        { "Software", run.runtime }, { "Host", run.host }, { "Sealed as", format.seal(run) },
        { "Hash", seal.hash, class = "mono" }, { "Hash before", seal.prev, class = "mono" },
        { "Signature", seal.signature, class = "mono" }, { "Head of the chain", format.head(run), class = "mono" } },
      not many and qr.svg(run.id, "QR code of the run") },
    tag.p { class = "quiet end", "Times are UTC. The results relate only to the unit named above. This report shall "
      .. "not be reproduced except in full without written approval of the laboratory." },
    tag.p { class = "quiet end", "End of report ", tag.span { class = "mono", run.id } } }
end

--- A line of the index of a document about several runs.
function sections.index_row(run, sum, name)
  local reason = sum.reasons[1]
  return tag.tr { tag.td { outcome(run.outcome, run.marginal) }, tag.td { tag.a { href = "#" .. name,
      run.dut.serial } },
    tag.td { run.procedure.name, run.procedure.version and " " .. run.procedure.version },
    tag.td { class = "short", format.time(run.started_at) },
    tag.td { class = "short", format.duration(run.duration) },
    tag.td { reason and { reason.phase and reason.phase .. ": ", cut(reason.text) } or "" } }
end

return sections
