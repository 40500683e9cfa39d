"""Documents whose schema the pages do not know: their fields as rows, whatever they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from webapp.views.wording import literal

MOST_FIELDS: Final = 200
"""Fields of one document that a table shows; a shadow report of a year would freeze the browser."""

MOST_LETTERS: Final = 500
"""Letters of one value that a table shows."""

_HEADING: Final = re.compile(r"^(#{1,3})(?= )", re.MULTILINE)
_ALIVE: Final = re.compile(r"!(?=\[)|\](?=[(\[:])|\$|:(?=[a-z]+[\[:/])")


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every plain value inside a JSON value with its dotted name.

    >>> list(leaves({"a": {"b": 1}, "c": [True, None]}))
    [('a.b', 1), ('c.0', True), ('c.1', None)]
    """
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from leaves(one, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            yield from leaves(one, f"{name}.{place}" if name else str(place))
    else:
        yield name, value


def plain(value: Any) -> str:
    """Write one value for a table.

    >>> plain(None), plain(True), plain(0.123456789), plain("x" * 600)[-2:]
    ('–', '✓', '0.123457', 'x…')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"


def field_rows(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a document's fields as rows of name and value, at most `MOST_FIELDS`.

    >>> field_rows({"model": "m", "usage": {"tokens": 7}})
    [('model', 'm'), ('usage.tokens', '7')]
    """
    rows: list[tuple[str, str]] = []
    for name, value in leaves(fields):
        if len(rows) == MOST_FIELDS:
            rows.append(("…", "…"))
            break
        rows.append((name, plain(value)))
    return rows


def paragraphs(text: str) -> str:
    r"""Return a text from the store as markdown that shows it letter by letter.

    >>> paragraphs("Quiet. *\n\nStill quiet")
    'Quiet\\. \\*\n\nStill quiet'
    """
    return "\n\n".join(literal(part) for part in text.split("\n\n"))


def tame(markdown: str) -> str:
    r"""Return markdown from the store without pictures, links, formulas and directives.

    A picture would make the reader's browser call whatever address the text names, and a link may
    lead elsewhere than it says; an address that is written out leads where it says. HTML needs no
    care here: streamlit shows it as text. Headings become small ones: the page has its own.

    >>> tame("![x](http://a) costs $5 :red[now], **bold**")
    '\\![x\\](http://a) costs \\$5 \\:red[now], **bold**'
    """
    return _HEADING.sub(r"###\1", _ALIVE.sub(r"\\\g<0>", markdown))
