"""Training sets and tasks for networks: what happens depends on the rows before the as-of's."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from forecastlab.models.base import TrainingSet
from forecastlab.models.sequence.tasks import Task, Windows
from forecastlab.targets.reversal import ReversalTarget

DAY = pd.Timedelta(days=1)
SYMBOLS = ("BTCUSDT", "ETHUSDT")
LENGTH = 6


def feature_rows(days: int, seed: int) -> pd.DataFrame:
    """Rows of one symbol: `signal` and `noise` are drawn, `flat` never changes."""
    random = np.random.default_rng(seed)
    opens = pd.date_range("2020-01-01", periods=days, tz="UTC", unit="ms", name="open_time")
    drawn = {name: random.normal(size=days) for name in ("signal", "noise")}
    return pd.DataFrame({**drawn, "flat": 7.0}, index=opens)


def memory_of(rows: pd.DataFrame) -> pd.Series:
    """Return the mean signal of the five rows before each, which its own row does not show."""
    return rows["signal"].rolling(5).mean().shift(1)


def training_set(
    days: int = 400, *, name: str = "T5_X8", symbols: tuple[str, ...] = SYMBOLS, every: int = 1
) -> TrainingSet:
    """A market whose label is the sign of `memory_of`; labels of every `every`-th row."""
    target = ReversalTarget.from_name(name)
    tables = {one: feature_rows(days, seed) for seed, one in enumerate(symbols)}
    labels = {}
    for one, rows in tables.items():
        memory = memory_of(rows).dropna()
        as_of = pd.DatetimeIndex(memory.index) + DAY
        label = np.where(memory > 0.15, 1, np.where(memory < -0.15, -1, 0))
        columns = {"label": label, "as_of": as_of, "resolves_at": as_of + target.horizon * DAY}
        labels[one] = pd.DataFrame(columns, index=memory.index).iloc[: -target.horizon : every]
    names = ["symbol", "open_time"]
    return TrainingSet(
        symbol=symbols[0],
        target=target,
        until=(tables[symbols[0]].index[-1] + DAY + timedelta(days=1)).to_pydatetime(),
        features={"flow": pd.concat(tables, names=names)},
        labels=pd.concat(labels, names=names),
        daily=pd.DataFrame(),
    )


def task(rows: int, seed: int, *, heads: int = 2, classes: int = 3, symbols: int = 2) -> Task:
    """A task of drawn rows: the first head depends on the row before the last, others on noise."""
    random = np.random.default_rng(seed)
    table = random.normal(size=(rows, 4)).astype("float32")
    last = np.arange(LENGTH - 1, rows)
    happened = random.integers(0, classes, size=(len(last), heads))
    happened[:, 0] = np.digitize(table[last - 1, 0], [-0.5, 0.5])
    happened[::7, -1] = -1
    symbol = random.integers(0, symbols, size=len(last))
    cut = len(last) * 3 // 4
    base = np.log(np.full((symbols, heads, classes), 1 / classes)).astype("float32")
    fit, stop = (
        Windows(last[part], symbol[part], happened[part]) for part in (slice(cut), slice(cut, None))
    )
    return Task(table, fit, stop, base)
