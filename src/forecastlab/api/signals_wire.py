"""Signals on the wire: what is asked, what is answered, with an example of each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from forecastlab.contracts.intervals import DURATION, parse_asof
from forecastlab.contracts.records import ForecastRecord, Mode, Verdict, utc_text
from forecastlab.contracts.signals import HIGHEST, NoSignal, Signal
from forecastlab.contracts.switches import MODELS_OFF
from forecastlab.usecases.ladder import REFERENCE_MISSING
from forecastlab.usecases.model_versions import version_of_name
from forecastlab.usecases.signal_list import Listed, Unreadable
from forecastlab.usecases.signals import INTERVAL

SYMBOL: Final = r"^[A-Z0-9]{2,20}$"

Strategy = Literal["auto", "rules_ml", "rules_only"]

_UP: Final = "1"
_MISSING: Final = re.compile(rf"{REFERENCE_MISSING}\((\w+)\)")

_SCORED: Final[JsonDict] = {
    "score": 47.6577,
    "base_rate": 49.5638,
    "base_rate_symbol": "BTCUSDT",
    "probability": 0.4765771106,
    "candidate": "L1_H24",
    "verdict": "not_distinguishable",
    "research_only": None,
    "model_version": "v2_7",
    "bundle": "signal_1h_v2_7_20250930",
    "digest": "sha256:b2184da96c6c1120aefc44e9925458921d8136e5ddf85570b0055c12a79a9343",
    "missing": {},
    "structural": [],
}
_ENTRY: Final[JsonDict] = {
    "market": "SOLUSDT",
    "origin": "generated",
    "mode": None,
    "as_of": "2025-10-05T07:00:00Z",
    "asof_date": "2025-10-05T06Z",
    "created_at": "2025-10-05T07:05:00Z",
    "signal": _SCORED,
    "reason": None,
    "degraded": ["v2_7_reference_symbol_missing(ADAUSDT)"],
    "missing_reference_symbols": ["ADAUSDT"],
    "data_age_s": 300.0,
    "latency_ms": 10.8,
}
_NOTHING: Final[JsonDict] = {
    **_ENTRY,
    "market": "ADAUSDT",
    "signal": None,
    "reason": "ADAUSDT: too_few_1h_candles(0<100)",
    "degraded": [],
    "missing_reference_symbols": [],
}


class GenerateRequest(BaseModel):
    """Which signals are wanted; an empty body means all of them."""

    model_config = ConfigDict(strict=True, json_schema_extra={"example": {"market": "SOLUSDT"}})

    market: str | None = Field(default=None, pattern=SYMBOL, description="One symbol only.")
    force_analysis: bool = Field(
        default=False, description="Changes nothing: nothing is kept, each request is computed."
    )
    strategy_type: Strategy = Field(
        default="auto", description="`rules_only` asks no model, and there are no rules: no score."
    )


class Scored(BaseModel):
    """What a bundle says of a symbol."""

    score: float = Field(description="100 · P(+1 % is touched before -1 %), as calibrated.")
    base_rate: float = Field(description="100 · the share of such touches up to the cut-off.")
    base_rate_symbol: str = Field(
        description="Whose touches were counted: the bundle's own symbol, whichever is scored."
    )
    probability: float
    candidate: str
    verdict: Verdict = Field(description="How such forecasts have done out of sample.")
    research_only: str | None = Field(description="Null in a sealed record, which states none.")
    model_version: str | None
    bundle: str
    digest: str
    missing: dict[str, float] | None = Field(
        description="Column -> the neutral value that stands in. Null in a sealed record, whose"
        " `degraded` names the columns."
    )
    structural: list[str] = Field(description="0 because a symbol is not compared with itself.")


class Entry(BaseModel):
    """The signal of one symbol at one as-of, or the reason why there is none."""

    market: str | None
    origin: Literal["generated", "sealed"] = Field(
        description="Made by this service on request, or sealed by the hourly run."
    )
    mode: Mode | None = Field(description="Of a sealed record.")
    as_of: str
    asof_date: str = Field(description="The open of the newest candle that was read.")
    created_at: str | None
    signal: Scored | None
    reason: str | None
    degraded: list[str]
    missing_reference_symbols: list[str]
    data_age_s: float | None = Field(description="From the as-of to `created_at`.")
    latency_ms: float | None


class BundleName(BaseModel):
    """A bundle, and the digest of its manifest."""

    name: str
    digest: str


class GenerateAnswer(BaseModel):
    """One entry for each symbol; what stands beside them sums them up."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "success": True,
                "deployment": "signal_1h",
                "as_of": "2025-10-05T07:00:00Z",
                "asof_date": "2025-10-05T06Z",
                "created_at": "2025-10-05T07:05:00Z",
                "data_age_s": 300.0,
                "model_version": "v2_7",
                "bundle": {"name": _SCORED["bundle"], "digest": _SCORED["digest"]},
                "signals": [_ENTRY, _NOTHING],
                "scored": 1,
                "degraded": ["v2_7_reference_symbol_missing(ADAUSDT)"],
                "missing_reference_symbols": ["ADAUSDT"],
                "source_error": None,
                "latency_ms": 40.2,
            }
        }
    )

    success: bool
    deployment: str
    as_of: str
    asof_date: str
    created_at: str
    data_age_s: float
    model_version: str | None = Field(description="What is live; each signal names its own.")
    bundle: BundleName
    signals: list[Entry]
    scored: int = Field(description="How many of them have a score.")
    degraded: list[str]
    missing_reference_symbols: list[str]
    source_error: str | None = Field(description="Why the source could not be reached, if so.")
    latency_ms: float


