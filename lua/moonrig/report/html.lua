-- SPDX-License-Identifier: MIT
-- report/html.lua: runs as one HTML file to read, print and hand on: no network, no script, nothing outside of it.
-- All foreign text goes through markup.lua; several runs get an index and a section each.

local document = require "moonrig.report.html.document"
local format = require "moonrig.report.format"
local results = require "moonrig.report.html.results"
local sections = require "moonrig.report.html.sections"
local style = require "moonrig.report.html.style"
local summary = require "moonrig.report.summary"
local tag = require "moonrig.report.markup"

local html = {}

local function section_name(run) return "run-" .. run.num end

local function article(run, sum, context)
  return tag.article { id = section_name(run),
    sections.head(run, sum), sections.notices(run), sections.facts(run), sections.reasons(run, sum),
    results.section(run, sum), sections.basis(run), sections.instruments(run), sections.prompts(run),
    sections.attachments(run, context.blob), sections.log(run), sections.settings(run),
    sections.foot(run, context.many) }
end

local function count_outcomes(summaries)
  local counts, words = {}, {}
  for _, sum in ipairs(summaries) do counts[sum.verdict] = (counts[sum.verdict] or 0) + 1 end
  for _, word in ipairs { "PASS", "FAIL", "ERROR", "TIMEOUT", "ABORTED", "RUNNING" } do
    if counts[word] then words[#words + 1] = ("%d %s"):format(counts[word], word) end
  end
  return table.concat(words, ", ")
end

local function index(runs, summaries)
  local rows, heads = {}, {}
  for i, run in ipairs(runs) do rows[i] = sections.index_row(run, summaries[i], section_name(run)) end
  for i, name in ipairs { "Verdict", "Unit", "Procedure", "Started", "Duration", "Reason" } do
    heads[i] = tag.th { scope = "col", name }
  end
  return tag.article { id = "index",
    tag.header { class = "head", tag.div { tag.p { class = "kind", "Test reports" },
      tag.h1 { format.count(#runs, "run") }, tag.p { class = "what", count_outcomes(summaries) } } },
    tag.div { class = "scroll", tag.table { class = "index", tag.thead { tag.tr(heads) }, tag.tbody(rows) } } }
end

local function title_of(runs, summaries, many)
  if many then return ("Test reports: %s"):format(format.count(#runs, "run")) end
  local run = runs[1]
  return ("%s %s, %s, run %d"):format(run.dut.serial, summaries[1].verdict, run.procedure.name, run.num)
end

local function sheets_of(runs, many)
  local sheets = many and { { name = "index", foot = "Test reports" } } or {}
  for _, run in ipairs(runs) do
    sheets[#sheets + 1] = { name = section_name(run), foot = ("%s, run %s"):format(format.cut(run.dut.serial, 40),
      run.id) }
  end
  return sheets
end

---@param runs moonrig.Run[]
---@param context { blob: (fun(sha256: string): string?), many: boolean, paper: string? }
---@param put fun(text: string)
function html.render(runs, context, put)
  local summaries, articles = {}, {}
  for i, run in ipairs(runs) do
    summaries[i] = summary.of(run)
    articles[i] = article(run, summaries[i], context)
  end
  local many = #runs > 1
  put(document(title_of(runs, summaries, many), style.css(sheets_of(runs, many), context.paper),
    { many and index(runs, summaries), articles }))
end

return html
