"""The documents of the daily job, as they lie in the store.

All are frozen, refuse unknown keys, and carry a `schema_version`. Records are never migrated;
digests are over stored bytes.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from forecastlab.contracts.canonical import canonical_bytes, parse_document
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.ports import SourceKind

SCHEMA_VERSION: Final = 1

SUM_TOLERANCE: Final = 1e-6
"""How far class probabilities on a record may sum from 1; they are written with ten digits."""

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Probabilities = dict[str, Probability]
Call = Literal[
    "no_view",
    "neutral",
    "move_likely",
    "quiet_likely",
    "bottom_likely",
    "top_likely",
    "up_likely",
    "down_likely",
]
Verdict = Literal["better", "not_distinguishable", "worse"]
Mode = Literal["live", "late", "backfill"]


class Document(BaseModel):
    """Base of the stored documents: frozen, closed, canonical on disk."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def stored(self) -> bytes:
        """Return the canonical bytes that lie in the store."""
        return canonical_bytes(self.model_dump(mode="json"))

    @classmethod
    def parse(cls, data: bytes, *, what: str) -> Self:
        """Read a stored document; `what` names it in messages.

        Raises:
            DataMalformed: no JSON, a newer schema, an unknown key, or a value out of bounds.
        """
        document = parse_document(data, what=what)
        version = document.get("schema_version", SCHEMA_VERSION)
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise DataMalformed(
                f"{what} has schema version {version}; this program reads up to {SCHEMA_VERSION}.",
                remedy="Update ForecastLab.",
            )
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the document"
            raise DataMalformed(
                f"{what} is not valid: {where}: {first['msg']}.",
                remedy="Restore it from a copy; stored documents are never repaired.",
            ) from error


class BundleReference(Document):
    """The bundle behind a record; `override` names the variable that chose it, if one did."""

    name: str
    digest: Digest
    override: str | None = None


class SourceReference(Document):
    """The candles behind a record; the digest is over exactly the serving window."""

    name: SourceKind
    rows: int
    digest: Digest
    last_open_time_ms: int


class PredictionSet(Document):
    """A conformal prediction set; `labels` ascend."""

    level: Probability
    labels: tuple[int, ...]


class SkillNote(Document):
    """How good such forecasts have been, out of sample, when the bundle was made."""

    reference: Literal["expanding", "trailing_year"]
    log_loss_skill: float
    ci95: tuple[float, float]
    verdict: Verdict


class Regime(Document):
    """The kind of hours or days ahead; `confidence` is the root of both probabilities' product."""

    name: Literal["trending", "volatile", "ranging"]
    vol_prob: Probability
    trend_prob: Probability
    confidence: Probability


class CandidateForecast(Document):
    """One candidate's forecast: `pred_proba` has exactly the target's classes as keys.

    `resolves_at` is the instant at which the label is known; `resolves_on` the day whose candle
    decides it. `skipped` names the members that could not answer, with the reason.
    """

    pred_label: int
    pred_proba: Probabilities
    base_rate: Probabilities
    call: Call
    prediction_set: PredictionSet
    resolves_on: date
    resolves_at: AwareDatetime | None = None
    method: str
    members: dict[str, Probabilities]
    skipped: dict[str, str] = {}
    skill: SkillNote

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if str(self.pred_label) not in self.pred_proba:
            raise ValueError("pred_label is none of the classes")
        for name, table in {
            "pred_proba": self.pred_proba,
            "base_rate": self.base_rate,
            **self.members,
        }.items():
            if table.keys() != self.pred_proba.keys():
                raise ValueError(f"{name} has other classes than pred_proba")
            if abs(sum(table.values()) - 1) > SUM_TOLERANCE:
                raise ValueError(f"{name} does not sum to 1")
        return self


class Runtime(Document):
    """How the forecast was computed; not part of its identity."""

    path: Literal["local", "remote"] = "local"
    fallback_reason: str | None = None
    device: str = "cpu"
    duration_s: float
    versions: dict[str, str] = {}


class ForecastRecord(Document):
    """One dated forecast: created once per deployment and as-of candle, never rewritten.

    `quantiles` holds horizon in candles -> level -> forward log return. `position_scale` is
    half-Kelly on calibrated numbers, in [0, 1]: information that acts on nothing.
    """

    schema_version: Literal[1] = 1
    deployment: str
    symbol: str
    interval: Literal["1h", "4h", "1d"]
    asof_date: str
    as_of: AwareDatetime
    created_at: AwareDatetime
    mode: Mode
    previous: Digest | None
    bundle: BundleReference
    source: SourceReference
    close: float
    forecasts: dict[str, CandidateForecast]
    regime: Regime | None = None
    quantiles: dict[str, dict[str, float]] | None = None
    position_scale: Probability | None = None
    runtime: Runtime
    degraded: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _forward(self) -> Self:
        late = [name for name, one in self.forecasts.items() if one.resolves_on < self.as_of.date()]
        if late:
            raise ValueError(f"{', '.join(late)} would resolve before the as-of")
        return self


class LatestPointer(Document):
    """Names the newest sealed record; moves forward in time only."""

    schema_version: Literal[1] = 1
    asof_date: str
    as_of: AwareDatetime
    key: str
    digest: Digest


class Outcome(Document):
    """A realised label; scores are records joined with outcomes."""

    schema_version: Literal[1] = 1
    candidate: str
    asof_date: str
    as_of: AwareDatetime
    resolves_at: AwareDatetime
    label: int
    close: float


class StepReport(Document):
    """One step of a run."""

    name: str
    status: Literal["done", "nothing_to_do", "skipped", "failed"]
    detail: str
    duration_s: float


class RunReport(Document):
    """One attempt of the job, failures too; `asof_date` is null where none was settled."""

    schema_version: Literal[1] = 1
    run_id: str
    command: str
    deployment: str
    started_at: AwareDatetime
    finished_at: AwareDatetime
    asof_date: str | None
    exit_code: int
    result: str
    error: str | None = None
    steps: tuple[StepReport, ...] = ()
    fields: dict[str, Any] = {}


def utc_text(instant: datetime) -> str:
    """Write an instant as documents do.

    >>> from datetime import UTC
    >>> utc_text(datetime(2025, 10, 1, tzinfo=UTC))
    '2025-10-01T00:00:00Z'
    """
    return instant.isoformat().replace("+00:00", "Z")
