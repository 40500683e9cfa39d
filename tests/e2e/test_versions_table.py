"""`evaluate` of a recipe with versions: one table, one split, every look in the ledger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.imports import ROOT
from tests.support.signal_market import SYMBOLS, market
from tests.support.workspaces import write_candles


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the shipped recipe with a walk-forward that fits sixty days, and the candles."""
    monkeypatch.chdir(tmp_path)
    # One worker is this process: starting others would take most of the test's time.
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    write_candles(market(), tmp_path / "candles")
    monkeypatch.setenv("FORECASTLAB_STORE", str(tmp_path / "store"))
    text = (ROOT / "config" / "signal.toml").read_text(encoding="utf-8")
    for old, new in (
        ("oof_from = 2021-01-01", "oof_from = 2018-02-01"),
        ("score_from = 2022-01-01", "score_from = 2018-02-03"),
        ("refit_days = 182", "refit_days = 14"),
        ("rounds = 150", "rounds = 8"),
    ):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "signal.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.timeout(240)
def test_the_versions_stand_in_one_table(config: Path, cli: CommandLine) -> None:
    options = ("--source", "file:candles", "--json", "--run", "first")
    ended = cli("evaluate", str(config), *options)
    assert ended.code == 0, ended.err
    table = ended.document["versions"]
    versions = {one["version"]: one for one in table["versions"]}
    assert [*versions] == ["v2_7", "v2_6", "v1"]
    assert [one["features"] for one in versions.values()] == [30, 19, 13]
    assert len({(one["rows"], one["acted"]) for one in versions.values()}) == 1
    assert {(one["first"], one["last"]) for one in versions.values()} == {
        ("2018-02-03", "2018-02-28")
    }
    for one in versions.values():
        assert set(one["auc_by_symbol"]) == set(SYMBOLS)
        assert one["cost"] == 0.002
        assert one["auc"]["ci95"][0] < one["auc"]["value"] < one["auc"]["ci95"][1]
    assert set(table["labels"]) == set(SYMBOLS)
    stored = json.loads(Path(ended.document["location"]).read_bytes())
    assert stored == table
    trials = list((Path("store") / "trials").glob("*.json"))
    assert len(trials) == 3
    assert len({json.loads(one.read_bytes())["recipe_digest"] for one in trials}) == 3
    cli("evaluate", str(config), *options).refused(2, "first is already in")


def test_one_version_gets_the_whole_report(config: Path, cli: CommandLine) -> None:
    ended = cli("evaluate", str(config), "--source", "file:candles", "--recipe", "v1", "--json")
    assert ended.code == 0, ended.err
    verdict = ended.document["verdict"]["candidates"]["L1_H24"]
    assert verdict["classes"] == [-1, 1]
    assert verdict["level"] == 0.01
    assert set(verdict["happened"]) == {"-1", "1"}
    page = Path(ended.document["location"], "report.html").read_text(encoding="utf-8")
    assert "rises first" in page


def test_a_version_that_is_none_is_refused(config: Path, cli: CommandLine) -> None:
    for command in ("evaluate", "train"):
        ended = cli(command, str(config), "--source", "file:candles", "--recipe", "v9")
        ended.refused(2, "--recipe='v9' names no version", "Choose v2_7, v2_6, v1")
