/** The one style sheet of a report: light and dark by the reader's preference, from 320 px wide to print. */
export const styleSheet = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b2027; --muted: #5b6470; --rule: #dfe3e8; --soft: #f0f2f5;
  --accent: #0b5cad; --warn-ink: #6b4400; --warn-back: #fff4d6; --warn-rule: #e3b341; --bad-ink: #8a1c1c; --bad-back: #fdecec; --bad-rule: #e08a8a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #101317; --card: #181c22; --ink: #e6e9ee; --muted: #a0a9b5; --rule: #2d343d; --soft: #20252d;
    --accent: #7cb7f2; --warn-ink: #f5d48a; --warn-back: #2f2611; --warn-rule: #7a5e1d; --bad-ink: #f6b1b1; --bad-back: #331919; --bad-rule: #7d3a3a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main, header, footer { max-width: 1232px; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 2.5rem; }
footer { padding-bottom: 3rem; color: var(--muted); font-size: .875rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.015em; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3rem 0 .75rem; letter-spacing: -.01em; }
h3 { font-size: 1.02rem; line-height: 1.35; margin: 0 0 .25rem; }
p { margin: 0 0 .75rem; }
bdi, h3, h4, p, dd { overflow-wrap: anywhere; }
a { color: var(--accent); text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.eyebrow { margin: 0 0 .35rem; color: var(--muted); font-size: .8rem; font-weight: 600; letter-spacing: .08em; text-transform: uppercase; }
.lead { color: var(--muted); font-size: 1.06rem; max-width: 70ch; margin-bottom: 1.1rem; }
.muted { color: var(--muted); }
[hidden] { display: none !important; }
#focus { position: sticky; top: 0; z-index: 10; background: var(--page); padding: .4rem 0; font-size: .9rem; overflow-wrap: anywhere; }
#focus button, .legend button, #evidence { font: inherit; color: inherit; background: var(--soft); border: 1px solid var(--rule); border-radius: 99px; padding: .1rem .7rem; cursor: pointer; }
.legend button { display: inline-flex; align-items: center; gap: .4rem; text-align: left; max-width: 100%; }
.legend button[aria-pressed=true] { border-color: var(--accent); background: var(--card); }
li.faint, tr.faint > * { opacity: .45; }
#live { margin: 0; padding: .3rem 1.5rem; background: var(--soft); color: var(--muted); font-size: .85rem; }
#page { padding-top: 1.5rem; padding-bottom: 2rem; }
#page .card + .card { margin-top: 1.4rem; }
#page h2 { margin: 0 0 .6rem; font-size: 1.08rem; }
#page h1:focus-visible { outline: 0; }
#page .scroll { max-height: 34rem; overflow-y: auto; }
#page td bdi, #page th bdi { overflow-wrap: break-word; }
.back { margin: 0 0 .8rem; }
select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--muted); border-radius: 6px; padding: .2rem .5rem; max-width: 100%; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; margin: 0 0 1.4rem; padding: 0; font-size: .92rem; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 1.15rem 1.25rem; margin: 0 0 1.1rem; min-width: 0; }
.banner { border: 1px solid var(--warn-rule); border-left-width: 5px; border-radius: 8px; background: var(--warn-back); color: var(--warn-ink); padding: .85rem 1.1rem; margin: 0 0 1.1rem; }
.banner.bad { border-color: var(--bad-rule); background: var(--bad-back); color: var(--bad-ink); }
.banner p:last-child, .card > p:last-child { margin-bottom: 0; }
h4 { font-size: .92rem; margin: 1.3rem 0 -.35rem; color: var(--muted); font-weight: 600; }
.findings { margin: 0; display: grid; gap: .7rem 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.findings dt { color: var(--muted); font-size: .8rem; }
.findings dd { margin: .05rem 0 0; }
.findings small { display: block; color: var(--muted); font-size: .82rem; }
header h2 { font-size: 1.02rem; margin: 0 0 .5rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(215px, 1fr)); gap: .7rem 1.5rem; }
.facts dt { color: var(--muted); font-size: .8rem; }
.facts dd { margin: .05rem 0 0; font-weight: 550; overflow-wrap: anywhere; }
.facts dd small { display: block; font-weight: 400; color: var(--muted); font-size: .82rem; }
.scroll { overflow-x: auto; margin: 0 -1.25rem; padding: 0 1.25rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); font-size: .86rem; padding: 0 0 .6rem; caption-side: top; }
.filter input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--muted); border-radius: 6px; padding: .2rem .5rem; max-width: 100%; }
th button { all: unset; cursor: pointer; }
th button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
th button::after { content: " ↕" / ""; opacity: .5; }
th[aria-sort=ascending] button::after { content: " ↑" / ""; opacity: 1; }
th[aria-sort=descending] button::after { content: " ↓" / ""; opacity: 1; }
#runs .card, #metrics .card, #problems .card { content-visibility: auto; contain-intrinsic-size: auto 700px; }
tr[hidden] { display: none; }
th, td { padding: .45rem .55rem; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: baseline; }
thead th { color: var(--muted); font-size: .8rem; font-weight: 600; border-bottom-color: var(--muted); vertical-align: bottom; white-space: nowrap; }
thead th.number { white-space: normal; max-width: 7.2rem; }
caption > span { position: sticky; left: 0; display: inline-block; max-width: min(100%, calc(100vw - 3.9rem)); }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { font-weight: 550; white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; }
.number small, .wrap small { color: var(--muted); font-size: .86em; }
td.strip { padding-top: 0; padding-bottom: 0; vertical-align: middle; }
.strip svg { display: block; }
.strip line { stroke: var(--rule); stroke-width: 1.5; }
.strip circle { fill-opacity: .72; }
.strip .first { fill: var(--card); stroke: var(--muted); stroke-width: 1.5; fill-opacity: 1; }
.strip .second { fill: var(--accent); }
.wrap { min-width: 15rem; overflow-wrap: anywhere; }
tr.best th, tr.best .lead-value { font-weight: 750; }
.verdict { margin: .8rem 0 0; font-size: .92rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 1.4rem 2rem; margin-top: .9rem; }
.panels.narrow { grid-template-columns: repeat(auto-fill, minmax(min(100%, 150px), 1fr)); gap: 1.1rem 1.2rem; }
.panel { min-width: 0; margin: 0; }
.panel figcaption { font-size: .88rem; font-weight: 600; margin-bottom: .25rem; overflow-wrap: anywhere; }
.chart { width: 100%; min-width: 0; min-height: 80px; overflow: hidden; }
.chart svg { display: block; max-width: 100%; }
.chart .role-axis-label text, .chart .role-axis-title text, .chart .role-legend-label text { fill: var(--muted); }
.chart .role-axis-grid line { stroke: var(--rule); }
h2 + .guide { margin-bottom: .9rem; }
.guide { color: var(--muted); max-width: 80ch; margin: 0; font-size: .93rem; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; list-style: none; margin: .75rem 0 0; padding: 0; font-size: .87rem; }
.legend li { display: flex; align-items: center; gap: .4rem; min-width: 0; overflow-wrap: anywhere; }
.legend svg { flex: none; }
.failed { color: var(--bad-ink); font-size: .9rem; }
details { border-top: 1px solid var(--rule); padding: .55rem 0; }
details:first-of-type { border-top: 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
pre { overflow-x: auto; background: var(--soft); border-radius: 6px; padding: .8rem 1rem; font: .8rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; margin: .6rem 0 .3rem; }
code { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.state { display: inline-block; border-radius: 99px; padding: 0 .55rem; font-size: .8rem; background: var(--soft); color: var(--muted); white-space: nowrap; }
.state.off { background: var(--bad-back); color: var(--bad-ink); }
.definitions { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); gap: 1.3rem 2rem; }
.definitions dt { font-weight: 650; }
.definitions dd { margin: .15rem 0 0; font-size: .92rem; }
.definitions .key { color: var(--muted); font: 400 .82em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.definitions { margin: 1.1rem 0; }
.definitions code { display: block; background: var(--soft); border-radius: 5px; padding: .35rem .6rem; margin: .35rem 0; }
#vg-tooltip-element { position: fixed; z-index: 1000; visibility: hidden; max-width: min(340px, 90vw); padding: .5rem .7rem; border: 1px solid var(--rule); border-radius: 7px; background: var(--card); color: var(--ink); box-shadow: 0 4px 18px #0004; font-size: .82rem; overflow-wrap: anywhere; }
#vg-tooltip-element.visible { visibility: visible; }
#vg-tooltip-element table { font-size: .82rem; width: auto; }
#vg-tooltip-element td { border: 0; padding: .08rem .3rem; vertical-align: top; }
#vg-tooltip-element td.key { color: var(--muted); white-space: nowrap; padding-left: 0; }
@media (max-width: 620px) {
  body { font-size: 15px; }
  main, header, footer { padding-left: .9rem; padding-right: .9rem; }
  header { padding-top: 1.4rem; }
  h1 { font-size: 1.5rem; }
  h2 { margin-top: 2.2rem; }
  .card { padding: .95rem .9rem; border-radius: 8px; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .8rem 1rem; }
  .leaderboard th:first-child { position: sticky; left: 0; background: var(--card); min-width: 6.2rem; max-width: 8.5rem; white-space: normal; overflow-wrap: anywhere; }
  .leaderboard .strip { display: none; }
  .scroll { margin: 0; padding: 0; }
  nav ul { flex-wrap: nowrap; overflow-x: auto; white-space: nowrap; padding-bottom: .4rem; }
  .panels { gap: 1.2rem; }
}
@media print {
  :root { color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --muted: #444; --rule: #ccc; --soft: #f4f4f4; --accent: #000; --warn-ink: #000; --warn-back: #fff; --bad-ink: #000; --bad-back: #fff; }
  body { font-size: 10pt; }
  nav, #focus, .screen-only, .back, #live { display: none; }
  #page .scroll { max-height: none; }
  li.faint, tr.faint > * { opacity: 1; }
  main, header, footer { max-width: none; padding: 0; }
  .card { border: 0; padding: 0; }
  .scroll { overflow: visible; margin: 0; padding: 0; }
  #runs .card, #metrics .card, #problems .card { content-visibility: visible; }
  .panel, tr { break-inside: avoid; }
  h2, h3, figcaption { break-after: avoid; }
  .chart svg { height: auto; }
}
`;
