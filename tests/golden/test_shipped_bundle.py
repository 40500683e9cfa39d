"""The shipped bundle verifies, meets its bar, and gives the golden record on the real candles."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from forecastlab.adapters.bundle_shelf import BundleShelf
from forecastlab.contracts.manifest import Manifest
from forecastlab.usecases.open_bundle import open_bundle
from tests.support.command_line import CommandLine
from tests.support.market_data import market_data_folder
from tests.support.memory_store import MemoryStore

ROOT = Path(__file__).parents[2]
PRODUCTION = ROOT / "models" / "production"
DEPLOYMENT = "flow_T21X8_T14X8"
GOLDEN = Path(__file__).parent / "record_2025-09-30.json"

BAR = {"T14_X8": 1.040, "T21_X8": 1.027}
"""Log loss of the published forecast that a bundle must reach, over every day from 2021-01-01."""


@pytest.fixture(scope="module")
def champion() -> str:
    return str(tomllib.loads((PRODUCTION / "champions.toml").read_text())[DEPLOYMENT]["bundle"])


@pytest.fixture(scope="module")
def manifest(champion: str) -> Manifest:
    bundle = open_bundle(BundleShelf(PRODUCTION, MemoryStore()).find(champion))
    assert set(bundle.forecasters) == set(BAR)
    return bundle.files.manifest


def test_the_champion_verifies_and_was_trained_on_real_candles(manifest: Manifest) -> None:
    assert (manifest.training.source, manifest.training.cut_off) == ("file", "2025-09-30")
    assert (manifest.feature_set, manifest.feature_variant) == ("flow", "scaled")
    assert len(manifest.git_commit) == 40, "trained from a clean commit"


@pytest.mark.parametrize("candidate", BAR)
def test_the_bar_is_met_against_every_deployable_base_rate(
    manifest: Manifest, candidate: str
) -> None:
    found = manifest.candidates[candidate].evaluation
    assert found.first == "2021-01-01"
    assert found.log_loss <= BAR[candidate]
    assert found.verdict == "better"
    gains = {one.reference: one.ci95[0] for one in found.baselines}
    assert gains["expanding"] > 0 and gains["trailing_year"] > 0


def test_the_record_of_the_cut_off_candle(
    champion: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    candles = market_data_folder().resolve()
    monkeypatch.chdir(ROOT)
    cli = CommandLine(capsys, monkeypatch)
    arguments = ("--source", f"file:{candles}", "--asof", "2025-09-30", "--store", str(tmp_path))
    ended = cli("predict", *arguments, "--json")
    assert ended.code == 0, ended.err
    record, golden = ended.document, json.loads(GOLDEN.read_text())
    for document in (golden, record):
        for volatile in ("created_at", "runtime"):
            document.pop(volatile)
    assert rounded(record) == rounded(golden)
    assert record["bundle"]["name"] == champion


def rounded(value: Any) -> Any:
    """Round to six digits: the last ones differ between processors."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, 6) if isinstance(value, float) else value
