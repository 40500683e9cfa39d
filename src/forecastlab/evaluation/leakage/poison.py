"""L2: nonsense in the future changes nothing that was known before, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from forecastlab.contracts.candles import MarketView
from forecastlab.evaluation.leakage.altered_views import POISONS, Poison, poisoned
from forecastlab.evaluation.leakage.findings import Check, CheckReport
from forecastlab.evaluation.leakage.subject import Subject
from forecastlab.evaluation.leakage.trial import Trial, judge


def poison(
    subject: Subject,
    view: MarketView,
    as_ofs: Sequence[datetime],
    *,
    seed: int,
    check: Check = "L2",
    kinds: Sequence[Poison] = POISONS,
    rtol: float = 0.0,
) -> CheckReport:
    """Poison every candle after each as-of and compare all rows and columns known by then.

    Candles go missing, are multiplied by 1,000, or are shuffled; one pass tests every row before.

    Args:
        rtol: 0 demands equal bits; models need more, as matrix products of another number of rows
            may differ in the last bit.
    """
    return judge(check, subject, view, _trials(subject, view, as_ofs, kinds, seed), rtol=rtol)


def _trials(
    subject: Subject,
    view: MarketView,
    as_ofs: Sequence[datetime],
    kinds: Sequence[Poison],
    seed: int,
) -> Iterator[Trial]:
    full = subject.known(view, view.as_of)
    for as_of in as_ofs:
        for kind in kinds:
            poison_until = partial(poisoned, view, as_of, kind, seed)
            yield Trial(
                as_of,
                honest=subject.until(full, as_of),
                found=subject.known(poison_until(), as_of),
                alter=poison_until,
            )
