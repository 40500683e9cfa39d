"""TOML as people write it: read whole, or refused with what is wrong."""

from __future__ import annotations

import tomllib
from typing import Any, Final

from forecastlab.contracts.errors import ConfigError

_DEEPEST: Final = 20
"""Tables within tables; a recipe has four."""


def parse_toml(text: str, *, what: str) -> dict[str, Any]:
    """Read a TOML document; `what` names the file in messages.

    Raises:
        ConfigError: it is no TOML, or is nested as nobody writes it.

    >>> parse_toml("symbol = 'BTCUSDT'", what="a recipe")
    {'symbol': 'BTCUSDT'}
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of numbers without end, and of brackets
        raise ConfigError(f"{what} is not valid TOML: {error}.", remedy="Mend the file.") from error
    level: list[Any] = [document]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    if level:
        raise ConfigError(
            f"{what} is nested more than {_DEEPEST} deep.", remedy="See config/ for examples."
        )
    return document
