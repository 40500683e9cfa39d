"""The simplest forecasts of a direction: one number each, which every model must beat.

Trailing volatility alone ranks a one-sided label ("above 0.3 % in 5 h") with an AUC of .58 on
BTCUSDT 1h, without knowing a side; and each horizon has a return whose mere reversal ranks the sign
with an AUC of .53 to .54. What does not beat these has learnt nothing of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.intervals import DURATION, Interval, per_day

VOLATILITY_HOURS: Final = 24
"""Window of the trailing volatility."""

SHORT_HOURS, LONG_HOURS = 3, 24
"""Windows of the returns whose reversal is tried: the symbol's own, and the market's over the
longer one."""

_LEAST_ROWS: Final = 100
"""Fewest resolved rows that the volatility-only model is fitted on."""

_RIDGE: Final = 1.0
_NEWTON_STEPS: Final = 25


def closes_on_grid(candles: Candles) -> pd.Series:
    """Return the closes on every open of the interval, missing where there is no candle.

    >>> from forecastlab.contracts.candles import COLUMNS, open_index
    >>> opens = open_index(np.array([0, 2]) * 3_600_000)
    >>> frame = pd.DataFrame({name: [1.0, 2.0] for name in COLUMNS}, index=opens)
    >>> closes_on_grid(Candles("BTCUSDT", "1h", frame)).isna().tolist()
    [False, True, False]
    """
    close = candles.frame["close"]
    opens = pd.DatetimeIndex(close.index)
    grid = pd.date_range(opens[0], opens[-1], freq=DURATION[candles.interval], unit=opens.unit)
    return close.reindex(grid)


def past_return(close: pd.Series, candles: int) -> pd.Series:
    """Return the return over the candles up to each one, a fraction.

    >>> past_return(pd.Series([100.0, 110.0]), 1).round(3).tolist()
    [nan, 0.1]
    """
    return close / close.shift(candles) - 1


def forward_return(close: pd.Series, candles: int) -> pd.Series:
    """Return the return over the candles after each one, a fraction; what is to be forecast.

    >>> forward_return(pd.Series([100.0, 110.0]), 1).round(3).tolist()
    [0.1, nan]
    """
    return close.shift(-candles) / close - 1


def trailing_volatility(close: pd.Series, candles: int) -> pd.Series:
    """Return the root mean square of the log returns of the last candles; missing beside a gap.

    >>> trailing_volatility(pd.Series([1.0, np.e, 1.0]), 2).tolist()
    [nan, nan, 1.0]
    """
    squares = pd.Series(np.log(close).diff() ** 2)
    return squares.rolling(candles).mean() ** 0.5


def market_return(closes: Mapping[str, pd.Series], candles: int) -> pd.Series:
    """Return the mean past return of the symbols that have one.

    >>> up, late = pd.Series([100.0, 110.0]), pd.Series([np.nan, 5.0])
    >>> market_return({"A": up, "B": late}, 1).round(3).tolist()
    [nan, 0.1]
    """
    returns = [past_return(one, candles) for one in closes.values()]
    return pd.concat(returns, axis=1).mean(axis=1)


def reversal_rules(
    closes: Mapping[str, pd.Series], symbol: str, interval: Interval
) -> dict[str, pd.Series]:
    """Return minus the recent returns, by name: the greater, the likelier a rise.

    A window that is no whole number of candles is left out.

    >>> hours = pd.date_range("2025-01-01", periods=30, freq="h", tz="UTC")
    >>> list(reversal_rules({"BTCUSDT": pd.Series(1.0, index=hours)}, "BTCUSDT", "1h"))
    ['minus_3h_return', 'minus_24h_return', 'minus_market_24h_return']
    """
    found = {}
    for hours in (SHORT_HOURS, LONG_HOURS):
        candles, rest = divmod(hours * per_day(interval), 24)
        if not rest:
            found[f"minus_{hours}h_return"] = -past_return(closes[symbol], candles)
    found[f"minus_market_{LONG_HOURS}h_return"] = -market_return(closes, per_day(interval))
    return found


def volatility_only(
    volatility: np.ndarray, happened: np.ndarray, known: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    """Forecast a label by a logistic regression on the log of volatility, refitted at each fold.

    Before 100 resolved rows, and where volatility is missing, the frequency so far is forecast.

    Args:
        volatility: shape (rows,), oldest first.
        happened: whether class 1 happened, shape (rows,); not read where unresolved.
        known: per row the number of rows, counted from the first, whose label had resolved by the
            first as-of of the row's fold, shape (rows,).
        fold: number of the row's fold, shape (rows,), ascending.

    Returns:
        P(class 1), shape (rows,).

    >>> random = np.random.default_rng(0)
    >>> volatility = np.exp(random.standard_normal(3000))
    >>> happened = random.random(3000) < 1 / (1 + 1 / volatility)
    >>> fold = np.arange(3000) // 1000
    >>> chance = volatility_only(volatility, happened, fold * 1000, fold)
    >>> bool(np.corrcoef(chance[1000:], np.log(volatility[1000:]))[0, 1] > 0.9)
    True
    """
    chance = np.empty(len(volatility))
    logs = np.log(volatility)
    usable = np.isfinite(logs)
    for number in np.unique(fold):
        ahead = fold == number
        past = np.zeros(len(logs), dtype=bool)
        past[: int(known[ahead][0])] = True
        rate = (happened[past].sum() + 1) / (past.sum() + 2)
        chance[ahead] = rate
        past &= usable
        if past.sum() >= _LEAST_ROWS:
            ahead &= usable
            chance[ahead] = _logistic(logs[past], happened[past], logs[ahead])
    return chance


def _logistic(x: np.ndarray, happened: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Fit logit P = a + b · z of standardised x, with a weak ridge on b, and forecast `ahead`."""
    centre, spread = x.mean(), x.std() or 1.0
    design = np.column_stack([np.ones(len(x)), (x - centre) / spread])
    ridge, point = np.array([0.0, _RIDGE]), np.zeros(2)
    # From an intercept at the logit of the frequency Newton's steps cannot overshoot far.
    rate = (happened.sum() + 1) / (len(x) + 2)
    point[0] = np.log(rate / (1 - rate))
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-design @ point))
        gradient = design.T @ (chance - happened) + ridge * point
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        point = point - step
        if np.abs(step).max() < 1e-10:
            break
    return np.asarray(1 / (1 + np.exp(-(point[0] + point[1] * (ahead - centre) / spread))))
