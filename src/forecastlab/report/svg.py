"""SVG as text: scales, ticks and elements; colours are classes that the page's style fills."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Scale:
    """A linear map of [low, high] to pixels; `low == high` maps to the middle."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of a value.

        >>> Scale(0, 10, 100, 200).at(2.5)
        125.0
        """
        if self.high == self.low:
            return (self.begin + self.end) / 2
        share = (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers within [low, high], at most `most` + 1 of them.

    >>> nice_ticks(-0.012, 0.151)
    [0.0, 0.05, 0.1, 0.15]
    """
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    digits = max(0, 2 - math.floor(math.log10(step)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, digits) for number in range(first, last + 1)]


def element(tag: str, content: str = "", **attributes: str | float) -> str:
    """Write one element; `content` is markup, attribute values are escaped and rounded.

    A name's underscores become dashes, and a closing one is dropped (`class_`).

    >>> element("line", x1=0, stroke_width=1.5, class_="grid")
    '<line x1="0" stroke-width="1.5" class="grid"/>'
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>"


def text(x: float, y: float, words: str, *, class_: str = "", anchor: str = "start") -> str:
    """Write one line of text, escaped.

    >>> text(1, 2, "a < b", anchor="end")
    '<text x="1" y="2" class="" text-anchor="end">a &lt; b</text>'
    """
    return element("text", escape(words), x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """Write a straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def polyline(xs: Iterable[float], ys: Iterable[float], class_: str) -> str:
    """Write a line through points."""
    points = " ".join(f"{_attribute(x)},{_attribute(y)}" for x, y in zip(xs, ys, strict=True))
    return element("polyline", points=points, class_=class_)


def drawing(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """Join parts to one drawing that scales with its place; `title` says what it shows."""
    box = f"0 0 {width} {height}"
    inner = f"<title>{escape(title)}</title>" + "".join(parts)
    return element("svg", inner, viewBox=box, role="img", xmlns="http://www.w3.org/2000/svg")


def _attribute(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{round(value, 2):g}"
