"""What the versions of a signal are worth: scores over all symbols at once, next to each other."""

from __future__ import annotations

from typing import Any, Final, Literal

from forecastlab.contracts.ports import SourceKind
from forecastlab.contracts.records import Digest, Document, Verdict
from forecastlab.contracts.verdicts import Estimate

SEED_NOISE: Final = "seed noise: the spread of the same fits under other random draws"
"""What the spread over seeds is, wherever it is shown; the interval of the AUC is another thing."""


class VersionScores(Document):
    """One version, out of sample, over all symbols at once; intervals resample whole days.

    Attributes:
        rows: as-ofs with a label; `acted` counts those without one as well.
        accuracy: share of labels on the side that the score names; `majority` that of the side that
            was more frequent in hindsight.
        log_loss_gain: against each symbol's expanding base rate, nats, positive = better.
        calibration_error: mean distance of P(up) from how often it happened.
        net_return: mean return of taking the score's side at every as-of and leaving at the first
            touch or after the horizon, less `cost`; both edges in one candle count as a loss.
        net_return_strongest: the same of the tenth of the scores furthest from 50, whose bound is
            known in hindsight only.
        ranks: `better` if the AUC's interval is above .5, `worse` if it is below.
        verdict: the same of the gain in log loss, which is what records and cards go by.
    """

    version: str
    recipe_digest: Digest
    features: int
    first: str
    last: str
    rows: int
    acted: int
    days: int
    block_days: int
    auc: Estimate
    auc_by_symbol: dict[str, Estimate]
    accuracy: Estimate
    majority: float
    log_loss: float
    log_loss_gain: Estimate
    calibration_error: float
    cost: float
    net_return: Estimate
    net_return_strongest: Estimate
    ranks: Verdict
    verdict: Verdict


class TouchEntry(Document):
    """What a symbol's whole windows ended in, fractions; only `up` and `down` have a label."""

    windows: int
    up: float
    down: float
    untouched: float
    ambiguous: float


class SeedNoise(Document):
    """The AUC of the same walk-forward under several seeds; none of them is picked.

    `cv` is `sd` over `mean`, a fraction; `sd` has n − 1 degrees of freedom.
    """

    label: str = SEED_NOISE
    seeds: tuple[int, ...]
    auc: tuple[float, ...]
    mean: float
    sd: float
    cv: float


class SignalEvidence(Document):
    """What a bundle of a version keeps beside its own symbol's evaluation."""

    hyperparameters: dict[str, dict[str, Any]]
    scores: VersionScores
    seed_noise: SeedNoise
    labels: dict[str, TouchEntry]


class VersionTable(Document):
    """`versions.json`: every version on the same days; equal inputs give equal bytes."""

    schema_version: Literal[1] = 1
    run: str
    deployment: str
    candidate: str
    symbols: tuple[str, ...]
    quick: bool
    source: SourceKind
    data_digest: Digest
    cut_off: str
    labels: dict[str, TouchEntry]
    versions: tuple[VersionScores, ...]
