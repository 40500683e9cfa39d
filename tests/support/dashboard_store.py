"""Stores as the dashboard may meet them: full, empty, one record, broken, stale, years long.

Every world is deterministic but for the instant that it ends at. Labels are drawn from the
forecasts themselves, so that these have skill over their base rates.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from forecastlab.adapters.candle_lake import CandleLake
from forecastlab.contracts import keys
from forecastlab.contracts.canonical import canonical_bytes, rounded
from forecastlab.contracts.intervals import DURATION, Interval, asof_name, floor_open
from forecastlab.contracts.ports import ABSENT, ObjectStore
from forecastlab.contracts.records import ForecastRecord, LatestPointer, Outcome, RunReport
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.contracts.store_pin import StorePin
from tests.support.imports import ROOT
from tests.support.memory_store import MemoryStore
from tests.support.synthetic import synthetic_market

BUNDLE: Final = "flow_T21X8_T14X8_20250930"
"""The shipped bundle: its manifest, card and evidence stand in the full worlds."""

HOURLY: Final = "direction_1h_BTCUSDT"

ZEROS: Final = "sha256:" + "0" * 64

_MEMORY: Final = 10
"""As-ofs over which the odds of forecasts resemble each other."""

Classes = tuple[int, ...]


@dataclass(frozen=True)
class Series:
    """What a run of records looks like.

    Attributes:
        last_open: open of the newest as-of candle.
        horizons: candidate -> candles until its label resolves.
        source: `simulated` makes the dashboard's clock stand at the newest record.
    """

    last_open: datetime
    count: int = 60
    deployment: str = keys.ROOT_DEPLOYMENT
    symbol: str = "BTCUSDT"
    interval: Interval = "1d"
    horizons: dict[str, int] = field(default_factory=lambda: {"T14_X8": 14, "T21_X8": 21})
    classes: Classes = (-1, 0, 1)
    source: str = "binance"
    verdict: str = "better"
    mode: str = "live"
    bundle: str = BUNDLE
    seed: int = 0

    def opens(self) -> list[datetime]:
        """Return the as-of candles' opens, oldest first."""
        step = DURATION[self.interval]
        return [self.last_open - step * place for place in reversed(range(self.count))]


def daily(now: datetime, **changes: Any) -> Series:
    """Return the seed deployment's series, whose newest candle closed before `now`."""
    return Series(floor_open(now, "1d") - DURATION["1d"], **changes)


def hourly(now: datetime, count: int = 240, **changes: Any) -> Series:
    """Return an hourly direction deployment's series: two classes, three heads."""
    return Series(
        floor_open(now, "1h") - DURATION["1h"],
        count,
        deployment=HOURLY,
        interval="1h",
        horizons={"H5": 5, "H12": 12, "H24": 24},
        classes=(0, 1),
        bundle=f"{HOURLY}_20250930",
        **changes,
    )


def full(store: ObjectStore, now: datetime, count: int = 60, **changes: Any) -> Series:
    """Fill a store as sixty mornings leave it, with a bundle, a registry, candles and runs."""
    series = daily(now, count=count, **changes)
    pin(store, series.source)
    put_series(store, series)
    put_backfills(store, series, count=10)
    put_bundle(store, series)
    put_candles(store, series, days=count + 60)
    put_runs(store, series)
    return series


def full_hourly(store: ObjectStore, now: datetime, **changes: Any) -> Series:
    """Fill a store with ten days of an hourly deployment."""
    series = hourly(now, **changes)
    pin(store, series.source)
    put_series(store, series)
    put_registry(store, series)
    put_candles(store, series, days=30)
    put_runs(store, series)
    return series


def empty(store: ObjectStore, now: datetime) -> None:
    """Leave a store as it is before its first command."""


def one_record(store: ObjectStore, now: datetime) -> Series:
    """Fill a store with its first record and nothing else."""
    series = daily(now, count=1)
    pin(store, series.source)
    put_series(store, series, outcomes=False)
    return series


def broken_record(store: ObjectStore, now: datetime) -> Series:
    """Fill a store in which four records are damaged, each in its own way."""
    series = full(store, now)
    name = [asof_name(one, "1d") for one in series.opens()]
    older = [series.opens()[0] - timedelta(days=place) for place in (1, 2, 3, 4)]
    names = [asof_name(one, "1d") for one in older]
    good = json.loads(_get(store, keys.record(series.deployment, name[-1])))
    broken = (
        canonical_bytes({**good, "schema_version": 2, "asof_date": names[0]}),
        b'{"schema_version": 1, "asof',
        canonical_bytes({**good, "close": "<script>alert(1)</script>", "asof_date": names[2]}),
        canonical_bytes(good),
    )
    for asof, data in zip(names, broken, strict=True):
        put(store, keys.record(series.deployment, asof), data)
    return series


def stale(store: ObjectStore, now: datetime) -> Series:
    """Fill a store whose newest record is nine days old."""
    return full(store, now - timedelta(days=9))


