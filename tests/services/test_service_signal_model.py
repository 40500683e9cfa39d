"""The model behind the signals: how it begins, how it is followed, and what is told of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from forecastlab.api.metrics import Metrics
from forecastlab.api.signals import Signals
from forecastlab.contracts import keys
from forecastlab.contracts.errors import BundleRefused
from tests.support.command_line import CommandLine
from tests.support.imports import ROOT
from tests.support.service import Service, wait_until
from tests.support.shipped_bundles import PRODUCTION
from tests.support.signal_service import (
    GENERATE,
    LIST,
    MODEL,
    bundle_name,
    change,
    copy_bundles,
    generated,
    signalling,
    workspace_of,
)


def test_a_promotion_is_followed_without_a_restart(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    with signalling(workspace, follow_s=0.02) as service:
        first = service.get(MODEL).document
        assert (first["model_version"], first["event"], first["since"]) == ("v2_7", None, None)
        assert first["why"] == "first champion, named by champions.toml"
        assert [one["model_version"] for one in first["ladder"]] == ["v2_7", "v2_6", "v1"]
        change(workspace, "promoted", "v2_7", "the first one")
        event = change(workspace, "promoted", "v2_6", "a simpler one")
        wait_until(lambda: service.get(MODEL).document["model_version"] == "v2_6", seconds=10)
        told = service.get("/api/v1/model").document
        assert (told["why"], told["event"]["sequence"]) == ("a simpler one", 2)
        assert told["event"]["by"] == event.by
        assert told["event"]["previous"] == told["ladder"][0]["bundle"].replace("v2_6", "v2_7")
        assert told["since"] == told["event"]["at"] == event.at.isoformat().replace("+00:00", "Z")
        assert [one["bundle"] for one in told["ladder"]] == [bundle_name("v2_6"), bundle_name("v1")]
        [one] = generated(service, market="SOLUSDT")["signals"]
        assert one["signal"]["bundle"] == bundle_name("v2_6")
        change(workspace, "rolled_back", "v2_7", "v2_7 was right")
        wait_until(lambda: service.get(MODEL).document["model_version"] == "v2_7", seconds=10)
        assert service.get(MODEL).document["event"]["kind"] == "rolled_back"


def test_a_damaged_bundle_changes_nothing_and_is_told_of(tmp_path: Path) -> None:
    models = copy_bundles(tmp_path)
    workspace = workspace_of(tmp_path, models)

    def told(service: Service) -> Any:
        return service.get("/health").document["components"]["signals"]

    with signalling(workspace, follow_s=0.02) as service:
        whole = (models / bundle_name("v2_6") / "known_answers.json").read_bytes()
        (models / bundle_name("v2_6") / "known_answers.json").write_bytes(b"{}")
        change(workspace, "promoted", "v2_6", "damaged")
        wait_until(lambda: told(service)["status"] == "degraded", seconds=10)
        assert "known_answers.json: changed" in told(service)["error"]
        [one] = generated(service, market="SOLUSDT")["signals"]
        assert one["signal"]["model_version"] == "v2_7"
        (models / bundle_name("v2_6") / "known_answers.json").write_bytes(whole)
        wait_until(lambda: service.get(MODEL).document["model_version"] == "v2_6", seconds=10)
        assert told(service)["status"] == "ok"


def test_a_damaged_rung_is_left_out_and_told_of(tmp_path: Path) -> None:
    models = copy_bundles(tmp_path)
    (models / bundle_name("v2_6") / "known_answers.json").write_bytes(b"{}")
    with signalling(workspace_of(tmp_path, models)) as service:
        assert service.get(MODEL).document["missing_versions"] == ["v2_6"]
        health = service.get("/health").document["components"]["signals"]
    assert (health["status"], health["versions"]) == ("degraded", ["v2_7", "v1"])
    assert health["error"] == "v2_6 has no bundle that can be used"


def test_the_environments_version_is_told_as_an_override(tmp_path: Path) -> None:
    with signalling(workspace_of(tmp_path, ML_MODEL_VERSION="v2.6")) as service:
        told = service.get(MODEL).document
    assert told["model_version"] == "v2_6"
    assert told["override"] == {"variable": "ML_MODEL_VERSION", "value": "v2.6"}
    assert (told["why"], told["event"]) == ("ML_MODEL_VERSION asks for it", None)


@pytest.mark.parametrize(
    ("environment", "code", "parts"),
    [
        ({"ML_MODEL_VERSION": "v9"}, 2, ("ML_MODEL_VERSION='v9'", "Choose v2_7, v2_6, v1")),
        ({"ML_MODEL_PATH": str(PRODUCTION / bundle_name("v1"))}, 2, ("ML_MODEL_PATH", "selects")),
        ({"PRODUCTION_DIR": "nowhere"}, 4, ("There is no bundle in nowhere",)),
    ],
)
def test_a_model_that_cannot_be_meant_ends_the_start(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    environment: dict[str, str],
    code: int,
    parts: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    models = str(copy_bundles(tmp_path))
    named = {"FORECASTLAB_MODELS": models, "FORECASTLAB_CONFIGS": str(ROOT / "config")}
    for name, one in {**named, "FORECASTLAB_SOURCE": "simulated", **environment}.items():
        monkeypatch.setenv(name, one)
    ended = CommandLine(capsys, monkeypatch)("serve", "--port", "0")
    assert ended.code == code, ended.err
    for text in parts:
        assert text in ended.err
    assert "Traceback" not in ended.err


def test_a_broken_champion_ends_the_start(tmp_path: Path) -> None:
    models = copy_bundles(tmp_path)
    (models / bundle_name("v2_7") / "known_answers.json").write_bytes(b"{}")
    with pytest.raises(BundleRefused, match=r"known_answers\.json: changed"):
        Signals(workspace_of(tmp_path, models), Metrics()).start()


def test_a_sound_champion_is_examined_at_the_start(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    part = Signals(workspace, Metrics())
    part.start()
    part.stop()
    assert part.ready
    assert workspace.store.list(f"{keys.scope('signal_1h')}health/")


def test_without_a_bundle_the_service_is_ready_and_says_no_model(tmp_path: Path) -> None:
    models = tmp_path / "models"
    workspace = workspace_of(tmp_path, models)
    with signalling(workspace, follow_s=0.02) as service:
        for path in (GENERATE, f"/api{GENERATE}"):
            service.post(path, {}).refused(503, "No model of signal_1h")
        service.get(MODEL).refused(503, "No model of signal_1h")
        told = service.get("/health").document["components"]["signals"]
        assert told["status"] == "degraded"
        assert "has no champion" in told["error"]
        assert service.get(LIST).document["total_count"] == 0
        shutil.copytree(PRODUCTION / bundle_name("v1"), models / bundle_name("v1"))
        change(workspace, "promoted", "v1", "there is one now")
        wait_until(lambda: service.get(MODEL).status == 200, seconds=10)
        assert generated(service, market="ADAUSDT")["scored"] == 1
