"""README.md: what the base install can do with files of candles is run, on the shipped bundle."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.support.command_line import CommandLine
from tests.support.command_lines import commands
from tests.support.imports import ROOT
from tests.support.pages import page
from tests.support.synthetic import synthetic_market
from tests.support.workspaces import write_candles

README: Final = page("README.md")
START: Final = datetime(2021, 1, 1, tzinfo=UTC)
DAY: Final = "2025-09-30"

SECONDS: Final = {"status", "score", "replay", "explain", "health", "trials"}
"""Of the table of operation, what reads a store, and needs no second bundle, exchange or hour."""


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the reader's own files."""
    days = (datetime(2025, 10, 1, tzinfo=UTC) - START).days
    market = synthetic_market(days, seed=3, start=START)
    return write_candles(market, tmp_path_factory.mktemp("reader") / "candles")


def test_the_days_commands_do_what_they_say(
    candles: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    cli = CommandLine(capsys, monkeypatch)
    monkeypatch.setenv("FORECASTLAB_MODELS", str(ROOT / "models" / "production"))
    monkeypatch.setenv("FORECASTLAB_CONFIGS", str(ROOT / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "candles").symlink_to(candles)
    ran = []
    for one in commands("".join(README.shell)):
        if one.words[:1] == ("export",):
            for setting in one.words[1:]:
                monkeypatch.setenv(*setting.split("=", 1))
        if one.words[:2] == ("forecastlab", "daily"):
            ended = cli(*one.words[1:])
            assert ended.code == 0, ended.err
            ran.append("daily")
    for code in README.code:
        words = shlex.split(code.replace("DATE", DAY))
        if words[:1] == ["forecastlab"] and words[1] in SECONDS and "NAME" not in words:
            ended = cli(*words[1:])
            assert ended.code == 0, f"{code}: {ended.err}"
            ran.append(words[1])
    assert {"daily", *SECONDS} - {"health"} <= {*ran}
    [record] = (tmp_path / "outputs-files" / "predictions" / "daily").glob("*.json")
    assert record.stem == DAY


def test_what_make_is_said_to_do_it_does() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    asked = re.findall(r"(?m)^make (\w+)", "".join(README.shell))
    assert {"demo", "dashboard", "test", "run"} <= {*asked}
    assert [one for one in asked if not re.search(rf"(?m)^{one}:.*## ", text)] == []
