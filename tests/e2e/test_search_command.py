"""The search as a user runs it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, Ended
from tests.support.searches import search_candles
from tests.support.workspaces import LAST

CONFIG = """
name = "small"
symbol = "BTCUSDT"
interval = "1d"
[target]
kind = "reversal"
candidates = ["T21_X8"]
[features]
set = "variance"
variant = "raw"
[train]
symbols = ["BTCUSDT"]
oof_from = 2020-01-01
score_from = 2021-01-01
[members.first_passage]
"""

Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return search_candles(tmp_path_factory.mktemp("search") / "candles")


@pytest.fixture
def run(cli: CommandLine, candles: Path, tmp_path: Path) -> Run:
    config = tmp_path / "small.toml"
    config.write_text(CONFIG)

    def run_search(*arguments: str) -> Ended:
        store, source = str(tmp_path / "store"), f"file:{candles}"
        options = ("--store", store, "--source", source, "--quick")
        return cli("search", str(config), *options, *arguments)

    return run_search


def test_a_search_tells_where_its_report_lies_and_is_found_again(run: Run, tmp_path: Path) -> None:
    grid = ("--horizons", "5", "--levels", "6,7.5")
    told = run(*grid)
    assert told.code == 0, told.err
    assert "T5_X7.5" in told.out
    again = run(*grid, "--json").document
    assert again["resumed"] == 2
    assert again["cut_off"] == f"{LAST:%Y-%m-%dT00:00:00Z}"
    assert [cell["candidate"] for cell in again["cells"]] == ["T5_X6", "T5_X7.5"]
    folder = tmp_path / "store" / "deployments" / "small" / "backtest" / again["run"]
    assert str(folder) in told.out
    assert (folder / "report.html").read_text().startswith("<!doctype html>")
    rows = list(csv.DictReader((folder / "summary.csv").read_text().splitlines()))
    assert [row["verdict"] for row in rows] == [cell["verdict"] for cell in again["cells"]]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--levels", "six"), "--levels 'six' is no list of numbers"),
        (("--horizons", "5.5"), "--horizons '5.5' is no list of whole numbers"),
        (("--levels", "20"), "learns from levels 0.04 to 0.16, not 0.2"),
        (("--engine", "spark"), "Choose one of loky, dask, ray"),
        (("--run", "a/b"), "is no run name"),
        (("--until", "2030-01-01"), "2030-01-01"),
    ],
    ids=["levels", "horizons", "reach", "engine", "run", "until"],
)
def test_a_request_that_cannot_be_meant_ends_with_2(
    run: Run, arguments: tuple[str, ...], part: str, tmp_path: Path
) -> None:
    run(*arguments).refused(2, part)
    assert not (tmp_path / "store").exists()
