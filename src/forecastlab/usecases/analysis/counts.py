"""What the analyst has done since it started, as `/stats` tells it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from forecastlab.contracts.analysis import AnswerPath, Side, Usage


@dataclass
class LlmCounts:
    """Counts of one language model; a request may be paid for and fail.

    Attributes:
        resting: why the breaker kept the last request from it; empty where it did not.
    """

    total: int = 0
    successful: int = 0
    unsuccessful: int = 0
    in_a_row: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)
    currency: str = ""
    resting: str = ""

    def asked(self) -> None:
        """Count a request."""
        self.total += 1

    def succeeded(self) -> None:
        """Count an answer that could be used."""
        self.successful += 1
        self.in_a_row = 0

    def failed(self) -> None:
        """Count a request without a usable answer."""
        self.unsuccessful += 1
        self.in_a_row += 1

    def paid(self, usage: Usage) -> None:
        """Count what a request cost."""
        self.tokens += usage.input_tokens + usage.output_tokens
        self.cost += Decimal(usage.cost)
        self.currency = usage.currency

    def document(self) -> dict[str, Any]:
        """Return the counts; the rate in per cent."""
        return {
            "total_requests": self.total,
            "successful_requests": self.successful,
            "failed_requests": self.unsuccessful,
            "total_tokens": self.tokens,
            "total_cost": float(self.cost),
            "total_cost_exact": str(self.cost),
            "currency": self.currency,
            "success_rate": _percent(self.successful, self.total),
            "avg_cost_per_request": float(self.cost / self.total) if self.total else 0.0,
        }


@dataclass
class AnalystCounts:
    """Counts of all requests.

    Attributes:
        shared: requests that waited for the answer to an equal one under way; with them, hits,
            answers and errors add up to the total.
    """

    total: int = 0
    cache_hits: int = 0
    shared: int = 0
    errors: int = 0
    paths: Counter[AnswerPath] = field(default_factory=Counter)
    local_signals: Counter[Side] = field(default_factory=Counter)
    llm: LlmCounts = field(default_factory=LlmCounts)
    rival: LlmCounts = field(default_factory=LlmCounts)

    def answered(self, path: AnswerPath, signal: Side) -> None:
        """Count an answer that was made, and not found in the cache."""
        self.paths[path] += 1
        if path != "llm":
            self.local_signals[signal] += 1

    def document(self) -> dict[str, Any]:
        """Return the counts under the names that their readers know; rates in per cent."""
        local = self.paths["local"] + self.paths["fallback"]
        return {
            "total_requests": self.total,
            "cache_hits": self.cache_hits,
            "shared_answers": self.shared,
            "deepseek_calls": self.paths["llm"],
            "local_calls": local,
            "fallback_calls": self.paths["fallback"],
            "errors": self.errors,
            "cache_hit_rate": _percent(self.cache_hits, self.total),
            "deepseek_usage_rate": _percent(self.paths["llm"], self.total),
            "local_usage_rate": _percent(local, self.total),
            "fallback_rate": _percent(self.paths["fallback"], self.total),
            "error_rate": _percent(self.errors, self.total),
            "consecutive_failures": self.llm.in_a_row,
            "deepseek_stats": self.llm.document(),
            "rival_stats": self.rival.document(),
            "local_model_stats": {
                "total_predictions": sum(self.local_signals.values()),
                "signals_distribution": {
                    side: self.local_signals[side] for side in ("BUY", "SELL", "HOLD")
                },
            },
        }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0
