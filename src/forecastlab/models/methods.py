"""Ways to make one forecast of several members', ordered by simplicity.

A `Method` is fitted on resolved out-of-fold forecasts and gives a `Combiner`. To add one (a stack),
write the pair, put it into `methods_for` where its simplicity belongs, and let `load_combiner`
know its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from forecastlab.contracts.errors import ConfigError
from forecastlab.models.calibration import Calibration, fit_calibration
from forecastlab.models.pool import equal_weight_pool

POOL: Final = "pool"
CALIBRATED: Final = "+calibration"
"""What a calibrated method's name ends with."""

Members = Mapping[str, np.ndarray]
"""Member -> probabilities, each of shape (rows, classes)."""


@dataclass(frozen=True, eq=False)
class Resolved:
    """Out-of-fold forecasts whose labels are known, oldest first.

    `happened` is the column that happened, shape (rows,); `overlap` the rows that a label overlaps.
    """

    members: Members
    happened: np.ndarray
    overlap: int


class Combiner(Protocol):
    """A fitted method."""

    def combine(self, members: Members) -> np.ndarray:
        """Return probabilities, shape (rows, classes); rows sum to 1."""
        ...

    def dump(self) -> dict[str, bytes]:
        """Return what was fitted as files; empty where nothing was."""
        ...


class Method(Protocol):
    """A way to combine members."""

    @property
    def name(self) -> str:
        """The name that records and reports carry."""
        ...

    def fit(self, resolved: Resolved) -> Combiner:
        """Fit on resolved forecasts; without rows, change nothing."""
        ...


@dataclass(frozen=True)
class SingleMember:
    """One member as it is.

    >>> SingleMember("a").combine({"a": np.array([[1.0, 0.0]])}).tolist()
    [[1.0, 0.0]]
    """

    name: str

    def fit(self, resolved: Resolved) -> SingleMember:  # noqa: ARG002 - the port's
        """Return itself: nothing is fitted."""
        return self

    def combine(self, members: Members) -> np.ndarray:
        """Return the member's probabilities."""
        return members[self.name]

    def dump(self) -> dict[str, bytes]:
        """Return no file."""
        return {}


@dataclass(frozen=True)
class EqualWeightPool:
    """All members, pooled with equal weights."""

    name: str = POOL

    def fit(self, resolved: Resolved) -> EqualWeightPool:  # noqa: ARG002 - the port's
        """Return itself: nothing is fitted."""
        return self

    def combine(self, members: Members) -> np.ndarray:
        """Return the pool."""
        return equal_weight_pool(list(members.values()))

    def dump(self) -> dict[str, bytes]:
        """Return no file."""
        return {}


@dataclass(frozen=True)
class CalibratedCombiner:
    """A combiner whose probabilities are calibrated."""

    inner: Combiner
    calibration: Calibration

    def combine(self, members: Members) -> np.ndarray:
        """Return the calibrated probabilities."""
        return self.calibration.apply(self.inner.combine(members))

    def dump(self) -> dict[str, bytes]:
        """Return the inner combiner's files and the calibration."""
        return {**self.inner.dump(), **self.calibration.dump()}


@dataclass(frozen=True)
class Calibrated:
    """A method, then calibration."""

    inner: Method

    @property
    def name(self) -> str:
        """The inner name and what marks calibration."""
        return self.inner.name + CALIBRATED

    def fit(self, resolved: Resolved) -> CalibratedCombiner:
        """Fit the inner method, then the calibration of its probabilities."""
        inner = self.inner.fit(resolved)
        probabilities = inner.combine(resolved.members)
        calibration = fit_calibration(probabilities, resolved.happened, overlap=resolved.overlap)
        return CalibratedCombiner(inner, calibration)


def methods_for(members: Sequence[str]) -> tuple[Method, ...]:
    """Return the methods, simplest first: each member, the pool, then each of them calibrated.

    Raises:
        ConfigError: a member's name is that of another method.

    >>> [method.name for method in methods_for(["first_passage"])]
    ['first_passage', 'pool', 'first_passage+calibration', 'pool+calibration']
    """
    taken = [name for name in members if name == POOL or name.endswith(CALIBRATED)]
    if taken:
        raise ConfigError(
            f"a member cannot be called {taken[0]!r}.", remedy="Give the member another name."
        )
    plain: list[Method] = [*(SingleMember(name) for name in members), EqualWeightPool()]
    return (*plain, *(Calibrated(method) for method in plain))


def load_combiner(name: str, files: Mapping[str, bytes]) -> Combiner:
    """Rebuild a combiner from its method's name and what its `dump` gave.

    Raises:
        BundleRefused: a file is missing or does not hold what it should.

    >>> load_combiner("pool", {})
    EqualWeightPool(name='pool')
    """
    if name.endswith(CALIBRATED):
        inner = load_combiner(name.removesuffix(CALIBRATED), files)
        return CalibratedCombiner(inner, Calibration.load(files))
    return EqualWeightPool() if name == POOL else SingleMember(name)
