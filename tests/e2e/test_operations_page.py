"""docs/operations.md: every command of the registry's procedures is run, in its order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from forecastlab.usecases import retrain
from forecastlab.usecases.promotion import chosen
from tests.e2e.conftest import Lab
from tests.e2e.test_predict import ASOF
from tests.support.command_line import CommandLine
from tests.support.pages import Page, page
from tests.support.workspaces import recipe_text

PAGE: Final = page("docs/operations.md")

SECTIONS: Final = (
    "Versions and the registry",
    "Promotion",
    "Rollback and the drill",
    "Retraining",
    "Retiring",
    "Stepping back",
)

FIRST: Final = "flow_T21X8_T14X8_20250930"
"""The bundle of the page; the test's own takes its place."""

ALSO: Final = {"daily": ("--asof", ASOF), "predict": ("--asof", ASOF), "retrain": ("--quick",)}
"""What this test's candles, which end some years ago, and its patience demand."""


def commands(title: str) -> list[list[str]]:
    text = "".join(Page("", PAGE.section(title) or "").shell)
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]


def test_every_command_of_the_page_does_what_it_says(
    lab: Lab, cli: CommandLine, second: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chosen, "promotion_gates", lambda _: {})  # seconds each; has its own tests
    monkeypatch.setattr(retrain, "train", lambda *_: SimpleNamespace(name="a_challenger"))
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "reversal.toml").write_text(f"{recipe_text()}\n[operations.shadow]\ndays = 1\n")
    ran: list[str] = []
    for title in SECTIONS:
        for words in commands(title):
            settings = [word for word in words if re.match(r"[A-Z_]+=", word)]
            program, verb, *options = words[len(settings) :]
            assert program == "forecastlab"
            options = [one.replace(FIRST, lab.bundle) for one in options]
            with monkeypatch.context() as patch:
                for one in settings:
                    patch.setenv(*one.split("=", 1))
                ended = cli(verb, *options, *ALSO.get(verb, ()))
            assert ended.code == 0, f"{' '.join(words)}: {ended.err}"
            ran.append(verb)
    kinds = [one["kind"] for one in cli("history", "--json").document]
    assert kinds == [
        "promoted",
        "registered",
        "promoted",
        "rolled_back",
        "promoted",
        "rolled_back",
        "retired",
    ]
    assert {"promote", "rollback", "drill", "retrain", "retire", "status", "history"} <= set(ran)
    events = cli("history", "--json").document
    assert [one["forced"] for one in events if one["kind"] == "promoted"] == [False, False, True]
    passed = events[2]["gates"]
    assert passed["shadow"]["passed"] and passed["health"]["passed"] and passed["refit"]["passed"]
