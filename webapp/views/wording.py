"""Words: every text of the pages by its key, and how numbers, instants and data become text."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from forecastlab.report.wording import interval, minus, number, percent, percent_interval

__all__ = [
    "Words",
    "age",
    "escaped",
    "flattened",
    "instant",
    "interval",
    "literal",
    "minus",
    "number",
    "percent",
    "percent_interval",
]

_ADDRESS: Final = re.compile(r"https?(?=:)|www(?=\.)", re.IGNORECASE)
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])")


@dataclass(frozen=True)
class Words:
    """The texts of one language, by dotted key.

    Attributes:
        language: its code, as `en`.
        texts: key -> text, with `{name}` where a value stands.

    >>> words = Words("en", {"today.until": "until {day}"})
    >>> words("today.until", day="Monday"), words.get("classes.neither", "0")
    ('until Monday', '0')
    """

    language: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its values; the key itself where the language lacks it."""
        text = self.texts.get(key, key)
        return text.format(**values) if values else text

    def get(self, key: str, default: str) -> str:
        """Return the text of a key that data made, or the default: data may name anything."""
        return self.texts.get(key, default)


def flattened(tables: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested tables as dotted keys.

    >>> flattened({"today": {"title": "Today"}})
    {'today.title': 'Today'}
    """
    found: dict[str, str] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            found |= flattened(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = str(value)
    return found


def escaped(text: object) -> str:
    """Return data as plotly may show it: its texts read a few HTML tags.

    >>> escaped("<b>x</b>")
    '&lt;b&gt;x&lt;/b&gt;'
    """
    return html.escape(str(text))


def literal(text: object) -> str:
    r"""Return data as markdown shows it letter by letter: no link, picture or formula of it lives.

    An address would become a link although every letter of it is escaped; an unseen word joiner
    (U+2060) behind its first letters prevents that.

    >>> literal("[a](b) T21_X8")
    '\\[a\\]\\(b\\) T21\\_X8'
    """
    shown = _ADDRESS.sub("\\g<0>\u2060", str(text))
    return _MARKDOWN.sub(r"\\\1", shown).replace("\n", " ")


def instant(moment: datetime, zone: tzinfo) -> str:
    """Write an instant in UTC, and in the reader's zone where that is another one.

    >>> from zoneinfo import ZoneInfo
    >>> moment = datetime(2025, 10, 1, 0, 5, tzinfo=UTC)
    >>> instant(moment, ZoneInfo("Asia/Shanghai")), instant(moment, UTC)
    ('2025-10-01 00:05 UTC (08:05 Asia/Shanghai)', '2025-10-01 00:05 UTC')
    """
    utc, here = moment.astimezone(UTC), moment.astimezone(zone)
    written = f"{utc:%Y-%m-%d %H:%M} UTC"
    if here.utcoffset() == timedelta(0):
        return written
    day = "" if here.date() == utc.date() else f"{here:%Y-%m-%d} "
    return f"{written} ({day}{here:%H:%M} {zone})"


def age(past: timedelta, words: Words) -> str:
    """Write how long ago something was, in its two largest units.

    >>> words = Words("en", {"age.days": "{n} d", "age.hours": "{n} h", "age.minutes": "{n} min"})
    >>> age(timedelta(hours=25, minutes=3), words)
    '1 d 1 h'
    """
    minutes = int(past.total_seconds()) // 60
    counts = {
        "days": minutes // 1440,
        "hours": minutes // 60 % 24,
        "minutes": minutes % 60,
    }
    texts = [words(f"age.{unit}", n=count) for unit, count in counts.items() if count]
    return " ".join(texts[:2]) or words("age.minutes", n=0)
