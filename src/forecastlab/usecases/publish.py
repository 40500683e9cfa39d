"""Seal a forecast: create the record once, keep a different answer apart, move `latest` forward."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from forecastlab.contracts import keys
from forecastlab.contracts.canonical import Json, canonical_bytes, digest
from forecastlab.contracts.config import NETWORKS
from forecastlab.contracts.errors import (
    DataMalformed,
    PreconditionFailed,
    RecordConflict,
    UsageError,
)
from forecastlab.contracts.intervals import parse_asof
from forecastlab.contracts.manifest import ANSWER_TOLERANCE, NETWORK_TOLERANCE
from forecastlab.contracts.ports import ABSENT, ObjectStore
from forecastlab.contracts.records import (
    CandidateForecast,
    ForecastRecord,
    LatestPointer,
    Probabilities,
)
from forecastlab.contracts.switches import steps_back

Publication = Literal["published", "already_published", "kept_as_conflict"]

log = logging.getLogger(__name__)

_ATTEMPTS: Final = 20
"""Bound on compare-and-swap rounds; ten writers at once need at most ten."""


@dataclass(frozen=True)
class Published:
    """The sealed record, where it lies, what the publication did, and where a second answer is."""

    record: ForecastRecord
    key: str
    publication: Publication
    conflict_key: str | None = None


def sealed(store: ObjectStore, deployment: str, asof: str) -> ForecastRecord | None:
    """Return the sealed record of an as-of, or None."""
    key = keys.record(deployment, asof)
    found = store.get(key)
    return None if found is None else ForecastRecord.parse(found.data, what=key)


def sealed_asofs(store: ObjectStore, deployment: str) -> tuple[str, ...]:
    """Return the as-of names of all sealed records, oldest first; foreign objects do not count."""
    prefix = keys.records(deployment)
    names = (key.removeprefix(prefix) for key in store.list(prefix))
    return tuple(
        name.removesuffix(".json") for name in names if name.endswith(".json") and _is_asof(name)
    )


def newest_sealed(store: ObjectStore, deployment: str) -> str | None:
    """Return the newest sealed as-of; the records are the truth, `latest.json` only points."""
    names = sealed_asofs(store, deployment)
    return names[-1] if names else None


def newest_digest_before(store: ObjectStore, deployment: str, asof: str) -> str | None:
    """Return the digest of the newest earlier record's stored bytes, or None for the first."""
    earlier = [name for name in sealed_asofs(store, deployment) if name < asof]
    return digest(_stored(store, keys.record(deployment, earlier[-1]))) if earlier else None


def refuse_older_than_newest(store: ObjectStore, deployment: str, asof: str) -> None:
    """Refuse to seal an as-of behind the newest record: time does not run back in the chain.

    Raises:
        UsageError: the as-of is older than the newest record, and not sealed.
    """
    names = sealed_asofs(store, deployment)
    if names and asof < names[-1] and asof not in names:
        raise UsageError(
            f"{asof} is not sealed and lies before the newest record {names[-1]}.",
            remedy=f"Fill it in as hindsight: `forecastlab backfill --from {asof} --to {asof}`.",
        )


def publish(store: ObjectStore, record: ForecastRecord) -> Published:
    """Create the record once; if the as-of is sealed already, compare instead.

    The record is chained here, as late as can be: `previous` is the newest record at this instant.
    Equal again (same bundle, same candles, same probabilities within the tolerance) is
    `already_published`. Another bundle, revised candles, or models that were switched off for one
    of both give `kept_as_conflict`. In every case `latest` is repaired.

    Raises:
        UsageError: a newer as-of has been sealed meanwhile.
        RecordConflict: the same inputs gave another answer; it is kept beside the sealed record.
        StoreUnavailable: the store cannot be written.
    """
    refuse_older_than_newest(store, record.deployment, record.asof_date)
    previous = newest_digest_before(store, record.deployment, record.asof_date)
    record = record.model_copy(update={"previous": previous})
    key = keys.record(record.deployment, record.asof_date)
    try:
        store.put(key, record.stored(), if_generation=ABSENT)
        standing = record
        publication: Publication = "published"
    except PreconditionFailed:
        standing = ForecastRecord.parse(_stored(store, key), what=key)
        publication = "already_published" if _equal_again(standing, record) else "kept_as_conflict"
    _repair_latest(store, record.deployment)
    if publication != "kept_as_conflict":
        return Published(standing, key, publication)
    return Published(standing, key, publication, _keep_conflict(store, standing, record))


