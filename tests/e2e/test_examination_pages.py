"""docs/operations.md on health, explanations and moving: every command is run, in its order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from forecastlab.adapters.bundle_archive import LIMITS
from tests.e2e.conftest import Lab
from tests.e2e.test_operations_page import FIRST, PAGE, commands
from tests.e2e.test_predict import ASOF
from tests.support.command_line import CommandLine, Ended

MOVING: Final = "Moving bundles without a bucket"


def run(cli: CommandLine, lab: Lab, words: list[str]) -> Ended:
    """Run one command of the page, with the lab's bundle and as-of in place of the page's."""
    program, *rest = (one.replace(FIRST, lab.bundle).replace("2025-09-30", ASOF) for one in words)
    assert program == "forecastlab"
    ended = cli(*rest)
    assert ended.code == 0, f"{' '.join(words)}: {ended.err}"
    return ended


def test_health(lab: Lab, cli: CommandLine, tmp_path: Path) -> None:
    text = PAGE.section("Health") or ""
    told = [run(cli, lab, words) for words in commands("Health")]
    assert len(told) == 5
    listed = {
        name.strip()
        for cell in re.findall(r"^\| ([a-z_, ]+) \| ", text, re.MULTILINE)
        for name in cell.split(",")
    }
    steps = {one["name"] for one in told[2].document["steps"]}
    assert listed - {"step"} == steps
    assert len(list((tmp_path / "store" / "health").iterdir())) == 1


def test_explain(lab: Lab, cli: CommandLine, tmp_path: Path) -> None:
    assert cli("predict", "--asof", ASOF).code == 0
    told = [run(cli, lab, words) for words in commands("Explain")]
    assert len(told) == 4
    assert (tmp_path / "store" / "explanations" / f"{ASOF}.json").is_file()


def test_moving(lab: Lab, cli: CommandLine) -> None:
    first, *there = commands(MOVING)
    run(cli, lab, first)
    lab.models.rename(lab.models.with_name("of the other machine"))
    for words in there:
        run(cli, lab, words)
    [bundle] = cli("bundles", "list", "--json").document
    assert bundle["name"] == lab.bundle
    [event] = cli("history", "--json").document
    assert event["kind"] == "registered"
    for number in (LIMITS.file_bytes // 2**20, LIMITS.total_bytes // 2**20, f"{LIMITS.files:,}"):
        assert str(number) in (PAGE.section(MOVING) or "")
