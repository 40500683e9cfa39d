"""What is kept of analyses: allow-listed values, the answer and its cost, and nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime, Field

from forecastlab.contracts.analysis import AnswerPath, SceneName, Side, Usage
from forecastlab.contracts.records import Digest, Document


class RivalEntry(Document):
    """What a second model, or other words, said of the same request; nobody was served it."""

    provider: str
    model: str
    prompt_version: str
    signal: Side | None
    confidence: int | None
    failure: str | None = None
    usage: Usage | None = None


class AnalysisEntry(Document):
    """One analysis; `values` are those that may leave, whoever answered.

    `market` and `at` are for the outcome, which is joined later from candles.
    """

    at: AwareDatetime
    market: str
    scene: SceneName
    scene_reason: str
    path: AnswerPath
    fallback_reason: str | None
    provider: str | None
    model: str
    prompt_version: str | None
    signal: Side
    confidence: int
    values: dict[str, float | str]
    duration_ms: float
    usage: Usage | None = None
    rival: RivalEntry | None = None


class AnalysisBatch(Document):
    """Analyses that were written together."""

    schema_version: Literal[1] = 1
    entries: tuple[AnalysisEntry, ...]


class Spending(Document):
    """What language models have cost on one UTC day, to the token."""

    schema_version: Literal[1] = 1
    day: str
    currency: str
    cost: Decimal = Field(default=Decimal(0), ge=0)
    answers: int = 0
    cached_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Note(Document):
    """A language model's words on a sealed forecast.

    They change nothing of it and have no vote; `direction` is scored forward only, for a model may
    remember what came after an older day.
    """

    schema_version: Literal[1] = 1
    deployment: str
    asof_date: str
    record_digest: Digest
    created_at: AwareDatetime
    language: Literal["en", "zh"]
    text: str
    direction: Literal["up", "down", "none"]
    provider: str
    model: str
    prompt_version: str
    inputs: dict[str, object]
    usage: Usage | None
