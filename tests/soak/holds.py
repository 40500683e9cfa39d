"""What must hold whatever has struck: one record a day, chained, and nothing lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from forecastlab.contracts.canonical import digest
from forecastlab.contracts.intervals import asof_name, parse_asof
from tests.soak.desk import Desk
from tests.soak.exchange import CUT_OFF, closes_from
from tests.soak.footprint import Footprint
from tests.support.shipped_bundles import SMALL

Store = Mapping[str, bytes]

DAILY: Final = "predictions/daily/"
LATEST: Final = "predictions/latest.json"

_DAY: Final = r"\d{4}-\d\d-\d\d"
_STAMP: Final = r"\d{8}T\d{6}Z"
_OWN: Final = (
    *(rf"predictions/daily/{_DAY}(T\d\dZ)?\.json", r"predictions/latest\.json"),
    rf"predictions/conflicts/{_DAY}(T\d\dZ)?-[0-9a-f]{{12}}\.json",
    rf"predictions/backfill/\w+/{_DAY}(T\d\dZ)?\.json",
    rf"outcomes/\w+/{_DAY}(T\d\dZ)?\.json",
    rf"runs/{_DAY}/{_STAMP}-[0-9a-f]{{8}}\.json",
    *(rf"notes/{_DAY}(T\d\dZ)?\.json", rf"explanations/{_DAY}(T\d\dZ)?\.json"),
    rf"health/{_STAMP}\.json",
    r"alerts/[\w-]+/\d{6}-(opened|closed)(-sent)?\.json",
    rf"analyses/{_DAY}/{_STAMP}-[0-9a-f]{{8}}\.json",
    rf"messages/{_DAY}(-sent)?\.json",
)
_SHARED: Final = (
    *(r"store\.json", r"candles/[A-Z]+/(1h/\d{4}-\d\d|(4h|1d)/\d{4})\.parquet"),
    *(r"bundles/\w+/[\w./]+", r"registry/\w+/\d{8}\.json"),
    rf"shadow/\w+/{_DAY}(T\d\dZ)?\.json",
    *(r"state/breaker/\w+\.json", rf"state/spending/{_DAY}\.json", r"state/doctor\.json"),
)
KEYS: Final = re.compile(rf"({'|'.join(_SHARED)})|(deployments/\w+/)?({'|'.join(_OWN)})")
"""The keys that the design knows: those that deployments share, and each one's own."""

MOVING: Final = (LATEST, "candles/", "state/")
"""What is changed by compare-and-swap; everything else is created once."""

FILES: Final = 4
THREADS: Final = 2
MEMORY_MB: Final = 60
"""By how much the last morning may hold more than those of the first half."""

_HORIZONS: Final = {"T14_X8": 14, "T21_X8": 21}
"""Candidate -> days that it looks ahead."""

_LEVEL: Final = 0.08
"""The move that all of them ask for."""


def rewritten(before: Store, after: Store) -> Iterator[str]:
    """Tell of objects that were created once, and are gone or other than they were."""
    for key, data in before.items():
        if key not in after:
            yield f"{key} is gone"
        elif after[key] != data and not _moves(key):
            yield f"{key} was rewritten"


def _moves(key: str) -> bool:
    own = re.sub(r"^deployments/\w+/", "", key)
    return own.startswith(MOVING)


def whole(store: Store) -> Iterator[str]:
    """Tell of keys that the design does not know, and of documents that nobody can read."""
    for key, data in store.items():
        if not KEYS.fullmatch(key):
            yield f"{key} is no key of the design"
        if key.endswith(".json") and not key.startswith("bundles/"):
            try:
                json.loads(data)
            except ValueError:
                yield f"{key} is half written"


def sealed(store: Store, days: Sequence[int]) -> Iterator[str]:
    """Tell of a record too few or too many, of a broken chain, and of a pointer that is astray."""
    expected = [f"{DAILY}{_name(day)}.json" for day in days]
    there = sorted(key for key in store if key.startswith(DAILY))
    yield from (f"no {key}" for key in expected if key not in there)
    yield from (f"{key} is one too many" for key in there if key not in expected)
    earlier: str | None = None
    for key in there:
        record = json.loads(store[key])
        if record["previous"] != earlier:
            yield f"{key} is not chained to the record before"
        if record["mode"] != "live" or record["bundle"]["name"] != SMALL:
            yield f"{key} is {record['mode']}, by {record['bundle']['name']}"
        earlier = digest(store[key])
    if there:
        latest = json.loads(store[LATEST]) if LATEST in store else {}
        if (latest.get("key"), latest.get("digest")) != (there[-1], earlier):
            yield f"latest.json points to {latest.get('key')}"


