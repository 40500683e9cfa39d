"""The ladder that answers follows the registry; one that cannot be opened changes nothing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forecastlab.contracts.errors import (
    BundleRefused,
    ConfigError,
    DataUnavailable,
    StoreUnavailable,
    UsageError,
)
from forecastlab.usecases.laddered import open_ladder
from forecastlab.usecases.live_ladder import LiveLadder
from forecastlab.usecases.refused_bundle import Refusals
from tests.support.fake_time import FakeTime
from tests.support.shipped_bundles import PRODUCTION
from tests.support.signal_service import bundle_name, change, copy_bundles, workspace_of


def ladder_of(workspace: Any) -> LiveLadder:
    return LiveLadder(workspace, examine=lambda _: None)


def test_it_loads_once_and_switches_with_the_registry(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    live = ladder_of(workspace)
    assert live.health() == {"status": "failed", "error": "not loaded yet"}
    assert live.follow()
    before = live.current()
    assert before.ladder.versions == ("v2_7", "v2_6", "v1")
    assert not live.follow()
    assert live.current() is before
    # Seated by an event: the same bundles, of which there is more to tell.
    change(workspace, "promoted", "v2_7", "the first one")
    assert not live.follow()
    told = live.current()
    assert told.loaded_at == before.loaded_at
    assert told.event is not None and told.event.why == "the first one"
    change(workspace, "promoted", "v1", "the simplest one")
    assert live.follow()
    assert live.current().ladder.versions == ("v1",)
    # Who began with it, ends with it.
    assert before.live.bundle.files.name == bundle_name("v2_7")


def test_a_retired_rung_leaves_the_ladder(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    live = ladder_of(workspace)
    live.follow()
    change(workspace, "retired", "v2_6", "broken")
    assert live.follow()
    assert live.current().ladder.versions == ("v2_7", "v1")
    assert live.missing(live.current()) == ("v2_6",)
    assert live.health()["status"] == "degraded"


def test_without_a_champion_there_is_none_until_there_is_one(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, tmp_path / "models")
    live = ladder_of(workspace)
    with pytest.raises(UsageError, match="has no champion") as refused:
        live.follow()
    assert not live.lasts(refused.value)
    states = [(live.loaded, live.absent)]
    assert live.health()["status"] == "degraded"
    with pytest.raises(DataUnavailable, match="No model of signal_1h"):
        live.current()
    shutil.copytree(PRODUCTION / bundle_name("v1"), tmp_path / "models" / bundle_name("v1"))
    change(workspace, "promoted", "v1", "there is one now")
    assert live.follow()
    states.append((live.loaded, live.absent))
    assert states == [(False, True), (True, False)]


def test_a_version_that_was_asked_for_has_to_be_there(tmp_path: Path) -> None:
    models = copy_bundles(tmp_path)
    shutil.rmtree(models / bundle_name("v2_6"))
    live = ladder_of(workspace_of(tmp_path, models, ML_MODEL_VERSION="v2_6"))
    with pytest.raises(UsageError, match="no bundle of v2_6") as refused:
        live.follow()
    assert live.lasts(refused.value)
    live = ladder_of(workspace_of(tmp_path, models, ML_MODEL_VERSION="v7"))
    with pytest.raises(ConfigError) as unknown:
        live.follow()
    assert live.lasts(unknown.value)


def test_a_store_that_is_away_is_waited_for(tmp_path: Path) -> None:
    """Nothing says that there is no bundle, so that the service must not call itself ready."""
    workspace = workspace_of(tmp_path)

    class Away:
        def readable(self) -> Any:
            raise StoreUnavailable("The store is away.", remedy="Wait.")

    registry: Any = Away()
    live = ladder_of(replace(workspace, registry=registry))
    with pytest.raises(StoreUnavailable) as refused:
        live.follow()
    assert not live.lasts(refused.value)
    assert not live.absent
    assert live.health() == {"status": "failed", "error": "The store is away."}


def test_a_refused_champion_is_not_opened_at_every_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = copy_bundles(tmp_path)
    workspace = workspace_of(tmp_path, models)
    change(workspace, "promoted", "v1", "the first one")
    time = FakeTime()
    live = LiveLadder(
        workspace,
        examine=lambda _: None,
        refusals=Refusals(monotonic=lambda: time.second),
    )
    live.follow()
    broken = models / bundle_name("v2_7") / "known_answers.json"
    whole = broken.read_bytes()
    broken.write_bytes(b"{}")
    change(workspace, "promoted", "v2_7", "a broken one")
    opened_at = []

    def counted(one: Any) -> Any:
        opened_at.append(time.second - 1000)
        return open_ladder(one)

    monkeypatch.setattr("forecastlab.usecases.live_ladder.open_ladder", counted)
    for _ in range(8):  # two minutes of looks
        assert not live.follow()
        assert "known_answers.json: changed" in live.health()["error"]
        time.sleep(15.0)
    assert opened_at == [0, 60]
    broken.write_bytes(whole)  # files that were put right end the rest
    assert live.follow()
    assert live.current().ladder.versions == ("v2_7", "v2_6", "v1")


def test_a_bundle_that_is_unwell_is_not_begun_with(tmp_path: Path) -> None:
    def unwell(_: object) -> None:
        raise BundleRefused("It is not healthy.", remedy="Restore it.")

    live = LiveLadder(workspace_of(tmp_path), examine=unwell)
    with pytest.raises(BundleRefused) as refused:
        live.follow()
    assert live.lasts(refused.value)
    assert not live.loaded
