"""Colours, and what stands beside each colour for readers who cannot tell colours apart.

Source: Okabe & Ito (2008), "Color universal design". All have a contrast of at least 3 against
white and against streamlit's dark ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
GREY: Final = "#808080"
GREEN: Final = "#009E73"
PURPLE: Final = "#B5649A"
OCHRE: Final = "#A67C00"

_CYCLE: Final = (BLUE, VERMILION, GREEN, PURPLE, OCHRE, GREY)


@dataclass(frozen=True)
class Style:
    """One thing's looks: the colour, and four signs that do without it.

    Attributes:
        sign: a character for tables and texts.
        symbol: plotly's marker.
        pattern: plotly's fill of a bar.
        dash: plotly's line.
    """

    colour: str
    sign: str
    symbol: str
    pattern: str
    dash: str


_DOWN: Final = Style(VERMILION, "▼", "triangle-down", "\\", "dash")
_MIDDLE: Final = Style(GREY, "●", "circle", ".", "dot")
_UP: Final = Style(BLUE, "▲", "triangle-up", "/", "solid")

KINDS: Final = {
    "live": Style(BLUE, "◆", "diamond", "", "solid"),
    "late": Style(OCHRE, "◐", "diamond-open", "-", "dashdot"),
    "backfill": Style(PURPLE, "○", "circle-open", "x", "dot"),
    "oof": Style(GREY, "×", "x", "+", "dash"),
}
"""Where a forecast stands, by the evidence that it is."""

VERDICT_SIGNS: Final = {"better": "▲", "not_distinguishable": "≈", "worse": "▼"}


def class_style(label: int, classes: Sequence[int]) -> Style:
    """Return the looks of a class: the lowest points down, the highest up, the rest neither way.

    >>> [class_style(label, (-1, 0, 1)).sign for label in (-1, 0, 1)]
    ['▼', '●', '▲']
    >>> class_style(0, (0, 1)).sign
    '▼'
    """
    if label == min(classes):
        return _DOWN
    return _UP if label == max(classes) else _MIDDLE


def series_style(place: int) -> Style:
    """Return the looks of the n-th of several equal series.

    >>> series_style(0).colour == series_style(len(_CYCLE)).colour
    True
    """
    symbols = ("circle", "square", "diamond", "cross", "x", "star")
    signs = ("●", "■", "◆", "✚", "✖", "★")
    dashes = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
    patterns = ("", "/", ".", "\\", "x", "-")
    turn = place % len(_CYCLE)
    return Style(_CYCLE[turn], signs[turn], symbols[turn], patterns[turn], dashes[turn])


def filled(colours: str | Sequence[str], patterns: str | Sequence[str]) -> dict[str, Any]:
    """Return a bar's marker: its colour, and over it its pattern in white.

    >>> filled(BLUE, "/")["pattern"]["shape"]
    '/'
    """
    over = {"fillmode": "overlay", "fgcolor": "rgba(255,255,255,0.75)"}
    return {"color": colours, "pattern": {"shape": patterns, "size": 7, "solidity": 0.2, **over}}


def laid_out(figure: go.Figure, *, height: int = 320, **layout: Any) -> go.Figure:
    """Give a figure what all share: small margins and a legend below, so that a phone shows it.

    >>> laid_out(go.Figure(), height=200).layout.height
    200
    """
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 32, "b": 8},
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
        dragmode="pan",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    # An axis of its own margin: labels of any language fit without being measured.
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    figure.update_layout(**layout)
    return figure


def empty_figure(text: str, *, height: int = 160) -> go.Figure:
    """Return a figure that says why it is empty.

    >>> empty_figure("nothing yet").layout.annotations[0].text
    'nothing yet'
    """
    figure = go.Figure()
    figure.add_annotation(text=text, showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return laid_out(figure, height=height)
