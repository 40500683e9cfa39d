"""The Chinese README is the English one: the same sections, commands, rows, links and figures.

The words of both are those of docs/glossary.zh-CN.md, and of the dashboard.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.imports import ROOT
from tests.support.pages import page, rows
from tests.support.translations import differences, unrendered
from webapp.languages import words_of

ENGLISH: Final = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE: Final = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")

TERMS: Final = {row[0]: row[1] for row in rows(page("docs/glossary.zh-CN.md").section("词") or "")}
"""English term -> its one Chinese word."""

EVERYDAY: Final = {"call", "interval", "late", "live", "rule", "run", "target"}
"""Terms that the README also uses in another sense, as in *run it* or *95 % interval*."""

SHOWN: Final = {
    "candle": "history.candles",
    "interval": "models.interval",
    "as-of": "today.as_of",
    "label": "track_record.too_few",
    "candidate": "app.candidate",
    "feature set": "models.feature_set",
    "member": "models.member",
    "fold": "research.folds",
    "out-of-fold": "modes.oof",
    "prediction set": "today.set",
    "base rate": "today.base_rate",
    "log loss": "research.scores.log_loss",
    "out of sample": "today.skill",
    "skill": "today.skill",
    "verdict": "research.verdict",
    "outcome": "track_record.outcome",
    "regime": "today.regime",
    "bundle": "today.bundle",
    "deployment": "app.deployment",
    "registry": "banners.override",
    "champion": "models.champion",
    "challenger": "models.challengers",
    "shadow": "operations.shadow",
    "gate": "models.gate",
    "promote": "models.kinds.promoted",
    "rollback": "models.kinds.rolled_back",
    "record": "banners.clock",
    "run": "operations.runs",
    "live": "modes.live",
    "late": "modes.late",
    "backfill": "modes.backfill",
    "degraded": "banners.degraded",
    "store": "app.store",
    "alert": "operations.alerts",
    "note": "analyst.question",
    "exit code": "operations.exit_code",
}
"""Term -> a text of the dashboard that has its word."""

CHANGED: Final = {
    "a section": ("## Limits\n", "## More\n\nIt is so.\n\n## Limits\n", "stands beside"),
    "a level": ("## Limits\n", "### Limits\n", "stands beside"),
    "a row": (
        "| try without",
        "| stop | `forecastlab retire NAME` |\n| try without",
        "retire NAME` |': code differs",
    ),
    "the last row": ("| speed |", "| speed | [it](LICENSE) |\n| speed |", "stands beside"),
    "an item": ("- Not investment", "- It is so.\n- Not investment", "beside"),
    "a paragraph": ("## Run it\n", "It is so.\n\n## Run it\n", "stands beside"),
    "a command": ("make test  ", "make check\nmake test  ", "'make check' is not"),
    "the last command": (
        "(no key needed)\n",
        "(no key needed)\nmake check\n",
        "'make check' is not",
    ),
    "an option": ("doctor --fresh 26h", "doctor --fresh 25h", "code differs"),
    "an argument": ("daily --asof 2025-09-30", "daily --asof 2025-09-29", "is not"),
    "a system": ("or macOS 14 on", "or macOS 15 on", "numbers differ"),
    "an exit code": ("done and 3 where", "done and 4 where", "numbers differ"),
    "the exit code of a row": ("(exit 5 on", "(exit 6 on", "numbers differ"),
    "a link": ("](docs/cloud.md)", "](docs/clouds.md)", "links differ"),
    "an anchor": ("#exit-codes-and-errors", "#exit-codes", "links differ"),
    "a figure": ("<!--n:config.reversal.train.refit_days-->21<!--/n-->", "21", "figures differ"),
    "a region": ("<!-- skill:begin -->", "<!-- skills:begin -->", "regions differ"),
    "a score": ("| **1.0286** |", "| **1.0287** |", "numbers differ"),
    "the record": ('"mode": "late"', '"mode": "live"', "the block differs"),
    "the reading": ("16.1 % (12.2 %)", "16.2 % (12.2 %)", "the picture differs"),
    "the picture": ("64 known answers", "65 known answers", "the picture differs"),
}
"""What may change in README.md -> how it was, how it is, and what the comparison then says."""

SPOILT: Final = {
    "a comment": ("# 全部测试", "# all tests", "is not translated"),
    "a cell": ("| 衡量技巧，并写出报告 |", "| measure the skill |", "is not translated"),
    "an item": ("- 不构成投资建议。许可证：", "- Not investment advice. ", "is not translated"),
    "an hour": ("（北京时间 08:05）", "（北京时间 07:05）", "eight hours ahead"),
    "a columns' rule": ("|---|--:|--:|", "|---|---|--:|", "the columns differ"),
}


def once(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_each_leads_to_the_other() -> None:
    assert "[中文](README.zh-CN.md)" in ENGLISH.splitlines()[2]
    assert "[English](README.md)" in CHINESE.splitlines()[2]


def test_they_differ_in_language_alone() -> None:
    assert differences(ENGLISH, CHINESE) == []


@pytest.mark.parametrize("what", CHANGED)
def test_what_only_the_english_one_has_is_found(what: str) -> None:
    old, new, said = CHANGED[what]
    assert said in "\n".join(differences(once(ENGLISH, old, new), CHINESE))


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_not_translated_well_is_found(what: str) -> None:
    old, new, said = SPOILT[what]
    assert said in "\n".join(differences(ENGLISH, once(CHINESE, old, new)))


def test_each_term_has_its_one_word() -> None:
    terms = {term: word for term, word in TERMS.items() if term not in EVERYDAY}
    assert unrendered(ENGLISH, CHINESE, terms) == []
    assert unrendered(ENGLISH, CHINESE.replace("基准率", "基率"), terms)
    assert set(TERMS) >= EVERYDAY


def test_the_columns_of_the_reading_stand_below_each_other() -> None:
    [block, *_] = page("README.zh-CN.md").blocks
    lines = [line.encode("gbk") for line in block.text.splitlines()[3:]]
    starts = {line.rindex(b"  ") for line in lines}
    assert len(lines) == 3
    assert len(starts) == 1, "in GBK a Chinese character is two bytes, as it is two columns"


def test_no_word_stands_for_two_terms() -> None:
    assert len(set(TERMS.values())) == len(TERMS)


def test_the_glossary_has_every_term_of_the_architecture() -> None:
    named = rows(page("docs/architecture.md").section("Words") or "")
    terms = {term for row in named for term in row[0].split(" · ")}
    assert len(terms) > 30
    assert terms - set(TERMS) == set()


@pytest.mark.parametrize("term", SHOWN)
def test_the_dashboard_uses_the_same_word(term: str) -> None:
    assert TERMS[term] in words_of("zh").texts[SHOWN[term]]
