"""L1: the rows of a history that is cut at t are the first rows of the full history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from forecastlab.contracts.candles import MarketView
from forecastlab.evaluation.leakage.altered_views import cut, cut_each
from forecastlab.evaluation.leakage.findings import Check, CheckReport
from forecastlab.evaluation.leakage.subject import Subject
from forecastlab.evaluation.leakage.trial import Trial, judge

RTOL: Final = 1e-9
"""Two sums over another number of rows may differ in their last bits."""


def truncation(
    subject: Subject, view: MarketView, as_ofs: Sequence[datetime], *, check: Check = "L1"
) -> CheckReport:
    """Cut the history at each as-of and compare all rows and columns that were known then.

    An as-of between two closes is fine: the row of the older one is then the newest.
    """
    return judge(check, subject, view, _trials(subject, view, as_ofs), rtol=RTOL)


def _trials(subject: Subject, view: MarketView, as_ofs: Sequence[datetime]) -> Iterator[Trial]:
    full = subject.known(view, view.as_of)
    for as_of in as_ofs:
        yield Trial(
            as_of,
            honest=subject.known(cut(view, as_of), as_of),
            found=subject.until(full, as_of),
            alter=partial(cut_each, view, as_of=view.as_of),
        )
