"""What is asked of a direction forecast beyond its scores: simpler numbers, money, quarters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.intervals import per_day
from forecastlab.contracts.verdicts import (
    PUBLISHED,
    BucketEntry,
    DirectionFindings,
    Estimate,
    PeriodRanks,
    RankEntry,
)
from forecastlab.evaluation.economics import ROUND_TRIP, by_probability
from forecastlab.evaluation.ranks import (
    auc_by_period,
    auc_difference,
    auc_interval,
    quarters,
)
from forecastlab.evaluation.scores import Forecasts, log_loss
from forecastlab.evaluation.simple_forecasts import (
    VOLATILITY_HOURS,
    closes_on_grid,
    forward_return,
    reversal_rules,
    trailing_volatility,
    volatility_only,
)
from forecastlab.evaluation.uncertainty import Interval, mean_interval
from forecastlab.usecases.walk_forward import OutOfFold

VOLATILITY: Final = f"volatility_{VOLATILITY_HOURS}h"

_Kind = Literal["forecast", "volatility", "rule"]

_DIGITS: Final = 6


@dataclass(frozen=True, eq=False)
class Scored:
    """The scored as-ofs of a candidate of 0 and 1.

    Attributes:
        opens: of the as-of candles, ascending.
        published: the published forecasts.
        members: the members' forecasts of the same as-ofs.
        reference: the base rate that the gains are over.
        horizon, block: in candles; the block is that of rank scores.
    """

    opens: pd.DatetimeIndex
    published: Forecasts
    members: Mapping[str, Forecasts]
    reference: Forecasts
    horizon: int
    block: int


def direction_findings(
    scored: Scored, found: OutOfFold, candles: Mapping[str, Candles], symbol: str
) -> DirectionFindings:
    """Compare with volatility alone and with reversal rules, and look at money and quarters.

    Args:
        found: the whole walk-forward, whose earlier rows the volatility-only model is fitted on.
        candles: of every symbol of the recipe, of its interval, as known at the end.
    """
    closes = {name: closes_on_grid(one) for name, one in candles.items() if len(one)}
    own = closes[symbol]
    ahead = forward_return(own, scored.horizon).reindex(scored.opens).to_numpy()
    interval = candles[symbol].interval
    day = VOLATILITY_HOURS * per_day(interval) // 24
    volatility = trailing_volatility(own, max(day, 1))
    rules = reversal_rules(closes, symbol, interval)
    chance = volatility_forecasts(volatility, found, scored.opens)
    happened, horizon = scored.published.positions(), scored.horizon
    alone = log_loss(np.column_stack([1 - chance, chance]), happened)
    published = log_loss(scored.published.probabilities, happened)
    base = log_loss(scored.reference.probabilities, happened)
    return DirectionFindings(
        block=scored.block,
        one_sided=bool(((ahead > 0) != (happened == 1)).any()),
        ranks=_ranks(scored, ahead > 0, volatility, rules),
        volatility_log_loss=rounded(float(alone.mean()), _DIGITS),
        volatility_gain=as_estimate(mean_interval(base - alone, horizon=horizon)),
        gain_over_volatility=as_estimate(mean_interval(alone - published, horizon=horizon)),
        cost=ROUND_TRIP,
        buckets=_buckets(scored, ahead),
        quarters=_quarters(scored, ahead > 0),
    )


def as_estimate(interval: Interval) -> Estimate:
    """Return an interval as documents state it; what is undetermined is None."""
    ends = (interval.low, interval.high)
    known = all(map(math.isfinite, ends))
    return Estimate(
        value=rounded(interval.estimate, _DIGITS) if math.isfinite(interval.estimate) else None,
        ci95=(rounded(ends[0], _DIGITS), rounded(ends[1], _DIGITS)) if known else None,
    )


def volatility_forecasts(
    volatility: pd.Series, found: OutOfFold, opens: pd.DatetimeIndex
) -> np.ndarray:
    """Forecast every labelled row of the walk-forward by volatility; return P(up) of those scored.

    Each fold's fit knows the labels that had resolved before its first as-of.

    Args:
        opens: of labelled rows.
    """
    # Beside a gap a label is missing for good: such rows happened neither way.
    rows = found.rows.loc[found.rows["label"].notna()]
    resolves, as_of = (
        pd.DatetimeIndex(rows[name]).as_unit("ms").asi8 for name in ("resolves_at", "as_of")
    )
    fold = rows["fold"].to_numpy()
    first = np.r_[True, np.diff(fold) != 0]
    starts = as_of[first][np.cumsum(first) - 1]
    # Labels resolve in the order of their rows.
    known = np.searchsorted(resolves, starts, side="left")
    chance = volatility_only(
        volatility.reindex(rows.index).to_numpy(), (rows["label"] == 1).to_numpy(), known, fold
    )
    return chance[rows.index.get_indexer(opens)]


def _ranks(
    scored: Scored, up: np.ndarray, volatility: pd.Series, rules: Mapping[str, pd.Series]
) -> tuple[RankEntry, ...]:
    ours, label = scored.published.column(1), scored.published.labels == 1
    numbers: list[tuple[str, _Kind, np.ndarray]] = [(PUBLISHED, "forecast", ours)]
    numbers += [(name, "forecast", one.column(1)) for name, one in scored.members.items()]
    simple: list[tuple[str, _Kind, pd.Series]] = [(VOLATILITY, "volatility", volatility)]
    simple += [(name, "rule", one) for name, one in rules.items()]
    # Beside a gap a number is missing: it ranks in the middle.
    numbers += [
        (name, kind, (row := one.reindex(scored.opens)).fillna(row.median()).to_numpy())
        for name, kind, one in simple
    ]
    block = scored.block
    return tuple(
        RankEntry(
            name=name,
            kind=kind,
            label_auc=as_estimate(auc_interval(number, label, block=block)),
            sign_auc=as_estimate(auc_interval(number, up, block=block)),
            behind=None
            if name == PUBLISHED
            else as_estimate(auc_difference(ours, number, label, block=block)),
        )
        for name, kind, number in numbers
    )


def _buckets(scored: Scored, ahead: np.ndarray) -> tuple[BucketEntry, ...]:
    table = by_probability(
        scored.published.column(1), scored.reference.column(1), ahead, block=scored.block
    )
    return tuple(
        BucketEntry(
            lowest=rounded(row["lowest"], _DIGITS),
            highest=rounded(row["highest"], _DIGITS),
            mean=rounded(row["mean"], _DIGITS),
            rows=row["rows"],
            forward=rounded(row["forward"], _DIGITS),
            side=row["side"],
            gross=rounded(row["gross"], _DIGITS),
            net=Estimate(
                value=rounded(row["net"], _DIGITS),
                ci95=(rounded(row["low"], _DIGITS), rounded(row["high"], _DIGITS)),
            ),
        )
        for row in table.to_dict("records")
    )


def _quarters(scored: Scored, up: np.ndarray) -> tuple[PeriodRanks, ...]:
    ours, periods = scored.published.column(1), quarters(scored.opens)
    label = auc_by_period(ours, scored.published.labels == 1, periods, block=scored.block)
    sign = auc_by_period(ours, up, periods, block=scored.block)
    return tuple(
        PeriodRanks(
            period=str(period),
            rows=int(label.loc[period, "rows"]),
            label_auc=_of_period(label.loc[period]),
            sign_auc=_of_period(sign.loc[period]),
        )
        for period in label.index
    )


def _of_period(row: pd.Series) -> Estimate:
    value, low, high = (float(row[name]) for name in ("auc", "low", "high"))
    return Estimate(
        value=rounded(value, _DIGITS) if math.isfinite(value) else None,
        ci95=(rounded(low, _DIGITS), rounded(high, _DIGITS)) if math.isfinite(low) else None,
    )
