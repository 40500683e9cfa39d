"""Small made-up worlds for labels and out-of-fold forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import COLUMNS, Candles, open_index
from forecastlab.targets.reversal import ReversalTarget

DAY_MS = 86_400_000
CLASSES = (-1, 0, 1)


def daily_candles(
    closes: Sequence[float] | np.ndarray, *, missing: Sequence[int] = (), symbol: str = "BTCUSDT"
) -> Candles:
    """Return daily candles from 1970-01-01 with these closes, without the candles `missing`."""
    frame = pd.DataFrame(
        {name: np.asarray(closes, dtype="float64") for name in COLUMNS},
        index=open_index(np.arange(len(closes)) * DAY_MS),
    )
    return Candles(symbol, "1d", frame.drop(frame.index[list(missing)]))


def random_labels(days: int, horizon: int, seed: int = 0) -> pd.DataFrame:
    """Return overlapping reversal labels of a random walk."""
    steps = np.random.default_rng(seed).normal(0, 0.03, days)
    candles = daily_candles(100 * np.exp(np.cumsum(steps)))
    return ReversalTarget(horizon, 0.08).labels(candles)


def out_of_fold(
    days: int = 400, horizon: int = 5, step: int = 21, seed: int = 0
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return rows and two members' forecasts: `clever` is calibrated and sharp, `noisy` is blunt.

    Labels keep for `horizon` days. The last `horizon` rows have no label yet.
    """
    random = np.random.default_rng(seed)
    index = open_index(np.arange(days) * DAY_MS)
    as_of = pd.DatetimeIndex(index + timedelta(days=1))
    chances = random.dirichlet([0.8, 0.8, 0.8], days // horizon + 1)
    drawn = (chances.cumsum(axis=1) < random.random((len(chances), 1))).sum(axis=1)
    chances, cells = (np.repeat(one, horizon, axis=0)[:days] for one in (chances, drawn))
    label = np.asarray(CLASSES)[cells].astype("float64")
    label[days - horizon :] = np.nan
    rows = pd.DataFrame(
        {
            "as_of": as_of,
            "resolves_at": as_of + timedelta(days=horizon),
            "label": label,
            "fold": np.arange(days) // step,
        },
        index=index,
    )
    tables = {"clever": chances, "noisy": random.dirichlet([90, 90, 90], days)}
    members = {
        name: pd.DataFrame(table, index=index, columns=list(CLASSES))
        for name, table in tables.items()
    }
    return rows, members


def end_of(rows: pd.DataFrame) -> datetime:
    """Return the cut-off right after the last row: its as-of."""
    last: pd.Timestamp = rows["as_of"].iloc[-1]
    return last.to_pydatetime().astimezone(UTC)
