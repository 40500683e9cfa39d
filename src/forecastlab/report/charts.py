"""The charts of an evaluation, narrow enough to be read on a phone without zooming."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.verdicts import Estimate
from forecastlab.evaluation.circular_shift import ShiftNull
from forecastlab.report.svg import (
    Scale,
    drawing,
    element,
    line,
    nice_ticks,
    polyline,
    text,
)
from forecastlab.report.wording import interval, number

WIDTH: Final = 420
_HEIGHT: Final = 260
_LEFT: Final = 46
_RIGHT: Final = WIDTH - 12
_TOP: Final = 14
_BOTTOM: Final = _HEIGHT - 34

_ROW: Final = 38
"""Height of one line of an interval chart: its words above, its whisker below."""

_POINTS: Final = 260
"""Points of a curve; more would not be seen at this width."""

_BINS: Final = 30


@dataclass(frozen=True)
class Whisker:
    """One line of an interval chart."""

    name: str
    estimate: Estimate
    note: str = ""


def interval_chart(title: str, rows: Sequence[Whisker], *, digits: int = 3) -> str:
    """Draw estimates with their intervals, one below the other, around a line at 0."""
    ends = [0.0]
    for row in rows:
        ends += [one for one in (row.estimate.value, *(row.estimate.ci95 or ())) if one is not None]
    scale = Scale(*_padded(min(ends), max(ends)), 12, _RIGHT)
    height = _TOP + _ROW * len(rows) + 30
    bottom = height - 26
    parts = _ticks_below(scale, bottom, digits)
    for place, row in enumerate(rows):
        top = _TOP + _ROW * place
        parts.append(line(scale.at(0), top + 15, scale.at(0), top + 33, "zero"))
        parts += _whisker(row, scale, top, digits)
    return drawing(WIDTH, height, title, parts)


def _whisker(row: Whisker, scale: Scale, top: float, digits: int) -> list[str]:
    found, middle = row.estimate, top + 24
    said = f"{number(found.value, digits, signed=True)} "
    said += interval(found.ci95, digits, signed=True) if found.ci95 else "too few rows"
    parts = [
        text(12, top + 10, row.name + (f" · {row.note}" if row.note else ""), class_="label"),
        text(_RIGHT, top + 10, said, class_="figure", anchor="end"),
    ]
    if found.ci95 is not None:
        low, high = found.ci95
        kind = "good" if low > 0 else "bad" if high < 0 else "open"
        parts.append(line(scale.at(low), middle, scale.at(high), middle, f"whisker {kind}"))
    else:
        kind = "open"
    if found.value is not None:
        parts.append(element("circle", cx=scale.at(found.value), cy=middle, r=5, class_=kind))
    return parts


def gain_chart(title: str, opens: pd.DatetimeIndex, gains: Mapping[str, np.ndarray]) -> str:
    """Draw summed gains over time, one curve per reference; rising = the forecast gains."""
    sums = {name: np.cumsum(gain) for name, gain in gains.items()}
    low = min(0.0, *(float(one.min()) for one in sums.values()))
    high = max(0.0, *(float(one.max()) for one in sums.values()))
    x = Scale(0, max(len(opens) - 1, 1), _LEFT, _RIGHT)
    y = Scale(*_padded(low, high), _BOTTOM, _TOP)
    parts = [*_ticks_left(y, 0), *_years_below(opens, x)]
    parts.append(line(_LEFT, y.at(0), _RIGHT, y.at(0), "zero"))
    step = max(1, math.ceil(len(opens) / _POINTS))
    shown = np.unique(np.r_[np.arange(0, len(opens), step), len(opens) - 1])
    for place, curve in enumerate(sums.values()):
        xs, ys = [x.at(float(i)) for i in shown], [y.at(float(curve[i])) for i in shown]
        parts.append(polyline(xs, ys, f"curve curve{place}"))
    return drawing(WIDTH, _HEIGHT, title, parts)


def fold_chart(title: str, folds: pd.DataFrame, reference: str) -> str:
    """Draw the gain of each fold as a bar."""
    gain = folds[f"gain_{reference}"].to_numpy(dtype="float64")
    x = Scale(0, len(gain), _LEFT, _RIGHT)
    y = Scale(*_padded(min(0.0, gain.min()), max(0.0, gain.max())), _BOTTOM, _TOP)
    width = max(1.0, (_RIGHT - _LEFT) / len(gain) - 1)
    parts = _ticks_left(y, 1)
    for place, value in enumerate(gain):
        top, bottom = sorted((y.at(0), y.at(float(value))))
        tip = f"<title>fold {folds.index[place]}: {number(float(value), signed=True)}</title>"
        kind = "good" if value > 0 else "bad"
        parts.append(_bar(x.at(place), top, width, max(bottom - top, 0.5), class_=kind, tip=tip))
    parts.append(line(_LEFT, y.at(0), _RIGHT, y.at(0), "zero"))
    parts.append(text(_LEFT, _HEIGHT - 10, "first fold", class_="tick"))
    parts.append(text(_RIGHT, _HEIGHT - 10, "last fold", class_="tick", anchor="end"))
    return drawing(WIDTH, _HEIGHT, title, parts)


def reliability_chart(title: str, table: pd.DataFrame) -> str:
    """Draw how often it happened against what was forecast; a dot's area is its share of rows."""
    side = 300
    x, y = Scale(0, 1, _LEFT, _RIGHT), Scale(0, 1, side - 40, _TOP)
    parts = [*_ticks_left(y, 1), *_ticks_below(x, side - 40, 1)]
    parts.append(line(x.at(0), y.at(0), x.at(1), y.at(1), "diagonal"))
    points = [x.at(p) for p in table["forecast"]], [y.at(p) for p in table["happened"]]
    parts.append(polyline(*points, "curve faint"))
    share = table["rows"] / table["rows"].sum()
    for px, py, part, (_, row) in zip(*points, share, table.iterrows(), strict=True):
        said = f"forecast {row['forecast']:.2f}, happened {row['happened']:.2f}"
        tip = f"<title>{said}, {int(row['rows'])} forecasts</title>"
        radius = 3 + 16 * math.sqrt(part)
        parts.append(element("circle", tip, cx=px, cy=py, r=radius, class_="dot"))
    parts.append(text((_LEFT + _RIGHT) / 2, side - 6, "forecast", class_="tick", anchor="middle"))
    parts.append(text(_LEFT + 6, _TOP + 10, "happened", class_="tick"))
    return drawing(WIDTH, side, title, parts)


