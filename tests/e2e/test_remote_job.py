"""The hourly direction job with an inference server up, down, slow and lying: the same record."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from forecastlab.api.metrics import Metrics
from forecastlab.api.predict import Prediction
from forecastlab.bootstrap import Choice, chosen_settings, open_workspace
from forecastlab.contracts.bundle_files import BundleFiles, verified
from forecastlab.contracts.manifest import MANIFEST
from forecastlab.usecases.champion import choose
from forecastlab.usecases.live_bundle import LiveBundle
from forecastlab.usecases.open_bundle import load_bundle
from tests.support.command_line import CommandLine
from tests.support.direction_bundle import DAYS, SYMBOLS, Made, direction_bundle
from tests.support.faulty_http import (
    Fault,
    FaultyServer,
    answer,
    cut_off,
    edited,
    html,
    reset,
    slow,
)
from tests.support.imports import ROOT
from tests.support.inference_server import moved, responder
from tests.support.service import running
from tests.support.synthetic import synthetic_market
from tests.support.workspaces import write_candles

# The bundle is fitted in the first test's time.
pytestmark = pytest.mark.timeout(300)

DEPLOYMENT = "direction_1h_ETHUSDT"
VOLATILE = ("created_at", "runtime")
TIMEOUT_S = "0.7"


@dataclass(frozen=True)
class RemoteLab:
    files: BundleFiles
    asof: str
    store: Path


def shortened(made: Made) -> dict[str, bytes]:
    """Return the bundle's files with a serving window that the test market fills."""
    document = json.loads(made.files[MANIFEST])
    days = {"daily_candles": DAYS - 2, "shortest": DAYS - 5, "whole_days": 7}
    document["serving"] = {**document["serving"], **days}
    return {**made.files, MANIFEST: json.dumps(document).encode()}


@pytest.fixture(scope="session")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    market = synthetic_market(DAYS, SYMBOLS, seed=3)
    return write_candles(market, tmp_path_factory.mktemp("remote") / "candles")


