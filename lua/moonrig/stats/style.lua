-- SPDX-License-Identifier: MIT
-- stats/style.lua: what the pages of the statistics need beyond the style of the reports.

return [[
.figures { font-size: 13.5px; } .figures td, .figures th { padding-left: 5px; padding-right: 5px;
  white-space: nowrap; text-align: right; }
.figures td:first-child, .figures th:first-child, .figures .left { text-align: left; }
.figures th { white-space: normal; vertical-align: bottom; } .figures .small { font-size: 11.5px; }
.figures td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 110px; }
h3 { font-size: 15px; margin: 26px 0 2px; font-weight: 650; overflow-wrap: anywhere; unicode-bidi: isolate; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 14px; margin-top: 20px; }
.tile { background: var(--soft); border: 1px solid var(--rule); border-radius: 5px; padding: 11px 14px; }
.tile strong { display: block; font-size: 24px; line-height: 1.25; } .tile p { font-size: 12.5px; }
.set { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 6px 26px; align-items: center; }
.set dl { display: grid; grid-template-columns: auto 1fr; gap: 2px 12px; margin: 0; }
.set dd { text-align: right; }
.one { break-inside: avoid; border-top: 1px solid var(--rule); margin-top: 20px; }
.notes { list-style: none; margin-top: 8px; color: var(--quiet); font-size: 13px; }
.plot .bin, .plot .cause { fill: var(--aborted); }
.plot .mean { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 4 3; }
.plot .control { stroke: var(--error); stroke-width: 1.3; stroke-dasharray: 7 4; }
.plot .center { stroke: var(--pass); stroke-width: 1.2; } .plot .sigma { stroke: var(--quiet); stroke-width: .6;
  stroke-dasharray: 2 4; }
.plot .curve, .plot .sum { fill: none; stroke: var(--quiet); stroke-width: 1; } .plot .sum { stroke: var(--error); }
.plot .whisker { stroke: var(--quiet); stroke-width: 1.3; }
.plot .rule { fill: var(--fail); font-weight: 650; }
.plot .appraiser { stroke-width: 1.6; }
.plot .a0 { fill: #2f6db5; stroke: #2f6db5; } .plot .a1 { fill: #c2571a; stroke: #c2571a; }
.plot .a2 { fill: #2b8a57; stroke: #2b8a57; } .plot .a3 { fill: #8a4fb0; stroke: #8a4fb0; }
.plot .a4 { fill: #9c7a12; stroke: #9c7a12; } .plot .a5 { fill: #b03a6c; stroke: #b03a6c; }
h2, h3, h2 + p { break-after: avoid; } .wide { break-inside: avoid; }
@media screen and (max-width: 700px) { .set { grid-template-columns: 1fr; } .wide .plot { min-width: 660px; } }
@media print { .tile { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .tiles { grid-template-columns: repeat(4, 1fr); gap: 8pt; } .tile strong { font-size: 14pt; }
  .set { grid-template-columns: 64mm minmax(0, 1fr); } .set .plot { font-size: 16px; }
  .set dl { font-size: 7.5pt; line-height: 1.3; gap: 0 10px; grid-template-columns: auto 1fr auto 1fr; }
  .one { margin-top: 8pt; }
  .notes { font-size: 8pt; line-height: 1.3; margin-top: 2pt; } .plot { margin-top: 2pt; }
  h3 { font-size: 10.5pt; margin-top: 8pt; } .figures td, .figures th { font-size: 7.5pt; } }
]]
