"""The rollback drill: a rollback and the forecast after it, measured, with nothing kept of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from forecastlab.contracts.errors import GateRefused, UsageError
from forecastlab.contracts.registry import RegistryState
from forecastlab.usecases.champion import choose, opened, seat_first_champion
from forecastlab.usecases.predict import PredictRequest, predict, settle_asof
from forecastlab.usecases.promote import LOADED, refuse_unfit, rollback
from forecastlab.usecases.registry_change import Change, append_change
from forecastlab.usecases.runs import Attempt
from forecastlab.usecases.training_market import newest_at_hand
from forecastlab.usecases.update import serving_needs, update
from forecastlab.usecases.workspace import Workspace

ALLOWED_S: Final = 2.0
"""From the command to the next forecast that uses the earlier champion, candles at hand."""

_WHY: Final = "a drill"
_T = TypeVar("_T")


@dataclass(frozen=True)
class DrillStep:
    """One step and the seconds that it took."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Drill:
    """What was rolled back to, the forecast that followed, and how long it all took.

    Attributes:
        rehearsed: the target was no earlier champion; the drill took it for one.
    """

    champion: str
    target: str
    rehearsed: bool
    asof: str
    steps: tuple[DrillStep, ...]
    seconds: float
    allowed: float = ALLOWED_S


def drill_rollback(workspace: Workspace, *, to: str | None = None) -> Drill:
    """Roll back and forecast, on a workspace whose store keeps nothing, and time each step.

    The first step loads libraries and the champion, as every command does. Candles are brought
    up to date off the clock: the next forecast fetches them with or without a rollback.

    Args:
        to: the bundle to return to; one that never was champion is taken for an earlier one.

    Raises:
        UsageError: there is no champion, or no earlier one and none is named; or the environment
            chooses a bundle past the registry, so that a rollback would change nothing.
        BundleRefused: the target does not verify.
    """
    steps: list[DrillStep] = []
    chosen = _timed(steps, "load", lambda: choose(workspace, None))
    if chosen.override is not None:
        raise UsageError(
            f"{chosen.override} chooses {chosen.bundle.files.name} past the registry.",
            remedy=f"Unset {chosen.override}: a rollback does nothing until then.",
        )
    seat_first_champion(workspace, chosen)
    state = workspace.registry.state()
    rehearsed = to is not None and to not in state.champions
    if to is not None and rehearsed:
        refuse_unfit(state, to, _WHY)
        _take_for_earlier(workspace, state, to)
    needed = chosen.bundle.needed
    asof = newest_at_hand(workspace, chosen.bundle.files.manifest.recipe)
    asof_open = settle_asof(asof, workspace.clock.now(), needed.interval)
    update(workspace, serving_needs(needed, asof_open))
    attempt = Attempt()
    event = _timed(steps, "rollback", lambda: rollback(workspace, to=to, why=_WHY))
    _timed(steps, "forecast", lambda: predict(workspace, PredictRequest(asof), attempt))
    parts = [DrillStep(f"forecast: {one.name}", one.duration_s) for one in attempt.steps]
    return Drill(
        champion=str(event.previous),
        target=event.bundle,
        rehearsed=rehearsed,
        asof=str(attempt.asof_date),
        steps=(*steps, *parts),
        seconds=round(sum(one.seconds for one in steps), 4),
    )


def refuse_slow(found: Drill) -> None:
    """Refuse a rollback that takes longer than is promised.

    Raises:
        GateRefused: it took longer.
    """
    if found.seconds > found.allowed:
        raise GateRefused(
            f"The rollback to {found.target} and the next forecast took {found.seconds:.2f} s;"
            f" {found.allowed:g} s are allowed.",
            remedy="Run it again on an idle machine; the slowest step says where to look.",
        )


def _take_for_earlier(workspace: Workspace, state: RegistryState, name: str) -> None:
    """Write, into the store that keeps nothing, that the bundle spoke before the champion."""
    target = opened(workspace, workspace.bundles.find(name)).files
    champion = str(state.champion)
    spoke = [(target.name, target.digest), (champion, state.registered[champion])]
    for bundle, digest in spoke:
        change = Change("promoted", bundle, digest, _WHY, LOADED)
        append_change(workspace, change, fits=lambda _: None)


def _timed(steps: list[DrillStep], name: str, work: Callable[[], _T]) -> _T:
    began = time.monotonic()
    done = work()
    steps.append(DrillStep(name, round(time.monotonic() - began, 4)))
    return done
