"""Valid documents that tests change in one place."""

from __future__ import annotations

from typing import Any


def record_document() -> dict[str, Any]:
    """Return a forecast record as plain JSON."""
    zeros = "sha256:" + "0" * 64
    return {
        "schema_version": 1,
        "deployment": "flow_T21X8_T14X8",
        "symbol": "BTCUSDT",
        "interval": "1d",
        "asof_date": "2025-09-30",
        "as_of": "2025-10-01T00:00:00Z",
        "created_at": "2025-10-01T00:05:00Z",
        "mode": "live",
        "previous": None,
        "bundle": {"name": "flow_T21X8_T14X8_20250930", "digest": zeros, "override": None},
        "source": {
            "name": "binance",
            "rows": 1500,
            "digest": zeros,
            "last_open_time_ms": 1759190400000,
        },
        "close": 114048.93,
        "forecasts": {"T21_X8": forecast_document()},
        "runtime": {
            "path": "local",
            "fallback_reason": None,
            "device": "cpu",
            "duration_s": 0.2,
            "versions": {},
        },
        "degraded": [],
    }


def forecast_document() -> dict[str, Any]:
    """Return one candidate's forecast as plain JSON."""
    return {
        "pred_label": 0,
        "pred_proba": {"-1": 0.283, "0": 0.410, "1": 0.307},
        "base_rate": {"-1": 0.31, "0": 0.37, "1": 0.32},
        "call": "no_view",
        "prediction_set": {"level": 0.8, "labels": [-1, 0, 1]},
        "resolves_on": "2025-10-21",
        "method": "first_passage",
        "members": {"first_passage": {"-1": 0.283, "0": 0.410, "1": 0.307}},
        "skill": {
            "reference": "trailing_year",
            "log_loss_skill": 0.023,
            "ci95": [-0.017, 0.046],
            "verdict": "not_distinguishable",
        },
    }