def skewed(store: ObjectStore, now: datetime) -> Series:
    """Fill a store whose newest record lies two days ahead of this machine's clock."""
    return full(store, now + timedelta(days=2))


def three_years(store: ObjectStore, now: datetime) -> Series:
    """Fill a store with three years of daily records."""
    return full(store, now, count=1096)


def put_series(store: ObjectStore, series: Series, *, outcomes: bool = True) -> None:
    """Write the sealed records, the pointer to the newest, and what has resolved."""
    records = records_of(series)
    for record in records:
        put(store, keys.record(series.deployment, record.asof_date), record.stored())
    newest = records[-1]
    key = keys.record(series.deployment, newest.asof_date)
    pointer = LatestPointer(asof_date=newest.asof_date, as_of=newest.as_of, key=key, digest=ZEROS)
    put(store, keys.latest(series.deployment), pointer.stored())
    if outcomes:
        for outcome in outcomes_of(series, records):
            at = keys.outcome(series.deployment, outcome.candidate, outcome.asof_date)
            put(store, at, outcome.stored())


def records_of(series: Series) -> list[ForecastRecord]:
    """Return the records of a series, oldest first."""
    random = np.random.default_rng([series.seed, 1])
    heads, classes = len(series.horizons), len(series.classes)
    # Slowly moving odds, so that neighbouring forecasts resemble each other as real ones do.
    steps = random.normal(size=(series.count + _MEMORY, heads, classes)).cumsum(axis=0)
    odds = np.exp((steps[_MEMORY:] - steps[:-_MEMORY]) / np.sqrt(_MEMORY))
    shares = odds / odds.sum(axis=2, keepdims=True)
    closes = 60_000 * np.exp(random.normal(0, 0.01, series.count).cumsum())
    return [
        _record(series, opened, shares[place], float(closes[place]))
        for place, opened in enumerate(series.opens())
    ]


def outcomes_of(series: Series, records: Sequence[ForecastRecord]) -> list[Outcome]:
    """Return the labels that have resolved by the newest record, drawn from the forecasts."""
    random = np.random.default_rng([series.seed, 2])
    step, found = DURATION[series.interval], []
    for record in records:
        for candidate, horizon in series.horizons.items():
            shares = record.forecasts[candidate].pred_proba
            label = int(random.choice([int(one) for one in shares], p=list(shares.values())))
            if record.as_of + horizon * step <= records[-1].as_of:
                found.append(
                    Outcome(
                        candidate=candidate,
                        asof_date=record.asof_date,
                        as_of=record.as_of,
                        resolves_at=record.as_of + horizon * step,
                        label=label,
                        close=record.close,
                    )
                )
    return found


def put_backfills(store: ObjectStore, series: Series, *, count: int) -> None:
    """Write hindsight records of the days before the first sealed one, with their outcomes."""
    before = series.opens()[0] - DURATION[series.interval]
    earlier = Series(before, count, mode="backfill", source=series.source, seed=series.seed + 1)
    records = records_of(earlier)
    for record in records:
        key = keys.backfill(series.deployment, record.bundle.name, record.asof_date)
        put(store, key, record.stored())
    ends = Series(series.last_open, count + series.count, seed=series.seed + 1)
    for outcome in outcomes_of(ends, [*records, *records_of(series)[-1:]]):
        key = keys.outcome(series.deployment, outcome.candidate, outcome.asof_date)
        if store.get(key) is None:
            put(store, key, outcome.stored())


def put_bundle(store: ObjectStore, series: Series) -> None:
    """Write the shipped bundle's manifest, card and evidence, and a registry that promotes it."""
    folder = ROOT / "models" / "production" / BUNDLE
    for name in ("meta.json", "model_card.md", "evidence/oof.parquet"):
        put(store, f"{keys.bundle(BUNDLE)}{name}", (folder / name).read_bytes())
    put_registry(store, series)


def put_registry(store: ObjectStore, series: Series) -> None:
    """Write a registry: the bundle was registered, then promoted."""
    at = series.opens()[0] - timedelta(hours=1)
    for sequence, kind in enumerate(("registered", "promoted"), start=1):
        event = RegistryEvent.model_validate(
            {
                "sequence": sequence,
                "kind": kind,
                "deployment": series.deployment,
                "bundle": series.bundle,
                "bundle_digest": ZEROS,
                "previous": None,
                "at": at,
                "by": "somebody",
                "why": "the first champion",
                "gates": {"verify": "passed"} if kind == "promoted" else {},
            }
        )
        put(store, keys.registry_event(series.deployment, sequence), event.stored())


