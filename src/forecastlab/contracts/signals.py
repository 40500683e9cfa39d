"""The signal: a score of 0 to 100 for one symbol at one as-of, or the reason why there is none."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from forecastlab.contracts.records import Digest, Document, Probability, Verdict

HIGHEST: Final = 100.0

Score = Annotated[float, Field(ge=0, le=HIGHEST, allow_inf_nan=False)]


class Signal(Document):
    """What a bundle says of one symbol at one as-of.

    Attributes:
        score: 100 · P(the upper edge is touched first, given that one is), as calibrated.
        base_rate: 100 · the share of such touches up to the bundle's cut-off, in one symbol.
        base_rate_symbol: that symbol; a bundle counts the touches of its own, not of each that it
            scores.
        verdict: how such forecasts have done out of sample; nobody should act on a score whose
            verdict is not `better`.
        research_only: why the bundle may have no view, if it may not.
        data_age_s: seconds from the as-of to the instant at which the signal was made.
        degraded: why it is not the best version with all its inputs; empty if it is.
        missing_reference_symbols: other symbols without a candle at the as-of.
        missing: column -> the neutral value that stands in for it.
        structural: columns that are 0 because the symbol is not compared with itself.
        latency_ms: reading the candles, features and model.
    """

    schema_version: Literal[1] = 1
    symbol: str
    as_of: AwareDatetime
    asof_date: str
    created_at: AwareDatetime
    score: Score
    base_rate: Score
    base_rate_symbol: str
    probability: Probability
    candidate: str
    verdict: Verdict
    research_only: str | None
    model_version: str
    bundle: str
    digest: Digest
    data_age_s: float
    degraded: tuple[str, ...] = ()
    missing_reference_symbols: tuple[str, ...] = ()
    missing: dict[str, float] = Field(default_factory=dict)
    structural: tuple[str, ...] = ()
    latency_ms: float


class NoSignal(Document):
    """Why there is no signal for a symbol; a score is never made up in its place.

    `model_error`: the inputs were there, and the model could not be asked.
    """

    schema_version: Literal[1] = 1
    symbol: str
    as_of: AwareDatetime
    asof_date: str
    created_at: AwareDatetime
    signal: None = None
    reason: str
    model_error: bool = False
    latency_ms: float
