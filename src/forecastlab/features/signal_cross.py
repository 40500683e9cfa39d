"""The eleven columns of `signal_v2_7` that look at other symbols.

Their names are the original's, and so is what they compute: `lag` means the candle that closed
last, `4h` in `btc_trend_4h` means twenty hours, returns are fractions. Candles are matched by their
open; where a symbol has none, nothing is carried forward.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.features.feature import Source
from forecastlab.features.holes import compute_by_stretch
from forecastlab.features.windows import Series, change, window_correlation, window_mean

BITCOIN: Final = "BTCUSDT"
ETHER: Final = "ETHUSDT"

LEAST_SYMBOLS: Final = 3
"""Symbols, the signal's own included, without which there is no market to speak of."""

HOURS: Final = 24
"""Returns behind a correlation."""

_TREND: Final = 20
_BITCOIN_LAGS: Final = (1, 2, 4, 24)
_ETHER_LAGS: Final = (1, 2)

CROSS: Final[tuple[tuple[str, str, str, int, Source], ...]] = (
    *(
        (
            f"btc_return_{n}h_lag",
            f"{BITCOIN}: close over that {n} before, less 1; 0 for {BITCOIN} itself",
            "fraction",
            n + 1,
            "price",
        )
        for n in _BITCOIN_LAGS
    ),
    (
        "btc_trend_4h",
        f"{BITCOIN}: 1 above the mean of its last {_TREND} closes, else 0; 0 for {BITCOIN} itself",
        "0 or 1",
        _TREND,
        "price",
    ),
    *(
        (
            f"eth_return_{n}h_lag",
            f"{ETHER}: close over that {n} before, less 1; 0 for {ETHER} itself",
            "fraction",
            n + 1,
            "price",
        )
        for n in _ETHER_LAGS
    ),
    (
        "market_return_1h",
        f"mean return of the candle over the symbols that have it, {LEAST_SYMBOLS} or more",
        "fraction",
        2,
        "price",
    ),
    (
        "market_bullish_ratio",
        f"share of these symbols that rose, of {LEAST_SYMBOLS} or more",
        "share",
        2,
        "price",
    ),
    (
        "btc_eth_corr_24h",
        f"correlation of the last {HOURS} returns of {BITCOIN} and {ETHER}",
        "ratio",
        HOURS + 1,
        "price",
    ),
    (
        "btc_target_corr_24h",
        f"correlation of the last {HOURS} returns with those of {BITCOIN}; 0 for {BITCOIN} itself",
        "ratio",
        HOURS + 1,
        "price",
    ),
)
"""Name, formula, unit, lookback, source; in order."""

_OF_BITCOIN: Final = (
    *(f"btc_return_{n}h_lag" for n in _BITCOIN_LAGS),
    "btc_trend_4h",
    "btc_target_corr_24h",
)
_OF_ETHER: Final = tuple(f"eth_return_{n}h_lag" for n in _ETHER_LAGS)


def structural_zeros(symbol: str) -> tuple[str, ...]:
    """Return the columns that are 0 for a symbol because it is not compared with itself.

    >>> structural_zeros("ETHUSDT"), len(structural_zeros("BTCUSDT"))
    (('eth_return_1h_lag', 'eth_return_2h_lag'), 6)
    """
    return {BITCOIN: _OF_BITCOIN, ETHER: _OF_ETHER}.get(symbol, ())


def cross_columns(view: MarketView, symbol: str, market: tuple[str, ...]) -> pd.DataFrame:
    """Compute the columns at every hour of a symbol in the view.

    Args:
        market: the symbols whose returns make the market's, the signal's own included.

    Returns:
        Index `open_time` (the symbol's hours), the columns of `CROSS`; NaN where one is missing.
    """
    closes = view.candles(symbol, "1h").frame[["close"]].set_axis([symbol], axis=1)
    for one in dict.fromkeys((BITCOIN, ETHER, *market)):
        if one != symbol:
            known = view.has(one, "1h")
            closes[one] = (
                view.candles(one, "1h").frame["close"].reindex(closes.index) if known else np.nan
            )
    names = [name for name, *_ in CROSS]
    found = compute_by_stretch(
        closes, "1h", names, lambda stretch: _columns(stretch, symbol, market)
    )
    found[list(structural_zeros(symbol))] = 0.0
    return found


def _columns(closes: pd.DataFrame, symbol: str, market: tuple[str, ...]) -> Mapping[str, Series]:
    close = {one: closes[one].to_numpy(dtype="float64") for one in closes.columns}
    bitcoin, ether, own = close[BITCOIN], close[ETHER], close[symbol]
    moves = {one: change(close[one]) for one in dict.fromkeys((BITCOIN, ETHER, symbol, *market))}
    mean = window_mean(bitcoin, _TREND)
    rise, share = _market([moves[one] for one in market], len(own))
    return {
        **{f"btc_return_{n}h_lag": change(bitcoin, n) for n in _BITCOIN_LAGS},
        "btc_trend_4h": np.where(np.isfinite(mean), (bitcoin > mean) * 1.0, np.nan),
        **{f"eth_return_{n}h_lag": change(ether, n) for n in _ETHER_LAGS},
        "market_return_1h": rise,
        "market_bullish_ratio": share,
        "btc_eth_corr_24h": window_correlation(moves[BITCOIN], moves[ETHER], HOURS),
        "btc_target_corr_24h": window_correlation(moves[BITCOIN], moves[symbol], HOURS),
    }


def _market(moves: list[Series], rows: int) -> tuple[Series, Series]:
    """Return the mean return and the share that rose, of the symbols that have the candle."""
    there, total, risen = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    for one in moves:
        known = np.isfinite(one)
        there += known
        total += np.where(known, one, 0.0)
        risen += known & (np.where(known, one, 0.0) > 0)
    enough = np.where(there >= LEAST_SYMBOLS, there, np.nan)
    return total / enough, risen / enough
