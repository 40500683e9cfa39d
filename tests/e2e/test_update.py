"""`forecastlab update`: what the store lacks is fetched, counted, and completed after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Lab
from tests.e2e.test_predict import ASOF
from tests.support.command_line import CommandLine

NOW = "2018-09-01T00:05:00Z"

KILLED_AT_OBJECT = """
import os, signal, sys
from forecastlab.adapters import local_store

target, writes, link = int(sys.argv.pop(1)), 0, os.link

def counted(*paths):
    global writes
    writes += 1
    if writes == target:
        os.kill(os.getpid(), signal.SIGKILL)
    link(*paths)

local_store.os.link = counted
from forecastlab.cli import main
main()
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """The shipped recipe, on two symbols."""
    text = (Path(__file__).parents[2] / "config" / "reversal.toml").read_text()
    five = 'symbols = ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT"]'
    assert five in text
    path = tmp_path / "recipe.toml"
    path.write_text(text.replace(five, 'symbols = ["BTCUSDT", "ETHUSDT"]'))
    return path


@pytest.fixture(autouse=True)
def simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORECASTLAB_SOURCE", "simulated")
    monkeypatch.setenv("FORECASTLAB_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FORECASTLAB_SIMULATED_NOW", NOW)


def held(document: dict[str, list[dict[str, object]]]) -> dict[tuple[object, object], object]:
    return {(one["symbol"], one["interval"]): one["rows"] for one in document["held"]}


def test_update_fetches_once_and_counts(cli: CommandLine, recipe: Path) -> None:
    first = cli("update", str(recipe), "--json").document
    days = 243
    assert held(first) == {
        (symbol, interval): days * per_day
        for symbol in ("BTCUSDT", "ETHUSDT")
        for interval, per_day in (("1d", 1), ("4h", 6), ("1h", 24))
    }
    assert {one["last_open"] for one in first["held"] if one["interval"] == "1d"} == {
        "2018-08-31T00:00:00Z"
    }
    again = cli("update", str(recipe), "--json").document
    assert sum(one["appended"]["new"] for one in again["fetched"]) == 0
    assert held(again) == held(first)


def test_the_table_names_rows_gaps_and_the_last_candle(cli: CommandLine, recipe: Path) -> None:
    out = cli("update", str(recipe)).out
    assert "5832" in out
    assert "none" in out
    assert "2018-08-31T23Z" in out


def test_killed_at_any_object_the_next_update_completes(
    cli: CommandLine, recipe: Path, tmp_path: Path
) -> None:
    whole = held(cli("update", str(recipe), "--json").document)
    for target in (2, 3, 9, 12):
        store = tmp_path / f"store-{target}"
        arguments = ["update", str(recipe), "--store", str(store)]
        killed = subprocess.run(
            [sys.executable, "-c", KILLED_AT_OBJECT, str(target), *arguments],
            env=dict(os.environ),
            check=False,
            capture_output=True,
            timeout=60,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert held(cli(*arguments, "--json").document) == whole


def test_revisions_are_noticed_and_wait_to_be_accepted(
    cli: CommandLine, recipe: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cli("update", str(recipe))
    monkeypatch.setenv("FORECASTLAB_SIMULATED_NOW", "2018-09-03T00:05:00Z")
    # The exchange tells another story of the last days: another seed draws all candles anew.
    monkeypatch.setenv("FORECASTLAB_SIMULATED_SEED", "8")
    before = held(cli("update", str(recipe), "--json").document)
    told = cli("update", str(recipe))
    assert "has revised" in told.out
    accepted = cli("update", str(recipe), "--accept-revisions")
    assert "in force now" in accepted.out
    assert "has revised" not in accepted.out
    assert held(cli("update", str(recipe), "--json").document) == before


def test_a_hole_up_to_a_months_end_is_filled(
    cli: CommandLine, recipe: Path, tmp_path: Path
) -> None:
    """A kill between two months leaves such a hole, however short."""
    whole = held(cli("update", str(recipe), "--json").document)
    for path in (tmp_path / "store/candles").rglob("2018-03.parquet"):
        path.unlink()
    assert held(cli("update", str(recipe), "--json").document) == whole


def test_without_a_champion_or_a_recipe_the_way_is_named(cli: CommandLine) -> None:
    cli("update").refused(2, "forecastlab train")


@pytest.mark.parametrize("name", ["nothing.toml", "."])
def test_a_recipe_that_cannot_be_read(cli: CommandLine, name: str) -> None:
    cli("update", name).refused(2, "cannot be read")


def test_a_store_that_is_a_file(lab: Lab, cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    arguments = ("--asof", ASOF, "--source", lab.source, "--store", str(tmp_path / "taken"))
    cli("predict", *arguments).refused(3, "cannot be", "--store")


def test_a_store_of_an_unknown_scheme(cli: CommandLine, recipe: Path) -> None:
    cli("update", str(recipe), "--store", "ftp://somewhere").refused(2, "unknown scheme")
