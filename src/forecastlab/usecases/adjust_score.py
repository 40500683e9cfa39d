"""Adjust a pair of scores by a chance of rising: one that is given, or the newest record's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from forecastlab.contracts.errors import DataUnavailable, UsageError
from forecastlab.contracts.records import ForecastRecord, Verdict
from forecastlab.models.direction_formula import Side, Thresholds, adjust_scores
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.publish import newest_sealed, sealed
from forecastlab.usecases.workspace import Workspace

Rule = Literal["relative", "original"]

RULES: Final[tuple[Rule, ...]] = get_args(Rule)

EVEN: Final = 0.5
"""The base rate that stands in where a bare probability is given without one."""

_CLASSES: Final = {"0", "1"}


@dataclass(frozen=True)
class Chance:
    """A calibrated P(rise) with its base rate, and where it comes from.

    Attributes:
        asof, candidate, path, verdict: of the record; None where the chance was given by hand.
    """

    up: float
    base_rate: float
    asof: str | None = None
    candidate: str | None = None
    path: Literal["local", "remote"] | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Adjustment:
    """Both scores before and after, and everything that the formula used."""

    chance: Chance
    thresholds: Rule
    upper: float
    lower: float
    sell_score: float
    buy_score: float
    adjusted_sell_score: float
    adjusted_buy_score: float
    side: Side
    strength: float
    action: str


def adjust(sell_score: float, buy_score: float, chance: Chance, rule: str) -> Adjustment:
    """Apply the direction formula; a chance counts the same wherever it was computed.

    Raises:
        UsageError: the rule is unknown, a score or a probability cannot be meant.

    >>> adjust(45, 38, Chance(0.6, 0.5), "relative").action
    'bullish(BS*1.03,SS*0.97)'
    """
    if rule not in RULES:
        raise UsageError(
            f"There are no thresholds {rule!r}.", remedy=f"Choose {' or '.join(RULES)}."
        )
    original = rule == "original"
    thresholds = Thresholds.original() if original else Thresholds.relative(chance.base_rate)
    found = adjust_scores(sell_score, buy_score, up=chance.up, thresholds=thresholds)
    return Adjustment(
        chance=chance,
        thresholds="original" if original else "relative",
        upper=thresholds.upper,
        lower=thresholds.lower,
        sell_score=sell_score,
        buy_score=buy_score,
        adjusted_sell_score=found.sell_score,
        adjusted_buy_score=found.buy_score,
        side=found.side,
        strength=found.strength,
        action=found.action,
    )


def newest_chance(workspace: Workspace, candidate: str | None = None) -> Chance:
    """Return the chance on the newest sealed record of the deployment; nothing is written.

    Raises:
        DataUnavailable: no record is sealed.
        UsageError: the record has no such direction forecast.
    """
    asof = newest_sealed(workspace.store, workspace.deployment)
    record = None if asof is None else sealed(workspace.store, workspace.deployment, asof)
    if record is None:
        raise DataUnavailable(
            f"{workspace.deployment} has no sealed record.",
            remedy="Run `forecastlab predict`, or give --prob.",
        )
    return recorded_chance(record, candidate)


def recorded_chance(record: ForecastRecord, candidate: str | None = None) -> Chance:
    """Return the chance of one candidate of a record, by default of its shortest horizon.

    Raises:
        UsageError: the record has no such direction forecast.
    """
    directions = {
        name: one for name, one in record.forecasts.items() if one.pred_proba.keys() == _CLASSES
    }
    if not directions or (candidate is not None and candidate not in directions):
        wanted = "no direction forecast" if candidate is None else f"no direction {candidate}"
        shown = ", ".join(directions) or "--prob, or a --deployment that forecasts a direction"
        raise UsageError(
            f"The record {record.asof_date} of {record.deployment} has {wanted}.",
            remedy=f"Choose {shown}.",
        )
    name = candidate or min(directions, key=lambda one: target_from_name(one).horizon)
    found = directions[name]
    return Chance(
        up=found.pred_proba["1"],
        base_rate=found.base_rate["1"],
        asof=record.asof_date,
        candidate=name,
        path=record.runtime.path,
        verdict=found.skill.verdict,
    )
