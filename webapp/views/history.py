"""Forecasts over time: on the candles, as curves, as a map of dates and classes, as a file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forecastlab.contracts.intervals import DURATION, Interval
from webapp.read_model.ledger import classes_in, strongest
from webapp.views.candidates import by_horizon, signed_name
from webapp.views.forecast_table import hover_text
from webapp.views.palette import BLUE, VERMILION, class_style, empty_figure, laid_out
from webapp.views.time_axis import local, time_axis
from webapp.views.wording import Words, escaped

_SPANS: Final[dict[Interval, tuple[int, ...]]] = {
    "1h": (2, 7, 30, 180, 365),
    "4h": (14, 30, 90, 180, 365),
    "1d": (30, 60, 180, 365, 1100),
}

MOST_CANDLES: Final = 1_200
"""More candles than a screen has columns: longer spans are drawn in daily candles."""

_VARIANTS: Final = ("", "-open", "-dot", "-open-dot")
"""Of a symbol, by candidate: full, hollow, and each with a dot."""

_SMALLEST, _LARGEST = 6.0, 20.0
"""Marker sizes of a probability of 0 and of 1, in pixels."""


@dataclass(frozen=True)
class Filter:
    """What a reader wants to see; an empty choice of labels or kinds shows none.

    Attributes:
        least: the smallest probability of the most likely class, a fraction.
    """

    since: datetime
    candidates: Collection[str]
    labels: Collection[int]
    kinds: Collection[str]
    least: float = 0.0


def filtered(rows: pd.DataFrame, wanted: Filter) -> pd.DataFrame:
    """Return the rows of a ledger that a filter lets through."""
    if rows.empty:
        return rows
    sure = rows[[column for column in rows.columns if column.startswith("p[")]].max(axis=1)
    return rows[
        (rows["as_of"] >= wanted.since)
        & rows["candidate"].isin(list(wanted.candidates))
        & rows["pred_label"].isin(list(wanted.labels))
        & rows["kind"].isin(list(wanted.kinds))
        & (sure >= wanted.least)
    ]


def spans(interval: Interval) -> tuple[int, ...]:
    """Return the days that a reader may look back; the second is where the page begins.

    >>> spans("1d")[:2]
    (30, 60)
    """
    return _SPANS[interval]


def candle_interval(interval: Interval, days: int) -> Interval:
    """Return the interval to draw a span in.

    >>> candle_interval("1h", 30), candle_interval("1h", 180)
    ('1h', '1d')
    """
    return interval if timedelta(days=days) / DURATION[interval] <= MOST_CANDLES else "1d"


def candle_figure(
    candles: pd.DataFrame, interval: Interval, rows: pd.DataFrame, words: Words, zone: tzinfo
) -> go.Figure:
    """Draw candles with a marker per forecast: its sign is the class, its size the probability.

    A marker stands at its as-of candle: below it for the highest class, above it for the others,
    each further candidate further out, in another variant of the symbol.

    Args:
        candles: index `open_time`, of `interval`, which may be longer than the as-ofs' own.
        rows: a ledger's.
    """
    if candles.empty and rows.empty:
        return empty_figure(words("history.nothing"))
    figure = go.Figure()
    if len(candles):
        figure.add_candlestick(
            x=local(pd.DatetimeIndex(candles.index), zone),
            open=candles["open"],
            high=candles["high"],
            low=candles["low"],
            close=candles["close"],
            name=words("history.candles"),
            # A candle that rose is hollow and one that fell is filled: no colour is needed.
            increasing={"line": {"color": BLUE, "width": 1}, "fillcolor": "rgba(0,0,0,0)"},
            decreasing={"line": {"color": VERMILION, "width": 1}, "fillcolor": VERMILION},
        )
    for row, candidate in enumerate(by_horizon(rows["candidate"].unique())):
        mine = rows[rows["candidate"] == candidate]
        _add_markers(figure, mine, _Canvas(candles, interval, row, zone), words)
    return laid_out(
        figure,
        height=480,
        xaxis=time_axis(words, zone) | {"rangeslider": {"visible": False}},
        yaxis={"tickformat": ",.0f"},
    )


def curves_figure(rows: pd.DataFrame, words: Words, zone: tzinfo) -> go.Figure:
    """Draw P(class) over time, a panel per candidate, each class beside its base rate."""
    names = by_horizon(rows["candidate"].unique()) if len(rows) else ()
    if not names:
        return empty_figure(words("history.nothing"))
    figure = make_subplots(
        rows=len(names),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.08,
        subplot_titles=[escaped(name) for name in names],
    )
    for place, name in enumerate(names, start=1):
        mine = strongest(rows[rows["candidate"] == name])
        classes = classes_in(mine)
        at = local(pd.DatetimeIndex(mine["as_of"]), zone)
        for label in classes:
            style = class_style(label, classes)
            title = signed_name(label, classes, words)
            for column, width, share in (("p", 2.0, "forecast"), ("base", 1.0, "base_rate")):
                figure.add_scatter(
                    x=at,
                    y=mine[f"{column}[{label}]"],
                    mode="lines+markers" if column == "p" else "lines",
                    name=title if column == "p" else f"{title} · {words('today.base_rate')}",
                    legendgroup=f"{column}{label}",
                    showlegend=place == 1,
                    line={"color": style.colour, "dash": style.dash, "width": width},
                    marker={"symbol": style.symbol, "size": 5},
                    opacity=1.0 if column == "p" else 0.7,
                    meta=share,
                    hovertemplate="%{x}: %{y:.1%}<extra>%{fullData.name}</extra>",
                    row=place,
                    col=1,
                )
    figure.update_yaxes(range=[0, 1], tickformat=".0%")
    axis = time_axis(words, zone)
    figure.update_xaxes(tickformatstops=axis["tickformatstops"])
    figure.update_xaxes(title=axis["title"], row=len(names), col=1)
    return laid_out(figure, height=120 + 220 * len(names))


def heat_figure(rows: pd.DataFrame, words: Words, zone: tzinfo) -> go.Figure:
    """Draw one candidate's probabilities as a map of as-ofs and classes; a × is what happened."""
    rows = strongest(rows) if len(rows) else rows
    classes = classes_in(rows)
    if not classes:
        return empty_figure(words("history.nothing"))
    names = [signed_name(label, classes, words) for label in classes]
    at = local(pd.DatetimeIndex(rows["as_of"]), zone)
    shares = np.array([rows[f"p[{label}]"] for label in classes], dtype="float64")
    figure = go.Figure()
    figure.add_heatmap(
        x=at,
        y=names,
        z=shares,
        zmin=0,
        zmax=max(0.5, float(np.nanmax(shares))),
        colorscale="Cividis",
        colorbar={"tickformat": ".0%", "thickness": 12},
        hovertemplate="%{x}<br>%{y}: %{z:.1%}<extra></extra>",
    )
    happened = rows["label"].notna().to_numpy()
    figure.add_scatter(
        x=at[happened],
        y=[names[classes.index(int(label))] for label in rows["label"][happened]],
        mode="markers",
        name=words("history.happened"),
        marker={"symbol": "x", "size": 7, "color": "white", "line": {"color": "black", "width": 1}},
        hovertemplate="%{x}<br>%{y}<extra></extra>",
    )
    return laid_out(figure, height=120 + 60 * len(classes), xaxis=time_axis(words, zone))


