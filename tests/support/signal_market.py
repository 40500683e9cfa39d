"""The five symbols of the signal on one synthetic market, and the sets' slow definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Final

import pandas as pd

from forecastlab.contracts.candles import Candles, Market, MarketView
from forecastlab.contracts.intervals import DURATION
from forecastlab.features.feature import FeatureKey
from forecastlab.features.signal import set_name
from tests.support.synthetic import START, synthetic_market, without

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT")
DAYS: Final = 60
HOUR: Final = DURATION["1h"]
END: Final = START + DAYS * DURATION["1d"]
WINDOW: Final = 100


def key(version: str) -> FeatureKey:
    """Return the key of a version's set on the five symbols."""
    return FeatureKey(set_name(version), interval="1h", references=SYMBOLS)


@lru_cache(maxsize=2)
def market(seed: int = 4) -> Market:
    """Draw five symbols without a hole."""
    return synthetic_market(DAYS, SYMBOLS, seed=seed, intervals=("1h", "4h", "1d"))


@lru_cache(maxsize=1)
def market_with_holes() -> Market:
    """The same; hours are missing for all, a reference lacks some, and one is listed late."""
    found = market()
    for symbol in SYMBOLS:
        lost = [START + k * HOUR for k in (700, 701, 702, *range(900, 920))]
        found = without(found, symbol, "1h", lost)
        blocks = [START + k * HOUR for k in (904, 908, 912)]
        found = without(found, symbol, "4h", blocks)
    found = without(found, "BTCUSDT", "1h", [START + 1100 * HOUR])
    series = [
        one
        if one.symbol != "SOLUSDT"
        else Candles(one.symbol, one.interval, one.frame.loc[pd.Timestamp(START + 500 * HOUR) :])
        for one in found.series()
    ]
    return Market(series)


def slow_row(view: MarketView, symbol: str) -> dict[str, float]:
    """Compute the 30 values of the newest hour by loops over lists, from the definitions alone."""
    own = _last(view, symbol, "1h", WINDOW)
    four = _last(view, symbol, "4h", WINDOW)
    row = _own(own, "")
    blocks = _own(four, "_4h")
    kept = ("rsi_14", "macd", "macd_signal", "ma_20", "volume_ma_20", "atr_14")
    row |= {f"{name}_4h": blocks[f"{name}_4h"] for name in kept}
    return row | _cross(view, symbol)


def _own(frame: pd.DataFrame, mark: str) -> dict[str, float]:
    high, low, close, volume = (
        [float(one) for one in frame[name]] for name in ("high", "low", "close", "volume")
    )
    fast, slow = seeded(close, 12), seeded(close, 26)
    macd = [a - b for a, b in zip(fast[14:], slow, strict=True)]
    signal = seeded(macd, 9)
    middle = mean(close[-20:])
    band = 2 * math.sqrt(sum((one - middle) ** 2 for one in close[-20:]) / 19)
    row = {
        "rsi_14": rsi(close),
        "macd": macd[-1],
        "macd_signal": signal[-1],
        "macd_hist": macd[-1] - signal[-1],
        "ma_20": middle,
        "ma_50": mean(close[-50:]),
        "bb_upper": middle + band,
        "bb_middle": middle,
        "bb_lower": middle - band,
        "atr_14": atr(high, low, close),
        "volume": volume[-1],
        "volume_ma_20": mean(volume[-20:]),
        "price_change_pct": (close[-1] / close[-2] - 1) * 100,
    }
    return {f"{name}{mark}": value for name, value in row.items()}


def seeded(values: Sequence[float], span: int) -> list[float]:
    """Average exponentially, started from the mean of the first `span` values."""
    found = [mean(values[:span])]
    for value in values[span:]:
        found.append(found[-1] + 2 / (span + 1) * (value - found[-1]))
    return found


def rsi(close: Sequence[float]) -> float:
    """Return Wilder's RSI(14), its averages started from the first change."""
    moves = [b - a for a, b in pairwise(close)]
    gain, loss = max(moves[0], 0.0), max(-moves[0], 0.0)
    for move in moves[1:]:
        gain += (max(move, 0.0) - gain) / 14
        loss += (max(-move, 0.0) - loss) / 14
    return 100 * gain / (gain + loss)


def atr(high: Sequence[float], low: Sequence[float], close: Sequence[float]) -> float:
    """Return Wilder's ATR(14), started from the mean of the first 14 ranges."""
    ranges = [high[0] - low[0]]
    for t in range(1, len(close)):
        before = close[t - 1]
        ranges.append(max(high[t] - low[t], abs(high[t] - before), abs(low[t] - before)))
    found = mean(ranges[:14])
    for one in ranges[14:]:
        found = (13 * found + one) / 14
    return found


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return sum(values) / len(values)


def _cross(view: MarketView, symbol: str) -> dict[str, float]:
    closes = {
        one: [float(c) for c in _last(view, one, "1h", 26)["close"]]
        for one in SYMBOLS
        if view.has(one, "1h")
    }

    def over(one: str, hours: int) -> float:
        return closes[one][-1] / closes[one][-1 - hours] - 1

    def returns(one: str) -> list[float]:
        return [b / a - 1 for a, b in pairwise(closes[one])][-24:]

    bitcoin, ether = symbol != "BTCUSDT", symbol != "ETHUSDT"
    moves = [over(one, 1) for one in SYMBOLS]
    above = closes["BTCUSDT"][-1] > mean(closes["BTCUSDT"][-20:])
    return {
        **{f"btc_return_{n}h_lag": over("BTCUSDT", n) if bitcoin else 0.0 for n in (1, 2, 4, 24)},
        "btc_trend_4h": float(above) if bitcoin else 0.0,
        **{f"eth_return_{n}h_lag": over("ETHUSDT", n) if ether else 0.0 for n in (1, 2)},
        "market_return_1h": mean(moves),
        "market_bullish_ratio": mean([float(one > 0) for one in moves]),
        "btc_eth_corr_24h": pearson(returns("BTCUSDT"), returns("ETHUSDT")),
        "btc_target_corr_24h": pearson(returns("BTCUSDT"), returns(symbol)) if bitcoin else 0.0,
    }


def pearson(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the correlation."""
    a, b = mean(first), mean(second)
    shared = sum((x - a) * (y - b) for x, y in zip(first, second, strict=True))
    spread = sum((x - a) ** 2 for x in first) * sum((y - b) ** 2 for y in second)
    return shared / math.sqrt(spread)


def _last(view: MarketView, symbol: str, interval: str, candles: int) -> pd.DataFrame:
    frame: pd.DataFrame = view.candles(symbol, interval).frame.iloc[-candles:]  # type: ignore[arg-type]
    return frame


def at(hours: int) -> datetime:
    """Return an instant so many hours after the market's start."""
    return START + hours * HOUR
