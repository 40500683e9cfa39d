"""One self-contained HTML page: style and blocks; no script, no font, no address outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from forecastlab.contracts.records import Verdict
from forecastlab.contracts.verdicts import Estimate
from forecastlab.report.wording import MARKS, interval, number

STYLE: Final = """
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #fff; --ink: #1b1f24; --soft: #59626c;
  --rule: #dfe3e8; --good: #0072b2; --bad: #d55e00; --open: #6b7480; --third: #009e73;
  --fourth: #cc79a7; --luck: #b9c2cc; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1d2126; --ink: #e8eaed;
  --soft: #a3acb6; --rule: #343a42; --good: #56b4e9; --bad: #f0a044; --open: #9aa4af;
  --third: #35c69a; --fourth: #e6a3c8; --luck: #4b545e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 1.2rem 1rem 4rem; }
h1 { font-size: 1.55rem; line-height: 1.25; margin: .4rem 0; }
h2 { font-size: 1.35rem; margin: 2.6rem 0 .3rem; padding-top: 1rem;
  border-top: 2px solid var(--rule); }
h3 { font-size: 1.02rem; margin: 0 0 .15rem; }
p { margin: .4rem 0; max-width: 76ch; }
.soft, figcaption, small { color: var(--soft); }
small { font-size: .82em; white-space: nowrap; }
a { color: var(--good); }
code { font-size: .88em; overflow-wrap: anywhere; }
.cards, .charts { display: grid; gap: 1rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.card, figure, details, .warn { background: var(--card); border: 1px solid var(--rule);
  border-radius: 10px; padding: .9rem 1rem; margin: 0; }
.card { border-top: 5px solid var(--open); }
.card.better { border-top-color: var(--good); } .card.worse { border-top-color: var(--bad); }
.warn { border-left: 5px solid var(--bad); margin: 1rem 0; }
.verdict { font-size: 1.12rem; font-weight: 650; }
.better .verdict { color: var(--good); } .worse .verdict { color: var(--bad); }
dl { display: grid; grid-template-columns: auto 1fr; gap: .15rem .9rem; margin: .7rem 0 0; }
dt { color: var(--soft); } dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
figure svg { width: 100%; height: auto; max-width: 560px; display: block; margin: .4rem auto; }
figcaption { font-size: .88rem; }
details { margin: 1rem 0; } summary { cursor: pointer; font-weight: 600; }
.scroll { overflow-x: auto; margin: .8rem 0; border: 1px solid var(--rule); border-radius: 10px;
  background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: .92rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .42rem .7rem; text-align: right; border-bottom: 1px solid var(--rule);
  white-space: nowrap; vertical-align: top; }
th { font-weight: 600; } thead th { white-space: normal; min-width: 7.2em; vertical-align: bottom; }
th:first-child { text-align: left; white-space: normal; min-width: 8.5em; position: sticky; left: 0;
  background: var(--card); }
tbody tr:last-child > * { border-bottom: 0; }
td small { display: block; }
.key { display: inline-block; margin-right: 1rem; white-space: nowrap; }
.key svg { width: 30px; height: 10px; display: inline-block; margin: 0 .3rem 0 0;
  vertical-align: middle; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--soft); }
svg .label, svg .figure { fill: var(--ink); stroke: var(--card); stroke-width: 4;
  paint-order: stroke; font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .zero { stroke: var(--soft); stroke-width: 1.3; }
svg .diagonal { stroke: var(--soft); stroke-dasharray: 4 4; }
svg .whisker { stroke-width: 3; stroke-linecap: round; }
svg .good { fill: var(--good); stroke: var(--good); }
svg .bad { fill: var(--bad); stroke: var(--bad); }
svg .open { fill: var(--open); stroke: var(--open); }
svg rect.good, svg rect.bad { stroke: none; }
svg .luck { fill: var(--luck); }
svg .seen { stroke: var(--bad); stroke-width: 2.5; }
svg .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .faint { stroke: var(--good); stroke-width: 1; opacity: .5; }
svg .dot { fill: var(--good); fill-opacity: .55; stroke: var(--good); }
svg .curve0 { stroke: var(--good); }
svg .curve1 { stroke: var(--bad); stroke-dasharray: 7 3; }
svg .curve2 { stroke: var(--third); stroke-dasharray: 2 3; }
svg .curve3 { stroke: var(--fourth); stroke-dasharray: 10 3 2 3; }
@media print { body { background: #fff; } figure, .card { break-inside: avoid; } }
"""


def page(title: str, blocks: Iterable[str]) -> str:
    """Write a whole page.

    >>> page("A", ["<p>b</p>"]).startswith("<!doctype html>")
    True
    """
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    body = "\n".join(blocks)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><main>\n{body}\n'
        "</main></body></html>\n"
    )


def paragraph(words: str, *, soft: bool = False) -> str:
    """Write a paragraph of markup."""
    return f'<p class="soft">{words}</p>' if soft else f"<p>{words}</p>"


def card(heading: str, verdict: Verdict, said: str, facts: Sequence[tuple[str, str]]) -> str:
    """Write a card with a verdict and a few facts; `heading` is markup."""
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return (
        f'<section class="card {verdict}"><h3>{heading}</h3>'
        f'<div class="verdict">{MARKS[verdict]} {escape(said)}</div><dl>{lines}</dl></section>'
    )


def figure(heading: str, svg: str, caption: str, key: Sequence[str] = ()) -> str:
    """Write a chart with a heading above, a key of its curves and a caption below."""
    legend = "".join(_key(place, name) for place, name in enumerate(key))
    shown = f"<div>{legend}</div>" if legend else ""
    return (
        f"<figure><h3>{escape(heading)}</h3>{svg}{shown}<figcaption>{caption}</figcaption></figure>"
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; cells are markup, the first of each row is its heading."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def cell(one: Estimate, digits: int = 3, *, signed: bool = False) -> str:
    """Write an estimate with its interval below, for a table.

    >>> cell(Estimate(value=0.5, ci95=None))
    '0.500'
    """
    below = f"<small>{interval(one.ci95, digits, signed=signed)}</small>" if one.ci95 else ""
    return f"{number(one.value, digits, signed=signed)}{below}"


def folded(summary: str, blocks: Iterable[str]) -> str:
    """Write a block that opens on demand."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(blocks)}</details>"


def grid(kind: str, blocks: Iterable[str]) -> str:
    """Lay blocks out side by side where there is room; `kind` is `cards` or `charts`."""
    return f'<div class="{kind}">{"".join(blocks)}</div>'


def _key(place: int, name: str) -> str:
    drawn = (
        f'<svg viewBox="0 0 30 10"><polyline points="0,5 30,5" class="curve curve{place}"/></svg>'
    )
    return f'<span class="key">{drawn}{escape(name)}</span>'
