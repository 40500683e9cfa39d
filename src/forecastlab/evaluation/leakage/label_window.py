"""L6: a label at t depends on the prices of t … t+T, on each of t+1 … t+T, and on no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np
import pandas as pd

from forecastlab.contracts.candles import Candles, as_datetime
from forecastlab.contracts.errors import DataUnavailable
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.records import utc_text
from forecastlab.evaluation.leakage.culprit import candle_text
from forecastlab.evaluation.leakage.findings import CheckReport, Finding, in_words, size

Labels = Callable[[Candles], pd.DataFrame]
"""Candles -> `label`, `as_of`, `resolves_at`, index `open_time`; a missing label has no row."""

DATES: Final = 24
"""As-ofs around which closes are altered."""

_PRICES: Final = ("open", "high", "low", "close")

_JUMPS: Final = (4.0, 0.25)
"""Factors that carry a price over any level, up and down."""


def label_window(
    name: str,
    labels: Labels,
    candles: Candles,
    *,
    horizon: int,
    seed: int,
    looks_at: Sequence[int] | None = None,
    reads: Sequence[str] | None = None,
) -> CheckReport:
    """Alter prices inside and outside of label windows and see which labels change.

    Args:
        name: the candidate.
        horizon: T, candles.
        looks_at: candles ahead whose prices must count; None for all of 1 … T.
        reads: price columns of the candles ahead that must count, each by itself; the others must
            not, and of the as-of candle the close alone may. None: any price may.

    Raises:
        DataUnavailable: there is no label to test.
    """
    world = _World(name, labels, candles, horizon, labels(candles))
    if world.honest.empty:
        raise DataUnavailable(
            f"there is no label of {name} to test.", remedy="Bring more history of its candles."
        )
    random = np.random.default_rng(seed)
    known = np.flatnonzero(~np.isnan(world.values(world.honest)))
    dates = np.sort(random.choice(known, min(DATES, len(known)), replace=False))
    factors = 10.0 ** random.uniform(-1, 1, len(candles))
    tried = [
        _instants(world),
        _outside(world, dates, factors, later=False),
        _outside(world, dates, factors, later=True),
        _unfinished(world, dates),
        _unused(world, looks_at or range(1, horizon + 1), reads),
        _unread(world, dates, factors, reads) if reads is not None else None,
    ]
    cells = len(world.honest) * (2 + 5 * len(dates) + 2 * horizon * len(reads or (1,)))
    return CheckReport("L6", cells, tuple(one for one in tried if one is not None))


@dataclass(frozen=True, eq=False)
class _World:
    """Candles, the label rule on them, and what it says to them as they are."""

    name: str
    labels: Labels
    candles: Candles
    horizon: int
    honest: pd.DataFrame

    def values(self, table: pd.DataFrame) -> np.ndarray:
        """Return the label per candle, missing where there is none."""
        return table["label"].reindex(self.candles.frame.index).to_numpy(dtype="float64")

    def relabelled(self, factors: np.ndarray, columns: Sequence[str] = _PRICES) -> np.ndarray:
        """Return the labels after the prices of each candle were multiplied by its factor."""
        return self.altered(dict.fromkeys(columns, factors))

    def altered(self, factors: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the labels after each column was multiplied by factors of its own."""
        frame = self.candles.frame.copy()
        for name, own in factors.items():
            frame[name] = frame[name] * own
        return self.values(self.labels(Candles(self.candles.symbol, self.candles.interval, frame)))

    def until(self, place: int) -> np.ndarray:
        """Return the labels of the candles up to the one at `place`."""
        frame = self.candles.frame.iloc[: place + 1]
        return self.values(self.labels(Candles(self.candles.symbol, self.candles.interval, frame)))

    def whole_windows(self) -> np.ndarray:
        """Return the places whose window is gapless; a rule may give some of them no label."""
        opens = pd.DatetimeIndex(self.candles.frame.index)
        ahead = np.asarray(opens[self.horizon :] - opens[: len(opens) - self.horizon])
        span = self.horizon * DURATION[self.candles.interval]
        return np.flatnonzero(ahead == np.timedelta64(span))

    def flattened(self, places: np.ndarray) -> _World:
        """Return the world in which nothing happens after some as-ofs: prices stay at the close."""
        frame, ahead = self.candles.frame.copy(), np.arange(1, self.horizon + 1)
        after = (places[:, None] + ahead).ravel()
        close = np.repeat(frame["close"].to_numpy()[places], self.horizon)
        for name in _PRICES:
            values = frame[name].to_numpy(copy=True)
            values[after] = close
            frame[name] = values
        candles = Candles(self.candles.symbol, self.candles.interval, frame)
        return replace(self, candles=candles, honest=self.labels(candles))

    def finding(self, place: int, culprit: int | None, change: float, why: str) -> Finding:
        """Report the label of the candle at `place`, which the candle at `culprit` changes."""
        opens, interval = self.candles.frame.index, self.candles.interval
        as_of = as_datetime(opens[place]) + DURATION[interval]
        candle = None
        if culprit is not None:
            candle = candle_text(self.candles.symbol, interval, as_datetime(opens[culprit]))
        moved = size(change)
        with_candle = f" with {candle}" if candle else ""
        sentence = (
            f"{self.name}: the label as of {utc_text(as_of)} {in_words(moved)}{with_candle}; {why}."
        )
        return Finding("L6", self.name, as_of, candle, moved, sentence)


