"""Seal a forecast: create the record once, keep a different answer apart, move `latest` forward."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from forecastlab.contracts import keys
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.errors import DataMalformed, PreconditionFailed, RecordConflict
from forecastlab.contracts.ports import ABSENT, ObjectStore
from forecastlab.contracts.records import ForecastRecord, LatestPointer, Probabilities

Publication = Literal["published", "already_published", "kept_as_conflict"]

PROBABILITY_TOLERANCE: Final = 1e-5
"""Two answers from the same inputs are equal within the known-answer tolerance of ONNX members."""

_ATTEMPTS: Final = 20
"""Bound on compare-and-swap rounds; ten writers at once need at most ten."""


@dataclass(frozen=True)
class Published:
    """The sealed record, where it lies, and what the publication did."""

    record: ForecastRecord
    key: str
    publication: Publication


def sealed(store: ObjectStore, deployment: str, asof: str) -> ForecastRecord | None:
    """Return the sealed record of an as-of, or None."""
    key = keys.record(deployment, asof)
    found = store.get(key)
    return None if found is None else ForecastRecord.parse(found.data, what=key)


def latest(store: ObjectStore, deployment: str) -> LatestPointer | None:
    """Return the pointer to the newest record, or None."""
    key = keys.latest(deployment)
    found = store.get(key)
    return None if found is None else LatestPointer.parse(found.data, what=key)


def sealed_asofs(store: ObjectStore, deployment: str) -> tuple[str, ...]:
    """Return the as-of names of all sealed records, oldest first."""
    prefix = keys.records(deployment)
    return tuple(key.removeprefix(prefix).removesuffix(".json") for key in store.list(prefix))


def newest_digest_before(store: ObjectStore, deployment: str, asof: str) -> str | None:
    """Return the digest of the newest earlier record's stored bytes, or None for the first."""
    earlier = [name for name in sealed_asofs(store, deployment) if name < asof]
    if not earlier:
        return None
    found = store.get(keys.record(deployment, earlier[-1]))
    return None if found is None else digest(found.data)


def publish(store: ObjectStore, record: ForecastRecord) -> Published:
    """Create the record once; if the as-of is sealed already, compare instead.

    Equal again (same bundle, same candles, same probabilities within the tolerance) is
    `already_published`. Another bundle or revised candles give `kept_as_conflict`. In every case
    `latest` is repaired.

    Raises:
        RecordConflict: the same inputs gave another answer; it is kept beside the sealed record.
        StoreUnavailable: the store cannot be written.
    """
    key = keys.record(record.deployment, record.asof_date)
    data = record.stored()
    try:
        store.put(key, data, if_generation=ABSENT)
        standing = record
        publication: Publication = "published"
    except PreconditionFailed:
        standing = _standing(store, key)
        publication = "already_published" if _equal_again(standing, record) else "kept_as_conflict"
    _move_latest(store, standing, key)
    if publication == "kept_as_conflict":
        _keep_conflict(store, standing, record)
    return Published(standing, key, publication)


def _standing(store: ObjectStore, key: str) -> ForecastRecord:
    found = store.get(key)
    if found is None:
        raise DataMalformed(f"{key} exists and cannot be read.", remedy="Check the store.")
    return ForecastRecord.parse(found.data, what=key)


def _same_inputs(one: ForecastRecord, other: ForecastRecord) -> bool:
    return one.bundle.digest == other.bundle.digest and one.source.digest == other.source.digest


def _equal_again(one: ForecastRecord, other: ForecastRecord) -> bool:
    if not _same_inputs(one, other) or one.forecasts.keys() != other.forecasts.keys():
        return False
    pairs = ((one.forecasts[name], other.forecasts[name]) for name in one.forecasts)
    return all(
        mine.members.keys() == yours.members.keys()
        and _close(mine.pred_proba, yours.pred_proba)
        and all(_close(mine.members[name], yours.members[name]) for name in mine.members)
        for mine, yours in pairs
    )


def _close(one: Probabilities, other: Probabilities) -> bool:
    return one.keys() == other.keys() and all(
        abs(one[key] - other[key]) <= PROBABILITY_TOLERANCE for key in one
    )


def _keep_conflict(store: ObjectStore, standing: ForecastRecord, record: ForecastRecord) -> None:
    """Keep the second answer; raise if nothing but the answer differs."""
    data = record.stored()
    key = keys.conflict(record.deployment, record.asof_date, digest(data))
    with suppress(PreconditionFailed):  # then the same second answer was kept before
        store.put(key, data, if_generation=ABSENT)
    if _same_inputs(standing, record):
        raise RecordConflict(
            f"{record.asof_date} is sealed; the same bundle and candles now give another answer,"
            f" kept as {key}.",
            remedy="The sealed record stands. Compare `runtime.versions`: a library changed.",
        )


def _move_latest(store: ObjectStore, record: ForecastRecord, record_key: str) -> None:
    """Point `latest` at a record unless it points at a newer one."""
    key = keys.latest(record.deployment)
    stored = store.get(record_key)
    pointer = LatestPointer(
        asof_date=record.asof_date,
        as_of=record.as_of,
        key=record_key,
        digest=digest(stored.data if stored else b""),
    )
    for _ in range(_ATTEMPTS):
        found = store.get(key)
        if found is not None:
            current = LatestPointer.parse(found.data, what=key)
            if current.as_of > pointer.as_of or current == pointer:
                return
        try:
            store.put(key, pointer.stored(), if_generation=found.generation if found else ABSENT)
        except PreconditionFailed:
            continue
        return
    raise DataMalformed(f"{key} changes faster than it can be written.", remedy="Run again.")
