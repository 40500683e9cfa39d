"""The variant `scaled` of `direction`: hourly rows free of every level, so that symbols can pool.

Returns and distances are counted in the symbol's own standard deviations: a tree learns the same
from each symbol, and cannot read the date off a price, a volume or a volatility. Inputs are the
symbol's hours, its closed 4h and 1d candles, and the hours of the other symbols.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import MarketView
from forecastlab.contracts.intervals import DURATION, Interval
from forecastlab.features import direction_scaled_columns as columns
from forecastlab.features.cross import base_asset
from forecastlab.features.feature import Feature, FeatureKey, FeatureSet, Source
from forecastlab.features.holes import compute_by_stretch, milliseconds
from forecastlab.features.technical import DEA_LOOKBACK, DIF_LOOKBACK
from forecastlab.features.windows import EWMA_SPANS

NAME: Final = "direction"
VARIANT: Final = "scaled"
LEADERS: Final = ("BTCUSDT", "ETHUSDT")
"""Symbols whose own moves are columns."""
SLOW: Final[tuple[Interval, ...]] = ("4h", "1d")

_MOVES: Final = tuple(f"move_{n}" for n in columns.MARKET_RETURNS)
_SIGMA: Final = columns.SIGMA_WINDOW + 1
_SLOW_SIGMA: Final = columns.SLOW_SIGMA_WINDOW + 1


def direction_scaled_features(
    view: MarketView, symbol: str, market_symbols: tuple[str, ...]
) -> pd.DataFrame:
    """Compute the set at every hourly candle of a symbol in the view.

    Args:
        market_symbols: symbols whose mean is the market. One that has no candle at a row yet is
            left out of the mean there; three must have one.

    Returns:
        Index `open_time` (the symbol's 1h candles), columns `direction_scaled_set().columns`; NaN
        where a value is missing. A 4h or 1d value is that of the newest candle of its grid, and
        missing where the exchange has none.

    Raises:
        DataUnavailable: the market lacks the 1h, 4h or 1d candles of the symbol, or the 1h candles
            of a leader or of a symbol of the market.
    """
    hours = view.candles(symbol, "1h").frame
    parts = [_hourly(hours), _market(view, symbol, market_symbols, hours.index)]
    parts += [_slow(view.candles(symbol, one).frame, one, hours.index) for one in SLOW]
    return pd.concat(parts, axis=1).loc[:, list(direction_scaled_set().columns)]


@lru_cache(maxsize=1)
def direction_scaled_set() -> FeatureSet:
    """Describe the set.

    >>> len(direction_scaled_set().columns)
    81
    """
    slow = (one for interval in SLOW for one in _slow_rows(interval))
    features = (*_price_rows(), *_spread_rows(), *_activity_rows(), *_market_rows(), *slow)
    return FeatureSet(NAME, VARIANT, features, "1h", rows=_rows)


def _rows(view: MarketView, symbol: str, key: FeatureKey) -> pd.DataFrame:
    return direction_scaled_features(view, symbol, key.references)


def _hourly(hours: pd.DataFrame) -> pd.DataFrame:
    names = [one.name for one in (*_price_rows(), *_spread_rows(), *_activity_rows())]
    return compute_by_stretch(hours, "1h", names, columns.hourly_columns)


def _slow(candles: pd.DataFrame, interval: Interval, opens: pd.Index) -> pd.DataFrame:
    """Return the columns of the newest candle that had closed at each hour's close."""
    prefix = _prefix(interval)
    names = [one.name.removeprefix(prefix) for one in _slow_rows(interval)]
    table = compute_by_stretch(candles, interval, names, columns.slow_columns)
    # The newest candle of the grid; an older one would be another quantity under the same name.
    step_ms, hour_ms = (_ms(one) for one in (interval, "1h"))
    newest_ms = (milliseconds(opens) + hour_ms) // step_ms * step_ms - step_ms
    at = pd.DatetimeIndex(newest_ms.astype("datetime64[ms]")).tz_localize("UTC")
    return table.reindex(at).set_axis(opens).add_prefix(prefix)


def _market(
    view: MarketView, symbol: str, market_symbols: tuple[str, ...], opens: pd.Index
) -> pd.DataFrame:
    moves = {
        one: _moves_at(view.candles(one, "1h").frame, opens)
        for one in dict.fromkeys((symbol, *LEADERS, *market_symbols))
    }
    table = columns.market_columns(moves[symbol], [moves[one] for one in market_symbols])
    for leader in LEADERS:
        prefix = base_asset(leader)
        for n in columns.LEADER_RETURNS:
            table[f"{prefix}_move_{n}"] = moves[leader][f"move_{n}"]
    return pd.DataFrame(table, index=opens)


def _moves_at(hours: pd.DataFrame, opens: pd.Index) -> dict[str, np.ndarray]:
    table = compute_by_stretch(hours, "1h", _MOVES, columns.market_moves)
    if not table.index.equals(opens):
        table = table.reindex(opens)
    return {name: table[name].to_numpy() for name in _MOVES}


def _prefix(interval: Interval) -> str:
    return {"1h": "h1_", "4h": "h4_", "1d": "d1_"}[interval]


def _ms(interval: Interval) -> int:
    return int(DURATION[interval].total_seconds()) * 1000


def _price_rows() -> Iterator[Feature]:
    bound = f"within ±{columns.BOUND:g}"
    yield from (_move("move", "", n) for n in columns.RETURNS)
    for n in columns.AVERAGES:
        words = f"log of close over its mean of {n} hours, over sigma √{n}, {bound}"
        yield _feature(f"above_mean_{n}", words, "standard deviations", max(n, _SIGMA))
    for n in columns.RSI_SPANS:
        words = f"gains over gains and losses, EWMAs of span {n} over {EWMA_SPANS * n} moves, - .5"
        yield _feature(f"centred_rsi_{n}", words, "fraction", EWMA_SPANS * n + 1)
    dif = f"EWMA of span 12 less that of 26 of the close, each over {EWMA_SPANS} spans"
    lines = (("dif", dif, DIF_LOOKBACK), ("bar", f"{dif}, less its EWMA of span 9", DEA_LOOKBACK))
    for name, words, lookback in lines:
        formula = f"{words}, over close and sigma, {bound}"
        yield _feature(f"macd_{name}_sigma", formula, "standard deviations", max(lookback, _SIGMA))


def _spread_rows() -> Iterator[Feature]:
    bound = f"within ±{columns.LOG_BOUND:g}"
    for name, words, pairs in (
        ("range", "mean true range", columns.RANGE_RATIOS),
        ("variance", "mean squared log return", columns.VARIANCE_RATIOS),
    ):
        for short, long in pairs:
            formula = f"log of the {words} of {short} hours over that of {long}, {bound}"
            yield _feature(f"{name}_{short}_{long}", formula, "log ratio", long + 1)
    for n in columns.DOWNSIDES:
        words = f"share of {n} hours' squared returns that fell, - .5"
        yield _feature(f"downside_{n}", words, "fraction", n + 1)
    for n in columns.PLACES:
        words = f"place of the close in the range of {n} hours, - .5"
        yield _feature(f"place_{n}", words, "fraction", n)
    for name, words in (
        ("signed_body", "close less open"),
        ("upper_wick", "high less body"),
        ("lower_wick", "body less low"),
    ):
        yield _feature(name, f"{words}, over high less low; 0 in no range", "fraction", 1)
    words = f"log of high over low, over sigma, at most {columns.BOUND:g}"
    yield _feature("range_sigma", words, "standard deviations", _SIGMA)


def _activity_rows() -> Iterator[Feature]:
    usual, bound = columns.ACTIVITY, f"within ±{columns.LOG_BOUND:g}"
    against = f"hours over that of {usual}, {bound}"
    for n in columns.VOLUMES:
        words = f"log of the mean quote volume of {n} {against}"
        yield _feature(f"volume_{n}_{usual}", words, "log ratio", usual, source="volume")
    words = f"log of the mean number of trades of {columns.TRADES} {against}"
    name = f"trades_{columns.TRADES}_{usual}"
    yield _feature(name, words, "log ratio", usual, source="trades")
    for n in columns.IMBALANCES:
        words = f"taker buys less taker sells over both, in quote volume of {n} hours"
        yield _feature(f"imbalance_{n}", words, "fraction", n, source="taker_flow")
    for name, of in (
        ("day", "hour / 24"),
        ("half_day", "hour / 12"),
        ("week", "weekday / 7"),
    ):
        for wave in ("sin", "cos"):
            words = f"{wave} of 2π × {of} of the open (UTC)"
            yield _feature(f"{name}_{wave}", words, "wave", 1, source="calendar")


def _market_rows() -> Iterator[Feature]:
    for leader in LEADERS:
        prefix = f"{base_asset(leader)}_move"
        yield from (_move(prefix, f"{leader}: ", n) for n in columns.LEADER_RETURNS)
    unit = "standard deviations"
    for n in columns.MARKET_RETURNS:
        lookback = max(n + 1, _SIGMA)
        mean = f"mean of move_{n} over the market's symbols with such an hour"
        yield _feature(f"market_move_{n}", mean, unit, lookback)
        if n in columns.STRENGTHS:
            yield _feature(f"strength_{n}", f"move_{n} less market_move_{n}", unit, lookback)
        if n == columns.DISPERSION:
            words = f"standard deviation of move_{n} over the market's symbols"
            yield _feature(f"dispersion_{n}", words, unit, lookback)


def _slow_rows(interval: Interval) -> Iterator[Feature]:
    prefix, newest = _prefix(interval), f"at the newest closed {interval} candle"
    span, bound = columns.SLOW_SIGMA_SPAN, f"within ±{columns.BOUND:g}"
    sigma = f"s √{{}}, s² = EWMA of squared log returns of span {span} over {_SLOW_SIGMA - 1}"

    def one(name: str, formula: str, unit: str, lookback: int, source: Source) -> Feature:
        return Feature(prefix + name, f"{formula}, {newest}", unit, lookback, interval, source)

    for n in columns.SLOW_RETURNS:
        words = f"log of close over that {n} before, over {sigma.format(n)}, {bound}"
        yield one(f"move_{n}", words, "standard deviations", _SLOW_SIGMA, "price")
    n = columns.SLOW_AVERAGE
    words = f"log of close over its mean of {n}, over {sigma.format(n)}, {bound}"
    yield one(f"above_mean_{n}", words, "standard deviations", _SLOW_SIGMA, "price")
    n = columns.SLOW_RSI_SPAN
    words = f"gains over gains and losses, EWMAs of span {n} over {EWMA_SPANS * n} moves, - .5"
    yield one(f"centred_rsi_{n}", words, "fraction", EWMA_SPANS * n + 1, "price")
    short, long = columns.SLOW_VOLUMES
    words = f"log of the mean quote volume of {short} over that of {long}"
    yield one(f"volume_{short}_{long}", words, "log ratio", long, "volume")


def _move(prefix: str, whose: str, n: int) -> Feature:
    sigma = f"EWMA of squared hourly log returns of span {columns.SIGMA_SPAN}"
    words = (
        f"{whose}log of close over that {n} hours before, over sigma √{n}, within"
        f" ±{columns.BOUND:g}; sigma² = {sigma} over {columns.SIGMA_WINDOW}"
    )
    return _feature(f"{prefix}_{n}", words, "standard deviations", max(n + 1, _SIGMA))


def _feature(
    name: str, formula: str, unit: str, lookback: int, *, source: Source = "price"
) -> Feature:
    return Feature(name, formula, unit, lookback, "1h", source)
