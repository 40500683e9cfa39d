"""Ways to make one forecast of several members', ordered by simplicity.

A `Method` is fitted on resolved out-of-fold forecasts and gives a `Combiner`. To add one, write the
pair, put it into `methods_for` where its simplicity belongs, and let `load_combiner` know its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from forecastlab.contracts.errors import ConfigError
from forecastlab.models.calibration import Calibration, fit_calibration
from forecastlab.models.pool import equal_weight_pool
from forecastlab.models.stack import Stack, fit_stack

POOL: Final = "pool"
STACK: Final = "stack"
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
class Stacking:
    """All members, each with the weight that it has earned."""

    name: str = STACK

    def fit(self, resolved: Resolved) -> Stack:
        """Fit the weights."""
        return fit_stack(resolved.members, resolved.happened, overlap=resolved.overlap)


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
        return self.upon(self.inner.fit(resolved), resolved)

    def upon(self, inner: Combiner, resolved: Resolved) -> CalibratedCombiner:
        """Fit the calibration alone, of an inner method that was fitted on the same forecasts."""
        probabilities = inner.combine(resolved.members)
        calibration = fit_calibration(probabilities, resolved.happened, overlap=resolved.overlap)
        return CalibratedCombiner(inner, calibration)


def methods_for(members: Sequence[str]) -> tuple[Method, ...]:
    """Return the methods, simplest first: members, pool, stack, then each of them calibrated.

    A stack of one member would be its calibration, so there is none.

    Raises:
        ConfigError: a member's name is that of another method.

    >>> [method.name for method in methods_for(["first_passage"])]
    ['first_passage', 'pool', 'first_passage+calibration', 'pool+calibration']
    """
    taken = [name for name in members if name in {POOL, STACK} or name.endswith(CALIBRATED)]
    if taken:
        raise ConfigError(
            f"a member cannot be called {taken[0]!r}.", remedy="Give the member another name."
        )
    plain: list[Method] = [*(SingleMember(name) for name in members), EqualWeightPool()]
    if len(members) > 1:
        plain.append(Stacking())
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
    if name == STACK:
        return Stack.load(files)
    return EqualWeightPool() if name == POOL else SingleMember(name)
