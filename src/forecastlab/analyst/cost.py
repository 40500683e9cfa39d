"""What an answer of an LLM costs, to the token and in decimals."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from forecastlab.contracts.llm import Prices, Tokens

PER: Final = Decimal(1_000_000)
"""Prices are per million tokens."""


def cost(tokens: Tokens, prices: Prices, at: datetime) -> Decimal:
    """Return the price of an answer that was asked for at an instant (UTC).

    Raises:
        ValueError: more tokens are cached than there are.

    >>> flash = Prices(stated="2026-10-31", currency="USD", cached_input="0.003", input="0.15",
    ...     output="0.60")
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