def _instants(world: _World) -> Finding | None:
    """Check what the labels say of themselves: `as_of` and `resolves_at`."""
    step = DURATION[world.candles.interval]
    as_of = pd.DatetimeIndex(world.honest.index + step)
    resolves = as_of + world.horizon * step
    stated = world.honest["as_of"], world.honest["resolves_at"]
    wrong = np.asarray((stated[0] != as_of) | (stated[1] != resolves))
    if not wrong.any():
        return None
    at = as_datetime(as_of[int(wrong.argmax())])
    sentence = (
        f"{world.name}: the label as of {utc_text(at)} states another as_of or resolves_at than its"
        f" candle and its horizon of {world.horizon} candles give."
    )
    return Finding("L6", world.name, at, None, None, sentence)


def _outside(
    world: _World, dates: np.ndarray, factors: np.ndarray, *, later: bool
) -> Finding | None:
    """Alter all closes before t (no label from t on may change), or after t+T (none up to t)."""
    honest, places = world.values(world.honest), np.arange(len(world.candles))
    for t in dates:
        outside = places > t + world.horizon if later else places < t
        safe = places <= t if later else places >= t
        found = world.relabelled(np.where(outside, factors, 1.0))
        wrong = np.flatnonzero(safe & ~_same(honest, found))
        if len(wrong):
            place = int(wrong[-1] if later else wrong[0])
            reach = range(1, len(honest))
            steps = (place + world.horizon + k if later else place - k for k in reach)
            culprit = _culprit(
                world, place, [k for k in steps if 0 <= k < len(honest) and outside[k]]
            )
            side = "after t+T" if later else "before t"
            why = f"a close {side} must not count (T = {world.horizon})"
            return world.finding(place, culprit, found[place] - honest[place], why)
    return None


def _culprit(world: _World, place: int, candidates: list[int]) -> int | None:
    """Return the nearest candle that changes the label at `place` alone."""
    honest = world.values(world.honest)[place]
    for candidate in candidates[: 3 * world.horizon]:
        for jump in _JUMPS:
            factors = np.ones(len(world.candles))
            factors[candidate] = jump
            if not _same(honest, world.relabelled(factors)[place]):
                return candidate
    return None


def _unfinished(world: _World, dates: np.ndarray) -> Finding | None:
    """Check that a label is there once t+T has closed, and missing one candle earlier."""
    honest = world.values(world.honest)
    for t in dates:
        whole = world.until(t + world.horizon)[t]
        if not _same(honest[t], whole):
            why = "its window was whole without the candles after t+T"
            return world.finding(t, None, whole - honest[t], why)
        early = world.until(t + world.horizon - 1)[t]
        if not np.isnan(early):
            why = "it is given before t+T has closed, and should be missing"
            return world.finding(t, t + world.horizon, np.nan, why)
    return None


def _unused(world: _World, looks_at: Sequence[int], reads: Sequence[str] | None) -> Finding | None:
    """Check that for each k that the rule looks at some label changes with the candle t+k.

    Where the rule says which columns it reads, each of them must count by itself.
    """
    groups = [(name,) for name in reads] if reads is not None else [_PRICES]
    # So far apart that the window of one as-of holds the altered close of no other.
    far = 2 * world.horizon + 2
    whole = world.whole_windows()
    anchors = whole[np.r_[True, np.diff(whole // far) > 0]]
    for k, columns in product(looks_at, groups):
        # In a short or wild market every label may be decided before t+k.
        if not (
            _matters(world, anchors, k, columns)
            or _matters(world.flattened(anchors), anchors, k, columns)
        ):
            price = columns[0] if len(columns) == 1 else "price"
            sentence = (
                f"{world.name}: none of {len(anchors)} labels changes with the {price} t+{k}; the"
                f" window must be t+1 … t+{world.horizon}."
            )
            return Finding("L6", world.name, None, None, None, sentence)
    return None


def _matters(world: _World, anchors: np.ndarray, k: int, columns: Sequence[str]) -> bool:
    """Say whether some label changes if the candle k ahead of it jumps up or down."""
    honest = world.values(world.honest)[anchors]
    for jump in _JUMPS:
        factors = np.ones(len(world.candles))
        factors[anchors + k] = jump
        if not _same(honest, world.relabelled(factors, columns)[anchors]).all():
            return True
    return False


def _unread(
    world: _World, dates: np.ndarray, factors: np.ndarray, reads: Sequence[str]
) -> Finding | None:
    """Alter every column that the rule must not read: no label may change."""
    honest, places = world.values(world.honest), np.arange(len(world.candles))
    for t in dates:
        foreign = {
            name: np.where((places > t) & (name in reads), 1.0, factors)
            for name in _PRICES
            if name != "close"
        }
        # The as-of close counts in every rule; the others' only where closes are read.
        closes = (places == t) | ((places > t) & ("close" in reads))
        found = world.altered({**foreign, "close": np.where(closes, 1.0, factors)})[t]
        if not _same(honest[t], found):
            why = f"it may read the as-of close and {', '.join(reads)} of what follows alone"
            return world.finding(int(t), None, found - honest[t], why)
    return None


def _same(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.asarray((left == right) | (np.isnan(left) & np.isnan(right)))
