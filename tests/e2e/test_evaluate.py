"""`forecastlab evaluate` and `trials`, as a user types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import joblib
import pytest

from forecastlab.contracts.trials import TrialLedger
from tests.e2e.conftest import Lab
from tests.support.command_line import CommandLine
from tests.support.synthetic import synthetic_market
from tests.support.workspaces import DAYS, LAST, recipe_text, write_candles

RECIPE = recipe_text(members="[members.first_passage]\n")


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_candles(synthetic_market(DAYS, seed=11), tmp_path_factory.mktemp("candles"))


@pytest.fixture
def config(candles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the shipped recipe on one symbol, with one quick member; candles and store are set."""
    monkeypatch.setenv("FORECASTLAB_SOURCE", f"file:{candles}")
    monkeypatch.setenv("FORECASTLAB_STORE", str(tmp_path / "store"))
    text = RECIPE.replace('["T21_X8", "T14_X8"]', '["T7_X8"]')
    text = text.replace('"BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT"', '"BTCUSDT"')
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return str(path)


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    with joblib.parallel_config(backend="sequential"):
        yield


def test_an_evaluation_is_written_told_and_noted(
    cli: CommandLine, config: str, tmp_path: Path
) -> None:
    ended = cli("evaluate", config, "--quick", "--run", "first", "--json")
    assert ended.code == 0, ended.err
    folder = tmp_path / "store" / "backtest" / "first"
    assert ended.document["location"].rstrip("/") == str(folder)
    assert ended.document["verdict"] == json.loads((folder / "verdict.json").read_bytes())
    assert ended.document["verdict"]["cut_off"] == f"{LAST:%Y-%m-%d}"
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert report.startswith("<!doctype html>") and "T7_X8" in report
    assert (folder / "T7_X8" / "fold_metrics.csv").exists()

    told = cli("evaluate", config, "--quick")
    assert told.code == 0 and "T7_X8" in told.out and "report.html" in told.out

    listed = cli("trials", "list", "--json").document
    assert [entry["candidate"] for entry in listed["entries"]] == ["T7_X8"]
    ledger = tmp_path / "trials.json"
    for _ in range(2):
        assert cli("trials", "export", str(ledger)).code == 0
        assert TrialLedger.parse(ledger.read_bytes(), what="ledger").model_dump(mode="json") == (
            listed
        )
    assert "1 look(s) at test labels" in cli("trials", "list").out


def test_a_taken_name_is_refused(cli: CommandLine, config: str) -> None:
    assert cli("evaluate", config, "--quick", "--run", "mine", "--json").code == 0
    cli("evaluate", config, "--quick", "--run", "mine").refused(2, "mine", "--run")


def test_what_cannot_be_evaluated_is_refused(cli: CommandLine, config: str, tmp_path: Path) -> None:
    cli("evaluate", config, "--until", "2018-06-01").refused(2, "no test candle")
    cli("evaluate", config, "--quick", "--until", "2030-01-01").refused(2, "not closed yet")
    cli("evaluate", str(tmp_path / "none.toml")).refused(2, "none.toml")
    assert not (tmp_path / "store" / "trials").exists()


def test_a_broken_ledger_file_is_never_written_over(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECASTLAB_STORE", str(tmp_path / "store"))
    ledger = tmp_path / "trials.json"
    ledger.write_text("[]")
    cli("trials", "export", str(ledger)).refused(3, "trials.json")
    assert ledger.read_text() == "[]"


def test_a_bundle_is_judged_by_the_evidence_it_keeps(lab: Lab, cli: CommandLine) -> None:
    """The same figures as its manifest states, without a fit; other candles are refused."""
    ended = cli("evaluate", lab.bundle, "--json")
    assert ended.code == 0, ended.err
    stated = json.loads((lab.models / lab.bundle / "meta.json").read_bytes())["candidates"]
    found = ended.document["verdict"]["candidates"]
    assert found.keys() == stated.keys()
    for name, one in found.items():
        published = one["scores"]["published"]["log_loss"]["value"]
        assert published == pytest.approx(stated[name]["evaluation"]["log_loss"], abs=2e-6)


def test_other_candles_than_the_bundle_was_trained_on_are_refused(
    lab: Lab, cli: CommandLine
) -> None:
    ended = cli("evaluate", lab.bundle, "--source", "simulated")
    assert ended.code in {3, 4}
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("option", [("--until", "2020-01-01"), ("--quick",), ("--size", "full")])
def test_what_a_bundle_has_settled_cannot_be_asked_for(
    lab: Lab, cli: CommandLine, option: tuple[str, ...]
) -> None:
    cli("evaluate", lab.bundle, *option).refused(2, lab.bundle, "name a recipe")
