"""A candidate search as a heat map: horizons down, levels across."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from pandas.api.types import is_numeric_dtype

from webapp.views.palette import VERDICT_SIGNS, empty_figure, laid_out
from webapp.views.wording import Words, escaped, number, percent

NUMBERS: Final = (
    *("horizon", "level", "days", "log_loss", "log_loss_skill", "skill_low", "skill_high"),
    "p_adjusted",
)
NEEDED: Final = (*NUMBERS, "candidate", "reference", "verdict")
"""Columns of `summary.csv` that the page shows."""

_FULL: Final = 0.05
"""Log-loss skill at which a colour is full, at least."""

_SCALE: Final = ((0.0, "#EC9A5E"), (0.5, "#F2F2F2"), (1.0, "#5AA9DD"))
"""Vermilion to blue through grey: told apart by all eyes, and light enough for dark figures."""


def is_summary(table: pd.DataFrame | None) -> bool:
    """Say whether a table is a search's summary.

    >>> is_summary(pd.DataFrame({"candidate": []})), is_summary(None)
    (False, False)
    """
    if table is None or table.empty or not set(NEEDED) <= set(table.columns):
        return False
    return all(is_numeric_dtype(table[name]) for name in NUMBERS)


def heat_map(summary: pd.DataFrame, words: Words) -> go.Figure:
    """Draw log-loss skill per cell in per cent; ▲ and ▼ stand up in the search as a whole."""
    skill = summary.pivot_table(index="horizon", columns="level", values="log_loss_skill")
    if skill.empty:
        return empty_figure(words("charts.undetermined"))
    rows: Iterable[Any] = summary.itertuples()
    cells = {(row.horizon, row.level): row for row in rows}
    grid = [[cells.get((days, level)) for level in skill.columns] for days in skill.index]
    reach = max(_FULL, float(np.nanmax(np.abs(skill.to_numpy()))))
    figure = go.Figure(
        go.Heatmap(
            z=skill.to_numpy(),
            x=[f"±{100 * level:g} %" for level in skill.columns],
            y=[words("research.horizon", days=days) for days in skill.index],
            zmin=-reach,
            zmax=reach,
            colorscale=_SCALE,
            text=[[_cell(row) for row in line] for line in grid],
            texttemplate="%{text}",
            textfont={"size": 13, "color": "#111111"},
            hovertext=[[_hover(row, words) for row in line] for line in grid],
            hoverinfo="text",
            showscale=False,
            xgap=3,
            ygap=3,
        )
    )
    return laid_out(
        figure,
        height=90 + 58 * len(skill.index),
        xaxis={
            "side": "top",
            "fixedrange": True,
            "showgrid": False,
            "title": words("research.level"),
        },
        yaxis={"autorange": "reversed", "fixedrange": True, "showgrid": False},
    )


def search_table(summary: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return the cells as a table, the best first."""
    ordered: Iterable[Any] = summary.sort_values("log_loss_skill", ascending=False).itertuples()
    rows = [
        {
            words("research.candidate"): row.candidate,
            words("research.verdict"): words.get(f"verdicts.{row.verdict}", str(row.verdict)),
            words("research.days"): row.days,
            words("research.scores.log_loss"): number(row.log_loss, 4),
            words("research.skill"): percent(row.log_loss_skill, signed=True),
            words("research.skill_ci"): _ends(row),
            words("research.against"): words.get(f"references.{row.reference}", str(row.reference)),
            words("research.p_search"): f"{row.p_adjusted:.3g}",
        }
        for row in ordered
    ]
    return pd.DataFrame(rows)


def _cell(row: Any) -> str:
    if row is None:
        return ""
    sign = VERDICT_SIGNS.get(row.verdict, "?")
    return f"{sign} {number(100 * row.log_loss_skill, 1, signed=True)}"


def _hover(row: Any, words: Words) -> str:
    if row is None:
        return ""
    verdict = words.get(f"verdicts.{row.verdict}", str(row.verdict))
    return f"{escaped(row.candidate)}: {_ends(row)}<br>{escaped(verdict)}"


def _ends(row: Any) -> str:
    low, high = row.skill_low, row.skill_high
    return f"[{percent(low, signed=True)}, {percent(high, signed=True)}]"
