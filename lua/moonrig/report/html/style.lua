-- SPDX-License-Identifier: MIT
-- report/html/style.lua: how the HTML report looks: on a screen, light or dark as the reader has it, and on A4 or
-- Letter, with the run and the page number on every sheet.  Foreign text comes in through escape.css alone.

local escape = require "moonrig.report.escape"

local style = {}

-- The colours of paper stand first; a dark screen replaces them.
local COLOURS = [[
:root { color-scheme: light dark; --page: #eef1f4; --paper: #fff; --ink: #1b2127; --quiet: #56616d; --rule: #d5dbe1;
  --soft: #f5f7f9; --pass: #17713f; --fail: #b3211b; --error: #a3440c; --aborted: #5a5f6b; --marginal: #8a5a00;
  --band: #bfe3cd; --zone: #f3d58a; --beyond: #e4e7eb; --on: #fff; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #0e1114; --paper: #171b20; --ink: #e4e8ec;
  --quiet: #9aa6b2; --rule: #343c45; --soft: #1f252b; --pass: #5cc48a; --fail: #ff8a80; --error: #ffab70;
  --aborted: #b3bac4; --marginal: #f0c050; --band: #2c5f45; --zone: #7a5c14; --beyond: #343c45; --on: #101418; } }
]]

local SCREEN = [[
* { box-sizing: border-box; }
body { margin: 0; background-color: var(--page); color: var(--ink); font: 15px/1.45 -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, "Liberation Sans", "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; }
article { max-width: 1000px; margin: 28px auto; padding: 36px 44px; background-color: var(--paper);
  border: 1px solid var(--rule); border-radius: 6px; }
h1, h2, p, dl, dd, ul, figure { margin: 0; padding: 0; }
h1 { font-size: 30px; line-height: 1.15; font-weight: 650; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 32px 0 10px; font-weight: 650; }
a { color: inherit; }
td, dd, li, h1, p, summary, figcaption { unicode-bidi: isolate; }
.quiet, dt, th, .kind, figcaption, .small { color: var(--quiet); }
.small, figcaption { font-size: 12.5px; }
.mono { font-family: ui-monospace, "SF Mono", Consolas, "DejaVu Sans Mono", monospace; font-size: 12.5px;
  overflow-wrap: anywhere; }
.kind { font-size: 12.5px; font-weight: 600; letter-spacing: .09em; text-transform: uppercase; margin-bottom: 6px; }
.head { display: flex; gap: 28px; align-items: flex-start; justify-content: space-between;
  border-bottom: 2px solid var(--ink); padding-bottom: 22px; }
.head div { min-width: 0; }
.laboratory { margin-bottom: 14px; overflow-wrap: anywhere; }
.head .what { font-size: 17px; margin-top: 6px; overflow-wrap: anywhere; }
.verdict { flex: none; min-width: 170px; max-width: 300px; padding: 12px 20px 11px; border-radius: 5px;
  background-color: var(--aborted); color: var(--on); text-align: center; print-color-adjust: exact;
  -webkit-print-color-adjust: exact; }
.verdict strong { display: block; font-size: 34px; line-height: 1.1; letter-spacing: .03em; }
.verdict b { display: block; } .verdict span { display: block; font-size: 12.5px; line-height: 1.35; margin-top: 3px; }
.verdict.pass { background-color: var(--pass); } .verdict.fail { background-color: var(--fail); }
.verdict.error, .verdict.timeout { background-color: var(--error); }
.notice { border: 1px solid var(--error); border-left-width: 6px; border-radius: 4px; padding: 9px 14px;
  margin-top: 18px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(255px, 1fr)); gap: 0 30px; margin-top: 18px; }
.facts dl { display: grid; grid-template-columns: 96px 1fr; gap: 3px 8px; align-content: start; padding: 4px 0; }
dd { overflow-wrap: anywhere; min-width: 0; }
.reasons { list-style: none; border-left: 4px solid var(--fail); padding-left: 14px; }
.reasons.error, .reasons.timeout { border-color: var(--error); } .reasons.aborted { border-color: var(--aborted); }
.short { white-space: nowrap; }
.reasons li { margin: 4px 0; overflow-wrap: anywhere; }
]]

local TABLES = [[
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-weight: 600; font-size: 12.5px; padding: 5px 8px; border-bottom: 1px solid var(--ink); }
td { padding: 5px 8px; border-bottom: 1px solid var(--rule); vertical-align: top; overflow-wrap: anywhere; }
th:first-child, td:first-child { padding-left: 10px; }
.results { table-layout: fixed; min-width: 720px; }
.c-name { width: 20%; } .c-value { width: 24%; } .c-low, .c-high { width: 14%; } .c-bar { width: 16%; }
.c-verdict { width: 12%; }
.number { text-align: right; }
.bar { display: block; width: 100%; max-width: 168px; height: auto; }
.bar .beyond { fill: var(--beyond); } .bar .between { fill: var(--band); } .bar .zone { fill: var(--zone); }
.bar .limit { stroke: var(--quiet); stroke-width: 1.5; } .bar .nominal { stroke: var(--paper); stroke-width: 1.5; }
.bar .pass { fill: var(--pass); } .bar .fail { fill: var(--fail); } .bar .marginal { fill: var(--marginal); }
.bar circle, .bar polygon { stroke: var(--paper); stroke-width: 1; }
.plot { display: block; width: 100%; height: auto; margin-top: 6px; font-size: 11px; }
.plot text { fill: var(--quiet); } .plot .middle { text-anchor: middle; } .plot .end { text-anchor: end; }
.plot .between { fill: var(--band); opacity: .45; }
.plot .limit { stroke: var(--fail); stroke-width: 1.5; } .plot .limit-name { fill: var(--fail); }
.plot .axis, .plot .tick { stroke: var(--quiet); } .plot .grid { stroke: var(--rule); stroke-width: .7; }
.plot .dot { fill: var(--ink); } .plot .signal { fill: var(--fail); }
.plot .series, .plot .limit-line { fill: none; stroke: var(--ink); stroke-width: 1.4; stroke-linejoin: round; }
.plot .limit-line { stroke: var(--fail); stroke-width: 1.2; }
.phase td { background-color: var(--soft); font-weight: 600; padding-top: 7px; padding-bottom: 7px; }
.phase .quiet { font-weight: 400; }
.why td { color: var(--fail); }
.o { font-weight: 600; white-space: nowrap; }
.o-pass { color: var(--pass); } .o-fail, .o-unset { color: var(--fail); } .o-error, .o-timeout { color: var(--error); }
.o-aborted, .o-skip, .o-skipped, .o-running { color: var(--aborted); } .o-marginal { color: var(--marginal);
  white-space: normal; }
.bad td { background: color-mix(in srgb, var(--fail) 7%, transparent); }
tr.repeated > td { padding: 0; }
details > summary { cursor: pointer; padding: 6px 10px; }
.repeated details > summary { color: var(--quiet); }
.repeated td { color: var(--quiet); }
details.more { border: 1px solid var(--rule); border-radius: 4px; margin-top: 12px; }
details.more[open] > summary { border-bottom: 1px solid var(--rule); }
details.more > summary { font-weight: 600; }
.log td { padding: 2px 8px; border: 0; white-space: pre-wrap; } .log th { border: 0; }
.log .l-error td { color: var(--fail); } .log .l-warning td { color: var(--marginal); }
.log .l-debug td { color: var(--quiet); }
.pictures { display: flex; flex-wrap: wrap; gap: 18px; margin-top: 14px; }
figure img { display: block; max-width: 100%; max-height: 420px; border: 1px solid var(--rule); background: #fff; }
figcaption { margin-top: 4px; overflow-wrap: anywhere; }
.foot { margin-top: 34px; padding-top: 12px; border-top: 2px solid var(--ink); }
.foot dl, .basis dl { display: grid; grid-template-columns: 120px 1fr; gap: 2px 10px; }
.identity { display: flex; gap: 20px; align-items: flex-start; } .identity dl { flex: 1; min-width: 0; }
.qr { flex: none; width: 96px; height: 96px; }
.on-paper { display: none; }
.end { text-align: center; margin-top: 14px; }
@media (max-width: 700px) { article { padding: 20px 16px; margin: 0; border: 0; } .head { flex-direction: column; }
  .identity { flex-direction: column; } }
]]

local PRINT = [[
@media print {
  body { background-color: transparent; font-size: 9.5pt; }
  article { max-width: none; margin: 0; padding: 0; border: 0; border-radius: 0; }
  article + article { break-before: page; }
  h1 { font-size: 20pt; } h2 { font-size: 12pt; margin: 16pt 0 5pt; break-after: avoid; }
  .head, .facts { display: table; width: 100%; border-collapse: separate; }
  .head > *, .facts dl { display: table-cell; vertical-align: top; }
  .head { padding-bottom: 12pt; } .laboratory { margin-bottom: 14px; overflow-wrap: anywhere; }
.head .what { font-size: 12pt; } .verdict { width: 62mm; min-width: 0; }
  .facts { margin-top: 10pt; table-layout: fixed; } .facts dl { width: 36%; }
  .facts dl:first-child { width: 28%; padding-right: 10pt; }
  .facts dt { float: left; clear: left; width: 61pt; } .facts dd { margin-left: 63pt; }
  .foot dl, .basis dl { display: block; } .foot dt, .basis dt { float: left; clear: left; }
  .foot dd, .basis dd { margin-left: 94pt; } .basis dl { font-size: 8.5pt; } .qr { width: 25mm; height: 25mm; }
  .small, figcaption, th, .kind, .mono { font-size: 8pt; }
  td, th { padding-top: 2.5pt; padding-bottom: 2.5pt; }
  .scroll { overflow: visible; } .results { min-width: 0; }
  tr, figure, .notice, .reasons li, .basis, .foot { break-inside: avoid; }
  .phase, .phase td { break-after: avoid; } .drawn, .drawn td { break-before: avoid; }
  .phase td, .bad td, .bar, .plot { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  tr.repeated { break-inside: auto; }
  tr.repeated details::details-content { content-visibility: visible; display: block; height: auto; }
  details.more:not([open]) { display: none; }
  details.more:not([open]) + .on-paper { display: block; }
  .pictures { display: block; } figure { margin-top: 8pt; } figure img { max-height: 85mm; }
  .foot { margin-top: 14pt; padding-top: 6pt; } .end { margin-top: 5pt; }
  a { text-decoration: none; }
}
]]

-- One kind of sheet: what it belongs to at the left foot, the page number at the right. Paper as the printer has it,
-- unless its size is given.
local function sheet(name, foot, paper)
  local font = "font: 7.5pt Arial, 'Liberation Sans', sans-serif; color: #56616d;"
  return ('@page %s { %smargin: 15mm 14mm 18mm; @bottom-left { content: %s; %s } '
    .. '@bottom-right { content: "Page " counter(page) " of " counter(pages); %s } }\n')
    :format(name, paper and ("size: %s; "):format(paper) or "", escape.css(foot), font, font)
end

--- The style sheet for sections of the given names, each with its own foot line when printed.
---@param sheets { name: string, foot: string }[]
---@param paper string?  "A4", when it is not for the printer to say
---@return string
function style.css(sheets, paper)
  local parts = { "\n", COLOURS, SCREEN, TABLES, PRINT }
  for _, one in ipairs(sheets) do
    parts[#parts + 1] = sheet(one.name, one.foot, paper)
    parts[#parts + 1] = ("#%s { page: %s; }\n"):format(one.name, one.name)
  end
  return table.concat(parts)
end

return style
