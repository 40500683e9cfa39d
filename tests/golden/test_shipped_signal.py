"""The shipped signal bundles verify, say what they are worth, and give their scores again."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

import pytest

from forecastlab.adapters.bundle_shelf import BundleShelf
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.config import parse_recipe
from forecastlab.contracts.version_scores import SEED_NOISE, SignalEvidence
from forecastlab.features.signal import signal_set
from forecastlab.usecases.open_bundle import OpenBundle, open_bundle
from tests.support.command_line import CommandLine
from tests.support.imports import ROOT
from tests.support.market_data import market_data_folder
from tests.support.memory_store import MemoryStore

PRODUCTION: Final = ROOT / "models" / "production"
VERSIONS: Final = ("v2_7", "v2_6", "v1")
CUT_OFF: Final = "20250930"

SCORES: Final[dict[str, dict[str, float]]] = {
    "v2_7": {
        "BTCUSDT": 51.3919,
        "ETHUSDT": 49.2311,
        "BNBUSDT": 49.2085,
        "SOLUSDT": 49.1906,
        "ADAUSDT": 49.0454,
    },
    "v2_6": {
        "BTCUSDT": 52.1525,
        "ETHUSDT": 48.1745,
        "BNBUSDT": 48.9612,
        "SOLUSDT": 48.3707,
        "ADAUSDT": 47.2196,
    },
    "v1": {
        "BTCUSDT": 51.245,
        "ETHUSDT": 48.2463,
        "BNBUSDT": 48.3617,
        "SOLUSDT": 48.5024,
        "ADAUSDT": 47.2125,
    },
}
"""Version -> symbol -> score as of the cut-off candle."""


@pytest.fixture(scope="module", params=VERSIONS)
def bundle(request: pytest.FixtureRequest) -> OpenBundle:
    shelf = BundleShelf(PRODUCTION, MemoryStore())
    return open_bundle(shelf.find(f"signal_1h_{request.param}_{CUT_OFF}"))


def test_it_reads_exactly_the_columns_of_its_version(bundle: OpenBundle) -> None:
    manifest = bundle.files.manifest
    version = str(manifest.recipe.recipe)
    [forecaster] = bundle.forecasters.values()
    [model] = forecaster.members.values()
    assert model.columns == signal_set(version).columns
    [listed] = manifest.features.values()
    assert tuple(one.name for one in listed) == signal_set(version).columns
    shipped = parse_recipe((ROOT / "config" / "signal.toml").read_text(), what="signal.toml")
    assert manifest.recipe_digest == shipped.versioned(version).digest


def test_it_keeps_what_it_is_worth_over_all_symbols(bundle: OpenBundle) -> None:
    manifest = bundle.files.manifest
    evidence = SignalEvidence.model_validate(manifest.signal)
    noise, scores = evidence.seed_noise, evidence.scores
    assert noise.label == SEED_NOISE
    assert len(noise.seeds) == len(noise.auc) == 10
    assert noise.cv == pytest.approx(noise.sd / noise.mean, rel=1e-3)
    # The first seed is the recipe's; it is the one that is scored and shipped, whatever the others.
    assert noise.auc[0] == scores.auc.value
    assert evidence.hyperparameters["xgboost"]["depth"] == 3
    assert scores.cost == 0.002
    assert scores.auc.ci95 is not None and scores.auc.value is not None
    assert 0.49 < scores.auc.value < 0.53
    assert set(evidence.labels) == set(manifest.recipe.train.symbols)
    assert manifest.candidates["L1_H24"].research_only is None


def test_it_is_small(bundle: OpenBundle) -> None:
    assert sum(len(one) for one in bundle.files.files.values()) < 3_000_000


def test_the_first_champion_is_the_best_version() -> None:
    named = tomllib.loads((PRODUCTION / "champions.toml").read_text())["signal_1h"]
    assert named["bundle"] == f"signal_1h_v2_7_{CUT_OFF}"
    assert named["digest"] == digest((PRODUCTION / named["bundle"] / "meta.json").read_bytes())


@pytest.mark.parametrize("version", VERSIONS)
def test_the_scores_of_the_cut_off_candle(
    version: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cli = CommandLine(capsys, monkeypatch)
    monkeypatch.setenv("FORECASTLAB_MODELS", str(PRODUCTION))
    monkeypatch.setenv("FORECASTLAB_CONFIGS", str(ROOT / "config"))
    monkeypatch.setenv("ML_MODEL_VERSION", version)
    source = f"file:{market_data_folder()}"
    monkeypatch.chdir(tmp_path)
    ended = cli(
        *("signal", "--asof", "2025-09-30T23Z", "--source", source, "--store", "store", "--json")
    )
    assert ended.code == 0, ended.err
    found = {one["symbol"]: one["score"] for one in ended.document["signals"]}
    assert found == pytest.approx(SCORES[version], abs=1e-3)
