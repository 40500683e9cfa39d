"""The record that the README shows: as `predict` prints it, and the heart of its JSON."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from forecastlab.contracts.canonical import Json
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.records import Call, CandidateForecast, ForecastRecord, Mode
from forecastlab.report.wording import CALLS, by_horizon, label, percent

_TOP: Final = (
    ("deployment", "asof_date", "as_of"),
    ("mode", "previous", "close"),
    ("bundle",),
)
"""Keys that are shown, line by line."""

_FORECAST: Final = (
    ("pred_label", "pred_proba"),
    ("base_rate", "call"),
    ("prediction_set", "resolves_on"),
    ("method",),
    ("skill",),
)

_LEFT_OUT: Final = {"bundle": ("digest",)}


@dataclass(frozen=True)
class ReadingWords:
    """The words of a reading in one language; `{name}` stands where a value does.

    Attributes:
        between: what stands between the classes of a prediction set.
    """

    modes: Mapping[Mode, str]
    calls: Mapping[Call, str]
    classes: Mapping[tuple[int, ...], Mapping[str, str]]
    as_of: str
    note: str
    candidate: str
    call: str
    prediction_set: str
    resolves: str
    between: str


ENGLISH: Final = ReadingWords(
    modes={"live": "live", "late": "late", "backfill": "backfill"},
    calls=CALLS,
    classes={
        classes: {str(one): label(str(one), classes) for one in classes}
        for classes in ((-1, 0, 1), (0, 1), (-1, 1))
    },
    as_of="as of {day}, closed {instant} UTC at {close}",
    note="P(class), base rate in brackets",
    candidate="candidate",
    call="call",
    prediction_set="{level} set",
    resolves="resolves",
    between=", ",
)


def reading(record: ForecastRecord, words: ReadingWords = ENGLISH) -> str:
    """Write a record as a person reads it, in a block of code; shortest horizon first."""
    first = next(iter(record.forecasts.values()))
    names = words.classes[tuple(int(name) for name in first.pred_proba)]
    level = words.prediction_set.format(level=f"{first.prediction_set.level:.0%}")
    rows = [[words.candidate, words.call, *names.values(), level, words.resolves]]
    shown = sorted(record.forecasts, key=by_horizon)
    rows += [_row(name, record.forecasts[name], names, words) for name in shown]
    widths = [max(_width(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        (
            f"{record.deployment} · {record.symbol} {record.interval} ·"
            f" {words.modes[record.mode]} · {record.source.name}"
        ),
        words.as_of.format(
            day=record.asof_date,
            instant=f"{record.as_of:%Y-%m-%d %H:%M}",
            close=f"{record.close:,.2f}",
        ),
        words.note,
        *(f" {'  '.join(map(_padded, row, widths))}" for row in rows),
    ]
    return "\n".join(["```", *(line.rstrip() for line in lines), "```"]) + "\n"


def excerpt(document: dict[str, Json], candidate: str) -> str:
    """Write the heart of a stored record: one candidate's forecast and what surrounds it.

    Args:
        document: the record's JSON.

    Raises:
        DataMalformed: it is no record, or has no such candidate.
    """
    forecasts = document.get("forecasts")
    forecast = forecasts.get(candidate) if isinstance(forecasts, dict) else None
    if not isinstance(forecast, dict):
        raise DataMalformed(
            f"The document holds no forecast of {candidate}.", remedy="Name a stored record."
        )
    lines = [_line(document, keys) for keys in _TOP]
    lines.append(f'"forecasts": {{"{candidate}": {{')
    inner = [f"  {_line(forecast, keys)}" for keys in _FORECAST]
    inner[-1] = inner[-1].removesuffix(",") + "}},"
    regime = _line(document, ("regime",)).removesuffix(",")
    text = "\n ".join([*lines, *inner, regime])
    return f"```json\n{{{text}}}\n```\n"


def _line(document: dict[str, Json], keys: tuple[str, ...]) -> str:
    shown = {key: _without(document[key], _LEFT_OUT.get(key, ())) for key in keys}
    return json.dumps(shown, ensure_ascii=False)[1:-1] + ","


def _without(value: Json, names: tuple[str, ...]) -> Json:
    if not isinstance(value, dict):
        return value
    return {key: one for key, one in value.items() if key not in names}


def _row(
    name: str, one: CandidateForecast, names: Mapping[str, str], words: ReadingWords
) -> list[str]:
    shares = (f"{percent(one.pred_proba[kind])} ({percent(one.base_rate[kind])})" for kind in names)
    inside = words.between.join(names[str(kind)] for kind in one.prediction_set.labels)
    return [name, words.calls[one.call], *shares, inside, str(one.resolves_on)]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))


def _width(cell: str) -> int:
    """Return the columns that a text takes on a screen: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in cell)
