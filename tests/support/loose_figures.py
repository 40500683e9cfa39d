"""The documents as a person wrote them, and the figures that look measured in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from forecastlab.report.marks import hand_written
from tests.support.imports import ROOT

_NUMBER: Final = r"[+\-−±]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)"

_WORDS: Final = "ms|s|min|h|seconds?|minutes?|hours?|times|kB|[MG]i?B|bp|basis points|points|nats"
_CHINESE: Final = "毫秒|秒|分钟|小时|倍|个百分点|基点|奈特"
_UNIT: Final = rf"(?:{_WORDS})(?!\w)|[%×]|{_CHINESE}"

FIGURE: Final = re.compile(
    rf"(?<![\w.\-/:,])(?:{_NUMBER}[  ]?(?:{_UNIT})|[+\-−±]?\d*\.\d+)(?![\d.]*\w)",
    # Chinese is written without spaces: its characters end a number as a space does.
    re.ASCII,
)
"""A number with a unit of measure, or with decimals. Days, hosts, versions and dates are none."""

_CODE: Final = re.compile(r"^ *(?P<fence>```|~~~).*?^ *(?P=fence) *$", re.MULTILINE | re.DOTALL)
_INLINE: Final = re.compile(r"(`+)[^`\n](?:[^\n]*?[^`\n])?\1(?!`)")
_TARGET: Final = re.compile(r"\]\([^)\n]*\)")
_MATHS: Final = re.compile(r"\d+ × [A-Z]|\d+ × \(")
"""A formula, as 100 × P(…)."""


def documents(root: Path = ROOT) -> dict[str, str]:
    """Read all documents of a checkout, by their path."""
    paths = (*root.glob("*.md"), *(root / "docs").rglob("*.md"))
    return {one.relative_to(root).as_posix(): one.read_text(encoding="utf-8") for one in paths}


def loose_figures(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and figure of whatever looks measured outside of marks, regions and code."""
    bare = _CODE.sub(lambda one: "\n" * one[0].count("\n"), hand_written(text))
    for form in (_INLINE, _TARGET, _MATHS):
        bare = form.sub("", bare)
    for number, line in enumerate(bare.splitlines(), start=1):
        yield from ((number, one[0].strip()) for one in FIGURE.finditer(line))
