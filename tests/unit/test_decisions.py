"""The records of decisions: numbered, listed, and each in its three sections."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.imports import ROOT

FOLDER: Final = ROOT / "docs" / "decisions"
INDEX: Final = (FOLDER / "README.md").read_text(encoding="utf-8")
RECORDS: Final = sorted(one for one in FOLDER.glob("*.md") if one.name != "README.md")
WISHES: Final = (
    *("no-prompt-optimisation", "no-fine-tuning", "no-onchain-feed", "no-strategy-mix"),
    *("no-daily-retraining", "no-open-interest", "no-older-years", "no-focal-loss"),
    "fixed-scenes",
)
"""What earlier systems had on their lists and this one has not."""


def heading(record: Path) -> str:
    return record.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def test_the_index_lists_every_record_by_its_heading() -> None:
    listed = re.findall(r"^- \[(.+)\]\((.+)\)$", INDEX, re.MULTILINE)
    assert listed == [(heading(one), one.name) for one in RECORDS]


def test_numbers_have_no_gap() -> None:
    numbers = [int(one.name[:3]) for one in RECORDS]
    assert numbers == list(range(1, len(RECORDS) + 1))
    assert [int(heading(one).split(".")[0]) for one in RECORDS] == numbers


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: one.stem)
def test_a_record_is_short_and_has_its_sections(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    assert parts[::2] == ["Context", "Decision", "Consequences"]
    assert all(len(part.split()) > 10 for part in parts[1::2])
    assert 15 <= text.count("\n") <= 40
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: one.stem)
def test_what_a_record_names_is_there(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert [one for one in links if not (FOLDER / one).exists()] == []
    paths = [one for one in re.findall(r"`([\w./-]+\.\w+)`", text) if "/" in one]
    places = (ROOT, ROOT / "src" / "forecastlab")
    assert [one for one in paths if not any((place / one).exists() for place in places)] == []


@pytest.mark.parametrize("wish", WISHES)
def test_a_wish_that_is_not_built_has_a_record(wish: str) -> None:
    section = INDEX.split("## What was asked for and is not built")[1]
    assert len(re.findall(rf"\(\d{{3}}-{wish}\.md\)", section)) == 1


def test_what_is_not_built_says_what_would_change_that() -> None:
    section = INDEX.split("## What was asked for and is not built")[1]
    names = re.findall(r"\((\d{3}-[\w-]+\.md)\)", section)
    texts = {name: (FOLDER / name).read_text(encoding="utf-8") for name in names}
    assert [name for name, text in texts.items() if "What would change this" not in text] == []
