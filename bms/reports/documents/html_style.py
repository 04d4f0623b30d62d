"""How a report looks: one white sheet, hairlines, ink and one accent; held by a grey print."""

from __future__ import annotations

from typing import Final

from bms.reports.pictures.svg import FONTS

STYLE: Final = f"""
@page {{ size: A4; margin: 14mm 14mm 16mm; }}
* {{ box-sizing: border-box; }}
html {{ background: #ECEEF0; -webkit-print-color-adjust: exact; print-color-adjust: exact; }}
body {{ margin: 0 auto; padding: 28px; max-width: 860px; min-height: 100vh; background: #fff;
  color: #1A1E23; font: 13px/1.5 {FONTS}; font-variant-numeric: tabular-nums; }}
h1 {{ font-size: 20px; line-height: 28px; font-weight: 600; margin: 0; }}
header {{ margin-bottom: 20px; }}
header p {{ margin: 2px 0 0; color: #5F6873; }}
.answer {{ font-size: 14px; margin: 12px 0 0; color: #1A1E23; max-width: 68ch; }}
.changes {{ margin: 12px 0 0; padding: 6px 12px; border-left: 2px solid #B87A00;
  background: #FFF2D1; color: #704300; }}
.changes ul {{ margin: 0; padding-left: 16px; }}
section {{ border-top: 1px solid #1A1E23; padding-top: 8px; margin-top: 28px; }}
h2 {{ font-size: 13px; font-weight: 600; margin: 0 0 8px; break-after: avoid; }}
h2 span, h3 span {{ font-weight: 400; color: #5F6873; margin-left: 10px; }}
h3 {{ font-size: 12px; font-weight: 600; margin: 16px 0 4px; color: #454D57; break-after: avoid; }}
.heads {{ display: flex; flex-wrap: wrap; gap: 12px 40px; margin: 4px 0 8px; }}
.heads div {{ min-width: 120px; }}
.heads b {{ display: block; font-size: 20px; line-height: 28px; font-weight: 600; }}
.heads b i {{ font: 400 12px/1 {FONTS}; color: #5F6873; margin-left: 4px; }}
.heads span {{ display: block; font-size: 12px; color: #454D57; }}
.heads small {{ display: block; font-size: 12px; color: #5F6873; }}
table {{ border-collapse: collapse; width: 100%; font-size: 12px; margin: 4px 0 0; }}
thead {{ display: table-header-group; }}
th {{ font-weight: 400; color: #5F6873; text-align: left; vertical-align: bottom;
  padding: 3px 12px 3px 0; border-bottom: 1px solid #C8CDD3; }}
td {{ padding: 3px 12px 3px 0; border-bottom: 1px solid #E3E6E9; vertical-align: top; }}
th:last-child, td:last-child {{ padding-right: 10px; }}
.n sup {{ display: inline-block; width: 0; }}
tr {{ break-inside: avoid; }}
.n {{ text-align: right; white-space: nowrap; }}
.t {{ white-space: nowrap; }}
tr.total td {{ font-weight: 600; border-top: 1px solid #1A1E23; border-bottom: 0; }}
tr.marked td:first-child {{ color: #B3211A; font-weight: 600; }}
.gone {{ color: #5F6873; }}
sup {{ font-size: 9px; line-height: 0; color: #1B5A9C; margin-left: 1px; }}
.notes {{ list-style: none; margin: 6px 0 0; padding: 0; font-size: 12px; color: #5F6873; }}
.notes sup {{ margin: 0 4px 0 0; }}
p.line {{ margin: 4px 0; max-width: 80ch; }}
figure {{ margin: 8px 0 0; break-inside: avoid; }}
figure svg {{ display: block; }}
.blank div {{ height: 26px; border-bottom: 1px solid #C8CDD3; }}
.receipt dl {{ display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0;
  font-size: 12px; color: #454D57; }}
.receipt dt {{ color: #5F6873; }}
.receipt dd {{ margin: 0; overflow-wrap: anywhere; }}
.receipt code {{ font: 11px/1.5 ui-monospace, 'SF Mono', Consolas, monospace; }}
.sign {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr));
  gap: 20px 32px; margin-top: 8px; break-inside: avoid; }}
.sign div span {{ display: block; color: #454D57; font-size: 12px; }}
.sign div i {{ display: block; height: 38px; border-bottom: 1px solid #1A1E23; }}
.sign div small {{ display: block; color: #5F6873; font-size: 12px; margin-top: 4px; }}
@media print {{
  html {{ background: #fff; }}
  body {{ padding: 0; max-width: none; min-height: 0; }}
  section {{ margin-top: 20px; }}
}}
"""
