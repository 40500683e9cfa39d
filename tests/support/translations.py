"""Two language versions of one document, laid side by side block by block: where they differ.

What must be equal is what a translator leaves alone: the order of headings, paragraphs, tables and
blocks of code, commands, code, links, numbers, regions and figures.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from forecastlab.report.marks import FIGURE, region_names

_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_CODE: Final = re.compile(r"`([^`]+)`")
_TARGET: Final = re.compile(r"\]\(([^)\s]+)\)")
_PATH: Final = re.compile(r"\[[\w./-]+\.md\]")
_NUMBER: Final = re.compile(r"[+\-−±]?(?<![\w.])\.?\d[\d.,:\-]*\d|(?<![\w.])[+\-−±]?\d")
_FILE: Final = re.compile(r"[\w/]+\.(?:json|md|toml|parquet|csv)|\b\w+/(?!\w)")
_SHELL_COMMENT: Final = re.compile(r"(?<=\s)#\s.*$|^#\s.*$", re.MULTILINE)
_WORDS: Final = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")
_HAN: Final = re.compile(r"[一-鿿]")
_LOCAL_TIME: Final = re.compile(r"（北京时间 (\d\d):(\d\d)）")
"""What the Chinese text adds to an instant in UTC."""


@dataclass(frozen=True)
class Part:
    """A heading, paragraph, item, row of a table, or fenced block.

    Attributes:
        kind: `#` to `######`, `paragraph`, `item`, `head`, `rule`, `row`, or the fence with its
            language.
    """

    kind: str
    text: str

    @property
    def code(self) -> Counter[str]:
        """What stands between backticks."""
        return Counter(_CODE.findall(self.text))

    @property
    def links(self) -> list[str]:
        """The targets of its links."""
        return _TARGET.findall(self.text)

    @property
    def words(self) -> str:
        """Its text without code, targets and links that are named by their target."""
        return _PATH.sub("", _TARGET.sub("]", _CODE.sub("", self.text)))

    @property
    def numbers(self) -> Counter[str]:
        """Its numbers outside of code and targets."""
        return Counter(_NUMBER.findall(self.words))

    @property
    def cells(self) -> list[str]:
        """The cells of a row."""
        return [one.strip() for one in self.text.strip().strip("|").split("|")]


def parts(text: str) -> list[Part]:
    r"""Take a document apart, without the paragraph below the title, which names the languages.

    >>> [part.kind for part in parts("# A\n\n[B](b.md)\n\none\ntwo\n\n## C\n- d\n- e\n")]
    ['#', 'paragraph', '##', 'item', 'item']
    """
    lines = _COMMENT.sub("", text).splitlines()
    found = list(_parts(iter([*lines, ""])))
    return [found[0], *found[2:]]


def _parts(lines: Iterator[str]) -> Iterator[Part]:
    waiting: list[str] = []
    kind, before = "paragraph", ""
    for line in lines:
        starts = re.match(r"(#+) |(```)|(\|)|(- )", line)
        if (starts or not line.strip()) and waiting:
            yield Part(kind, " ".join(waiting))
            waiting, kind = [], "paragraph"
        if starts and starts[1]:
            yield Part(starts[1], line)
        elif starts and starts[2]:
            inside = iter(lambda: next(lines), "```")
            yield Part(line, "\n".join(inside))
        elif starts and starts[3]:
            rule = set(line) <= set("|-: ")
            yield Part("rule" if rule else "row" if before.startswith("|") else "head", line)
        elif line.strip():
            kind = "item" if starts else kind
            waiting.append(line.strip())
        before = line


def differences(original: str, translation: str) -> list[str]:
    """Say in what a translation is not the original's equal; nothing where it is."""
    found: list[str] = []
    for one, other in zip_longest(parts(original), parts(translation)):
        if one is None or other is None or one.kind != other.kind:
            # Behind a part that one of them lacks, everything is beside something else.
            return [*found, f"{_named(one)} stands beside {_named(other)}"]
        found += [f"{_named(one)}: {fault}" for fault in _faults(one, other)]
    if region_names(original) != region_names(translation):
        found.append("the generated regions differ")
    if Counter(FIGURE.findall(original)) != Counter(FIGURE.findall(translation)):
        found.append("the generated figures differ")
    return found


