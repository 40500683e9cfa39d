"""How a deployment is operated: the table `[operations]` of its TOML, no part of what is learnt."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Policy = Literal["fixed", "daily", "weekly", "monthly"]
"""How often a deployment is retrained; `fixed` never by itself."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PromotionTable(_Table):
    """What a challenger must show before it may replace the champion.

    `refit_bound` is the largest |Δp| of a refit against the champion on the last `compared`
    candles. `margin` is by how much the log loss of a changed recipe may be worse (upper end of
    the interval). After a promotion alerts name the rollback for `watch_hours`.
    """

    refit_bound: float = Field(default=0.05, gt=0, le=1)
    compared: int = Field(default=250, ge=20)
    margin: float = Field(default=0.005, ge=0)
    watch_hours: int = Field(default=48, ge=0)


class ShadowTable(_Table):
    """What a challenger's shadow must reach over the span that a promotion demands.

    Shares are of the bars of the span and must be above their bounds; `inside` is the share of
    published probabilities in [0.3, 0.7], which only direction deployments are held to. A member
    answers normally if it is finite, in (0.02, 0.98), from a full fresh window.

    `published` is the share of published forecasts in (0.02, 0.98); `frozen` the share of equal
    answers at which a forecast, or a member, counts as one that does not move. Of the challengers
    the `newest` are asked, each for at most `budget_s`.
    """

    hours: int = Field(default=24, ge=1)
    days: int = Field(default=14, ge=1)
    coverage: float = Field(default=0.8, ge=0, le=1)
    stacking: float = Field(default=0.9, ge=0, le=1)
    lstm: float = Field(default=0.95, ge=0, le=1)
    tft: float = Field(default=0.8, ge=0, le=1)
    inside: float = Field(default=0.0, ge=0, le=1)
    published: float = Field(default=0.9, ge=0, le=1)
    frozen: float = Field(default=0.9, gt=0, le=1)
    newest: int = Field(default=3, ge=1)
    budget_s: float = Field(default=30.0, gt=0)


class AlertTable(_Table):
    """When an alert is raised; shares are over the last `records` records and runs."""

    records: int = Field(default=50, ge=5)
    fresh_hours: float = Field(default=26, gt=0)
    missing_references: float = Field(default=0.2, ge=0, le=1)
    latency_s: float = Field(default=2.0, gt=0)
    failures: float = Field(default=0.05, ge=0, le=1)
    frozen_share: float = Field(default=0.9, ge=0, le=1)
    coverage_gap: float = Field(default=0.1, ge=0, le=1)
    drift: float = Field(default=0.2, gt=0)


class Operations(_Table):
    """How a deployment is operated.

    `remote` lets members be asked of an inference server. `ladder` orders the recipes of a
    deployment that has several, best first. `symbols` are those that signals are made for; empty:
    the recipe's own.
    """

    policy: Policy = "fixed"
    remote: bool = False
    ladder: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    promotion: PromotionTable = PromotionTable()
    shadow: ShadowTable = ShadowTable()
    alerts: AlertTable = AlertTable()
