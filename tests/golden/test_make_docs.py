"""`make docs` writes the documents as they are committed, and says what is stale in them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from forecastlab.contracts.errors import DataMalformed
from scripts.make_docs import accept, made, main
from tests.support.imports import ROOT

Run = Callable[..., int]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy what the documents are made of, and the documents."""
    (tmp_path / "tests" / "golden").mkdir(parents=True)
    shutil.copy(ROOT / "tests/golden/record_2025-09-30.json", tmp_path / "tests" / "golden")
    for path in ROOT.glob("*.md"):
        shutil.copy(path, tmp_path)
    for folder in ("docs", "config", "deploy"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    models = Path("models", "production")
    for path in (ROOT / models).glob("*/meta.json"):
        (tmp_path / models / path.parent.name).mkdir(parents=True)
        shutil.copy(path, tmp_path / models / path.parent.name)
    shutil.copy(ROOT / models / "champions.toml", tmp_path / models)
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, copy: Path) -> Run:
    def command(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["make_docs.py", "--root", str(copy), *arguments])
        return main()

    return command


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_documents_are_as_they_should_be() -> None:
    stale = [path.name for path, (old, new) in made(ROOT).items() if old != new]
    assert stale == [], "write them again: make docs"


def test_what_was_edited_by_hand_is_named_and_written_again(
    copy: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    skill, operations = copy / "docs" / "skill.md", copy / "docs" / "operations.md"
    before = skill.read_text(), operations.read_text()
    edit(skill, "**better than both base rates**", "**certain**")
    edit(operations, "PromotionTable.margin-->0.005", "PromotionTable.margin-->0.5")
    assert run("--check") == 1
    said = capsys.readouterr()
    assert "docs/skill.md: the region claim-table is stale" in said.out
    assert "PromotionTable.margin (0.5, now 0.005) is stale" in said.out
    assert "make docs" in said.err
    assert "**certain**" in skill.read_text(), "a check changes nothing"
    assert run() == 0
    assert (skill.read_text(), operations.read_text()) == before
    assert run("--check") == 0


def test_another_result_is_another_document(
    copy: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(copy / "docs" / "results" / "verdict.json", '"looks": 67', '"looks": 99')
    assert run() == 0
    assert "README.md: the region skill" in capsys.readouterr().out
    assert "as the best of 99 looks" in (copy / "README.md").read_text()
    assert run("--check") == 0


def test_another_price_is_another_sum(copy: Path, run: Run) -> None:
    edit(copy / "deploy" / "prices.toml", "l4_second = 0.0001867", "l4_second = 0.001")
    assert run() == 0
    assert "| daily-gpu | 30 | 120 | 3.97 |" in (copy / "docs" / "cloud.md").read_text()


def test_a_region_that_nobody_writes_is_refused(
    copy: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with (copy / "docs" / "signal.md").open("a", encoding="utf-8") as page:
        page.write("<!-- more:begin -->\n<!-- more:end -->\n")
    assert run() == 3
    assert "disagree on more" in capsys.readouterr().err


@pytest.mark.parametrize(
    "source",
    [
        "results.serving.measured.nothing",
        "results.nothing.x",
        "config.direction.nothing",
        "evaluation.gates.NOTHING",
        "settings.NOTHING",
        "nothing",
    ],
)
def test_a_figure_without_a_source_is_refused(copy: Path, source: str) -> None:
    page = copy / "docs" / "signal.md"
    page.write_text(page.read_text() + f"\nSo <!--n:{source}-->1<!--/n--> it is.\n")
    with pytest.raises(DataMalformed, match="No figure has the source"):
        made(copy)


def test_a_missing_document_is_named(copy: Path) -> None:
    (copy / "docs" / "features.md").unlink()
    with pytest.raises(DataMalformed, match="There is no docs/features"):
        made(copy)


def test_a_verdict_is_accepted_under_its_own_name(copy: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    hourly = (copy / "docs" / "results" / "verdict_BTCUSDT.json").read_text()
    other = hourly.replace('"symbol": "BTCUSDT"', '"symbol": "SOLUSDT"')
    (run / "verdict.json").write_text(other)
    accept(copy, [run / "verdict.json"])
    assert (copy / "docs" / "results" / "verdict_SOLUSDT.json").read_text() == other
