"""One finished cell of a candidate search, as it lies in the store."""

from __future__ import annotations

from typing import Literal

from forecastlab.contracts.manifest import EvaluationEntry
from forecastlab.contracts.records import Digest, Document, Probability


class SearchCell(Document):
    """What one candidate showed out of sample, before the look at the other cells.

    `horizon` is in days, `level` a fraction. `inputs` names the recipe, the grid, the candles and
    the cut-off; cells of one search share it. `event_share` is the share of scored days on which
    the price left the band. `p_better` is the p value of "no better than the deployable base
    rates" (the larger of the two), `p_worse` that of "no worse than the better of them". The
    verdict inside `evaluation` knows of no other cell.
    """

    schema_version: Literal[1] = 1
    candidate: str
    horizon: int
    level: float
    inputs: Digest
    event_share: Probability
    evaluation: EvaluationEntry
    p_better: Probability
    p_worse: Probability
