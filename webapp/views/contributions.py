"""Contributions of columns to a sealed forecast's scores, as the explanation holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go
from pydantic import ValidationError

from forecastlab.contracts.explanations import Explanation
from webapp.views.palette import BLUE, VERMILION, filled, laid_out
from webapp.views.wording import Words, escaped, number

MOST_BARS: Final = 15
"""Contributions that a chart shows: those that move the score most."""


@dataclass(frozen=True)
class Score:
    """One raw score of a member, taken apart: base + columns = raw."""

    unit: str
    base: float
    raw: float
    columns: Mapping[str, float]


def read_explanation(fields: Mapping[str, Any]) -> Explanation | None:
    """Read an explanation; None of a document that is none, or of a newer schema.

    >>> read_explanation({"schema_version": 2}) is None
    True
    """
    try:
        return Explanation.model_validate(fields)
    except ValidationError:
        return None


def scores(found: Explanation) -> dict[str, Score]:
    """Return every score by candidate, member and output; what is published comes first."""
    ordered = [
        (candidate, member, one, member != of.method)
        for candidate, of in found.candidates.items()
        for member, one in of.members.items()
    ]
    return {
        f"{candidate} · {member} · {output}": Score(
            one.unit, one.base[output], one.raw[output], columns
        )
        for candidate, member, one, _ in sorted(ordered, key=lambda row: row[3])
        for output, columns in one.contributions.items()
    }


def not_explained(found: Explanation) -> list[tuple[str, str]]:
    """Return the members without an explanation, with the reason."""
    return [
        (f"{candidate} · {member}", why)
        for candidate, of in found.candidates.items()
        for member, why in of.not_explained.items()
    ]


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
