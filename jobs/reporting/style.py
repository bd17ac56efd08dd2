"""The style sheet: system fonts, light or dark as the reader's system is, nothing fetched."""

CSS = """
:root { color-scheme: light dark; --paper: #fbfbfa; --card: #ffffff; --ink: #1c2024; --soft: #60646c; --line: #e3e4e8;
  --kept: #2f6f9f; --drop: #d97b5b; --natural: #b9bec7; --planned: #7ba7c7; --note: #fff6e5; --note-line: #e8b04a; }
@media (prefers-color-scheme: dark) { :root { --paper: #131519; --card: #1a1d22; --ink: #e8eaed; --soft: #9ba1ab;
  --line: #2d3138; --kept: #6cb2e0; --drop: #e0906f; --natural: #565c67; --planned: #46708f; --note: #2b2416;
  --note-line: #a67c2d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .2rem 0 .6rem; letter-spacing: -.015em; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .2rem; letter-spacing: -.005em; }
h3 { font-size: .95rem; margin: 1.4rem 0 .3rem; }
p { margin: .3rem 0 .8rem; max-width: 62rem; }
.eyebrow, .hint, footer { color: var(--soft); font-size: .87rem; }
.lede { font-size: 1.08rem; }
code, pre { font: .84em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.notice { background: var(--note); border-left: 3px solid var(--note-line); border-radius: 4px; padding: .55rem .9rem;
  margin: .5rem 0; max-width: none; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .8rem; margin: 1.4rem 0 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; }
.card .label, .card .says { color: var(--soft); font-size: .82rem; }
.card .value { font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; letter-spacing: -.01em;
  white-space: nowrap; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  margin-top: .7rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .45rem .8rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: middle; }
th { font-weight: 500; color: var(--soft); font-size: .82rem; white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
tfoot td { border-top: 1px solid var(--line); border-bottom: 0; font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
.name { overflow-wrap: anywhere; min-width: 13rem; }
.faint { color: var(--soft); }
.bar { min-width: 7rem; width: 15%; } .wide { min-width: 11rem; width: 32%; }
svg { display: block; width: 100%; border-radius: 2px; }
.kept { fill: var(--kept); } .drop { fill: var(--drop); }
.natural { fill: var(--natural); } .planned { fill: var(--planned); }
.track { fill: var(--line); }
.r0 { fill: #98a0aa; } .r1 { fill: #d97b5b; } .r2 { fill: #dcae3f; } .r3 { fill: #9a72b4; } .r4 { fill: #c4567b; }
.r5 { fill: #7f9f4a; } .r6 { fill: #45a39c; } .r7 { fill: #a57f60; } .r8 { fill: #7480d6; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: .8rem; margin: .8rem 0 0; }
.grid .card { padding: .7rem .9rem .3rem; min-width: 0; display: flex; flex-direction: column; }
.grid h3 { margin: 0; overflow-wrap: anywhere; }
.grid .hint { margin: .2rem 0 .5rem; } .grid code { color: var(--soft); }
.chart { margin-top: .5rem; } .grid .chart { margin-top: auto; padding-top: .5rem; }
.chart text { font-size: 10.5px; fill: var(--soft); font-variant-numeric: tabular-nums; }
.chart .strong { fill: var(--ink); font-weight: 600; }
.axis { stroke: var(--soft); fill: none; }
.line { stroke: var(--ink); stroke-width: 1.4; stroke-dasharray: 4 3; fill: none; }
.line.faint { stroke: var(--line); stroke-dasharray: none; }
.curve { stroke: var(--kept); stroke-width: 2; fill: none; }
.bubble { fill: var(--kept); fill-opacity: .3; stroke: var(--kept); }
.words { min-width: 10rem; max-width: 24rem; overflow-wrap: anywhere; vertical-align: top; font-size: .86rem; }
.excerpt { color: var(--soft); max-width: 26rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
td.words, tr:has(.words) td { vertical-align: top; }
.sample { border-top: 1px solid var(--line); padding-top: .5rem; margin-top: .7rem; }
.sample pre { margin: .3rem 0; max-height: 18rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .9rem; } .pair > div { min-width: 0; } .pair h3 { margin: 0; }
.pair > div:first-child mark { background: #e58f7066; } .pair > div:last-child mark { background: #57a86b59; }
mark { color: inherit; border-radius: 2px; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: .5rem 0 0; font-size: .85rem; color: var(--soft); }
.legend span { display: inline-flex; align-items: center; gap: .4rem; }
.legend svg { width: .8rem; height: .8rem; }
.tag { display: inline-block; border: 1px solid var(--note-line); background: var(--note); border-radius: 99px;
  font-size: .75rem; padding: 0 .5rem; white-space: nowrap; }
summary .tag { margin-left: .6rem; }
details { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  margin-top: .6rem; padding: 0 1rem; }
details[open] { padding-bottom: 1rem; }
summary { cursor: pointer; padding: .55rem 0; font-variant-numeric: tabular-nums; }
summary .faint { margin-left: .6rem; font-size: .87rem; }
details pre { background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: .7rem .9rem;
  white-space: pre-wrap; max-height: 30rem; overflow: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: .2rem 0 .8rem;
  font-size: .9rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
img.figure { display: block; max-width: 100%; background: #fff; border-radius: 6px; padding: .4rem; margin: .4rem 0; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; }
@media (max-width: 40rem) { main { padding: 1.4rem 1rem 3rem; }
  .pair, dl { grid-template-columns: 1fr; } dt { margin-top: .4rem; } }
@media print { details { break-inside: avoid; } body { background: #fff; } }
"""
