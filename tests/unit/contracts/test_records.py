"""Records refuse what a forecast cannot be, and are canonical on disk."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forecastlab.contracts.canonical import canonical_bytes
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.records import ForecastRecord
from tests.support.documents import record_document


def test_a_record_survives_the_store_byte_for_byte() -> None:
    stored = ForecastRecord.model_validate(record_document()).stored()
    assert ForecastRecord.parse(stored, what="a record").stored() == stored
    assert stored == canonical_bytes(json.loads(stored))


def changed(**changes: Any) -> dict[str, Any]:
    document = record_document()
    for path, value in changes.items():
        *parents, last = path.split("__")
        table = document
        for parent in parents:
            table = table[parent]
        table[last] = value
    return document


IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "unknown key": changed(surprise=1),
    "unknown mode": changed(mode="hindsight"),
    "another hash": changed(previous="md5:1"),
    "naive instant": changed(as_of="2025-10-01T00:00:00"),
    "label of no class": changed(forecasts__T21_X8__pred_label=7),
    "sum above 1": changed(forecasts__T21_X8__pred_proba={"-1": 0.5, "0": 0.4, "1": 0.4}),
    "negative": changed(forecasts__T21_X8__pred_proba={"-1": -0.1, "0": 0.6, "1": 0.5}),
    "fewer classes": changed(forecasts__T21_X8__base_rate={"0": 0.5, "1": 0.5}),
    "resolved before made": changed(forecasts__T21_X8__resolves_on="2025-09-01"),
    "unknown call": changed(forecasts__T21_X8__call="to_the_moon"),
}


@pytest.mark.parametrize("document", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_impossible_records_are_refused(document: dict[str, Any]) -> None:
    with pytest.raises(DataMalformed, match="never repaired"):
        ForecastRecord.parse(canonical_bytes(document), what="a record")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not valid JSON"),
        (b'{"schema_version": 1', "not valid JSON"),
        (b"[1]", "no JSON object"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1, "a": 2}', "repeated"),
        (b'{"schema_version": 2}', "Update ForecastLab"),
        (b"\xff\xfe", "not valid JSON"),
    ],
)
def test_unreadable_records_say_why(data: bytes, reason: str) -> None:
    with pytest.raises(DataMalformed, match=reason):
        ForecastRecord.parse(data, what="a record")
