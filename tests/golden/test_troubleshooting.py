"""Each guide says what to do if something is wrong, in the words that the program really says.

What a guide quotes (in italics, or between backticks) is looked up in the texts of the sources;
`…` stands for what differs from case to case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

import pytest

from tests.support.imports import ROOT, sources
from tests.support.pages import page, pages, rows
from tests.support.said import texts

NO_GUIDES: Final = {
    "docs/acceptance.md": "which test shows which point",
    "docs/architecture.md": "the map of the code",
    "docs/benchmarks.md": "the tables of the benchmarks",
    "docs/degradation.md": "is such a table itself",
    "docs/features.md": "the catalogue of columns",
    "docs/glossary.zh-CN.md": "the terms, in Chinese",
    "docs/skill.md": "the report on all deployments",
    "docs/speed.md": "what was profiled, and what is largest now",
}
"""Pages below docs/ that tell nobody what to do, and what they are."""

GUIDES: Final = [one for one in pages() if re.fullmatch(r"docs/[^/]+\.md", one)]

TITLE: Final = re.compile(r"(?m)^## ((?:\d+\. )?If something is wrong)$")

OTHERS: Final = {
    "No module named 'benchmarks'": "Python",
    "Quota exceeded … GPUs without zonal redundancy": "Google Cloud",
    "restricted location": "Binance",
    "Not audited": "requirements/audit.sh",
    "maxmemory-policy allkeys-lru": "the settings of Redis",
}
"""Messages that others write, and who."""

guides = pytest.mark.parametrize("path", [one for one in GUIDES if one not in NO_GUIDES])


@guides
def test_a_guide_says_what_to_do(path: str) -> None:
    read = page(path)
    titles = TITLE.findall(read.text)
    assert len(titles) == 1, "one section `If something is wrong`"
    section = read.section(titles[0]) or ""
    assert re.search(r"^\| you see \| it means \| do \|$", section, re.MULTILINE)
    found = rows(section)
    assert len(found) >= 4
    assert all(len(row) == 3 and all(row) for row in found), found


@guides
def test_what_it_quotes_is_what_the_program_says(path: str) -> None:
    read = page(path)
    section = read.section(TITLE.findall(read.text)[0]) or ""
    seen = [one for row in rows(section) for one in quoted(row[0])]
    assert [one for one in seen if not is_said(one)] == []


def quoted(cell: str) -> Iterator[str]:
    """Give what a cell quotes: in italics, between backticks; commands have their own test."""
    codes = re.findall(r"`([^`]+)`", cell)
    yield from (one for one in codes if not one.startswith(("forecastlab ", "make ", "--")))
    yield from re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", re.sub(r"`[^`]+`", "", cell))


def is_said(message: str) -> bool:
    """Say whether one text of the sources has all parts of a message, in their order.

    >>> is_said("The gate … refuses …"), is_said("The gate … admits …")
    (True, False)
    """
    if message in OTHERS:
        return True
    parts = [re.escape(part.strip()) for part in message.split("…") if part.strip()]
    return re.search(".*".join(parts), corpus()) is not None


@cache
def corpus() -> str:
    """Return every text that the sources hold, one a line, with … where a value is put in."""
    found = [
        text for source in sources("src", "webapp", "benchmarks").values() for text in texts(source)
    ]
    for file in (ROOT / "webapp" / "languages").glob("*.toml"):
        found += file.read_text(encoding="utf-8").splitlines()
    deployed = [file for file in (ROOT / "deploy").rglob("*") if file.suffix in {".sh", ".yaml"}]
    found += [line for file in deployed for line in file.read_text(encoding="utf-8").splitlines()]
    shown = (re.sub(r"\$\{\w+\}|\$\w+|\{[\w.!:]*\}", "…", one) for one in found)
    return "\n".join(" ".join(one.split()) for one in shown)


def test_pages_that_are_no_guides_are_named_truly() -> None:
    for path in NO_GUIDES:
        assert path not in GUIDES or not TITLE.findall(page(path).text), path


def test_a_message_that_nobody_says_is_found() -> None:
    assert not is_said("The stars are not favourable")
    assert not is_said("holds … forecasts of … rain")
    assert list(quoted("*a … b* or `c(…)`, after `forecastlab daily`")) == ["c(…)", "a … b"]
