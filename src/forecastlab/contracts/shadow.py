"""What champion and challengers said of one as-of, side by side; written once, never published."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from forecastlab.contracts.intervals import Interval
from forecastlab.contracts.records import (
    SUM_TOLERANCE,
    BundleReference,
    Digest,
    Document,
    ForecastRecord,
    Mode,
    Probabilities,
)


def _of_classes(table: Probabilities) -> Probabilities:
    if abs(sum(table.values()) - 1) > SUM_TOLERANCE:
        raise ValueError("probabilities do not sum to 1")
    if any(str(int(label)) != label for label in table):
        raise ValueError("a key is no class")
    return table


Shares = Annotated[Probabilities, AfterValidator(_of_classes)]
"""Probabilities whose keys are classes; they sum to 1."""


class ShadowMember(Document):
    """One member's answer; without probabilities it was skipped, and `skipped` says why.

    `full_window`: every candle that it reads had a complete row, the as-of candle's last.
    """

    kind: str
    probabilities: Shares | None = None
    skipped: str | None = None
    full_window: bool = False

    @model_validator(mode="after")
    def _answered_or_skipped(self) -> Self:
        if (self.probabilities is None) == (self.skipped is None):
            raise ValueError("a member either answers or is skipped")
        return self


class ShadowAnswer(Document):
    """A challenger's forecast of one candidate; `own_method`: its rule's own method spoke."""

    pred_proba: Shares
    method: str
    own_method: bool
    members: dict[str, ShadowMember]


class SealedAnswer(Document):
    """The champion's forecast of one candidate, as its record has it."""

    pred_proba: Shares
    method: str
    members: dict[str, Shares]
    skipped: dict[str, str] = Field(default_factory=dict)


class ShadowChampion(Document):
    """The champion's side: the sealed record, by its digest, and what it says."""

    bundle: BundleReference
    record: Digest
    forecasts: dict[str, SealedAnswer]
    duration_s: float

    @classmethod
    def of(cls, record: ForecastRecord, digest: str) -> Self:
        """Return the side that a sealed record stands for; `digest` is over its stored bytes."""
        forecasts = {
            name: SealedAnswer(
                pred_proba=one.pred_proba,
                method=one.method,
                members=one.members,
                skipped=one.skipped,
            )
            for name, one in record.forecasts.items()
        }
        spent = record.runtime.duration_s
        return cls(bundle=record.bundle, record=digest, forecasts=forecasts, duration_s=spent)


class ShadowChallenger(Document):
    """One challenger: its forecasts, or the severe error in their place, or why it was not asked.

    `latency_s` is from its files to its answer: loading, known answers, features, members;
    `degraded` is what a record would say was missing or stood in.
    """

    bundle: BundleReference
    forecasts: dict[str, ShadowAnswer] = Field(default_factory=dict)
    degraded: tuple[str, ...] = ()
    latency_s: float | None = Field(default=None, ge=0)
    error: str | None = None
    not_asked: str | None = None

    @model_validator(mode="after")
    def _one_fate(self) -> Self:
        fates = (bool(self.forecasts), self.error is not None, self.not_asked is not None)
        if sum(fates) != 1:
            raise ValueError("a challenger answers, fails, or is not asked")
        return self


class ShadowDocument(Document):
    """`shadow/<deployment>/<asof>.json`: created once, after the record was sealed.

    `mode` is about the shadow run itself, as a record's is about the forecast: `late` answers were
    given when the next candle had closed, and count for nothing.
    """

    schema_version: Literal[1] = 1
    deployment: str
    symbol: str
    interval: Interval
    asof_date: str
    as_of: AwareDatetime
    created_at: AwareDatetime
    mode: Mode
    champion: ShadowChampion
    challengers: tuple[ShadowChallenger, ...]

    def of(self, challenger: str) -> ShadowChallenger | None:
        """Return what became of a challenger, or None where it was not in shadow."""
        return next((one for one in self.challengers if one.bundle.name == challenger), None)
