"""What a search shows: a summary table, and a page with a heat map of horizons and levels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import pandas as pd

from forecastlab.contracts.ports import SourceKind
from forecastlab.evaluation.search_verdicts import JudgedCell
from forecastlab.report.page import figure, page, paragraph, table
from forecastlab.report.svg import drawing, element, text
from forecastlab.report.wording import (
    MARKS,
    VERDICTS,
    forecaster,
    interval,
    number,
    p_value,
    percent,
    percent_interval,
)

SUMMARY: Final = "summary.csv"
REPORT: Final = "report.html"

_TILE: Final = 98
_ROW: Final = 56
_LEFT: Final = 60
_TOP: Final = 26
"""Pixels: a tile's width and height, and the margins that name horizons and levels."""

_FULL: Final = 0.05
"""Log-loss skill at which a tile's colour is full."""

_COLUMNS: Final = (
    *("candidate", "days", "worth", "events", "log loss", "skill [95 %]", "against"),
    *("AUC of a move", "AUC of the side", "p alone", "p in the search", "verdict"),
)


@dataclass(frozen=True)
class SearchHead:
    """What was searched: the run, and the candles up to the cut-off's open."""

    run: str
    symbol: str
    source: SourceKind
    cut_off: str
    quick: bool


def search_page(head: SearchHead, cells: Sequence[JudgedCell]) -> str:
    """Write the report; it stands alone."""
    blocks = [
        *_said(head, cells),
        figure(
            "Skill by horizon and level",
            heat_map(cells),
            "Log-loss skill in per cent: 1 − log loss / log loss of the better deployable base"
            " rate; below it the 95 % interval. Blue is better than the base rate, orange worse."
            " ▲ and ▼ stand up in the search as a whole; ≈ is not distinguishable from chance.",
        ),
        table(_COLUMNS, [_row(one) for one in cells]),
    ]
    return page(f"{head.run}: candidate search", blocks)


def heat_map(cells: Sequence[JudgedCell]) -> str:
    """Draw a tile per cell: a row per horizon, a column per level."""
    horizons = sorted({one.cell.horizon for one in cells})
    levels = sorted({one.cell.level for one in cells})
    parts = []
    for column, level in enumerate(levels):
        x = _LEFT + _TILE * (column + 0.5)
        parts.append(text(x, _TOP - 10, f"±{level * 100:g} %", anchor="middle"))
    for row, horizon in enumerate(horizons):
        parts.append(text(_LEFT - 8, _TOP + _ROW * (row + 0.5) + 4, f"{horizon} d", anchor="end"))
    for one in cells:
        x = _LEFT + _TILE * levels.index(one.cell.level)
        parts.append(_tile(one, x, _TOP + _ROW * horizons.index(one.cell.horizon)))
    width, height = _LEFT + _TILE * len(levels), _TOP + _ROW * len(horizons)
    return drawing(width, height, "Log-loss skill by horizon (rows) and level (columns)", parts)


def summary_table(cells: Sequence[JudgedCell]) -> pd.DataFrame:
    """Return one row per cell; an undetermined score is missing."""
    rows = []
    for one in cells:
        cell, found = one.cell, one.cell.evaluation
        rows.append(
            {
                "candidate": cell.candidate,
                "horizon": cell.horizon,
                "level": cell.level,
                "first": found.first,
                "last": found.last,
                "days": found.rows,
                "effective_days": found.effective_rows,
                "event_share": cell.event_share,
                "log_loss": found.log_loss,
                "reference": found.reference,
                "log_loss_skill": found.log_loss_skill,
                "skill_low": found.ci95[0],
                "skill_high": found.ci95[1],
                "brier": found.brier,
                "event_auc": found.event_auc,
                "direction_auc": found.direction_auc,
                "p_better": cell.p_better,
                "p_adjusted": one.p_adjusted,
                "verdict_alone": found.verdict,
                "verdict": one.verdict,
            }
        )
    return pd.DataFrame(rows)


def _said(head: SearchHead, cells: Sequence[JudgedCell]) -> Iterator[str]:
    better = sum(one.verdict == "better" for one in cells)
    alone = sum(one.cell.evaluation.verdict == "better" for one in cells)
    yield f"<h1>Which moves of {escape(head.symbol)} can be forecast?</h1>"
    yield paragraph(
        f"Each of {len(cells)} candidates asks: does the close leave the band within so many days,"
        f" and by which side first? Candles up to {head.cut_off}, source"
        f" <code>{head.source}</code>; every forecast is out of sample."
    )
    if head.source == "simulated":
        yield '<div class="warn">These candles are simulated. No market behaved so.</div>'
    if head.quick:
        yield (
            '<div class="warn">A quick search: few folds over a short span. It shows that the'
            " machinery runs, not how good the forecasts are.</div>"
        )
    yield paragraph(
        f"<b>{better} of {len(cells)}</b> are better than both base rates once the search is taken"
        f" into account; {alone} would be called so alone. The best of many useless candidates"
        " looks good by luck, so p values are adjusted for the number of candidates (Holm): a"
        " search of useless ones names any of them in at most 1 of 20 searches. Only these verdicts"
        " count for a promotion."
    )


def _tile(one: JudgedCell, x: float, y: float) -> str:
    found, middle = one.cell.evaluation, x + _TILE / 2
    skill = found.log_loss_skill
    ends = interval((found.ci95[0] * 100, found.ci95[1] * 100), 1, signed=True)
    said = f"{one.cell.candidate}: {VERDICTS[one.verdict]}, p {p_value(one.p_adjusted)}"
    return element(
        "g",
        element("title", escape(said))
        + element(
            "rect",
            x=x + 1,
            y=y + 1,
            width=_TILE - 2,
            height=_ROW - 2,
            rx=4,
            class_="good" if skill > 0 else "bad",
            fill_opacity=0.06 + 0.44 * min(abs(skill) / _FULL, 1.0),
        )
        + text(
            middle,
            y + 24,
            f"{MARKS[one.verdict]} {number(100 * skill, 1, signed=True)}",
            class_="label",
            anchor="middle",
        )
        + text(middle, y + 42, ends, class_="label", anchor="middle"),
    )


def _row(one: JudgedCell) -> list[str]:
    cell, found = one.cell, one.cell.evaluation
    skill = percent(found.log_loss_skill, signed=True)
    return [
        cell.candidate,
        f"{found.rows:,}",
        number(found.effective_rows, 0),
        percent(cell.event_share),
        number(found.log_loss, 4),
        f"{skill}<small>{percent_interval(found.ci95)}</small>",
        forecaster(found.reference),
        number(found.event_auc),
        f"{number(found.direction_auc)}<small>{interval(found.direction_ci95)}</small>",
        p_value(cell.p_better),
        p_value(one.p_adjusted),
        VERDICTS[one.verdict],
    ]