class ListAnswer(BaseModel):
    """A part of the newest signals, by their as-of, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "success": True,
                "signals": [_ENTRY],
                "total_count": 6,
                "generated": 5,
                "sealed": 1,
                "limit": 1,
                "offset": 0,
            }
        }
    )

    success: bool
    signals: list[Entry]
    total_count: int
    generated: int = Field(description="How many of `total_count` this service made.")
    sealed: int = Field(description="How many are records of the hourly run.")
    limit: int
    offset: int


def entry(found: Listed, ladder: Sequence[str]) -> dict[str, Any]:
    """Write one signal, absent signal or sealed record as an `Entry`.

    Args:
        ladder: the versions that a bundle's name may state.
    """
    if isinstance(found, Signal):
        return _of_signal(found)
    if isinstance(found, NoSignal):
        return {**_empty(found.symbol, found.asof_date, found.reason), **_made(found)}
    if isinstance(found, Unreadable):
        return {**_empty(found.symbol, found.asof_date, found.why), "origin": "sealed"}
    return _of_record(found, ladder)


def summary(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum entries up: how many have a score, and what any of them lacks.

    >>> summary([{"signal": None, "degraded": ["x"], "missing_reference_symbols": []}] * 2)
    {'scored': 0, 'degraded': ['x'], 'missing_reference_symbols': []}
    """
    told = {
        name: list(dict.fromkeys(text for one in entries for text in one[name]))
        for name in ("degraded", "missing_reference_symbols")
    }
    return {"scored": sum(one["signal"] is not None for one in entries), **told}


def _of_signal(signal: Signal) -> dict[str, Any]:
    whole = signal.model_dump(mode="json")
    return {
        **_empty(signal.symbol, signal.asof_date, None),
        **_made(signal),
        "signal": {name: whole[name] for name in Scored.model_fields},
        "degraded": whole["degraded"],
        "missing_reference_symbols": whole["missing_reference_symbols"],
    }


def _of_record(record: ForecastRecord, ladder: Sequence[str]) -> dict[str, Any]:
    # Where the models were switched off the base rate spoke, which is no signal.
    off = MODELS_OFF in record.degraded
    missing = (_MISSING.fullmatch(one) for one in record.degraded)
    return {
        **_empty(record.symbol, record.asof_date, MODELS_OFF if off else None),
        "origin": "sealed",
        "mode": record.mode,
        "created_at": utc_text(record.created_at),
        "signal": None if off else _scored(record, ladder),
        "degraded": list(record.degraded),
        "missing_reference_symbols": [one[1] for one in missing if one],
        "data_age_s": _seconds(record.as_of, record.created_at),
        "latency_ms": round(record.runtime.duration_s * 1000, 1),
    }


def _scored(record: ForecastRecord, ladder: Sequence[str]) -> dict[str, Any]:
    candidate, forecast = next(iter(record.forecasts.items()))
    return {
        "score": round(HIGHEST * forecast.pred_proba[_UP], 4),
        "base_rate": round(HIGHEST * forecast.base_rate[_UP], 4),
        "base_rate_symbol": record.symbol,
        "probability": forecast.pred_proba[_UP],
        "candidate": candidate,
        "verdict": forecast.skill.verdict,
        "research_only": None,
        "model_version": version_of_name(record.bundle.name, record.deployment, ladder),
        "bundle": record.bundle.name,
        "digest": record.bundle.digest,
        "missing": None,
        "structural": [],
    }


def _empty(symbol: str | None, asof: str, reason: str | None) -> dict[str, Any]:
    as_of = parse_asof(asof, INTERVAL) + DURATION[INTERVAL]
    return {
        "market": symbol,
        "origin": "generated",
        "mode": None,
        "as_of": utc_text(as_of),
        "asof_date": asof,
        "created_at": None,
        "signal": None,
        "reason": reason,
        "degraded": [],
        "missing_reference_symbols": [],
        "data_age_s": None,
        "latency_ms": None,
    }


def _made(found: Signal | NoSignal) -> dict[str, Any]:
    return {
        "created_at": utc_text(found.created_at),
        "data_age_s": _seconds(found.as_of, found.created_at),
        "latency_ms": found.latency_ms,
    }


def _seconds(since: datetime, until: datetime) -> float:
    return round((until - since).total_seconds(), 3)