@dataclass(frozen=True)
class _Canvas:
    """The candles that markers are placed on; `row` counts candidates, outwards."""

    candles: pd.DataFrame
    interval: Interval
    row: int
    zone: tzinfo

    def places(self, rows: pd.DataFrame) -> pd.DatetimeIndex:
        return local(self._opens(rows), self.zone)

    def heights(self, rows: pd.DataFrame, *, above: bool) -> np.ndarray:
        """Return where markers stand: off their candle; at the record's close where it has none."""
        own = rows["close"].to_numpy(dtype="float64")
        if self.candles.empty:
            return own
        place = self.candles.index.get_indexer(self._opens(rows).as_unit("ms"))
        edge = self.candles["high" if above else "low"].to_numpy()
        reach = self.candles["high"].max() - self.candles["low"].min()
        offset = 0.03 * (1 + self.row) * reach * (1 if above else -1)
        return np.asarray(np.where(place >= 0, edge[place] + offset, own))

    def _opens(self, rows: pd.DataFrame) -> pd.DatetimeIndex:
        # An as-of is the close of its candle: a moment before it lies inside.
        inside = pd.DatetimeIndex(rows["as_of"]) - pd.Timedelta(milliseconds=1)
        return inside.floor(DURATION[self.interval])


def _add_markers(figure: go.Figure, mine: pd.DataFrame, canvas: _Canvas, words: Words) -> None:
    classes = classes_in(mine)
    for key, these in mine.groupby("pred_label", sort=True):
        label, candidate = int(str(key)), str(these["candidate"].iloc[0])
        style = class_style(label, classes)
        figure.add_scatter(
            x=canvas.places(these),
            y=canvas.heights(these, above=label != max(classes)),
            mode="markers",
            name=f"{escaped(candidate)} {signed_name(label, classes, words)}",
            marker={
                "symbol": f"{style.symbol}{_VARIANTS[canvas.row % len(_VARIANTS)]}",
                "color": style.colour,
                "size": _SMALLEST + (_LARGEST - _SMALLEST) * these[f"p[{label}]"],
                "opacity": [1.0 if kind == "live" else 0.5 for kind in these["kind"]],
                "line": {"width": 1.5, "color": style.colour},
            },
            text=[hover_text(row, classes, words) for row in these.to_dict("records")],
            hovertemplate="%{text}<extra></extra>",
        )
