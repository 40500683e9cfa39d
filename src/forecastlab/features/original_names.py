"""What the earlier hourly system's columns are worth here, by their names.

Its client sends 101 columns: 80 of one symbol, 21 of three references. Most of them are columns of
`direction` and `cross` under the same name. Others have a successor under a name of its own; where
that is a function of columns that were sent, it is computed here, without any approximation:

- `momentum_accel` is in price units, but `ret_5` and `roc_10` hold the same three closes;
- `macd_bar_change` is in price units, but `macd_bar` and `ret_1` hold what it is made of;
- `cum_ofi` depends on where the history begins, but `ofi` is what it sums;
- the correlations named the target; here every target has them under one name.

A value whose window reaches back before the first row that was sent is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecastlab.contracts.intervals import Interval
from forecastlab.features.cross import CORRELATIONS, base_asset, cross_set
from forecastlab.features.direction import direction_set
from forecastlab.features.direction_columns import OFI_WINDOW
from forecastlab.features.windows import Series, lagged, window_sum


@dataclass(frozen=True)
class Successor:
    """How a column is made of others: `make` takes them in the order of `of`."""

    of: tuple[str, ...]
    make: Callable[..., Series]


GONE: Final = frozenset({"momentum_accel", "macd_bar_change", "cum_ofi", "cum_ofi_slope"})
"""Columns that no member reads any more; what they told is told by others."""

_OPTIONAL: Final = ("above_vwap_", "bb_", "kd_", "kdj_", "mfi", "obv_", "vwap_")
"""How the names of columns begin that its client sent in some set-ups; no member reads them."""


def original_names(symbol: str, interval: Interval, references: tuple[str, ...]) -> frozenset[str]:
    """Return the names of the columns that the earlier system's client sends for a symbol.

    >>> found = original_names("ETHUSDT", "1h", ("BTCUSDT",))
    >>> [name in found for name in ("cum_ofi", "oi_change", "btc_eth_corr_20", "btc_x")]
    [True, True, True, False]
    """
    made_of = (name for one in successors(symbol, references).values() for name in one.of)
    columns = (*direction_set(interval).columns, *cross_set(references, interval).columns)
    return frozenset((*columns, *made_of)) | GONE


def is_optional(name: str) -> bool:
    """Say whether its client sent a column of this name in some set-ups alone.

    >>> is_optional("bb_pct_b"), is_optional("ret_1")
    (True, False)
    """
    return name.startswith(_OPTIONAL)


def successors(symbol: str, references: tuple[str, ...]) -> Mapping[str, Successor]:
    """Return the columns that can be made of the earlier system's, for a symbol.

    >>> found = successors("ETHUSDT", ("BTCUSDT",))
    >>> found["btc_target_corr_20"].of
    ('btc_eth_corr_20',)
    >>> one = found["momentum_accel_rel"]
    >>> close, before, long_before = 110.0, 100.0, 80.0
    >>> made = one.make(np.array([close / before - 1]), np.array([close / long_before - 1]))
    >>> bool(abs(made[0] - (close - 2 * before + long_before) / close) < 1e-15)
    True
    """
    total = f"ofi_sum_{OFI_WINDOW}"
    found = {
        "momentum_accel_rel": Successor(("ret_5", "roc_10"), _bend),
        "macd_bar_change_rel": Successor(("macd_bar", "ret_1"), _bar_change),
        total: Successor(("ofi",), lambda ofi: window_sum(ofi, OFI_WINDOW)),
        f"{total}_slope": Successor(("ofi",), _total_slope),
    }
    target = base_asset(symbol)
    for one in references:
        prefix = base_asset(one)
        for n in CORRELATIONS:
            alias = Successor((f"{prefix}_{target}_corr_{n}",), _same)
            found[f"{prefix}_target_corr_{n}"] = alias
    return found


def _bend(change_of_5: Series, change_of_10: Series) -> Series:
    return 1.0 - 2.0 / (1.0 + change_of_5) + 1.0 / (1.0 + change_of_10)


def _bar_change(bar: Series, change_of_1: Series) -> Series:
    return bar - lagged(bar, 1) / (1.0 + change_of_1)


def _total_slope(imbalance: Series) -> Series:
    total = window_sum(imbalance, OFI_WINDOW)
    return (total - lagged(total, 5)) / OFI_WINDOW


def _same(values: Series) -> Series:
    return np.asarray(values, dtype="float64")
