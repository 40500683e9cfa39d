"""Verdicts inside a search: adjusted over all of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from forecastlab.contracts.canonical import rounded
from forecastlab.contracts.records import Verdict
from forecastlab.contracts.search import SearchCell
from forecastlab.evaluation.multiple_testing import holm
from forecastlab.evaluation.uncertainty import LEVEL

ERROR_LEVEL: Final = 1 - LEVEL
"""Chance that a search of useless cells calls any of them `better` or `worse`, at most."""


@dataclass(frozen=True)
class JudgedCell:
    """A cell beside the others.

    `p_adjusted` is Holm's adjustment of `p_better` over all cells; `verdict` is `better` or `worse`
    only where that stands up in the search as a whole.
    """

    cell: SearchCell
    p_adjusted: float
    verdict: Verdict


def judge(cells: Sequence[SearchCell]) -> tuple[JudgedCell, ...]:
    """Give every cell its verdict at the 5 % level of the whole search.

    The p values are two-sided, so that both directions together stay within the level. A search of
    one cell gives that cell's own verdict.

    >>> judge([])
    ()
    """
    better = holm([cell.p_better for cell in cells])
    worse = holm([cell.p_worse for cell in cells])
    judged = []
    for cell, above, below in zip(cells, better, worse, strict=True):
        verdict: Verdict = "not_distinguishable"
        if above < ERROR_LEVEL:
            verdict = "better"
        elif below < ERROR_LEVEL:
            verdict = "worse"
        judged.append(JudgedCell(cell, rounded(float(above), 6), verdict))
    return tuple(judged)
