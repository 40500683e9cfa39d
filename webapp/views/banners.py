"""What a reader must know of a record before its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.ports import SourceKind
from forecastlab.contracts.records import ForecastRecord
from webapp.views.wording import Words, age, literal

GRACE: Final = timedelta(hours=2)
"""How long after its candle closed a forecast may take before the page calls the last one stale."""

SKEW: Final = timedelta(minutes=10)
"""How far in the future a record may be dated before the page doubts a clock."""

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Banner:
    """One thing to say; `text` is markdown in which data is escaped."""

    name: str
    severity: Severity
    text: str


def banners(
    record: ForecastRecord, words: Words, *, now: datetime, pinned: SourceKind | None
) -> tuple[Banner, ...]:
    """Return what must be said of a record, gravest first.

    Args:
        pinned: the kind of candles that the store holds.
    """
    return (
        *_of_time(record, words, now),
        *_of_origin(record, words, pinned),
        *_of_making(record, words),
        *_of_skill(record, words),
    )


def _of_time(record: ForecastRecord, words: Words, now: datetime) -> Iterator[Banner]:
    behind = now - record.as_of
    ahead = max(record.as_of, record.created_at) - now
    if ahead > SKEW:
        yield Banner("clock", "error", words("banners.clock", ahead=age(ahead, words)))
    elif behind > DURATION[record.interval] + GRACE:
        yield Banner("stale", "error", words("banners.stale", age=age(behind, words)))


def _of_origin(record: ForecastRecord, words: Words, pinned: SourceKind | None) -> Iterator[Banner]:
    if "simulated" in {pinned, record.source.name}:
        yield Banner("simulated", "warning", words("banners.simulated"))
    if record.mode != "live":
        yield Banner(record.mode, "warning", words(f"banners.{record.mode}"))


def _of_making(record: ForecastRecord, words: Words) -> Iterator[Banner]:
    reasons = {
        "degraded": record.degraded,
        "fallback": (record.runtime.fallback_reason,),
        "override": (record.bundle.override,),
    }
    for name, said in reasons.items():
        for reason in filter(None, said):
            yield Banner(name, "warning", words(f"banners.{name}", reason=literal(reason)))


def _of_skill(record: ForecastRecord, words: Words) -> Iterator[Banner]:
    for name, forecast in sorted(record.forecasts.items()):
        verdict = forecast.skill.verdict
        if verdict != "better":
            text = words(f"banners.{verdict}", candidate=literal(name))
            yield Banner(verdict, "info", text)