def _stored(store: ObjectStore, key: str) -> bytes:
    found = store.get(key)
    if found is None:
        raise DataMalformed(f"{key} is listed and cannot be read.", remedy="Check the store.")
    return found.data


def _is_asof(name: str) -> bool:
    # Hourly deployments write `2025-09-30T13Z`.
    try:
        parse_asof(name.removesuffix(".json"), "1h" if "T" in name else "1d")
    except UsageError:
        return False
    return True


def _same_inputs(one: ForecastRecord, other: ForecastRecord) -> bool:
    return (
        one.bundle.digest == other.bundle.digest
        and one.source.digest == other.source.digest
        and steps_back(one.degraded) == steps_back(other.degraded)
    )


def _equal_again(one: ForecastRecord, other: ForecastRecord) -> bool:
    if not _same_inputs(one, other) or one.forecasts.keys() != other.forecasts.keys():
        return False
    return all(_same_answer(one.forecasts[name], other.forecasts[name]) for name in one.forecasts)


def _same_answer(one: CandidateForecast, other: CandidateForecast) -> bool:
    """Compare as known answers are: what is made of a network's answers has its tolerance."""
    if one.members.keys() != other.members.keys():
        return False
    allowed = {
        name: NETWORK_TOLERANCE if name in NETWORKS else ANSWER_TOLERANCE for name in one.members
    }
    # Without members, as where the models are switched off, the base rate speaks.
    most = max(allowed.values(), default=ANSWER_TOLERANCE)
    return _close(one.pred_proba, other.pred_proba, most) and all(
        _close(one.members[name], other.members[name], allowed[name]) for name in allowed
    )


def _close(one: Probabilities, other: Probabilities, allowed: float) -> bool:
    return one.keys() == other.keys() and all(abs(one[key] - other[key]) <= allowed for key in one)


def _keep_conflict(store: ObjectStore, standing: ForecastRecord, record: ForecastRecord) -> str:
    """Keep the second answer, once, and return its key; raise if nothing but the answer differs."""
    key = keys.conflict(record.deployment, record.asof_date, _answer_digest(record))
    with suppress(PreconditionFailed):  # then the same second answer was kept before
        store.put(key, record.stored(), if_generation=ABSENT)
    log.warning("%s is sealed; a second answer is kept as %s", record.asof_date, key)
    if _same_inputs(standing, record):
        raise RecordConflict(
            f"{record.asof_date} is sealed; the same bundle and candles now give another answer,"
            f" kept as {key}.",
            remedy="The sealed record stands. Compare `runtime.versions`: a library changed.",
        )
    return key


def _answer_digest(record: ForecastRecord) -> str:
    """Return a digest of what was asked and answered, whenever it was."""
    answers: dict[str, Json] = {
        name: {label: round(share, 6) for label, share in one.pred_proba.items()}
        for name, one in record.forecasts.items()
    }
    asked: dict[str, Json] = {"bundle": record.bundle.digest, "source": record.source.digest}
    return digest(canonical_bytes({**asked, "answers": answers}))


def _repair_latest(store: ObjectStore, deployment: str) -> None:
    """Point `latest` at the newest sealed record, unless it does so already."""
    key = keys.latest(deployment)
    for _ in range(_ATTEMPTS):
        newest = newest_sealed(store, deployment)
        if newest is None:
            return
        record_key = keys.record(deployment, newest)
        data = _stored(store, record_key)
        as_of = ForecastRecord.parse(data, what=record_key).as_of
        pointer = LatestPointer(asof_date=newest, as_of=as_of, key=record_key, digest=digest(data))
        found = store.get(key)
        if found is not None and found.data == pointer.stored():
            return
        try:
            generation = found.generation if found else ABSENT
            store.put(key, pointer.stored(), if_generation=generation)
        except PreconditionFailed:
            continue
        return
    raise DataMalformed(f"{key} changes faster than it can be written.", remedy="Run again.")
