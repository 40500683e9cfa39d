"""What the rules of alerts look at, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from forecastlab.contracts.intervals import Interval
from forecastlab.contracts.notifications import Severity
from forecastlab.contracts.records import ForecastRecord, RunReport

LEAST: Final = 20
"""Documents from which on a share, a spread or a coverage is judged."""


@dataclass(frozen=True)
class Resolved:
    """A live forecast of one candidate whose label is known."""

    level: float
    labels: tuple[int, ...]
    label: int


@dataclass(frozen=True)
class Observed:
    """What the rules look at; every series is oldest first.

    Attributes:
        records: the last sealed ones, at most as many as the table says.
        runs: the last attempts, the one under way included.
        references: other symbols that each record's forecast looks at.
        is_timed: False where candles come from files, whose newest may be of any age.
        resolved: candidate -> forecasts with their labels; empty where nobody looked.
        evidence: candidate -> class -> published out-of-fold probabilities of the bundle that made
            the newest record; empty where nobody looked.
    """

    now: datetime
    interval: Interval
    records: tuple[ForecastRecord, ...] = ()
    runs: tuple[RunReport, ...] = ()
    references: int = 0
    is_timed: bool = True
    resolved: Mapping[str, tuple[Resolved, ...]] = field(default_factory=dict)
    evidence: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What one rule says: it fires, or it holds. A rule that cannot judge says nothing."""

    rule: str
    fires: bool
    severity: Severity
    facts: str