def nothing_lost(store: Store, first: int, last: int) -> Iterator[str]:
    """Tell of a day between two records that is neither sealed nor filled in as hindsight."""
    for day in range(first, last + 1):
        name = f"{_name(day)}.json"
        filled = [key for key in store if key.startswith("predictions/backfill/") and name in key]
        is_sealed = f"{DAILY}{name}" in store
        if is_sealed == bool(filled):
            yield f"{name} is {'sealed and filled' if is_sealed else 'lost'}"


def told_once(store: Store, posts: Sequence[str]) -> Iterator[str]:
    """Tell of a record of which nobody was told, or somebody twice."""
    for key in store:
        if key.startswith(DAILY):
            name = key.removeprefix(DAILY).removesuffix(".json")
            times = sum(title.startswith(f"BTCUSDT {name}") for title in posts)
            if times != 1:
                yield f"{name} was told {times} times"


def resolved(store: Store, now_day: int, score: Any) -> Iterator[str]:
    """Tell of outcomes that are missing, early or wrong, and of scores that leave one out.

    The label is worked out anew from the closes that the exchange told first.
    """
    records = sorted(key.removeprefix(DAILY) for key in store if key.startswith(DAILY))
    for candidate, horizon in _HORIZONS.items():
        due = 0
        for name in records:
            opened = parse_asof(name.removesuffix(".json"), "1d")
            is_due = opened + timedelta(days=horizon) <= CUT_OFF + timedelta(days=now_day)
            kept = store.get(f"outcomes/{candidate}/{name}")
            if is_due != (kept is not None):
                yield f"outcome {candidate} of {name} is {'missing' if is_due else 'early'}"
            elif kept is not None and json.loads(kept)["label"] != _label(opened, horizon):
                yield f"outcome {candidate} of {name} is wrong"
            due += is_due
        [told] = [one for one in score["scores"] if one["candidate"] == candidate]
        if (told["resolved"], told["not_counted"]) != (due, 0):
            yield f"the score of {candidate} counts {told['resolved']} of {due}"
        if told["pending"] != len(records) - due:
            yield f"the score of {candidate} waits for {told['pending']}"
    yield from score["problems"]


def _label(opened: datetime, horizon: int) -> int:
    first, *later = closes_from(opened)[: horizon + 1]
    moves = (close / first - 1 for close in later)
    return next((1 if move > 0 else -1 for move in moves if abs(move) >= _LEVEL), 0)


def closed(store: Store, *rules: str) -> Iterator[str]:
    """Tell of incidents of injected faults that are open though all is well."""
    prefixes = tuple(f"alerts/{rule}/" for rule in rules)
    opened = [key for key in store if key.startswith(prefixes) and "-opened." in key]
    for key in opened:
        if key.replace("-opened.", "-closed.") not in store:
            yield f"{key} was never closed"


def bounded(held: Sequence[Footprint], killed: int) -> Iterator[str]:
    """Tell of memory, files or threads that grow with the mornings.

    The first half of them warms up: it has seen every kind of fault once.
    """
    settled, last = held[: (len(held) + 1) // 2], held[-1]
    margins = {"files": FILES, "threads": THREADS, "memory_mb": MEMORY_MB}
    for what, margin in margins.items():
        most, now = max(getattr(one, what) for one in settled), getattr(last, what)
        if now > most + margin:
            yield f"{what}: {now:.0f} at the end, {most:.0f} in the first half"
    if last.temporaries > killed:
        yield f"{last.temporaries} temporary files, and {killed} kills"


def every(desk: Desk, store: Store, days: Sequence[int]) -> Iterator[str]:
    """Tell of whatever must hold after each day, and does not."""
    yield from whole(store)
    yield from sealed(store, days)
    if days:
        yield from nothing_lost(store, days[0], days[-1])
    yield from told_once(store, desk.posted)


def _name(day: int) -> str:
    return asof_name(CUT_OFF + timedelta(days=day), "1d")