def put_candles(store: ObjectStore, series: Series, *, days: int) -> None:
    """Write synthetic candles up to the newest as-of."""
    last = series.last_open + DURATION[series.interval]
    start = floor_open(last, "1d") - timedelta(days=days)
    market = synthetic_market(
        days + 1, (series.symbol,), series.seed, start=start, intervals=("1h", "1d")
    )
    # The synthetic market has its own level; its last close is made the newest record's.
    view = market.as_of(last)
    closed = view.candles(series.symbol, series.interval).frame["close"].iloc[-1]
    level = records_of(series)[-1].close / closed
    prices = ["open", "high", "low", "close"]
    intervals: tuple[Interval, ...] = ("1h", "1d")
    for interval in intervals:
        candles = view.candles(series.symbol, interval)
        frame = candles.frame.assign(**{name: candles.frame[name] * level for name in prices})
        CandleLake(store).append(replace(candles, frame=frame), seen_at=last)


def put_runs(store: ObjectStore, series: Series) -> None:
    """Write the attempts of the last month; the first of them failed."""
    for place, opened in enumerate(series.opens()[-30:]):
        started = opened + DURATION[series.interval] + timedelta(minutes=5)
        failed = place == 0
        report = RunReport.model_validate(
            {
                "run_id": f"{place:08x}",
                "command": "daily",
                "deployment": series.deployment,
                "started_at": started,
                "finished_at": started + timedelta(seconds=2 + place / 10),
                "asof_date": None if failed else asof_name(opened, series.interval),
                "exit_code": 3 if failed else 0,
                "result": "failed" if failed else "published",
                "error": "Binance cannot be reached. Try again." if failed else None,
                "steps": [
                    {"name": "update", "status": "done", "detail": "", "duration_s": 1.2},
                    {
                        "name": "forecast",
                        "status": "failed" if failed else "done",
                        "detail": "",
                        "duration_s": 0.4,
                    },
                ],
            }
        )
        put(store, keys.run(series.deployment, started, report.run_id), report.stored())


def pin(store: ObjectStore, source: str) -> None:
    """Pin the store to a kind of candles."""
    document = StorePin.model_validate({"source": source})
    put(store, keys.STORE_PIN, document.stored())


def put(store: ObjectStore, key: str, data: bytes) -> None:
    """Create an object, or replace the one that is there."""
    there = store.get(key)
    store.put(key, data, if_generation=there.generation if there else ABSENT)


def on_disk(store: MemoryStore, folder: Path) -> Path:
    """Write a memory store's objects as a local store holds them, without its syncs."""
    for key, data in store.contents().items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def _record(series: Series, opened: datetime, shares: np.ndarray, close: float) -> ForecastRecord:
    step = DURATION[series.interval]
    as_of = opened + step
    document: dict[str, Any] = {
        "deployment": series.deployment,
        "symbol": series.symbol,
        "interval": series.interval,
        "asof_date": asof_name(opened, series.interval),
        "as_of": as_of,
        "created_at": as_of + timedelta(minutes=5),
        "mode": series.mode,
        "previous": ZEROS,
        "bundle": {"name": series.bundle, "digest": ZEROS, "override": None},
        "source": {
            "name": series.source,
            "rows": 1500,
            "digest": ZEROS,
            "last_open_time_ms": int(opened.timestamp() * 1000),
        },
        "close": rounded(close, 7),
        "forecasts": {
            name: _forecast(series, shares[place], as_of + horizon * step)
            for place, (name, horizon) in enumerate(series.horizons.items())
        },
        "runtime": {"duration_s": 0.2, "versions": {}},
        "degraded": (),
    }
    if series.interval == "1h":
        document |= _HOURLY_FIELDS
    return ForecastRecord.model_validate(document)


_HOURLY_FIELDS: Final[dict[str, Any]] = {
    "regime": {"name": "ranging", "vol_prob": 0.3, "trend_prob": 0.4, "confidence": 0.35},
    "quantiles": {
        horizon: {"0.05": -0.02 * reach, "0.5": 0.001 * reach, "0.95": 0.02 * reach}
        for horizon, reach in (("5", 1.0), ("12", 1.5), ("24", 2.0))
    },
}


def _forecast(series: Series, shares: np.ndarray, resolves_at: datetime) -> dict[str, Any]:
    labels = [str(label) for label in series.classes]
    proba = {label: rounded(float(one)) for label, one in zip(labels, shares, strict=True)}
    flat = {label: rounded(1 / len(labels)) for label in labels}
    best = max(proba, key=lambda label: proba[label])
    kept = [int(label) for label, share in proba.items() if share > 0.5 / len(labels)]
    return {
        "pred_label": int(best),
        "pred_proba": proba,
        "base_rate": flat,
        "call": "no_view" if series.verdict != "better" else "neutral",
        "prediction_set": {"level": 0.8, "labels": sorted(kept)},
        "resolves_on": resolves_at.astimezone(UTC).date() - timedelta(days=series.interval == "1d"),
        "method": "pool",
        "members": {"first_passage": proba, "lightgbm": flat},
        "skill": {
            "reference": "trailing_year",
            "log_loss_skill": 0.023,
            "ci95": [0.004, 0.046],
            "verdict": series.verdict,
        },
    }


def _get(store: ObjectStore, key: str) -> bytes:
    found = store.get(key)
    assert found is not None
    return found.data
