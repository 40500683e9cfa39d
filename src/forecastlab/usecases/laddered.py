"""The bundles of a deployment with several versions, and the one that what is at hand allows."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from forecastlab.contracts import degradations
from forecastlab.contracts.candles import Candles, Market, empty_frame
from forecastlab.contracts.errors import BundleRefused, DataUnavailable
from forecastlab.contracts.intervals import last_closed_open
from forecastlab.usecases.champion import OVERRIDE, Chosen, choose, opened
from forecastlab.usecases.ladder import inputs_at, step_down
from forecastlab.usecases.model_versions import demanded, name_for
from forecastlab.usecases.serving_window import Series
from forecastlab.usecases.signal_events import tell_inputs
from forecastlab.usecases.update import Need, update
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)

LADDER: Final = degradations.LADDER.says(reason="")
"""What `degraded` says before a reason why a better version did not answer."""


@dataclass(frozen=True, eq=False)
class Ladder:
    """The versions that may answer, best first; the first is the one that was selected.

    Attributes:
        rungs: all versions from the first on, those without a bundle too.
    """

    chosen: tuple[Chosen, ...]
    rungs: tuple[str, ...]

    @property
    def without(self) -> frozenset[str]:
        """The rungs that have no bundle which can be asked."""
        return frozenset(self.rungs) - frozenset(self.versions)

    @property
    def versions(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(version_of_chosen(one) or "" for one in self.chosen)

    def of(self, version: str) -> Chosen:
        """Return the bundle of one of the versions."""
        return self.chosen[self.versions.index(version)]


def open_ladder(workspace: Workspace) -> Ladder:
    """Open the bundle that is to speak, and those of the versions below it.

    A lower version without a bundle, or with one that does not verify, is left out.

    Raises:
        BundleRefused: the bundle that is to speak does not verify.
        UsageError: there is no champion, or no bundle of the version that was asked for.
        ConfigError: the environment asks for what is not there, or contradicts itself.
    """
    chosen = choose(workspace, None)
    return _ladder_below(workspace, chosen)


def version_of_chosen(chosen: Chosen) -> str | None:
    """Return the version that a bundle is of; None where its deployment has but one."""
    return chosen.bundle.files.manifest.recipe.recipe


def on_a_rung(workspace: Workspace, chosen: Chosen, asof_open: datetime) -> Chosen:
    """Return the bundle of the best version that the candles at an as-of allow.

    A bundle that was named by hand, or of a deployment with one version, is left as it is.

    Raises:
        DataUnavailable: no version can answer.
    """
    version = version_of_chosen(chosen)
    if version is None or chosen.override in {"--bundle", OVERRIDE}:
        return chosen
    manifest, needed = chosen.bundle.files.manifest, chosen.bundle.needed
    as_of = needed.as_of(asof_open)
    market = read_what_is_there(workspace, needed.series, needed.first_open(asof_open), as_of)
    view = market.as_of(as_of)
    inputs = inputs_at(view, needed.symbol, manifest.recipe.features.references)
    if version == "v2_7":
        tell_inputs(inputs, four_hours=inputs.four_hours)
    best = step_down(inputs, (version,))
    if best.version is not None:
        return chosen
    ladder = _ladder_below(workspace, chosen)
    rung = step_down(inputs, ladder.rungs, ladder.without)
    if rung.version is None:
        raise DataUnavailable(
            f"No version can answer as of {as_of:%Y-%m-%dT%HZ}: {'; '.join(rung.reasons)}.",
            remedy="Run `forecastlab update`; a gap of the exchange itself must pass first.",
        )
    told = tuple(f"{LADDER}{one}" for one in rung.reasons)
    log.warning("%s answers instead of %s: %s", rung.version, version, "; ".join(rung.reasons))
    return replace(ladder.of(rung.version), degraded=(*chosen.degraded, *told))


def fetch_what_is_there(workspace: Workspace, needs: Iterable[Need]) -> None:
    """Bring the lake up to date series by series; what cannot be had is left as it is."""
    for need in needs:
        try:
            update(workspace, (need,))
        except DataUnavailable as error:
            log.warning("%s %s: %s", need.symbol, need.interval, error.facts)


def read_what_is_there(
    workspace: Workspace, series: Sequence[Series], first_open: datetime, as_of: datetime
) -> Market:
    """Read series from an open to an as-of; one that is not there has no candle."""
    found = []
    for symbol, interval in series:
        try:
            last = last_closed_open(as_of, interval)
            found.append(workspace.archive.read(symbol, interval, first_open, last))
        except DataUnavailable:
            found.append(Candles(symbol, interval, empty_frame()))
    return Market(found)


def _ladder_below(workspace: Workspace, chosen: Chosen) -> Ladder:
    """Return a bundle and those of the versions below its own; none below one named by hand."""
    recipe = chosen.bundle.files.manifest.recipe
    ladder = workspace.operations.ladder or recipe.operations.ladder
    below: tuple[str, ...] = ()
    if recipe.recipe in ladder and chosen.override not in {"--bundle", OVERRIDE}:
        below = ladder[ladder.index(recipe.recipe) + 1 :]
    lower = (_lower(workspace, version) for version in below)
    found = tuple(one for one in lower if one is not None)
    return Ladder((chosen, *found), (version_of_chosen(chosen) or "", *below))


def _lower(workspace: Workspace, version: str) -> Chosen | None:
    name = name_for(workspace, version)
    if name is None:
        return None
    try:
        return Chosen(opened(workspace, demanded(workspace, version)), None, first=False)
    except BundleRefused as error:
        log.warning("%s is left out of the ladder: %s", name, error.facts)
        return None
