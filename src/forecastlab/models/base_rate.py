"""Class frequencies: the bar that every other model must clear.

At an as-of only labels that have resolved by then count, whatever day they belong to; counting by
the touch instead would see mostly events. Frequencies carry one extra count per class, so that a
class without a label keeps a probability above 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd

from forecastlab.contracts.canonical import canonical_bytes, number, parse_document, whole
from forecastlab.contracts.errors import (
    BundleRefused,
    DataMalformed,
    DataUnavailable,
    UsageError,
)
from forecastlab.models.base import TrainingSet

TRAILING_DAYS: Final = 365
"""Resolved days that the trailing base rate counts."""

FILE: Final = "base_rate.json"


def expanding_rate(
    labels: pd.DataFrame, as_ofs: pd.DatetimeIndex, classes: Sequence[int]
) -> pd.DataFrame:
    """Return per as-of the frequencies of all labels resolved in (−∞, as_of].

    Args:
        labels: columns `label`, `resolves_at`.

    Returns:
        Index `as_ofs`, columns `classes`; rows sum to 1.

    >>> resolved = pd.DatetimeIndex(["2021-01-01", "2021-01-02", "2021-01-03"], tz="UTC")
    >>> labels = pd.DataFrame({"label": [0, 1, 1], "resolves_at": resolved})
    >>> expanding_rate(labels, resolved[1:2], (0, 1)).to_numpy().round(3).tolist()
    [[0.5, 0.5]]
    """
    return _rates(_resolved_counts(labels, as_ofs, classes), as_ofs, classes)


def trailing_rate(
    labels: pd.DataFrame,
    as_ofs: pd.DatetimeIndex,
    classes: Sequence[int],
    *,
    resolved_days: int = TRAILING_DAYS,
) -> pd.DataFrame:
    """Return per as-of the frequencies of labels resolved in (as_of − `resolved_days`, as_of].

    Args and result as in `expanding_rate`.

    >>> resolved = pd.DatetimeIndex(["2021-01-01", "2021-01-02", "2021-01-03"], tz="UTC")
    >>> labels = pd.DataFrame({"label": [0, 1, 1], "resolves_at": resolved})
    >>> trailing_rate(labels, resolved[2:], (0, 1), resolved_days=2).to_numpy().tolist()
    [[0.25, 0.75]]
    """
    older = pd.DatetimeIndex(as_ofs - timedelta(days=resolved_days))
    counts = _resolved_counts(labels, as_ofs, classes) - _resolved_counts(labels, older, classes)
    return _rates(counts, as_ofs, classes)


def hindsight_rate(
    labels: pd.DataFrame, as_ofs: pd.DatetimeIndex, classes: Sequence[int]
) -> pd.DataFrame:
    """Return the constant that fits the labels of these as-ofs best; nobody could have known it.

    Raises:
        DataUnavailable: none of the as-ofs has a label.

    >>> as_of = pd.DatetimeIndex(["2021-01-01", "2021-01-02"], tz="UTC")
    >>> labels = pd.DataFrame({"label": [0, 1], "as_of": as_of})
    >>> hindsight_rate(labels, as_of, (0, 1)).iloc[0].tolist()
    [0.5, 0.5]
    """
    own = labels.loc[labels["as_of"].isin(as_ofs), "label"].to_numpy()
    if not len(own):
        raise DataUnavailable("no as-of has a label yet.", remedy="Widen the span that is scored.")
    shares = _one_hot(own, classes).mean(axis=0)
    return pd.DataFrame(np.tile(shares, (len(as_ofs), 1)), index=as_ofs, columns=list(classes))


@dataclass(frozen=True)
class RateCounts:
    """Class counts of all labels resolved in (−∞, until]: what a bundle keeps at its cut-off.

    With these, serving needs only the labels of recent candles to give the expanding base rate.
    """

    classes: tuple[int, ...]
    counts: tuple[int, ...]
    until: datetime

    @classmethod
    def of(cls, labels: pd.DataFrame, classes: Sequence[int], *, until: datetime) -> Self:
        """Count the labels that have resolved by `until`."""
        counts = _resolved_counts(labels, pd.DatetimeIndex([until]), classes)[0]
        return cls(tuple(classes), tuple(int(count) for count in counts), until)

    def rates(self, labels: pd.DataFrame, as_ofs: pd.DatetimeIndex) -> pd.DataFrame:
        """Return what `expanding_rate` gives on the full history, from later labels alone.

        Where the labels begin after `until`, those between are in neither count (`reached` says
        so): a bundle that is older than its serving window still has a base rate.

        Args:
            labels: columns `label`, `resolves_at`.
            as_ofs: instants at or after `until`.

        Raises:
            UsageError: an as-of lies before `until`; its labels cannot be taken out again.
        """
        until = pd.Timestamp(self.until)
        if (as_ofs < until).any():
            raise UsageError(
                f"the base rate is asked for {as_ofs.min()}, before its cut-off ({until}).",
                remedy="Ask from the cut-off on.",
            )
        base = _resolved_counts(labels, pd.DatetimeIndex([self.until]), self.classes)
        since = _resolved_counts(labels, as_ofs, self.classes) - base
        return _rates(np.asarray(self.counts) + since, as_ofs, self.classes)

    def reached(self, labels: pd.DataFrame, as_of: datetime) -> bool:
        """Say whether these labels reach back to `until`, so that none is left out at `as_of`.

        >>> counts = RateCounts((0, 1), (5, 5), datetime.fromisoformat("2025-01-01T00:00Z"))
        >>> later = pd.DataFrame({"resolves_at": pd.to_datetime(["2025-03-01T00:00Z"])})
        >>> counts.reached(later, datetime.fromisoformat("2025-04-01T00:00Z"))
        False
        """
        if as_of <= self.until or not any(self.counts):
            return True
        return not labels.empty and bool(labels["resolves_at"].min() <= pd.Timestamp(self.until))


@dataclass(frozen=True)
class BaseRate:
    """Learner of constant class frequencies of the forecast symbol.

    Attributes:
        window_days: count only labels resolved in (until − window_days, until]; None for all.
    """

    kind: ClassVar[str] = "base_rate"
    window_days: int | None = None

    @property
    def feature_set(self) -> str:
        """The base rate reads no features."""
        return "none"

    def fit(self, training: TrainingSet, *, seed: int) -> BaseRateModel:  # noqa: ARG002 - the port's
        """Count the resolved labels of `training.symbol`; `seed` plays no part."""
        own = training.labels.index.get_level_values("symbol") == training.symbol
        labels, at = training.labels.loc[own], pd.DatetimeIndex([training.until])
        classes = training.target.classes
        if self.window_days is None:
            rates = expanding_rate(labels, at, classes)
        else:
            rates = trailing_rate(labels, at, classes, resolved_days=self.window_days)
        return BaseRateModel(classes, tuple(float(rate) for rate in rates.iloc[0]))

    def describe(self) -> dict[str, Any]:
        """Return the parameters."""
        return {"window_days": self.window_days}


@dataclass(frozen=True)
class BaseRateModel:
    """Constant class frequencies; the feature columns of a row do not matter.

    >>> BaseRateModel((0, 1), (0.25, 0.75)).predict_proba(pd.DataFrame(index=[7])).loc[7].tolist()
    [0.25, 0.75]
    """

    kind: ClassVar[str] = "base_rate"
    classes: tuple[int, ...]
    rates: tuple[float, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """No column is demanded, and any is accepted."""
        return ()

    def predict_proba(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the same frequencies for each row."""
        table = np.tile(self.rates, (len(rows), 1))
        return pd.DataFrame(table, index=rows.index, columns=list(self.classes))

    def dump(self) -> dict[str, bytes]:
        """Return the frequencies as JSON."""
        return {FILE: canonical_bytes({"classes": list(self.classes), "rates": list(self.rates)})}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild the model from what `dump` gave.

        Raises:
            BundleRefused: the file is missing or holds no frequencies.
        """
        try:
            document: dict[str, Any] = parse_document(files[FILE], what=FILE)
            model = cls(
                tuple(whole(label) for label in document["classes"]),
                tuple(number(rate) for rate in document["rates"]),
            )
        except (KeyError, TypeError, ValueError, DataMalformed) as error:
            raise BundleRefused(
                f"{FILE} holds no class frequencies ({error}).", remedy="Restore the bundle."
            ) from error
        if len(model.classes) != len(model.rates) or abs(sum(model.rates) - 1) > 1e-9:
            raise BundleRefused(f"{FILE} does not sum to 1.", remedy="Restore the bundle.")
        return model


def _one_hot(label: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    return np.asarray(label[:, None] == np.asarray(classes))


def _resolved_counts(
    labels: pd.DataFrame, instants: pd.DatetimeIndex, classes: Sequence[int]
) -> np.ndarray:
    """Return the class counts of labels resolved by each instant, shape (instants, classes)."""
    resolved = pd.DatetimeIndex(labels["resolves_at"]).as_unit("ms").asi8
    order = np.argsort(resolved, kind="stable")
    running = _one_hot(labels["label"].to_numpy()[order], classes).cumsum(axis=0)
    running = np.vstack([np.zeros((1, len(classes)), dtype="int64"), running])
    known = np.searchsorted(resolved[order], instants.as_unit("ms").asi8, side="right")
    return np.asarray(running[known])


def _rates(counts: np.ndarray, as_ofs: pd.DatetimeIndex, classes: Sequence[int]) -> pd.DataFrame:
    smoothed = counts + 1.0
    table = smoothed / smoothed.sum(axis=1, keepdims=True)
    return pd.DataFrame(table, index=as_ofs, columns=list(classes))
