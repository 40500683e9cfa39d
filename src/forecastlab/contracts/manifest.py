"""A bundle's `meta.json`: everything that makes it verifiable. A missing field fails the load."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import AwareDatetime, Field

from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import Interval
from forecastlab.contracts.ports import SourceKind
from forecastlab.contracts.records import Digest, Document, Probability, Verdict

MANIFEST: Final = "meta.json"
CARD: Final = "model_card.md"
KNOWN_ANSWERS: Final = "known_answers.json"
EVIDENCE: Final = "evidence/oof.parquet"
CONTEXT: Final = "context"
"""Folder of the regime and quantile models."""

DEMANDED: Final = (CARD, KNOWN_ANSWERS, EVIDENCE)
"""Files that every bundle has, whatever its members."""

ANSWER_TOLERANCE: Final = 1e-6
"""Largest |Δp| between two equal answers: of members in native tree formats and JSON, and of what
is made from them."""

NETWORK_TOLERANCE: Final = 1e-5
"""The same of networks, whose sums of 32-bit floats differ between processors."""


class FileEntry(Document):
    """One file of the bundle, as it must be found."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class FeatureEntry(Document):
    """One feature, as the catalogue described it at training time."""

    name: str
    formula: str
    unit: str
    lookback: int
    interval: Literal["1h", "4h", "1d"]
    source: str


class TrainingEntry(Document):
    """The candles behind the bundle; `cut_off` is the open of the last one."""

    source: SourceKind
    symbols: tuple[str, ...]
    first_open: str
    cut_off: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}(T\d{2}Z)?$")
    rows: int
    data_digest: Digest


class MemberEntry(Document):
    """One fitted member: its kind, the features it reads, its parameters."""

    kind: str
    feature_set: str
    parameters: dict[str, Any]


class ScoreEntry(Document):
    """One score against one reference: the gain and its 95 % interval (positive = better)."""

    reference: str
    log_loss: float
    gain: float
    ci95: tuple[float, float]


class EvaluationEntry(Document):
    """Walk-forward evidence of one candidate, on [first, last] as-of dates, all out of sample.

    `log_loss_skill = 1 − LL / LL_ref` against `reference`, the better of the two deployable base
    rates. `baselines` and `members` hold the published forecast's gain over each.
    """

    first: str
    last: str
    rows: int
    effective_rows: float
    log_loss: float
    brier: float
    event_auc: float | None
    direction_auc: float | None
    direction_ci95: tuple[float, float] | None
    direction_verdict: Verdict
    reference: Literal["expanding", "trailing_year"]
    log_loss_skill: float
    ci95: tuple[float, float]
    verdict: Verdict
    block: int
    baselines: tuple[ScoreEntry, ...]
    members: tuple[ScoreEntry, ...]
    coverage: Probability | None
    coverage_ci95: tuple[float, float] | None
    methods: dict[str, int]


class ContextEntry(Document):
    """The regime and quantile models beside the forecasters, and what they scored out of sample.

    `faults` says what makes one of them no forecast: hardly a tree, or next to a constant.
    """

    feature_sets: tuple[str, ...]
    evaluation: dict[str, Any]
    faults: tuple[str, ...] = ()


class CandidateEntry(Document):
    """One forecaster of the bundle.

    `research_only` says why a gate keeps it from having a view; None if all gates passed.
    """

    label_rule: str
    classes: tuple[int, ...]
    horizon: int
    level: float | None
    method: str
    members: dict[str, MemberEntry]
    evaluation: EvaluationEntry
    trained_rows: int
    research_only: str | None = None
    ablation: dict[str, Any] | None = None


class SeriesEntry(Document):
    """One series that serving reads."""

    symbol: str
    interval: Interval


class ServingEntry(Document):
    """What serving reads: days of candles, of which the newest `shortest` must be there (L7).

    An empty `series` means the symbol's daily and hourly candles.
    """

    daily_candles: int = Field(ge=1, le=20_000)
    shortest: int = Field(ge=1, le=20_000)
    whole_days: int = Field(ge=1, le=20_000)
    series: tuple[SeriesEntry, ...] = ()


class Manifest(Document):
    """`meta.json`: the bundle in one document, with the hash and size of every other file.

    `dropped` names the columns of each feature set that no source gives, with the reason. `signal`
    is a `SignalEvidence` where the recipe is a version of several.
    """

    schema_version: Literal[1] = Field()
    name: str
    version: str
    deployment: str
    symbol: str
    interval: Literal["1h", "4h", "1d"]
    created_at: AwareDatetime
    git_commit: str
    recipe: Recipe
    recipe_digest: Digest
    feature_set: str
    feature_variant: str
    features: dict[str, tuple[FeatureEntry, ...]]
    dropped: dict[str, dict[str, str]] = Field(default_factory=dict)
    training: TrainingEntry
    candidates: dict[str, CandidateEntry]
    serving: ServingEntry
    context: ContextEntry | None = None
    signal: dict[str, Any] | None = None
    python: str
    packages: dict[str, str]
    gates: dict[str, Any]
    files: dict[str, FileEntry]