def null_chart(title: str, null: ShiftNull) -> str:
    """Draw what moved labels give as a histogram, and the score itself as a line."""
    values = np.r_[null.values, null.observed]
    x = Scale(*_padded(float(values.min()), float(values.max())), 12, _RIGHT)
    counts, edges = np.histogram(null.values, bins=_BINS, range=(x.low, x.high))
    height = 190
    y = Scale(0, float(counts.max()), height - 30, 30)
    parts = _ticks_below(x, height - 30, 2)
    for count, begin, end in zip(counts, edges[:-1], edges[1:], strict=True):
        if count:
            width = x.at(end) - x.at(begin) - 1
            top = y.at(count)
            parts.append(_bar(x.at(begin), top, width, y.at(0) - top, class_="luck"))
    seen = x.at(null.observed)
    parts.append(line(seen, 18, seen, height - 30, "seen"))
    anchor = "end" if seen > WIDTH / 2 else "start"
    nudge = -6 if anchor == "end" else 6
    said = f"the forecast: {number(null.observed)}"
    parts.append(text(seen + nudge, 22, said, class_="figure", anchor=anchor))
    return drawing(WIDTH, height, title, parts)


def _bar(x: float, y: float, width: float, height: float, *, class_: str, tip: str = "") -> str:
    return element("rect", tip, x=x, y=y, width=width, height=height, class_=class_)


def _padded(low: float, high: float) -> tuple[float, float]:
    """Widen a range by 6 % at each end, so that nothing touches the frame."""
    span = (high - low) or 1.0
    return low - 0.06 * span, high + 0.06 * span


def _ticks_below(scale: Scale, bottom: float, digits: int) -> list[str]:
    parts = []
    for tick in nice_ticks(scale.low, scale.high):
        at = scale.at(tick)
        parts.append(line(at, _TOP - 6, at, bottom, "grid"))
        said = number(tick, _tick_digits(tick, digits))
        parts.append(text(at, bottom + 16, said, class_="tick", anchor="middle"))
    return parts


def _ticks_left(scale: Scale, digits: int) -> list[str]:
    parts = []
    for tick in nice_ticks(scale.low, scale.high):
        at = scale.at(tick)
        parts.append(line(_LEFT, at, _RIGHT, at, "grid"))
        said = number(tick, _tick_digits(tick, digits))
        parts.append(text(_LEFT - 6, at + 4, said, class_="tick", anchor="end"))
    return parts


def _tick_digits(tick: float, digits: int) -> int:
    return next((d for d in range(digits + 1) if abs(round(tick, d) - tick) < 1e-9), digits)


def _years_below(opens: pd.DatetimeIndex, x: Scale) -> list[str]:
    parts = []
    years = opens.year.to_numpy()
    for year in np.unique(years):
        inside = np.flatnonzero(years == year)
        at = x.at(float(inside[0]))
        if inside[0]:
            parts.append(line(at, _TOP, at, _BOTTOM, "grid"))
        if len(inside) * 8 > len(opens):
            middle = (at + x.at(float(inside[-1]))) / 2
            parts.append(text(middle, _HEIGHT - 12, str(year), class_="tick", anchor="middle"))
    return parts
