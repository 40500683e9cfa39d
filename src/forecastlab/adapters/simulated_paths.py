"""The law of the simulated market: seeded hourly candles of correlated symbols. Pure.

For day d and its hour k, with a common and an own part of every normal draw:

    log volatility    x_d: AR(1), variance 1, half-life 30 days; 0.7 of the variance is common
    daily volatility  s_d = S exp(vol_of_vol x_d - vol_of_vol^2), so that E[s_d^2] = S^2 always
    flow pressure     f_d: AR(1), variance 1, half-life 7 days, the symbol's own
    shock             z_dk: standard normal; 0.6 of the variance is common
    log return        r_dk = s_d (drift_signal f_{d-1} / 24 + z_dk / sqrt(24))
    taker-buy share   0.5 + 0.02 f_d + 0.01 tanh(z_dk) + 0.01 u_dk, u_dk standard normal

Given the past, the log return of day d has the mean `drift_signal s_d f_{d-1}` and, summed over the
next T days at constant volatility, `drift_signal S f (1 - phi^T) / (1 - phi)`, phi = 2^(-1/7); f is
read off the day's taker-buy share, `f = (share - 0.5) / 0.02` up to noise of variance 0.02. With
`drift_signal` 0 the log price is a martingale; with `vol_of_vol` 0 the volatility is constant, S.
High and low are those of a Brownian path between open and close.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np

HOURS: Final = 24

HALF_LIFE_OF_VOLATILITY: Final = 30.0
"""Days in which a deviation of the log volatility halves."""

HALF_LIFE_OF_FLOW: Final = 7.0
"""Days in which a deviation of the flow pressure halves."""

FLOW_SHARE: Final = 0.02
"""What one unit of flow pressure adds to the taker-buy share."""

_COMMON_RETURN: Final = 0.6
_COMMON_VOLATILITY: Final = 0.7


@dataclass(frozen=True)
class Asset:
    """What distinguishes a symbol.

    Attributes:
        price: first open, in quote currency.
        decimals: decimals of a price.
        volatility: S, the root mean square of the daily log return.
        volume: typical hourly volume, in base currency.
    """

    price: float
    decimals: int
    volatility: float
    volume: float


ASSETS: Final = {
    "BTCUSDT": Asset(14_000.0, 2, 0.030, 2_000.0),
    "ETHUSDT": Asset(750.0, 4, 0.036, 20_000.0),
    "BNBUSDT": Asset(9.0, 6, 0.036, 80_000.0),
    "SOLUSDT": Asset(25.0, 6, 0.045, 100_000.0),
    "ADAUSDT": Asset(0.75, 8, 0.042, 4_000_000.0),
}

OTHER: Final = Asset(100.0, 6, 0.036, 10_000.0)
"""Any other symbol."""


def hourly_values(
    symbol: str, days: int, *, seed: int, drift_signal: float, vol_of_vol: float
) -> np.ndarray:
    """Draw the hourly candles of `days` days; more days never change earlier ones.

    Returns:
        float64, shape (24 * days, len(COLUMNS)), in the order of `COLUMNS`.

    >>> hourly_values("BTCUSDT", 2, seed=7, drift_signal=0.0, vol_of_vol=0.5).shape
    (48, 9)
    """
    asset, draw = ASSETS.get(symbol, OTHER), _Draws(seed, symbol)
    level = vol_of_vol * _shared(
        _persistent(draw.common("volatility", days), HALF_LIFE_OF_VOLATILITY),
        _persistent(draw.own("volatility", days), HALF_LIFE_OF_VOLATILITY),
        _COMMON_VOLATILITY,
    )
    sigma = asset.volatility * np.exp(level - vol_of_vol**2)
    flow = _persistent(draw.own("flow", days), HALF_LIFE_OF_FLOW)
    pressed = np.r_[0.0, flow][:days]
    hours = days * HOURS
    shock = _shared(draw.common("shock", hours), draw.own("shock", hours), _COMMON_RETURN)
    hourly_sigma = np.repeat(sigma, HOURS) / np.sqrt(HOURS)
    returns = np.repeat(drift_signal * sigma * pressed / HOURS, HOURS) + hourly_sigma * shock
    prices = _prices(asset, returns, hourly_sigma, draw)
    share = 0.5 + FLOW_SHARE * np.repeat(flow, HOURS) + 0.01 * np.tanh(shock)
    activity = np.repeat(0.8 * level, HOURS) + 0.3 * np.abs(shock)
    return np.column_stack([prices, _volumes(asset, prices, activity, share, draw)])


class _Draws:
    """Standard normal series by name; each has its own stream, so that a longer one extends it."""

    def __init__(self, seed: int, symbol: str) -> None:
        self._seed, self._symbol = seed, symbol

    def common(self, name: str, length: int) -> np.ndarray:
        return self._stream(f"all symbols: {name}").standard_normal(length)

    def own(self, name: str, length: int) -> np.ndarray:
        return self._stream(f"{self._symbol}: {name}").standard_normal(length)

    def exponential(self, name: str, length: int) -> np.ndarray:
        return self._stream(f"{self._symbol}: {name}").standard_exponential(length)

    def _stream(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self._seed, zlib.crc32(name.encode())])


def _shared(common: np.ndarray, own: np.ndarray, common_share: float) -> np.ndarray:
    mixed: np.ndarray = np.sqrt(common_share) * common + np.sqrt(1 - common_share) * own
    return mixed


def _persistent(steps: np.ndarray, half_life: float) -> np.ndarray:
    """Turn standard normal steps into a stationary AR(1) of variance 1."""
    pull = 0.5 ** (1 / half_life)
    scale = (1 - pull**2) ** 0.5
    return np.array(list(accumulate(steps.tolist(), lambda x, step: pull * x + scale * step)))


def _prices(asset: Asset, returns: np.ndarray, sigma: np.ndarray, draw: _Draws) -> np.ndarray:
    """Return open, high, low and close, shape (hours, 4)."""
    path = asset.price * np.exp(np.r_[0.0, np.cumsum(returns)])
    open_, close = path[:-1], path[1:]
    up = _excursion(returns, sigma, draw.exponential("high", len(returns)))
    down = _excursion(-returns, sigma, draw.exponential("low", len(returns)))
    prices = np.column_stack([open_, open_ * np.exp(up), open_ * np.exp(-down), close])
    # A price stays positive however far a strong drift carries it.
    prices = np.maximum(np.round(prices, asset.decimals), 10.0**-asset.decimals)
    # Rounding keeps the order, except where exp and log leave a bound one float below a price.
    prices[:, 1] = prices.max(axis=1)
    prices[:, 2] = prices.min(axis=1)
    return prices


def _excursion(returns: np.ndarray, sigma: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return the maximum of a Brownian bridge from 0 to `returns`, exact in distribution.

    It exceeds b with the probability exp(-2 b (b - returns) / sigma^2); `draws` are exponential.
    """
    reach: np.ndarray = (returns + np.sqrt(returns**2 + 2 * sigma**2 * draws)) / 2
    return reach


def _volumes(
    asset: Asset, prices: np.ndarray, activity: np.ndarray, share: np.ndarray, draw: _Draws
) -> np.ndarray:
    """Return volume, quote volume, trades, taker-buy base and quote, shape (hours, 5)."""
    hours = len(prices)
    volume = np.round(asset.volume * np.exp(activity + 0.3 * draw.own("volume", hours)), 5)
    size = asset.volume / 20_000 * np.exp(0.1 * draw.own("trades", hours))
    mean_price = prices.mean(axis=1)
    bought = np.clip(share + 0.01 * draw.own("share", hours), 0.05, 0.95)
    taker = np.round(volume * bought, 5)
    tilt = 1 + 1e-3 * np.tanh(draw.own("price", hours))
    return np.column_stack(
        [
            volume,
            np.round(volume * mean_price, 5),
            np.ceil(volume / size),
            taker,
            np.round(taker * mean_price * tilt, 5),
        ]
    )
