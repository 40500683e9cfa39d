"""Whole days with a bucket as the store, through the command line, on the simulated market."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from forecastlab.adapters.gcs_store import GcsStore
from forecastlab.adapters.local_store import LocalStore
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.ports import ABSENT
from forecastlab.usecases.demo import WAKES
from tests.e2e.test_morning import asof, demo_store  # noqa: F401 - a fixture
from tests.support.command_line import CommandLine


class Cloud:
    """The command line on a bucket, at a time that the test sets."""

    def __init__(self, cli: CommandLine, store: GcsStore, patch: pytest.MonkeyPatch) -> None:
        self.cli, self.store, self._patch = cli, store, patch

    def at(self, days_after_cut_off: int) -> CommandLine:
        now = (asof(days_after_cut_off) + WAKES).isoformat()
        self._patch.setenv("FORECASTLAB_SIMULATED_NOW", now)
        return self.cli

    def read(self, key: str) -> dict[str, object]:
        found = self.store.get(key)
        assert found is not None, key
        document: dict[str, object] = json.loads(found.data)
        return document


@pytest.fixture
def cloud(
    demo_store: Path,  # noqa: F811
    gcs_location: str,
    cli: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> Cloud:
    """A bucket with the bundle and the first morning of the demo."""
    store, local = GcsStore(gcs_location), LocalStore(demo_store)
    for key in local.list(""):
        found = local.get(key)
        assert found is not None
        store.put(key, found.data, if_generation=ABSENT)
    monkeypatch.setenv("FORECASTLAB_STORE", gcs_location)
    monkeypatch.setenv("FORECASTLAB_SOURCE", "simulated")
    return Cloud(cli, store, monkeypatch)


def test_a_fortnight_on_a_bucket(cloud: Cloud, tmp_path: Path) -> None:
    cli = cloud.at(2)
    assert cli("update").code == 0
    dry = cli("daily", "--dry-run", "--json")
    assert (dry.code, dry.document["publication"]) == (0, "published"), dry.err
    key = f"predictions/daily/{asof_name(asof(2), '1d')}.json"
    assert cloud.store.get(key) is None

    first = cli("daily", "--json")
    assert first.code == 0, first.err
    assert cloud.read(key) == first.document["record"]
    assert first.document["record"]["mode"] == "live"
    again = cli("predict", "--json")
    assert again.document == first.document["record"]
    twice = cli("daily", "--json")
    assert (twice.code, twice.document["publication"]) == (0, "already_published"), twice.err
    assert twice.document["record"] == first.document["record"]
    assert list((tmp_path / "user's cache/forecastlab/bundles").iterdir()), "fetched once, kept"
    assert cloud.read("predictions/latest.json")["key"] == key

    late = cloud.at(15)("daily", "--json")
    assert late.code == 0, late.err
    filled = cloud.store.list("predictions/backfill/")
    days = [asof_name(asof(2) + timedelta(days=i), "1d") for i in range(1, 13)]
    assert [Path(one).stem for one in filled] == days
    assert cloud.store.list("outcomes/") == [f"outcomes/T14_X8/{asof_name(asof(1), '1d')}.json"]
    assert cli("score", "--json").document["written"] == 0

    status = cli("status", "--json").document
    assert status["newest_record"] == asof_name(asof(15), "1d")
    assert status["refused"] == ""
    runs = [cloud.read(one) for one in cloud.store.list("runs/")]
    assert {run["exit_code"] for run in runs} == {0}


def test_a_bucket_that_fails_ends_the_run_clearly(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECASTLAB_STORE", "gs://no-such-bucket")
    cloud.at(2)("daily").refused(3, "no bucket 'no-such-bucket'", "gcloud storage buckets create")
