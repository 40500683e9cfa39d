"""Generated parts of a Markdown text: regions between two marks, and single figures in a line.

A region stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`, each on a line of its own. A
figure stands between `<!--n:SOURCE-->` and `<!--/n-->` within a line, so that a sentence can hold
it; SOURCE says where it comes from. Renderers of Markdown show neither mark.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from forecastlab.contracts.errors import DataMalformed

FIGURE: Final = re.compile(r"<!--n:(?P<source>[^>]*?)-->(?P<shown>[^<>\n]*)<!--/n-->")

_BEGIN: Final = re.compile(r"^<!-- (?P<name>[\w.-]+):begin -->$", re.MULTILINE)

_REGION: Final = re.compile(
    r"^<!-- (?P<name>[\w.-]+):begin -->\n(?P<body>.*?)^<!-- (?P=name):end -->$",
    re.MULTILINE | re.DOTALL,
)

_LEADING: Final = re.compile(r"^(?:[ >]|[-*+] |\d+\. )*<!--n:", re.MULTILINE)
"""A figure at the beginning of a line, or of an item: Markdown takes the line for plain HTML."""


def with_region(text: str, name: str, body: str) -> str:
    r"""Put a body, which ends with a line end, between the two marks of a region.

    Raises:
        DataMalformed: the text does not hold each mark once, in order.

    >>> marks = ["<!-- skill:begin -->", "<!-- skill:end -->"]
    >>> with_region(f"a\n{marks[0]}\nold\n{marks[1]}\nb", "skill", "new\n").splitlines()
    ['a', '<!-- skill:begin -->', 'new', '<!-- skill:end -->', 'b']
    """
    begins, ends = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, begin, rest = text.partition(begins)
    _, end, after = rest.partition(ends)
    if not begin or not end or begins in after or ends in before + after:
        raise DataMalformed(
            f"The text lacks the marks of the region {name}.",
            remedy=f"Write {begins} and {ends} once, on lines of their own.",
        )
    return f"{before}{begins}\n{body}{ends}{after}"


def region_names(text: str) -> tuple[str, ...]:
    r"""Return the names of a text's regions, in order.

    >>> region_names("a\n<!-- skill:begin -->\n<!-- skill:end -->\n")
    ('skill',)
    """
    return tuple(one["name"] for one in _BEGIN.finditer(text))


def with_figures(text: str, write: Callable[[str], str]) -> str:
    """Write every figure of a text anew.

    Args:
        write: the figure of a source.

    Raises:
        DataMalformed: a mark is not closed, or stands at the beginning of a line.

    >>> with_figures("at most <!--n:budget-->2<!--/n--> s", lambda source: f"{len(source)}")
    'at most <!--n:budget-->6<!--/n--> s'
    """
    whole = len(FIGURE.findall(text))
    if whole != text.count("<!--n:") or whole != text.count("<!--/n-->"):
        raise DataMalformed(
            "A figure's mark is not closed.", remedy="Write <!--n:SOURCE-->1<!--/n--> in one line."
        )
    if found := _LEADING.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise DataMalformed(
            f"Line {line} begins with a figure's mark, and would be shown as it stands.",
            remedy="Break the line elsewhere.",
        )
    return FIGURE.sub(lambda one: f"<!--n:{one['source']}-->{write(one['source'])}<!--/n-->", text)


def changed_parts(old: str, new: str) -> tuple[str, ...]:
    r"""Name the regions and the figures that differ between two states of one document.

    >>> changed_parts("<!--n:a-->1<!--/n-->", "<!--n:a-->2<!--/n-->")
    ('the figure a (1, now 2)',)
    """
    before = {one["name"]: one["body"] for one in _REGION.finditer(old)}
    named = [
        f"the region {one['name']}"
        for one in _REGION.finditer(new)
        if before.get(one["name"]) != one["body"]
    ]
    figures = zip(FIGURE.finditer(old), FIGURE.finditer(new), strict=False)
    named += [
        f"the figure {then['source']} ({then['shown']}, now {now['shown']})"
        for then, now in figures
        if then["shown"] != now["shown"]
    ]
    return tuple(dict.fromkeys(named))


def hand_written(text: str) -> str:
    r"""Return a text without its regions and figures; the number of lines stays.

    >>> hand_written("a <!--n:x-->1<!--/n-->\n<!-- t:begin -->\n2\n<!-- t:end -->\nc").splitlines()
    ['a ', '', '', '', 'c']
    """
    without = _REGION.sub(lambda one: "\n" * one[0].count("\n"), text)
    return FIGURE.sub("", without)
