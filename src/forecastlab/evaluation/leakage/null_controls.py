"""L8: where there is nothing to find, the verdict `better` must be as rare as chance allows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.records import Verdict
from forecastlab.evaluation.leakage.findings import CheckReport, Finding

SHARE: Final = 0.05
"""Share of seeds in which a verdict may be `better` by chance."""

_DOUBT: Final = 0.02
"""Chance of more `better` seeds than are allowed, if `SHARE` is true."""


def null_controls(name: str, verdicts: Iterable[Mapping[str, Verdict]]) -> CheckReport:
    """Count the verdicts `better`, per candidate, over seeds of a world with nothing to find.

    Args:
        name: the world, as `shuffled labels`.
        verdicts: per seed, candidate -> verdict.
    """
    seeds = list(verdicts)
    allowed = most_better(len(seeds))
    findings = []
    for candidate in dict.fromkeys(key for one in seeds for key in one):
        better = sum(one.get(candidate) == "better" for one in seeds)
        if better > allowed:
            sentence = (
                f"{candidate}: {better} of {len(seeds)} seeds of {name} are `better`;"
                f" chance gives more than {allowed} in {_DOUBT:.0%} of the cases."
            )
            share = round(better / len(seeds), 4)
            findings.append(Finding("L8", candidate, None, None, share, sentence))
    return CheckReport("L8", sum(len(one) for one in seeds), tuple(findings))


def most_better(seeds: int) -> int:
    """Return how many of the seeds may be `better`: more happen in 2 % of the cases if 5 % is true.

    >>> most_better(20), most_better(100)
    (3, 10)
    """
    at_most, total = -1, 0.0
    while total < 1 - _DOUBT:
        at_most += 1
        total += math.comb(seeds, at_most) * SHARE**at_most * (1 - SHARE) ** (seeds - at_most)
    return at_most


def shuffled_labels(labels: pd.DataFrame, symbol: str, *, block: int, seed: int) -> pd.DataFrame:
    """Give every as-of the label of another day, in blocks of days, the same for all symbols.

    Blocks keep how labels overlap and how symbols move together; what they had to do with the
    features of their day is gone.

    Args:
        labels: index (`symbol`, `open_time`), columns `label`, `as_of`, `resolves_at`.
        symbol: whose labelled days are permuted; other symbols lose the rows that have no label on
            the other day.
        block: days.
    """
    own = labels.index.get_level_values("symbol") == symbol
    days = pd.DatetimeIndex(labels.index.get_level_values("open_time")[own])
    random = np.random.default_rng(seed)
    circle = np.roll(np.arange(len(days)), random.integers(len(days)))
    parts = np.array_split(circle, max(len(days) // block, 1))
    order = np.concatenate([parts[one] for one in random.permutation(len(parts))])
    kept = labels.loc[labels.index.get_level_values("open_time").isin(days)]
    here = days.get_indexer(kept.index.get_level_values("open_time"))
    there = pd.MultiIndex.from_arrays(
        [kept.index.get_level_values("symbol"), days[order[here]]], names=labels.index.names
    )
    values = labels["label"].reindex(there).to_numpy(dtype="float64")
    found = kept.loc[~np.isnan(values)]
    shuffled: pd.DataFrame = found.assign(label=values[~np.isnan(values)].astype("int64"))
    return shuffled
