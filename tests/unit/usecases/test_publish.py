"""A record is sealed once: equal again, conflicts, the chain, `latest` that moves forward."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forecastlab.contracts import keys
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.errors import RecordConflict, UsageError
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.records import ForecastRecord
from forecastlab.contracts.switches import MODELS_OFF, STACKING_OFF
from forecastlab.usecases.publish import newest_digest_before, publish
from tests.support.documents import record_document
from tests.support.memory_store import MemoryStore

DEPLOYMENT = "flow_T21X8_T14X8"


def record(asof: str = "2025-09-30", **changes: Any) -> ForecastRecord:
    document = record_document()
    document["asof_date"], document["as_of"] = asof, f"{asof}T00:00:00Z"
    return ForecastRecord.model_validate({**document, **changes})


def nudged(by: float) -> dict[str, Any]:
    forecasts = record_document()["forecasts"]
    forecasts["T21_X8"]["pred_proba"] = {"-1": 0.283 + by, "0": 0.410 - by, "1": 0.307}
    return {"forecasts": forecasts}


def pointed_at(store: MemoryStore) -> str:
    return str(json.loads(stored(store)["predictions/latest.json"])["asof_date"])


def stored(store: MemoryStore) -> dict[str, bytes]:
    found = {key: store.get(key) for key in store.list("")}
    return {key: one.data for key, one in found.items() if one is not None}


def test_the_first_publication_seals_and_points() -> None:
    store = MemoryStore()
    published = publish(store, record())
    assert published.publication == "published"
    assert store.list("") == ["predictions/daily/2025-09-30.json", "predictions/latest.json"]
    pointer = json.loads(stored(store)["predictions/latest.json"])
    assert pointer["digest"] == digest(stored(store)["predictions/daily/2025-09-30.json"])


def test_equal_again_changes_no_byte() -> None:
    store = MemoryStore()
    publish(store, record())
    before = stored(store)
    later = record(created_at="2025-10-01T09:00:00Z", runtime={"duration_s": 9.0})
    again = publish(store, later)
    assert again.publication == "already_published"
    assert again.record.created_at == record().created_at
    assert stored(store) == before


def test_answers_within_the_tolerance_are_equal() -> None:
    store = MemoryStore()
    publish(store, record())
    assert publish(store, record(**nudged(9e-7))).publication == "already_published"


def with_member(name: str, by: float) -> dict[str, Any]:
    forecasts = nudged(by)["forecasts"]
    one = forecasts["T21_X8"]
    one["members"] = {name: one["pred_proba"]}
    return {"forecasts": forecasts}


@pytest.mark.parametrize("name", ["lstm", "tft"])
def test_a_network_and_what_is_made_of_it_have_their_own_tolerance(name: str) -> None:
    store = MemoryStore()
    publish(store, record(**with_member(name, 0.0)))
    again = publish(store, record(**with_member(name, 9e-6)))
    assert again.publication == "already_published"
    with pytest.raises(RecordConflict):
        publish(store, record(**with_member(name, 2e-5)))


def test_a_booster_has_none_of_a_networks_tolerance() -> None:
    store = MemoryStore()
    publish(store, record(**with_member("xgboost", 0.0)))
    with pytest.raises(RecordConflict):
        publish(store, record(**with_member("xgboost", 9e-6)))


def test_another_answer_from_the_same_inputs_is_a_conflict() -> None:
    store = MemoryStore()
    publish(store, record())
    sealed = stored(store)["predictions/daily/2025-09-30.json"]
    other = record(**nudged(1e-3))
    with pytest.raises(RecordConflict) as caught:
        publish(store, other)
    assert caught.value.exit_code == 6
    after = stored(store)
    assert after["predictions/daily/2025-09-30.json"] == sealed
    kept = [key for key in after if key.startswith("predictions/conflicts/")]
    assert [after[key] for key in kept] == [other.stored()]
    with pytest.raises(RecordConflict):
        publish(store, other.model_copy(update={"runtime": other.runtime}))
    assert len([key for key in stored(store) if "conflicts" in key]) == 1


@pytest.mark.parametrize("part", ["bundle", "source"])
def test_another_bundle_or_revised_candles_are_kept_apart(part: str) -> None:
    store = MemoryStore()
    publish(store, record())
    changed = {**record_document()[part], "digest": "sha256:" + "f" * 64}
    other = record(**{part: changed})
    for _ in range(2):
        assert publish(store, other).publication == "kept_as_conflict"
    kept = [key for key in stored(store) if key.startswith("predictions/conflicts/")]
    assert len(kept) == 1


def alone() -> dict[str, Any]:
    """What a record says with the models switched off."""
    one = record_document()["forecasts"]["T21_X8"]
    spoken = {"pred_proba": one["base_rate"], "members": {}, "method": "base_rate"}
    return {"forecasts": {"T21_X8": {**one, **spoken}}, "degraded": (MODELS_OFF,)}


def test_a_base_rate_is_equal_again() -> None:
    store = MemoryStore()
    publish(store, record(**alone()))
    assert publish(store, record(**alone())).publication == "already_published"


@pytest.mark.parametrize("sealed_off", [True, False])
@pytest.mark.parametrize("off", [alone(), {**nudged(1e-3), "degraded": (STACKING_OFF,)}])
def test_what_was_made_under_other_switches_is_kept_apart(
    sealed_off: bool, off: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    first, second = (record(**off), record()) if sealed_off else (record(), record(**off))
    publish(store, first)
    for _ in range(2):
        again = publish(store, second)
        assert again.publication == "kept_as_conflict"
        assert again.record.degraded == first.degraded
    kept = [key for key in stored(store) if key.startswith("predictions/conflicts/")]
    assert [stored(store)[key] for key in kept] == [second.stored()]
    assert "a second answer is kept" in caplog.text


def test_another_answer_under_the_same_switches_is_a_conflict() -> None:
    store = MemoryStore()
    publish(store, record(degraded=(STACKING_OFF,)))
    other: dict[str, Any] = {"degraded": (STACKING_OFF,), **nudged(1e-3)}
    with pytest.raises(RecordConflict):
        publish(store, record(**other))


def test_time_runs_forward_only() -> None:
    store = MemoryStore()
    publish(store, record("2025-09-30"))
    with pytest.raises(UsageError, match="backfill"):
        publish(store, record("2025-09-29"))
    publish(store, record("2025-10-01"))
    assert pointed_at(store) == "2025-10-01"
    publish(store, record("2025-09-30"))
    assert pointed_at(store) == "2025-10-01"


def test_a_kill_before_latest_is_repaired_by_the_next_run() -> None:
    store = MemoryStore()
    store.put(keys.record(DEPLOYMENT, "2025-09-30"), record().stored(), if_generation=ABSENT)
    assert "predictions/latest.json" not in stored(store)
    assert publish(store, record()).publication == "already_published"
    assert pointed_at(store) == "2025-09-30"


def test_records_are_chained_by_their_stored_bytes() -> None:
    store = MemoryStore()
    assert newest_digest_before(store, DEPLOYMENT, "2025-09-29") is None
    publish(store, record("2025-09-29"))
    before = digest(stored(store)["predictions/daily/2025-09-29.json"])
    assert newest_digest_before(store, DEPLOYMENT, "2025-09-30") == before
    assert publish(store, record("2025-09-30")).record.previous == before
    assert newest_digest_before(store, DEPLOYMENT, "2025-09-29") is None
