"""docs/operations.md: every command of the registry's procedures is run, in its order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from typer.main import get_command

from forecastlab.cli import app
from forecastlab.contracts.operations import PromotionTable, ShadowTable
from forecastlab.usecases import retrain
from forecastlab.usecases.promotion import chosen
from tests.e2e.conftest import Lab
from tests.e2e.test_predict import ASOF
from tests.support.command_line import CommandLine
from tests.support.imports import ROOT
from tests.support.workspaces import recipe_text

PAGE: Final = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

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


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no section {title}"
    return found[1]


def commands(text: str) -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    return [shlex.split(line, comments=True) for line in lines]


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
        for words in commands(section(title)):
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


def test_every_command_that_it_names_exists() -> None:
    group: Any = get_command(app)
    named = set(re.findall(r"\bforecastlab ([a-z-]+)(?: ([a-z-]+))?", PAGE))
    for verb, word in named:
        assert verb in group.commands, verb
        below = getattr(group.commands[verb], "commands", None)
        assert below is None or word in below, f"{verb} {word}"


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)h#][^)#]*)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


def test_its_numbers_are_the_defaults() -> None:
    text = section("Promotion")
    promotion, shadow = PromotionTable(), ShadowTable()
    said = re.findall(r"\*([\d.]+)(?: hours| days)?\*", text)
    expected = [shadow.hours, shadow.days, promotion.refit_bound, promotion.compared]
    expected += [promotion.margin, promotion.watch_hours]
    assert [float(one) for one in said] == [float(one) for one in expected]