def unrendered(original: str, translation: str, terms: Mapping[str, str]) -> list[str]:
    """Name the terms that a part has and its translation does not render by their one word."""
    return [
        f"{_named(other)}: {term} is {word}"
        for one, other in zip(parts(original), parts(translation), strict=True)
        for term, word in terms.items()
        if one.kind not in {"```sh", "```json"}
        and re.search(rf"\b{re.escape(term)}s?\b", one.words, re.IGNORECASE)
        and word not in other.words
    ]


def _named(part: Part | None) -> str:
    return "nothing" if part is None else f"{part.kind} {part.text[:60]!r}"


def _faults(one: Part, other: Part) -> Iterator[str]:
    if one.kind.startswith("```"):
        yield from _block_faults(one, other)
        return
    if one.code != other.code:
        yield f"code differs: {_unequal(one.code, other.code)}"
    if one.links != other.links:
        yield f"links differ: {one.links} and {other.links}"
    if one.numbers != other.numbers:
        yield f"numbers differ: {_unequal(one.numbers, other.numbers)}"
    if one.kind == "rule" and one.text != other.text:
        yield "the columns differ"
    if one.kind in {"head", "row"}:
        yield from _row_faults(one, other)
    elif _WORDS.search(one.words) and not _HAN.search(other.words):
        yield "is not translated"


def _row_faults(one: Part, other: Part) -> Iterator[str]:
    for cell, translated in zip_longest(one.cells, other.cells, fillvalue=""):
        ours, theirs = Part("cell", cell), Part("cell", translated)
        if ours.code != theirs.code:
            yield f"the cell {cell!r} has other code: {translated!r}"
        if _WORDS.search(ours.words) and not _HAN.search(theirs.words):
            yield f"the cell {cell!r} is not translated"


def _block_faults(one: Part, other: Part) -> Iterator[str]:
    language = one.kind.removeprefix("```")
    if language == "sh":
        for ours, theirs in zip_longest(one.text.splitlines(), other.text.splitlines()):
            command, commented = _without_comment(ours)
            translated, comment = _without_comment(theirs)
            if (command, bool(commented)) != (translated, bool(comment)):
                yield f"{ours!r} is not {theirs!r}"
            elif commented and not _HAN.search(comment):
                yield f"the comment of {ours!r} is not translated"
    elif language:
        if one.text != other.text:
            yield "the block differs"
    else:
        yield from _picture_faults(one.text, other.text)


def _picture_faults(one: str, other: str) -> Iterator[str]:
    """Compare what is no word of a language: times, numbers and files."""
    plain = _LOCAL_TIME.sub("", other)
    for form in (_NUMBER, _FILE):
        ours, theirs = Counter(form.findall(one)), Counter(form.findall(plain))
        if ours != theirs:
            yield f"the picture differs: {_unequal(ours, theirs)}"
    for line in other.splitlines():
        local, utc = _LOCAL_TIME.search(line), re.match(r"(\d\d):(\d\d) UTC", line)
        if local and (not utc or (int(utc[1]) + 8) % 24 != int(local[1]) or utc[2] != local[2]):
            yield f"Beijing is eight hours ahead of UTC: {line!r}"


def _without_comment(line: str | None) -> tuple[str | None, str]:
    """Split a line for the shell into the command, with its spaces, and the comment."""
    if line is None:
        return None, ""
    found = _SHELL_COMMENT.search(line)
    return (line[: found.start()], found[0]) if found else (line, "")


def _unequal(one: Counter[str], other: Counter[str]) -> str:
    return f"{sorted(one - other)} and {sorted(other - one)}"
