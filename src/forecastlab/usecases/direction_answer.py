"""What the service answers to one request for a direction, as a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from forecastlab.contracts.records import utc_text
from forecastlab.usecases.adjust_score import Adjustment

_SHORT: Final[Mapping[str, str]] = {
    "lightgbm": "lgb",
    "lightgbm_cross": "ca",
    "xgboost": "xgb",
}
"""Member -> what the earlier contract calls it; others bear their own name."""

_STACKED: Final[Mapping[str, str]] = {**_SHORT, "lightgbm_cross": "cross_lgb"}

_COVERED: Final[Mapping[str, str]] = {
    "stacking_feature_coverage_73": "direction",
    "stacking_feature_coverage_94": "direction_cross",
    "ca_feature_coverage": "direction_cross",
}
"""The earlier contract's shares of columns that were there -> the feature sets that they are of."""


@dataclass(frozen=True, eq=False)
class Head:
    """One horizon.

    Attributes:
        up: P(rise) as published; `method` made it of the members'.
        base_rate: share of rises up to the bundle's cut-off.
        members: member -> its own P(rise).
        skipped: member that could not answer -> why.
    """

    horizon: int
    up: float
    method: str
    base_rate: float
    members: Mapping[str, float]
    skipped: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class DirectionAnswer:
    """The answer to one request; `heads` in the order of their horizons."""

    heads: Mapping[str, Head]
    adjustment: Adjustment
    stacks: bool
    stacking_off: bool
    as_of: datetime | None
    coverage: Mapping[str, float]
    warnings: tuple[str, ...]

    @property
    def lead(self) -> Head:
        """The shortest horizon, whose answer the earlier contract knows."""
        return next(iter(self.heads.values()))


def answer_document(answer: DirectionAnswer) -> dict[str, Any]:
    """Return the answer with the earlier contract's keys and this one's.

    `bull_prob` at the top is rounded to four digits, as callers of the earlier contract know it;
    every other probability is not.
    """
    lead = answer.lead
    document: dict[str, Any] = {
        "success": True,
        "bull_prob": round(lead.up, 4),
        "stacking_mode": answer.stacks,
    }
    for name, up in lead.members.items():
        document[f"{_SHORT.get(name, name)}_bull_prob"] = up
    for name, why in lead.skipped.items():
        document[f"{_SHORT.get(name, name)}_skipped_reason"] = why
    if answer.stacks:
        document |= _stacking(lead)
    elif answer.stacking_off:
        document["stacking_disabled_reason"] = "disabled_by_config"
    covered = (
        (key, name) for key, name in _COVERED.items() if answer.stacks or not key.startswith("st")
    )
    document |= {key: answer.coverage[name] for key, name in covered if name in answer.coverage}
    document["heads"] = {name: _head(one) for name, one in answer.heads.items()}
    document["direction"] = _direction(answer)
    document["as_of"] = None if answer.as_of is None else utc_text(answer.as_of)
    document["warnings"] = list(answer.warnings)
    return document


def _stacking(lead: Head) -> dict[str, Any]:
    found: dict[str, Any] = {"stacking_bull_prob": lead.up}
    for name, up in lead.members.items():
        found[f"stacking_{_STACKED.get(name, name)}_prob"] = up
    return found


def _head(one: Head) -> dict[str, Any]:
    return {
        "horizon": one.horizon,
        "bull_prob": one.up,
        "method": one.method,
        "base_rate": one.base_rate,
        "members": dict(one.members),
        "skipped": dict(one.skipped),
    }


def _direction(answer: DirectionAnswer) -> dict[str, Any]:
    found = answer.adjustment
    return {
        "horizon": answer.lead.horizon,
        "side": found.side,
        "strength": found.strength,
        "action": found.action,
        "thresholds": found.thresholds,
        "upper": found.upper,
        "lower": found.lower,
        "base_rate": found.chance.base_rate,
        "sell_score": found.adjusted_sell_score,
        "buy_score": found.adjusted_buy_score,
    }
