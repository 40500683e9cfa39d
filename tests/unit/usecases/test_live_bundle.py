"""The bundle that answers follows the registry; one that cannot be used changes nothing."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from forecastlab.contracts.errors import BundleRefused, DataUnavailable, UsageError
from forecastlab.usecases.direction_answer import DirectionAnswer, answer_document
from forecastlab.usecases.feature_payload import Payload
from forecastlab.usecases.live_bundle import LiveBundle, examined, may_pass
from forecastlab.usecases.refused_bundle import Refusals
from forecastlab.usecases.served_bundle import DirectionRequest
from tests.support.direction_bundle import Made, direction_bundle, leaning
from tests.support.fake_time import FakeTime
from tests.support.prediction import features, live_bundle, promote, workspace_of


@pytest.fixture(scope="module")
def made() -> Made:
    return direction_bundle()


@pytest.fixture(scope="module")
def newer(made: Made) -> Made:
    return leaning(made, 0.5)


def speaking(live: LiveBundle) -> str:
    with live.lease() as served:
        return served.name


def test_without_a_champion_nothing_answers_and_one_is_waited_for(
    made: Made, tmp_path: Path
) -> None:
    workspace = workspace_of(tmp_path, made)
    live = live_bundle(workspace)
    with pytest.raises(UsageError) as refused:
        live.follow()
    assert may_pass(refused.value)
    assert live.health() == {"status": "failed", "error": refused.value.facts}
    with pytest.raises(DataUnavailable, match="No model of direction_1h_ETHUSDT"), live.lease():
        pass
    assert live.info() == {"bundle": None}
    promote(workspace, made)
    assert live.follow()
    assert speaking(live) == made.name
    assert live.health()["status"] == "ok"


def test_a_promoted_bundle_takes_over_and_the_old_one_ends_with_its_requests(
    made: Made, newer: Made, tmp_path: Path
) -> None:
    workspace = workspace_of(tmp_path, made)
    promote(workspace, made)
    live = live_bundle(workspace)
    assert live.follow()
    assert not live.follow()
    with live.lease() as before:
        newer.write(tmp_path / "models")
        promote(workspace, newer)
        assert live.follow()
        assert before.name == made.name
        assert speaking(live) == newer.name
        assert live.health()["retiring"] == [made.name]
    assert live.health()["retiring"] == []
    assert live.info()["bundle"]["digest"] == newer.verified.digest


def test_a_broken_bundle_changes_nothing_and_is_told_of(
    made: Made, newer: Made, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = workspace_of(tmp_path, made)
    promote(workspace, made)
    live = live_bundle(workspace)
    live.follow()
    folder = newer.write(tmp_path / "models")
    promote(workspace, newer)
    whole = (folder / "model_H5" / "lightgbm.txt").read_bytes()
    (folder / "model_H5" / "lightgbm.txt").write_bytes(whole[:-9])
    with caplog.at_level(logging.WARNING):
        assert not live.follow()
        assert not live.follow()
    assert len([one for one in caplog.records if "goes on with" in one.message]) == 1
    assert speaking(live) == made.name
    health = live.health()
    assert health["status"] == "degraded"
    assert "model_H5/lightgbm.txt: changed" in health["error"]
    (folder / "model_H5" / "lightgbm.txt").write_bytes(whole)
    assert live.follow()
    assert speaking(live) == newer.name
    assert live.health()["status"] == "ok"


def test_a_refused_bundle_is_not_examined_at_every_look(
    made: Made, newer: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspace_of(tmp_path, made)
    promote(workspace, made)
    time = FakeTime()
    live = live_bundle(workspace, refusals=Refusals(monotonic=lambda: time.second))
    live.follow()
    broken = newer.write(tmp_path / "models") / "model_H5" / "lightgbm.txt"
    broken.write_bytes(broken.read_bytes()[:-9])
    promote(workspace, newer)
    examined_at = []
    find = type(workspace.bundles).find

    def counted(self: Any, name: str) -> Any:
        examined_at.append(time.second - 1000)
        return find(self, name)

    monkeypatch.setattr(type(workspace.bundles), "find", counted)
    for _ in range(40):  # ten minutes of looks
        assert not live.follow()
        assert live.health()["status"] == "degraded"
        assert "model_H5/lightgbm.txt: changed" in live.health()["error"]
        time.sleep(15.0)
    assert examined_at == [0, 60, 180, 420]
    promote(workspace, newer)  # a change of the registry ends the rest
    assert not live.follow()
    assert len(examined_at) == 5
    promote(workspace, made)
    assert not live.follow()
    assert live.health()["status"] == "ok"


def test_a_registry_that_cannot_be_read_changes_nothing(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspace_of(tmp_path, made)
    promote(workspace, made)
    live = live_bundle(workspace)
    live.follow()

    def fail(_: object) -> object:
        raise DataUnavailable("The store is away.", remedy="Wait.")

    monkeypatch.setattr(type(workspace.registry), "readable", fail)
    assert not live.follow()
    assert speaking(live) == made.name
    assert live.health()["error"] == "The store is away."


def test_an_override_is_not_followed(made: Made, newer: Made, tmp_path: Path) -> None:
    folder = made.write(tmp_path / "elsewhere")
    workspace = workspace_of(tmp_path, newer, PRODUCTION_DIR=str(folder))
    promote(workspace, newer)
    live = live_bundle(workspace)
    assert live.follow()
    assert not live.follow()
    assert speaking(live) == made.name


def test_the_first_bundle_is_examined(made: Made, tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, made)
    folder = tmp_path / "models" / made.name
    promote(workspace, made)
    (folder / "known_answers.json").write_bytes(b"{}")
    with pytest.raises(BundleRefused, match=r"known_answers\.json: changed"):
        LiveBundle(workspace, examine=examined).follow()


def test_a_stack_is_stepped_back_from_where_the_environment_says_so(
    made: Made, tmp_path: Path
) -> None:
    workspace = workspace_of(tmp_path, made, ML_ENABLE_STACKING="0")
    promote(workspace, made)
    live = live_bundle(workspace)
    live.follow()
    told = features(made)
    payload = Payload(told["columns"], told["data"], told["index"])
    with live.lease() as served:
        (found,) = served.answers([DirectionRequest(payload, strict=True)], live.now())
    assert isinstance(found, DirectionAnswer)
    assert {one.method for one in found.heads.values()} == {"pool"}
    document = answer_document(found)
    assert document["stacking_mode"] is False
    assert document["stacking_disabled_reason"] == "disabled_by_config"
