"""Candidates for readers: what they forecast, over which span, and the names of their classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.contracts.manifest import Manifest
from webapp.views.palette import class_style
from webapp.views.wording import Words, escaped

_FAMILIES: Final = {(-1, 0, 1): "reversal", (0, 1): "direction", (-1, 1): "touch"}
"""Classes -> the target that has them, which names them."""

_REVERSAL: Final = re.compile(r"T(\d{1,4})_X(\d{1,2}(?:\.\d{1,4})?)")
_TOUCH: Final = re.compile(r"L(\d{1,2}(?:\.\d{1,4})?)_H(\d{1,4})")
_DIRECTION: Final = re.compile(r"H(\d{1,4})")


@dataclass(frozen=True)
class Traits:
    """What a candidate's name says.

    Attributes:
        horizon: candles until it resolves; None where neither name nor manifest tells.
        level: the band's half width, a fraction; None where the target has no band.
    """

    name: str
    horizon: int | None
    level: float | None

    def resolves_at(self, as_of: datetime, interval: Interval) -> datetime | None:
        """Return the instant at which a forecast of `as_of` resolves."""
        return None if self.horizon is None else as_of + self.horizon * DURATION[interval]

    def span(self, interval: Interval) -> timedelta | None:
        """Return the time that a label covers."""
        return None if self.horizon is None else self.horizon * DURATION[interval]


def traits(name: str, manifest: Manifest | None = None) -> Traits:
    """Return a candidate's traits, from its bundle's manifest or else from its name.

    >>> traits("T21_X8")
    Traits(name='T21_X8', horizon=21, level=0.08)
    >>> traits("H5").horizon, traits("L1_H24").level, traits("something").horizon
    (5, 0.01, None)
    """
    entry = manifest.candidates.get(name) if manifest else None
    reversal, touch = _REVERSAL.fullmatch(name), _TOUCH.fullmatch(name)
    direction = _DIRECTION.fullmatch(name)
    horizon, level = None, None
    if reversal:
        horizon, level = int(reversal[1]), float(reversal[2]) / 100
    elif touch:
        horizon, level = int(touch[2]), float(touch[1]) / 100
    elif direction:
        horizon = int(direction[1])
    if entry is not None:
        horizon, level = entry.horizon, entry.level if level is not None else None
    return Traits(name, horizon, level)


def by_horizon(names: Iterable[str]) -> tuple[str, ...]:
    """Return candidates, the shortest horizon first.

    >>> by_horizon(["H12", "H24", "H5"])
    ('H5', 'H12', 'H24')
    """
    return tuple(sorted(names, key=lambda name: (traits(name).horizon or 0, name)))


def classes_of(labels: Iterable[str]) -> tuple[int, ...]:
    """Return the classes of a forecast, ascending: the keys of its probabilities.

    >>> classes_of({"1": 0.2, "-1": 0.3, "0": 0.5})
    (-1, 0, 1)
    """
    return tuple(sorted(int(label) for label in labels))


def class_name(label: int, classes: Sequence[int], words: Words) -> str:
    """Return a class in words; its number where the target is not known.

    >>> class_name(0, (0, 1), Words("en", {"classes.direction.0": "not up"}))
    'not up'
    """
    family = _FAMILIES.get(tuple(classes), "")
    return escaped(words.get(f"classes.{family}.{label}", str(label)))


def signed_name(label: int, classes: Sequence[int], words: Words) -> str:
    """Return a class in words after its sign, so that no colour is needed to tell it.

    >>> signed_name(1, (0, 1), Words("en", {"classes.direction.1": "up"}))
    '▲ up'
    """
    return f"{class_style(label, classes).sign} {class_name(label, classes, words)}"


def set_in_words(labels: Sequence[int], classes: Sequence[int], words: Words) -> str:
    """Return a prediction set as a phrase.

    >>> words = Words("en", {"sets.or": " or ", "sets.all": "any of them", "sets.none": "none"})
    >>> set_in_words((-1, 0), (-1, 0, 1), words), set_in_words((0, 1), (0, 1), words)
    ('-1 or 0', 'any of them')
    """
    if not labels:
        return words("sets.none")
    if set(labels) == set(classes):
        return words("sets.all")
    return words("sets.or").join(class_name(label, classes, words) for label in labels)
