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


class CandidateVerdict(Document):
    """One candidate: its evaluation as bundles state it, and everything that reports add.

    Attributes:
        scores: forecaster -> score -> estimate; `published` first.
        differences: other forecaster -> score -> by how much `published` is better.
        volatility_only: the member that reads nothing but volatility; None if there is none.
        calibration_error: label -> mean distance of its probability from its frequency.
        shift_tests: rank score -> circular-shift test.
        years, ages: the gain over `evaluation.reference`.
    """

    label_rule: str
    classes: tuple[int, ...]
    horizon: int
    level: float
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
