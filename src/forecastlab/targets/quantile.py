"""The forward return, of which quantiles are forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.targets.base import labelled, whole_windows


@dataclass(frozen=True)
class ForwardReturn:
    """The log of c_{t+horizon} / c_t.

    Attributes:
        horizon: candles, at least 1.
    """

    horizon: int

    def values(self, candles: Candles) -> pd.DataFrame:
        """Return the returns whose whole window is there, without a gap.

        Index `open_time` (ascending, a subset of the candles'); columns `value` (float64, log
        units), `as_of` and `resolves_at` (UTC; `resolves_at = as_of + horizon · interval`).

        >>> from forecastlab.contracts.candles import COLUMNS, open_index
        >>> opens = open_index(np.arange(3) * 3_600_000)
        >>> frame = pd.DataFrame({name: [1.0, np.e, np.e] for name in COLUMNS}, index=opens)
        >>> ForwardReturn(1).values(Candles("BTCUSDT", "1h", frame))["value"].tolist()
        [1.0, 0.0]
        """
        known = np.flatnonzero(whole_windows(candles, ahead=self.horizon))
        close = candles.frame["close"].to_numpy(dtype="float64")
        returns = np.log(close[known + self.horizon] / close[known])
        table = labelled(returns, known, candles, horizon=self.horizon)
        return table.rename(columns={"label": "value"})
