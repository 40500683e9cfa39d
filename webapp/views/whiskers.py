"""Estimates with their intervals, one below the other, around a line that means "no difference"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import plotly.graph_objects as go

from webapp.views.palette import BLUE, GREY, VERMILION, empty_figure, laid_out
from webapp.views.wording import Words, escaped, interval, number

_ROW: Final = 34
"""Pixels of one line."""


@dataclass(frozen=True)
class Whisker:
    """One line: an estimate, its 95 % interval where there is one, and a note for its hover."""

    name: str
    value: float | None
    ci95: tuple[float, float] | None
    note: str = ""


def whisker_chart(
    rows: Sequence[Whisker], words: Words, *, zero: float = 0.0, digits: int = 3
) -> go.Figure:
    """Draw the lines from top to bottom; right of `zero` is better.

    A filled triangle up says that the whole interval lies above, one down that it lies below, an
    open circle that it holds `zero`.
    """
    known = [row for row in rows if row.value is not None]
    if not known:
        return empty_figure(words("charts.undetermined"))
    figure = go.Figure()
    for verdict, (colour, symbol) in _LOOKS.items():
        mine = [row for row in known if _side(row, zero) == verdict]
        if mine:
            figure.add_trace(_trace(mine, words(f"charts.{verdict}"), colour, symbol, digits))
    figure.add_vline(x=zero, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=[escaped(row.name) for row in reversed(known)],
    )
    return laid_out(
        figure,
        height=120 + _ROW * len(known),
        hovermode="closest",
        showlegend=True,
    )


_LOOKS: Final = {
    "above": (BLUE, "triangle-up"),
    "holds": (GREY, "circle-open"),
    "below": (VERMILION, "triangle-down"),
}


def _side(row: Whisker, zero: float) -> str:
    if row.ci95 is None or row.ci95[0] <= zero <= row.ci95[1]:
        return "holds"
    return "above" if row.ci95[0] > zero else "below"


def _trace(rows: Sequence[Whisker], name: str, colour: str, symbol: str, digits: int) -> go.Scatter:
    values = [row.value or 0.0 for row in rows]
    ends = [row.ci95 or (value, value) for row, value in zip(rows, values, strict=True)]
    said = [
        f"{escaped(row.name)}: {number(row.value, digits, signed=True)}"
        f" {interval(row.ci95, digits, signed=True)}<br>{escaped(row.note)}"
        for row in rows
    ]
    return go.Scatter(
        x=values,
        y=[escaped(row.name) for row in rows],
        mode="markers",
        name=name,
        marker={
            "color": colour,
            "symbol": symbol,
            "size": 11,
            "line": {"width": 2, "color": colour},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - value for (_, high), value in zip(ends, values, strict=True)],
            "arrayminus": [value - low for (low, _), value in zip(ends, values, strict=True)],
            "color": colour,
            "thickness": 2,
        },
        hovertext=said,
        hoverinfo="text",
    )
