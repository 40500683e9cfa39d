"""What an answer of an LLM costs, to the token and in decimals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final

PER: Final = Decimal(1_000_000)
"""Prices are per million tokens."""


@dataclass(frozen=True)
class Hours:
    """Hours of weekdays in UTC, [start, end)."""

    start: time
    end: time

    def hold(self, at: datetime) -> bool:
        """Say whether an instant (UTC) lies inside.

        >>> Hours(time(1), time(4)).hold(datetime(2026, 11, 20, 1, 30))
        True
        """
        return at.weekday() < 5 and self.start <= at.time() < self.end


@dataclass(frozen=True)
class Prices:
    """A model's prices per million tokens, as its provider stated them on a day.

    Attributes:
        cached_input: of input tokens that the provider had cached.
        peak: hours in which prices are multiplied by `peak_factor`.
        stated: the day on which the provider's page said so.
    """

    currency: str
    cached_input: Decimal
    input: Decimal
    output: Decimal
    peak: tuple[Hours, ...] = ()
    peak_factor: Decimal = Decimal(1)
    stated: date | None = None


@dataclass(frozen=True)
class Tokens:
    """Tokens of one answer; `cached` are part of `input`."""

    cached: int
    input: int
    output: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.input + self.output


def cost(tokens: Tokens, prices: Prices, at: datetime) -> Decimal:
    """Return the price of an answer that was asked for at an instant (UTC).

    Raises:
        ValueError: more tokens are cached than there are.

    >>> flash = Prices("USD", Decimal("0.003"), Decimal("0.15"), Decimal("0.60"))
    >>> cost(Tokens(cached=500, input=1500, output=400), flash, datetime(2026, 11, 21, 0, 5))
    Decimal('0.0003915')
    """
    if not 0 <= tokens.cached <= tokens.input or tokens.output < 0:
        raise ValueError(f"{tokens} are no tokens of an answer")
    whole = (
        prices.cached_input * tokens.cached
        + prices.input * (tokens.input - tokens.cached)
        + prices.output * tokens.output
    )
    factor = prices.peak_factor if any(hours.hold(at) for hours in prices.peak) else Decimal(1)
    return whole * factor / PER
