"""What is logged of a signal: one event each, under the names that machines watch for."""

from __future__ import annotations

import logging
from typing import Any

from forecastlab.contracts.signals import NoSignal, Signal
from forecastlab.usecases.ladder import ALL_REFERENCES_MISSING, REFERENCE_MISSING, Inputs

log = logging.getLogger(__name__)


def tell_inputs(inputs: Inputs, *, four_hours: int) -> None:
    """Tell what was found for the version that compares with other symbols, and what was not.

    Args:
        four_hours: closed four-hour candles that were read.
    """
    symbol, missing = inputs.symbol, inputs.missing_references
    fields: dict[str, Any]
    for one in missing:
        fields = {"ref_symbol": one, "target_symbol": symbol}
        _tell(logging.WARNING, REFERENCE_MISSING, symbol, fields, f"{one} has no candle")
    if inputs.references and len(missing) == len(inputs.references):
        fields = {"target_symbol": symbol, "missing_symbols_count": len(missing)}
        _tell(logging.ERROR, ALL_REFERENCES_MISSING, symbol, fields, "no other symbol has a candle")
    found = len(inputs.references) - len(missing)
    fields = {
        "target_symbol": symbol,
        "secondary_klines_count": four_hours,
        "reference_symbols_count": found + 1,
        "missing_symbols_count": len(missing),
    }
    told = f"{found + 1} of {len(inputs.references) + 1} symbols have the candle"
    _tell(logging.INFO, "v2_7_additional_data_fetched", symbol, fields, told)


def tell_signal(signal: Signal, *, features: int) -> None:
    """Tell that a signal was made."""
    fields = {
        "model_version": signal.model_version,
        "ml_score": signal.score,
        "num_features": features,
        "latency_ms": signal.latency_ms,
        "degraded": list(signal.degraded),
        "bundle": signal.bundle,
    }
    told = f"{signal.model_version} scores {signal.score:.2f}"
    _tell(logging.INFO, "ml_enrichment_success", signal.symbol, fields, told)


def tell_no_signal(signal: NoSignal) -> None:
    """Tell that there is no signal because something is missing."""
    fields = {"reason": signal.reason, "latency_ms": signal.latency_ms}
    _tell(logging.WARNING, "ml_enrichment_failed", signal.symbol, fields, signal.reason)


def tell_error(signal: NoSignal, *, version: str) -> None:
    """Tell that a version could not be asked though its inputs were there."""
    fields = {
        "error": signal.reason,
        "model_version": version,
        "latency_ms": signal.latency_ms,
    }
    _tell(logging.ERROR, "ml_enrichment_error", signal.symbol, fields, signal.reason)


def _tell(severity: int, event: str, symbol: str, fields: dict[str, Any], told: str) -> None:
    own = {"event": event, "symbol": symbol, "market": symbol, **fields}
    log.log(severity, "%s %s: %s", event, symbol, told, extra={"fields": own})
