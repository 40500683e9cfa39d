"""One environment variable, and how its text is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from forecastlab.contracts.errors import ConfigError

Values = Mapping[str, str]
"""Variable -> its text, or its default."""

_TRUE: Final = ("1", "true", "yes", "on", "y")
_FALSE: Final = ("0", "false", "no", "off", "n")


@dataclass(frozen=True)
class Variable:
    """One environment variable: its name, its default as text, and what it means."""

    name: str
    default: str
    meaning: str


def listed(text: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated text, each once.

    >>> listed("BTCUSDT, ETHUSDT,,BTCUSDT")
    ('BTCUSDT', 'ETHUSDT')
    """
    return tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))


def number(values: Values, name: str) -> float:
    """Return a number above 0.

    Raises:
        ConfigError: it is none.

    >>> number({"TIMEOUT": "2.5"}, "TIMEOUT")
    2.5
    """
    try:
        found = float(values[name])
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise ConfigError(
            f"{name}={values[name]!r} is no number above 0.", remedy="Write a number, as 2.5."
        )
    return found


def count(values: Values, name: str) -> int:
    """Return a whole number from 0 on.

    Raises:
        ConfigError: it is none.

    >>> count({"SEED": "7"}, "SEED")
    7
    """
    if not (values[name].isascii() and values[name].isdigit()):
        raise ConfigError(f"{name}={values[name]!r} is no count.", remedy="Write 0, 1, 2, …")
    return int(values[name])


def choice(values: Values, name: str, choices: tuple[str, ...]) -> str:
    """Return one of several words, in lower case.

    Raises:
        ConfigError: it is none of them.

    >>> choice({"LOG": "INFO"}, "LOG", ("info", "error"))
    'info'
    """
    value = values[name].lower()
    if value not in choices:
        raise ConfigError(f"{name}={value!r} is unknown.", remedy=f"Choose {', '.join(choices)}.")
    return value


def flag(values: Values, name: str) -> bool:
    """Return whether a switch is on: 1, true, yes, on, y; or 0, false, no, off, n.

    Raises:
        ConfigError: it is none of them.

    >>> flag({"ML_ENABLED": "Yes"}, "ML_ENABLED")
    True
    """
    return choice(values, name, (*_TRUE, *_FALSE)) in _TRUE


def text(name: str, value: str) -> str:
    """Return a text that is written in UTF-8.

    Raises:
        ConfigError: it is not.

    >>> text("STORE", "outputs")
    'outputs'
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{name} is not written in UTF-8.", remedy="Write it anew.") from None
    return value
