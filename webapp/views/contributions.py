"""Contributions of features to a forecast, read from whatever an explanation document holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import plotly.graph_objects as go

from webapp.views.palette import BLUE, VERMILION, filled, laid_out
from webapp.views.wording import Words, escaped, number

MOST_BARS: Final = 15
"""Contributions that a chart shows: those that move the forecast most."""

_LEAST: Final = 2
"""A table of fewer numbers is no explanation but a detail of one."""


def contribution_tables(fields: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return every table of numbers inside an explanation, by the path that leads to it.

    Tables of three numbers and more under a name with `contribution` or `shap` win; where there is
    none, any table of numbers counts.

    >>> document = {"T21_X8": {"contributions": {"1": {"rsi": 0.2, "vol": -0.1}}}, "rows": 3}
    >>> contribution_tables(document)
    {'T21_X8 · contributions · 1': {'rsi': 0.2, 'vol': -0.1}}
    """
    found = dict(_tables(fields, ()))
    named = {
        path: table
        for path, table in found.items()
        if any(word in path.lower() for word in ("contribution", "shap"))
    }
    return named or found


def contribution_figure(table: Mapping[str, float], words: Words) -> go.Figure:
    """Draw the strongest contributions, the strongest on top; the rest is one bar."""
    ordered = sorted(table.items(), key=lambda one: -abs(one[1]))
    shown, rest = ordered[:MOST_BARS], ordered[MOST_BARS:]
    if rest:
        name = words("models.other_features", n=len(rest))
        shown.append((name, sum(value for _, value in rest)))
    values = [value for _, value in shown]
    figure = go.Figure(
        go.Bar(
            y=[escaped(name) for name, _ in shown],
            x=values,
            orientation="h",
            marker=filled(
                [BLUE if value >= 0 else VERMILION for value in values],
                ["" if value >= 0 else "/" for value in values],
            ),
            text=[number(value, 3, signed=True) for value in values],
            textposition="auto",
            hoverinfo="skip",
        )
    )
    return laid_out(
        figure,
        height=80 + 26 * len(shown),
        yaxis={"autorange": "reversed", "fixedrange": True},
        xaxis={"fixedrange": True},
    )


def _tables(
    value: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[str, dict[str, float]]]:
    numbers = {str(name): float(one) for name, one in value.items() if _is_finite(one)}
    if path and len(numbers) >= _LEAST:
        yield " · ".join(path), numbers
    for name, one in value.items():
        if isinstance(one, Mapping):
            yield from _tables(one, (*path, str(name)))


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
