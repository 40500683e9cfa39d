"""What is asked of the analyst, and what it answers: the documents of `/api/v1/inference`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

Side = Literal["BUY", "SELL", "HOLD"]
SceneName = Literal["simple", "complex"]
AnswerPath = Literal["local", "llm", "fallback"]
Condition = Literal["Oversold", "Overbought", "Volatile", "Sideways"]

ModelType = Literal["gpt4", "claude", "transformer", "lstm", "ensemble", "local"]
"""`gpt4`, `claude`, `ensemble` ask for the LLM, `local` for the rules; else the scene decides."""

MAX_SERIES: Final = 5_000
"""Longest series that is read; a day of five-minute candles has 288."""

MAX_EXTRA: Final = 10_000
"""Most characters and values, at any depth, of what a request tells besides the market."""

REASONING: Final = 1_000
"""Longest reasoning, in characters."""

Price = Annotated[float, Field(ge=1e-12, le=1e12, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, lt=1e18, allow_inf_nan=False)]


def _whole(value: object) -> object:
    """Take 60.0 for 60, which in JSON are one number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]


class _Request(BaseModel):
    """Base of what comes from outside: frozen; fields that nothing reads are let through unread."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, strict=True)


class MarketData(_Request):
    """A market now: five-minute closes of the last hour and day, oldest first.

    Prices and the spread are in quote units, volumes in base units.
    """

    symbol: str = Field(min_length=2, max_length=30, pattern=r"^[A-Za-z0-9_/\-.]+$")
    current_price: Price
    prices_1h: list[Price] = Field(min_length=12, max_length=MAX_SERIES)
    prices_24h: list[Price] = Field(min_length=288, max_length=MAX_SERIES)
    volumes_24h: list[Amount] = Field(default=[], max_length=MAX_SERIES)
    bid_ask_spread: Amount = 0.0
    funding_rate: float | None = Field(default=None, ge=-1, le=1)
    timestamp: Whole | None = None


class InferenceRequest(_Request):
    """One question; `confidence_threshold` is the confidence, in per cent, below which it holds.

    `sentiment_data` and `on_chain_data` are filtered by the same allow-list as the market's values.
    """

    strategy_id: Whole | None = None
    model_type: ModelType = "lstm"
    confidence_threshold: Whole = Field(default=60, ge=0, le=100)
    market_data: MarketData
    sentiment_data: dict[str, Any] | None = None
    on_chain_data: dict[str, Any] | None = None

    @field_validator("sentiment_data", "on_chain_data")
    @classmethod
    def _small(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None and not _is_small(value):
            raise ValueError(f"more than {MAX_EXTRA} characters and values")
        return value


class Answer(BaseModel):
    """A view of a market, whoever has it.

    Attributes:
        confidence: in per cent.
        fraction: share of the base position, in [0, 1].
        stop: signed distance of the stop from the price, as a fraction; None on HOLD.
        take: the same of the target.
        weights: what spoke for the side, and how much of it; sums to 1 unless nothing did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    signal: Side
    confidence: int = Field(ge=0, le=100)
    fraction: float = Field(ge=0, le=1)
    stop: float | None = None
    take: float | None = None
    reasoning: str = Field(max_length=REASONING)
    weights: dict[str, float] = {}

    @model_validator(mode="after")
    def _right_sides(self) -> Self:
        """Refuse levels that a side cannot have; HOLD has none."""
        if self.signal == "HOLD":
            if self.stop is not None or self.take is not None:
                raise ValueError("HOLD has neither stop nor target")
            return self
        sign = 1.0 if self.signal == "BUY" else -1.0
        for name, value, side in (("stop", self.stop, -sign), ("take", self.take, sign)):
            if value is None:
                continue
            if not MIN_DISTANCE <= value * side <= MAX_DISTANCE:
                raise ValueError(f"the {name} {value:+.4f} is on the wrong side, too near or far")
        return self


MIN_DISTANCE: Final = 0.0001
"""Least distance of a stop or a target: what is nearer is the price itself once it is rounded."""

MAX_DISTANCE: Final = 0.2
"""Greatest distance of a stop or a target from the price, as a fraction."""


class Usage(BaseModel):
    """Tokens of one paid answer; `cost` is a decimal number in the price table's currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cached_tokens: int = Field(ge=0)
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cost: str
    currency: str


def _is_small(value: object) -> bool:
    """Say whether a document is within `MAX_EXTRA`; without recursion, for it may be deep."""
    waiting, size = [value], 0
    while waiting and size <= MAX_EXTRA:
        one = waiting.pop()
        size += 1
        if isinstance(one, str):
            size += len(one)
        elif isinstance(one, dict):
            size += sum(len(key) for key in one if isinstance(key, str))
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
    return size <= MAX_EXTRA


class InferenceResponse(BaseModel):
    """The answer as the endpoint gives it, in the units that its callers know.

    `confidence` and `risk_score` are per cent, `position_size` quote units, the levels prices.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    signal: Side
    confidence: int = Field(ge=0, le=100)
    position_size: float = Field(ge=0)
    entry_price: float
    stop_loss: float | None
    take_profit: float | None
    reasoning: str
    feature_importance: dict[str, float]
    risk_score: int = Field(ge=0, le=100)
    market_condition: Condition
    models_used: list[str]
    inference_time_ms: int = Field(ge=0)
    timestamp: int
    path: AnswerPath
    scene: SceneName
    scene_reason: str
    cached: bool = False
    fallback_reason: str | None = None
    model: str
    prompt_version: str | None = None
    usage: Usage | None = None