@pytest.fixture
def lab(candles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemoteLab:
    files = shortened(direction_bundle("ETHUSDT"))
    bundle = verified(files, where="memory")
    for name, data in files.items():
        path = tmp_path / "models" / bundle.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    settings = {
        "FORECASTLAB_MODELS": tmp_path / "models",
        "FORECASTLAB_STORE": tmp_path / "store",
        "FORECASTLAB_SOURCE": f"file:{candles}",
        "FORECASTLAB_CONFIGS": ROOT / "config",
        "FORECASTLAB_DEPLOYMENT": DEPLOYMENT,
        "ML_GPU_INFERENCE_TIMEOUT": TIMEOUT_S,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(tmp_path)
    return RemoteLab(bundle, bundle.manifest.training.cut_off, tmp_path / "store")


@pytest.fixture
def server(lab: RemoteLab, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    """Give an honest server, which the environment names."""
    with FaultyServer(responder(load_bundle(lab.files))) as running:
        monkeypatch.setenv("ML_GPU_INFERENCE_URL", running.url)
        yield running


def predict(cli: CommandLine, lab: RemoteLab, store: str = "store") -> dict[str, Any]:
    ended = cli(
        *("predict", "--asof", lab.asof, "--bundle", lab.files.name, "--store", store, "--json")
    )
    assert ended.code == 0, ended.err
    record: dict[str, Any] = ended.document
    return record


def without_volatile(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in VOLATILE}


def lie(document: dict[str, Any]) -> dict[str, Any]:
    moved("H12", "lstm", 0.2)(document)
    return document


STATES: dict[str, tuple[Fault, str]] = {
    "503": (answer(503), "status(503)"),
    "wrong key": (answer(401), "refused(401)"),
    "another schema": (answer(409), "another_bundle(409)"),
    "reset": (reset(), "transport(ConnectionResetError)"),
    "dies in the middle": (cut_off(), "transport(IncompleteRead)"),
    "slow": (slow(5), f"timeout({TIMEOUT_S} s)"),
    "a web page": (html(), "malformed(no JSON content type)"),
    "an empty object": (answer(200), "malformed(no success)"),
    "lying": (edited(lie), "disagrees(H12.lstm by 0.2)"),
}


def test_the_record_is_the_same_whatever_the_server_does(
    lab: RemoteLab,
    server: FaultyServer,
    cli: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as unset:
        unset.delenv("ML_GPU_INFERENCE_URL")
        alone = predict(cli, lab, "alone")
    assert server.requests == []
    assert (alone["runtime"]["path"], alone["runtime"]["fallback_reason"]) == ("local", None)
    assert {one["method"] for one in alone["forecasts"].values()} == {"stack"}

    up = predict(cli, lab, "up")
    assert (up["runtime"]["path"], up["runtime"]["fallback_reason"]) == ("remote", None)
    assert len(server.requests) == 1
    assert without_volatile(up) == without_volatile(alone)

    for name, (fault, reason) in STATES.items():
        server.always(fault)
        record = predict(cli, lab, name.replace(" ", "-"))
        assert (record["runtime"]["path"], record["runtime"]["fallback_reason"]) == (
            "local",
            reason,
        )
        assert without_volatile(record) == without_volatile(alone)


def test_the_service_of_this_project_is_believed(
    lab: RemoteLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = predict(cli, lab, "alone")
    with monkeypatch.context() as served:
        served.setenv("PRODUCTION_DIR", str(Path("models") / lab.files.name))
        workspace = open_workspace(chosen_settings(Choice()))
    # A bundle of a made-up evaluation passes no health check.
    live = LiveBundle(workspace, device="cpu", examine=lambda one: choose(one, None).bundle)
    metrics = Metrics()
    parts = [Prediction([live], metrics)]
    with running(parts, keys=lambda: ("s3cret",), metrics=metrics) as (service, _):
        for form in ("", "/predict", "/ml/predict"):
            monkeypatch.setenv("ML_GPU_INFERENCE_URL", service.url + form)
            monkeypatch.setenv("ML_GPU_INFERENCE_API_KEY", "s3cret")
            record = predict(cli, lab, f"store{form.replace('/', '-')}")
            assert record["runtime"]["fallback_reason"] is None
            assert record["runtime"]["path"] == "remote"
            assert without_volatile(record) == without_volatile(alone)
        monkeypatch.setenv("ML_GPU_INFERENCE_API_KEY", "wrong")
        refused = predict(cli, lab, "refused")
        assert refused["runtime"]["fallback_reason"] == "refused(401)"
        assert without_volatile(refused) == without_volatile(alone)


def test_a_server_that_is_gone_costs_three_runs_a_try_and_then_none(
    lab: RemoteLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("ML_GPU_INFERENCE_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
    reasons = []
    for _ in range(4):
        ended = cli("predict", "--asof", lab.asof, "--bundle", lab.files.name, "--dry-run")
        assert ended.code == 0, ended.err
    assert not lab.store.exists()  # a dry run writes nothing, of the breaker neither
    for _ in range(4):
        ended = cli("predict", "--asof", lab.asof, "--bundle", lab.files.name)
        assert ended.code == 0, ended.err
        reasons.append(ended.err)
    assert ["ConnectionRefusedError" in one for one in reasons] == [True, True, True, False]
    state = json.loads((lab.store / "state" / "breaker" / "inference.json").read_bytes())
    assert (state["opened"], state["why"]) == (1, "transport")


def test_what_is_hindsight_is_never_asked_elsewhere(
    lab: RemoteLab, server: FaultyServer, cli: CommandLine
) -> None:
    predict(cli, lab)
    assert len(server.requests) == 1
    replayed = cli("replay", lab.asof)
    assert replayed.code == 0, replayed.err
    span = ("--from", lab.asof, "--to", lab.asof, "--mode", "all", "--bundle", lab.files.name)
    filled = cli("backfill", *span, "--json")
    assert filled.code == 0, filled.err
    assert [row["result"] for row in filled.document] == ["filled"]
    assert len(server.requests) == 1


def test_a_deployment_that_may_not_ask_does_not(
    lab: RemoteLab,
    server: FaultyServer,
    cli: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = (ROOT / "config" / "direction.toml").read_text()
    assert "\nremote = true" in text
    (tmp_path / "config").mkdir()
    changed = text.replace("\nremote = true", "\nremote = false")
    (tmp_path / "config" / "direction.toml").write_text(changed)
    monkeypatch.setenv("FORECASTLAB_CONFIGS", str(tmp_path / "config"))
    assert predict(cli, lab)["runtime"]["fallback_reason"] is None
    assert server.requests == []


def test_without_a_url_no_socket_is_opened(
    lab: RemoteLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object, **named: object) -> None:
        raise AssertionError("the network was touched")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    assert predict(cli, lab)["runtime"]["path"] == "local"


def test_without_stacking_the_pool_speaks_and_the_record_says_so(
    lab: RemoteLab, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacked = predict(cli, lab, "stacked")
    monkeypatch.setenv("ML_ENABLE_STACKING", "0")
    record = predict(cli, lab)
    assert record["degraded"] == ["stacking: ML_ENABLE_STACKING=0"]
    for name, one in record["forecasts"].items():
        assert (one["method"], one["call"]) == ("pool", "no_view")
        assert one["members"] == stacked["forecasts"][name]["members"]
        assert one["pred_proba"] != stacked["forecasts"][name]["pred_proba"]
    replayed = cli("replay", lab.asof)
    assert replayed.code == 0, replayed.err
    monkeypatch.delenv("ML_ENABLE_STACKING")
    replayed = cli("replay", lab.asof)
    assert replayed.code == 0, replayed.err
    # Published again with the stack: the sealed record stands, the other answer is kept apart.
    ended = cli("predict", "--asof", lab.asof, "--bundle", lab.files.name)
    assert ended.code == 0, ended.err
    assert "a second answer is kept" in ended.err
    assert predict(cli, lab)["degraded"] == record["degraded"]


def test_with_the_models_off_the_base_rate_alone_speaks(
    lab: RemoteLab, server: FaultyServer, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_ENABLED", "0")
    record = predict(cli, lab)
    assert server.requests == []
    assert record["degraded"] == ["models: ML_ENABLED=0"]
    assert (record["regime"], record["quantiles"], record["position_scale"]) == (None, None, None)
    for one in record["forecasts"].values():
        assert one["pred_proba"] == one["base_rate"]
        assert (one["method"], one["call"], one["members"]) == ("base_rate", "no_view", {})
        assert one["pred_label"] == int(max(one["base_rate"], key=one["base_rate"].__getitem__))
        inside = sum(one["base_rate"][str(label)] for label in one["prediction_set"]["labels"])
        assert inside >= one["prediction_set"]["level"]
    again = cli("predict", "--asof", lab.asof, "--bundle", lab.files.name)
    assert "Already published" in again.out
    replayed = cli("replay", lab.asof)
    assert replayed.code == 0, replayed.err
    monkeypatch.delenv("ML_ENABLED")
    ended = cli("predict", "--asof", lab.asof, "--bundle", lab.files.name)
    assert ended.code == 0, ended.err
    conflicts = lab.store / "deployments" / DEPLOYMENT / "predictions" / "conflicts"
    (kept,) = conflicts.iterdir()
    assert json.loads(kept.read_bytes())["runtime"]["path"] == "remote"


def test_doctor_tells_of_the_server(
    lab: RemoteLab, server: FaultyServer, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTION_DIR", str(Path("models") / lab.files.name))

    def told() -> dict[str, Any]:
        checks = cli("doctor", "--json").document["checks"]
        (found,) = [one for one in checks if one["name"] == "inference server"]
        check: dict[str, Any] = found
        return check

    assert told()["status"] == "ok"
    assert told()["facts"] == f"{server.url} gives the known answers of {lab.files.name}"
    server.always(edited(lie))
    assert told()["status"] == "note"
    assert "disagrees(H12.lstm" in told()["facts"]
