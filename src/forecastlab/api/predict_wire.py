"""Requests for a direction on the wire: JSON in, checked by type; nothing is coerced."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from forecastlab.api.failure import ApiError
from forecastlab.usecases.feature_payload import Payload
from forecastlab.usecases.served_bundle import DirectionRequest

MOST_REQUESTS: Final = 64
"""Of one batch."""

_REQUEST: Final[JsonDict] = {
    "sell_score": 45.0,
    "buy_score": 38.0,
    "features": {
        "columns": ["btc_ret_1", "ret_1"],
        "index": [1759190400000, 1759194000000],
        "data": [[0.0021, 0.0013], [-0.0004, 0.0002]],
    },
}
_ANSWER: Final[JsonDict] = {
    "success": True,
    "bull_prob": 0.5312,
    "stacking_mode": False,
    "lgb_bull_prob": 0.5298,
    "ca_bull_prob": 0.5344,
    "xgb_bull_prob": 0.5321,
    "tft_bull_prob": 0.5187,
    "lstm_skipped_reason": "insufficient_rows(40<48)",
    "ca_feature_coverage": 1.0,
    "bundle": {"name": "direction_1h_ETHUSDT_20250930T23Z", "digest": "sha256:5f1c…"},
    "schema": "direction_1h_ETHUSDT@sha256:af32…",
    "latency_ms": 1.84,
    "heads": {
        "H5": {
            "horizon": 5,
            "bull_prob": 0.53118823,
            "method": "pool",
            "base_rate": 0.5034,
            "members": {"lightgbm": 0.5297711},
            "skipped": {"lstm": "insufficient_rows(40<48)"},
        }
    },
    "direction": {
        "horizon": 5,
        "side": "neutral",
        "strength": 0.0,
        "action": "neutral",
        "thresholds": "relative",
        "upper": 0.5834,
        "lower": 0.4234,
        "base_rate": 0.5034,
        "sell_score": 45.0,
        "buy_score": 38.0,
    },
    "as_of": "2025-09-30T02:00:00Z",
    "warnings": [],
}


class _Features(msgspec.Struct):
    columns: list[str]
    data: list[list[float | None]]
    index: list[int] | None = None


class Question(msgspec.Struct):
    """One request, as it was sent."""

    features: _Features
    sell_score: float = 0.0
    buy_score: float = 0.0
    schema: str | None = None

    def request(self, *, strict: bool) -> DirectionRequest:
        """Return it as a bundle is asked."""
        features = self.features
        return DirectionRequest(
            Payload(features.columns, features.data, features.index),
            self.sell_score,
            self.buy_score,
            strict,
        )


_ONE: Final = msgspec.json.Decoder(Question)
_MANY: Final = msgspec.json.Decoder(list[Question])


def read_question(body: bytes) -> Question:
    """Read a body of `/predict`.

    Raises:
        ApiError: it is no JSON, or not of these types.
    """
    try:
        return _ONE.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _refused(error) from None


def read_questions(body: bytes) -> list[Question]:
    """Read a body of `/predict/batch`.

    Raises:
        ApiError: it is no JSON, or not of these types, or holds too many requests or none.
    """
    try:
        found = _MANY.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _refused(error) from None
    if not 1 <= len(found) <= MOST_REQUESTS:
        raise ApiError(400, f"{len(found)} requests, where 1 to {MOST_REQUESTS} are taken.")
    return found


def _refused(error: Exception) -> ApiError:
    if isinstance(error, msgspec.ValidationError):
        text = str(error)
        what = "Missing or invalid 'features' (need orient='split')" if "features" in text else ""
        return ApiError(400, f"{what or 'Invalid request'}: {text}")
    if isinstance(error, RecursionError):
        return ApiError(400, "Invalid JSON: it is nested too deeply.")
    return ApiError(400, f"Invalid JSON: {error}")


class FeatureTable(BaseModel):
    """Consecutive candles' features, as pandas' `to_json(orient="split")` writes them."""

    columns: list[str] = Field(description="Names; matched by name, in any order.")
    index: list[int] | None = Field(
        default=None,
        description="Opens of the candles in epoch milliseconds, or 0, 1, 2, …: no times.",
    )
    data: list[list[float | None]] = Field(
        description="One row for each candle, oldest first; the last is the as-of's."
    )


class PredictRequest(BaseModel):
    """Features, and scores to adjust by what is forecast."""

    model_config = ConfigDict(json_schema_extra={"example": _REQUEST})

    features: FeatureTable
    sell_score: float = Field(default=0.0, description="Another system's score, from 0 on.")
    buy_score: float = Field(default=0.0, description="Another system's score, from 0 on.")
    # pydantic keeps the name `schema` for itself.
    schema_: str | None = Field(
        default=None,
        alias="schema",
        description="`<deployment>@<digest of the ordered column names>` as /info states it: the"
        " columns must be exactly those. A deployment alone takes the earlier system's names as"
        " well; without it direction_1h_ETHUSDT is meant.",
    )


class PredictAnswer(BaseModel):
    """What is forecast; members bear the earlier system's names beside their own."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": _ANSWER})

    success: bool
    bull_prob: float = Field(description="P(rise) over the shortest horizon, four digits.")
    stacking_mode: bool
    bundle: dict[str, str]
    schema_: str = Field(alias="schema")
    latency_ms: float
    heads: dict[str, dict[str, Any]]
    direction: dict[str, Any]
    as_of: str | None
    warnings: list[str]


class BatchAnswer(BaseModel):
    """The answers of a batch, in the order of its requests.

    One that is refused is `{"success": false, "error": …, "status": …}` in its place.
    """

    model_config = ConfigDict(
        json_schema_extra={"example": {"success": True, "failed": 0, "answers": [_ANSWER]}}
    )

    success: bool = Field(description="Whether every request was answered.")
    failed: int
    answers: list[dict[str, Any]]
