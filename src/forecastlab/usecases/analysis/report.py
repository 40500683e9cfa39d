"""What the analyst has said, by scene: who answered, at what cost, and what came of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Final

import pandas as pd

from forecastlab.contracts import keys
from forecastlab.contracts.analysis import Side, Usage
from forecastlab.contracts.analysis_log import AnalysisBatch, AnalysisEntry
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION, floor_open
from forecastlab.contracts.ports import CandleArchive, ObjectStore

HORIZON: Final = 4
"""Hours after which a side is judged."""

ENOUGH: Final = 30
"""Resolved sides below which a share of hits is not shown: chance alone moves it by 18 points."""

_HOUR: Final = DURATION["1h"]


@dataclass(frozen=True)
class SceneReport:
    """One scene, as the classifier's rule names it.

    Attributes:
        paths: who answered -> how often.
        signals: side -> how often.
        cost: of all answers and failures, by currency; the rival's is in `rival_cost`.
        agreement: share of answers in which the rival named the same side; None where none did.
        hits: share of resolved sides that the price went; None below `ENOUGH` of them.
        resolved: sides of which the outcome is known.
    """

    scene: str
    count: int
    paths: dict[str, int]
    signals: dict[str, int]
    confidence: float
    median_ms: float
    cost: dict[str, Decimal]
    rival_cost: dict[str, Decimal]
    compared: int
    agreement: float | None
    resolved: int
    hits: float | None


def read_analyses(
    store: ObjectStore, deployment: str, *, since: datetime, until: datetime
) -> tuple[AnalysisEntry, ...]:
    """Return the stored analyses of [since, until), oldest first.

    Raises:
        DataMalformed: a batch is none.
    """
    found: list[AnalysisEntry] = []
    day = since.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < until + timedelta(days=1):  # a batch is written after what it holds
        for key in store.list(f"{keys.analyses(deployment)}{day:%Y-%m-%d}/"):
            stored = store.get(key)
            if stored is not None:
                found.extend(AnalysisBatch.parse(stored.data, what=key).entries)
        day += timedelta(days=1)
    return tuple(sorted((one for one in found if since <= one.at < until), key=lambda one: one.at))


def scene_reports(
    entries: Sequence[AnalysisEntry], outcomes: Mapping[int, bool]
) -> tuple[SceneReport, ...]:
    """Return one report per scene, the most frequent first, and one of all.

    Args:
        outcomes: place of an entry -> whether the price went to its side.
    """
    places: dict[str, list[int]] = {}
    for place, one in enumerate(entries):
        places.setdefault(one.scene_reason, []).append(place)
    named = sorted(places.items(), key=lambda item: (-len(item[1]), item[0]))
    whole = [("all", list(range(len(entries))))] if entries else []
    return tuple(_report(name, found, entries, outcomes) for name, found in (*named, *whole))


def sides_taken(
    archive: CandleArchive, entries: Sequence[AnalysisEntry], *, horizon: int = HORIZON
) -> dict[int, bool]:
    """Return which sides the price took: place of an entry -> whether it was right.

    The price moves from the close of the hour in which the answer was given to the close `horizon`
    hours later. What is not closed yet, or has no candles, is not in the result.
    """
    sides = {place: one for place, one in enumerate(entries) if one.signal != "HOLD"}
    found: dict[int, bool] = {}
    for market in {one.market for one in sides.values()}:
        mine = {place: one for place, one in sides.items() if one.market == market}
        # As a caller wrote it (`BTC/USDT`); candles lie under letters and digits alone.
        symbol = re.sub(r"[^A-Z0-9]", "", market.upper())
        closes = _closes(archive, symbol, [one.at for one in mine.values()], horizon)
        for place, one in mine.items():
            opened = floor_open(one.at, "1h")
            before, after = (closes.get(opened + step * _HOUR) for step in (0, horizon))
            if before is not None and after is not None and before != after:
                found[place] = (after > before) == (one.signal == "BUY")
    return found


def _closes(
    archive: CandleArchive, market: str, instants: Iterable[datetime], horizon: int
) -> dict[datetime, float]:
    opens = [floor_open(at, "1h") for at in instants]
    try:
        candles = archive.read(market, "1h", min(opens), max(opens) + horizon * _HOUR)
    except DataUnavailable:
        return {}
    index = pd.DatetimeIndex(candles.frame.index)
    return dict(zip(index.to_pydatetime(), candles.frame["close"].astype(float), strict=True))


def _report(
    name: str, places: list[int], entries: Sequence[AnalysisEntry], outcomes: Mapping[int, bool]
) -> SceneReport:
    mine = [entries[place] for place in places]
    rivals = [one.rival for one in mine if one.rival is not None]
    same = [
        one.rival.signal == one.signal
        for one in mine
        if one.rival is not None and one.rival.signal is not None and one.path == "llm"
    ]
    judged = [outcomes[place] for place in places if place in outcomes]
    return SceneReport(
        scene=name,
        count=len(mine),
        paths=dict(Counter[str](one.path for one in mine)),
        signals=_sides(one.signal for one in mine),
        confidence=round(sum(one.confidence for one in mine) / len(mine), 1),
        median_ms=median(one.duration_ms for one in mine),
        cost=_costs(one.usage for one in mine),
        rival_cost=_costs(one.usage for one in rivals),
        compared=len(same),
        agreement=sum(same) / len(same) if same else None,
        resolved=len(judged),
        hits=sum(judged) / len(judged) if len(judged) >= ENOUGH else None,
    )


def _sides(signals: Iterator[Side]) -> dict[str, int]:
    counted = Counter(signals)
    return {side: counted[side] for side in ("BUY", "SELL", "HOLD")}


def _costs(usages: Iterable[Usage | None]) -> dict[str, Decimal]:
    costs: dict[str, Decimal] = {}
    for usage in usages:
        if usage is not None:
            costs[usage.currency] = costs.get(usage.currency, Decimal(0)) + Decimal(usage.cost)
    return costs
