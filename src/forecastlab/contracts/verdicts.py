"""What an evaluation found: `verdict.json` and `meta.json` of a run under `backtest/`."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import AwareDatetime

from forecastlab.contracts.config import Recipe
from forecastlab.contracts.manifest import EvaluationEntry, FileEntry
from forecastlab.contracts.ports import SourceKind
from forecastlab.contracts.records import Digest, Document, Probability

VERDICT: Final = "verdict.json"
META: Final = "meta.json"
OOF: Final = "oof.parquet"
REPORT: Final = "report.html"
FOLDS: Final = "fold_metrics.csv"

PUBLISHED: Final = "published"
HINDSIGHT: Final = "hindsight_constant"


class Estimate(Document):
    """A number and its 95 % interval; None where the scored days do not determine it."""

    value: float | None
    ci95: tuple[float, float] | None


class GroupGain(Document):
    """The gain in nats per forecast over the reference, within a year or an age of the model."""

    group: str
    rows: int
    gain: Estimate


class ShiftTest(Document):
    """A rank score beside what the same forecasts reach on labels moved along a circle.

    `independent` says how many of the `offsets` are worth counting: p values below its inverse are
    finer than the data.
    """

    observed: float | None
    null_mean: float | None
    null_sd: float | None
    p_value: Probability | None
    offsets: int
    independent: float


class Multiplicity(Document):
    """What the number of looks at these days does to the claim.

    Attributes:
        looks: entries of the trial ledger on these days and this symbol, and `prior_looks`.
        prior_looks: looks that shaped the recipe before its ledger began, as the recipe states.
        p_value: of "no gain over the deployable base rate that is harder to beat", two-sided.
        p_value_best: of the best of so many useless looks reaching that p value.
        lucky_gain: nats that the best of so many useless looks is expected to show.
    """

    looks: int
    prior_looks: int
    p_value: Probability
    p_value_best: Probability
    lucky_gain: float


class RankEntry(Document):
    """How well one forecast or number ranks the as-ofs.

    Attributes:
        kind: `forecast` (published or a member), `volatility` (trailing, alone) or `rule` (minus a
            recent return).
        label_auc: of the candidate's label.
        sign_auc: of the sign of the forward return, whatever the label demands of its size.
        behind: by how much the published forecast's `label_auc` is greater, paired; None of itself.
    """

    name: str
    kind: Literal["forecast", "volatility", "rule"]
    label_auc: Estimate
    sign_auc: Estimate
    behind: Estimate | None


class BucketEntry(Document):
    """Equally many forecasts of like P(1): what acting on them would have earned.

    `forward` is the mean forward return; `gross` that of the side the forecast takes (1 buys, −1
    sells), `net` the same after the cost of a round trip. Fractions.
    """

    lowest: Probability
    highest: Probability
    mean: Probability
    rows: int
    forward: float
    side: Literal[-1, 1]
    gross: float
    net: Estimate


class PeriodRanks(Document):
    """The published forecast within a calendar quarter, as `2025Q3`."""

    period: str
    rows: int
    label_auc: Estimate
    sign_auc: Estimate


class DirectionFindings(Document):
    """What is asked of a direction forecast beyond its scores.

    Attributes:
        block: as-ofs that the intervals of the AUCs resample together, a week or more.
        one_sided: the label is not the sign of the forward return: it demands a size too.
        volatility_log_loss: of a logistic regression on trailing volatility alone.
        volatility_gain: nats that this regression gains over `evaluation.reference`.
        gain_over_volatility: nats that the published forecast gains over the regression.
        cost: of a round trip, a fraction.
    """

    block: int
    one_sided: bool
    ranks: tuple[RankEntry, ...]
    volatility_log_loss: float
    volatility_gain: Estimate
    gain_over_volatility: Estimate
    cost: float
    buckets: tuple[BucketEntry, ...]
    quarters: tuple[PeriodRanks, ...]


class CandidateVerdict(Document):
    """One candidate: its evaluation as bundles state it, and everything that reports add.

    Attributes:
        scores: forecaster -> score -> estimate; `published` first.
        differences: other forecaster -> score -> by how much `published` is better.
        volatility_only: the member that reads nothing but volatility; None if there is none.
        calibration_error: label -> mean distance of its probability from its frequency.
        shift_tests: rank score -> circular-shift test.
        years, ages: the gain over `evaluation.reference`.
        direction: of a forecast of 0 and 1; None of others.
    """

    label_rule: str
    classes: tuple[int, ...]
    horizon: int
    level: float | None
    happened: dict[str, int]
    folds: int
    refit_days: int
    evaluation: EvaluationEntry
    scores: dict[str, dict[str, Estimate]]
    differences: dict[str, dict[str, Estimate]]
    volatility_only: str | None
    calibration_error: dict[str, float]
    shift_tests: dict[str, ShiftTest]
    years: tuple[GroupGain, ...]
    ages: tuple[GroupGain, ...]
    multiplicity: Multiplicity
    direction: DirectionFindings | None = None


class VerdictFile(Document):
    """`verdict.json`: the evaluation of every candidate; equal inputs and looks give equal bytes.

    `first_open` and `cut_off` are the first and last daily candle of the symbol.
    """

    schema_version: Literal[1] = 1
    run: str
    deployment: str
    symbol: str
    interval: Literal["1h", "4h", "1d"]
    recipe_digest: Digest
    quick: bool
    source: SourceKind
    data_digest: Digest
    first_open: str
    cut_off: str
    candidates: dict[str, CandidateVerdict]


class BacktestMeta(Document):
    """`meta.json`: how a run was made; written last, so a run without it was cut short."""

    schema_version: Literal[1] = 1
    run: str
    deployment: str
    created_at: AwareDatetime
    duration_s: float
    git_commit: str
    python: str
    packages: dict[str, str]
    recipe: Recipe
    recipe_digest: Digest
    quick: bool
    source: SourceKind
    data_digest: Digest
    files: dict[str, FileEntry]
