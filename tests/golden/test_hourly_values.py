"""Rows of the hourly sets against plain loops over lists, written from the formulas alone.

The loops know nothing of windows that are joined, cut or shared: sums are sums, averages run from
the first candle of the history. On real candles one row of each year, on synthetic ones the last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import pytest

from forecastlab.features.cross import cross_features
from forecastlab.features.direction import direction_table
from forecastlab.features.direction_scaled import direction_scaled_features
from forecastlab.features.regime import quantile_table
from tests.support.hourly_sets import END, SYMBOL, SYMBOLS, market
from tests.support.market_data import real_market

HISTORY = 2500


@dataclass(frozen=True)
class Past:
    """Columns of the candles up to and including the as-of candle, oldest first."""

    frame: pd.DataFrame

    def __getattr__(self, name: str) -> list[float]:
        return [float(one) for one in self.frame[name]]

    def true_ranges(self) -> list[float]:
        high, low, close = self.high, self.low, self.close
        return [
            max(high[t] - low[t], abs(high[t] - close[t - 1]), abs(low[t] - close[t - 1]))
            for t in range(1, len(close))
        ]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def deviation(values: Sequence[float]) -> float:
    middle = mean(values)
    return math.sqrt(sum((one - middle) ** 2 for one in values) / (len(values) - 1))


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    a, b = mean(first), mean(second)
    shared = sum((x - a) * (y - b) for x, y in zip(first, second, strict=True))
    return shared / ((len(first) - 1) * deviation(first) * deviation(second))


def rank(values: Sequence[float]) -> float:
    below = sum(one < values[-1] for one in values)
    equal = sum(one == values[-1] for one in values)
    return (below + (equal + 1) / 2) / len(values)


def endless(values: Sequence[float], span: float) -> list[float]:
    """Average exponentially from the first value on."""
    weight = 2 / (span + 1)
    found = [values[0]]
    for value in values[1:]:
        found.append(weight * value + (1 - weight) * found[-1])
    return found


def simple_returns(close: Sequence[float]) -> list[float]:
    return [close[t] / close[t - 1] - 1 for t in range(1, len(close))]


def log_returns(close: Sequence[float]) -> list[float]:
    return [math.log(close[t] / close[t - 1]) for t in range(1, len(close))]


def expected_direction(past: Past) -> dict[str, float]:
    close, high, low, volume = past.close, past.high, past.low, past.volume
    bought = past.taker_buy_base
    c = close[-1]
    moves = [close[t] - close[t - 1] for t in range(1, len(close))]
    up, down = (endless([max(sign * one, 0) for one in moves], 12) for sign in (1, -1))
    fast, slow = endless(close, 12), endless(close, 26)
    dif = [a - b for a, b in zip(fast, slow, strict=True)]
    bar = [2 * (a - b) for a, b in zip(dif, endless(dif, 9), strict=True)]
    place = [
        (close[t] - min(low[t - 8 : t + 1])) / (max(high[t - 8 : t + 1]) - min(low[t - 8 : t + 1]))
        for t in range(8, len(close))
    ]
    k = endless(place, 5)
    d = endless(k, 5)
    ofi = [(2 * b - v) / v for b, v in zip(bought, volume, strict=True)]
    typical = [(a + b + e) / 3 for a, b, e in zip(high, low, close, strict=True)][-14:]
    five = [close[t] / close[t - 5] - 1 for t in range(len(close) - 60, len(close))]
    streak = 0
    while past.open[-1 - streak] < close[-1 - streak]:
        streak += 1
    return {
        "ret_13": c / close[-14] - 1,
        "momentum_accel_rel": ((c - close[-6]) - (close[-6] - close[-11])) / c,
        "price_percentile": rank(close[-60:]),
        "dist_MA60": c / mean(close[-60:]) - 1,
        "slope_MA10": mean(close[-10:]) / mean(close[-13:-3]) - 1,
        "ma_cross_5_20_prev": mean(close[-6:-1]) / mean(close[-21:-1]) - 1,
        "macd_dif": dif[-1] / c,
        "macd_bar": bar[-1] / c,
        "macd_bar_change_rel": (bar[-1] - bar[-2]) / c,
        "macd_cross": math.copysign(1, bar[-1]),
        "atr_14": mean(past.true_ranges()[-14:]) / c,
        "rsi12": up[-1] / (up[-1] + down[-1]),
        "rsi12_slope": up[-1] / (up[-1] + down[-1]) - up[-4] / (up[-4] + down[-4]),
        "j": 3 * k[-1] - 2 * d[-1],
        "cci": (typical[-1] - mean(typical))
        / (0.015 * mean([abs(one - mean(typical)) for one in typical]))
        / 200,
        "hvol_20": deviation(log_returns(close)[-20:]) * math.sqrt(24),
        "dist_low_20": (c - min(low[-20:])) / c,
        "vol_price_corr_10": correlation(close[-10:], volume[-10:]),
        "ofi_std5": deviation(ofi[-5:]),
        "ofi_sum_60": sum(ofi[-60:]),
        "ofi_sum_60_slope": (sum(ofi[-60:]) - sum(ofi[-65:-5])) / 60,
        "large_trade_ratio": mean(
            [volume[-j] > 2 * mean(volume[-19 - j : len(volume) + 1 - j]) for j in range(1, 11)]
        ),
        "buy_sell_pressure": sum(b - (v - b) for b, v in zip(bought[-5:], volume[-5:], strict=True))
        / sum(volume[-5:]),
        "bull_streak": streak,
        "max_range_3": max(a - b for a, b in zip(high[-3:], low[-3:], strict=True)) / c,
        "cum_ret_5_rank": rank(five),
        "sharpe_5": five[-1] / deviation(log_returns(close)[-5:]),
    }


def expected_cross(past: Past, reference: Past) -> dict[str, float]:
    own, other = past.close, reference.close
    pairs = simple_returns(own), simple_returns(other)
    return {
        "btc_ret_21": other[-1] / other[-22] - 1,
        "btc_target_corr_20": correlation(pairs[0][-20:], pairs[1][-20:]),
        "btc_target_corr_60": correlation(pairs[0][-60:], pairs[1][-60:]),
        "btc_rel_strength": own[-1] / own[-6] - other[-1] / other[-6],
        "btc_vol_ratio": deviation(log_returns(own)[-20:])
        * math.sqrt(24)
        / deviation(pairs[1][-20:]),
    }


def expected_quantile(past: Past) -> dict[str, float]:
    close = past.close
    widths = [
        2 * deviation(close[t - 19 : t + 1]) / mean(close[t - 19 : t + 1])
        for t in range(len(close) - 120, len(close))
    ]
    basis = [
        1 - quote / volume / price
        for quote, volume, price in zip(past.quote_volume, past.volume, close, strict=True)
    ][-60:]
    return {
        "bb_width": widths[-1],
        "bb_width_rank": rank(widths),
        "trend_r2": correlation(close[-20:], list(range(20))) ** 2,
        "range_ratio": (max(past.high[-3:]) - min(past.low[-3:]))
        / (max(past.high[-20:]) - min(past.low[-20:])),
        "ma60_slope": mean(close[-60:]) / mean(close[-65:-5]) - 1,
        "basis_z": (basis[-1] - mean(basis)) / deviation(basis),
        "taker_imbalance": 2 * past.taker_buy_base[-1] / past.volume[-1] - 1,
    }


def expected_scaled(past: Past, blocks: Past) -> dict[str, float]:
    close, low, high = past.close, past.low, past.high

    def sigma(closes: Sequence[float], span: int, window: int) -> float:
        keep = (span - 1) / (span + 1)
        weights = [keep**j for j in range(window)]
        newest = list(reversed(log_returns(closes)))[:window]
        total = sum(w * one * one for w, one in zip(weights, newest, strict=True))
        return math.sqrt(total / sum(weights))

    hourly, slow = sigma(close, 168, 672), sigma(blocks.close, 20, 80)
    squares = [one * one for one in log_returns(close)]
    net = [2 * b - v for b, v in zip(past.taker_buy_quote, past.quote_volume, strict=True)]
    falls = [one * one for one in log_returns(close)[-24:] if one < 0]
    return {
        "move_24": math.log(close[-1] / close[-25]) / (hourly * math.sqrt(24)),
        "above_mean_168": math.log(close[-1] / mean(close[-168:])) / (hourly * math.sqrt(168)),
        "variance_24_168": math.log(mean(squares[-24:]) / mean(squares[-168:])),
        "range_5_24": math.log(mean(past.true_ranges()[-5:]) / mean(past.true_ranges()[-24:])),
        "downside_24": sum(falls) / sum(squares[-24:]) - 0.5,
        "place_720": (close[-1] - min(low[-720:])) / (max(high[-720:]) - min(low[-720:])) - 0.5,
        "volume_6_168": math.log(mean(past.quote_volume[-6:]) / mean(past.quote_volume[-168:])),
        "imbalance_24": sum(net[-24:]) / sum(past.quote_volume[-24:]),
        "h4_move_5": math.log(blocks.close[-1] / blocks.close[-6]) / (slow * math.sqrt(5)),
    }


DAYS = ("2021-01-20T14", "2022-06-18T20", "2024-08-05T05", "2025-09-30T23")


@pytest.mark.parametrize("open_time", ["synthetic", *DAYS])
def test_rows_equal_plain_loops(open_time: str) -> None:
    if open_time == "synthetic":
        found, at = market(), pd.Timestamp(END) - pd.Timedelta(hours=1)
    else:
        found = real_market(SYMBOLS, ["1h", "4h", "1d"])
        at = pd.Timestamp(open_time, tz="UTC")
    view = found.as_of((at + pd.Timedelta(hours=1)).to_pydatetime())
    past = Past(view.candles(SYMBOL, "1h").frame.tail(HISTORY))
    reference = Past(view.candles("BTCUSDT", "1h").frame.tail(HISTORY))
    blocks = Past(view.candles(SYMBOL, "4h").frame.tail(200))
    assert past.frame.index[-1] == at == reference.frame.index[-1]
    tables = {
        "direction": (direction_table(past.frame, "1h"), expected_direction(past)),
        "cross": (
            cross_features(view, SYMBOL, ("BTCUSDT",), "1h"),
            expected_cross(past, reference),
        ),
        "quantile": (quantile_table(past.frame, "1h"), expected_quantile(past)),
        "scaled": (
            direction_scaled_features(view, SYMBOL, SYMBOLS),
            expected_scaled(past, blocks),
        ),
    }
    for name, (table, expected) in tables.items():
        found_row = table.iloc[-1][list(expected)].to_dict()
        assert found_row == pytest.approx(expected, rel=1e-6, abs=1e-9), name
