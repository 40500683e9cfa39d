"""The project's documents, read for what they tell a reader to do: blocks, code, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.imports import ROOT

_FENCE: Final = re.compile(r"^( *)(`{3,})([\w+-]*).*\n((?:.*\n)*?)\1\2 *$", re.MULTILINE)
_CODE: Final = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")


def pages() -> list[str]:
    """Name every document that people read, from the root of the checkout."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(str(one.relative_to(ROOT)) for one in found)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, and its text without the indent of the fence."""

    language: str
    text: str


@dataclass(frozen=True)
class Page:
    """One document.

    Attributes:
        path: from the root of the checkout.
    """

    path: str
    text: str

    @property
    def folder(self) -> Path:
        """Where its relative links start."""
        return (ROOT / self.path).parent

    @property
    def blocks(self) -> list[Block]:
        """Its fenced blocks."""
        return [
            Block(language, re.sub(rf"(?m)^{indent}", "", text))
            for indent, _, language, text in _FENCE.findall(self.text)
        ]

    @property
    def shell(self) -> list[str]:
        """The texts of its blocks for a shell."""
        return [one.text for one in self.blocks if one.language in {"sh", "bash"}]

    @property
    def prose(self) -> str:
        """Its text without the fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def code(self) -> list[str]:
        """What stands between backticks in its prose, on one line each."""
        spans = (text for _, text in _CODE.findall(self.prose))
        return [" ".join(one.replace("\\|", "|").split()) for one in spans]

    @property
    def links(self) -> list[str]:
        """The targets of its links."""
        return _LINK.findall(_CODE.sub("", self.prose))

    @property
    def anchors(self) -> set[str]:
        """What a link may name behind `#`: its headings, as a forge of code writes them."""
        return set(_slugs(re.findall(r"(?m)^#+ +(.+?)\s*$", self.prose)))

    def section(self, title: str) -> str | None:
        """Return the text below a heading of the second level, or None where there is none."""
        found = re.search(
            rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", self.text, re.MULTILINE | re.DOTALL
        )
        return found and found[1]


def page(path: str) -> Page:
    """Read one document, without the marks that nobody sees."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return Page(path, re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))


def rows(text: str) -> list[list[str]]:
    r"""Return the cells of every row of the tables in a text, without heads and rules.

    >>> rows("| a | b |\n|---|---|\n| `x\\|y` | 2 |")
    [['`x|y`', '2']]
    """
    found = []
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        for line in table.splitlines()[2:]:
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            found.append([cell.strip().replace("\\|", "|") for cell in cells])
    return found


def _slugs(headings: list[str]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for heading in headings:
        plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
        count = seen[plain] = seen.get(plain, -1) + 1
        yield f"{plain}-{count}" if count else plain
