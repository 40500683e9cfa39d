"""The bundles that make signals now: they follow the registry, and change places all at once.

A ladder that was begun with is ended with. One that cannot be opened changes nothing, and `health`
tells of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Any

from forecastlab.contracts.errors import (
    BundleRefused,
    ConfigError,
    DataUnavailable,
    ForecastLabError,
    UsageError,
)
from forecastlab.contracts.records import utc_text
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.usecases.champion import OVERRIDE, Chosen
from forecastlab.usecases.health import refuse_unhealthy
from forecastlab.usecases.laddered import Ladder, open_ladder, version_of_chosen
from forecastlab.usecases.refused_bundle import Refusals, Seen, seen_by
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Standing:
    """The ladder that answers, and how it came to.

    Attributes:
        events: the registry's, as they were last looked at.
        loaded_at: since when it answers here.
    """

    ladder: Ladder
    events: tuple[RegistryEvent, ...]
    loaded_at: datetime

    @property
    def live(self) -> Chosen:
        """The bundle that answers where everything is at hand."""
        return self.ladder.chosen[0]

    @property
    def event(self) -> RegistryEvent | None:
        """The event that made this bundle champion; None where an override chose it, or none did.

        It is the last one, where there are several.
        """
        if self.live.override is not None:
            return None
        name = self.live.bundle.files.name
        speaking = (e for e in reversed(self.events) if e.kind in {"promoted", "rolled_back"})
        return next((event for event in speaking if event.bundle == name), None)


class LiveLadder:
    """The ladder of one deployment; safe to use from many threads.

    Args:
        examine: checks the bundle that is to speak first, and raises where it fails.
        refusals: remembers what was refused, so that it is not examined at every look.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        examine: Callable[[Workspace], object] = refuse_unhealthy,
        refusals: Refusals | None = None,
    ) -> None:
        self._workspace = workspace
        self._examine = examine
        self._refusals = refusals or Refusals()
        self._loading = Lock()
        self._seen: Seen | None = None
        self._standing: Standing | None = None
        self._trouble: ForecastLabError | None = None

    @property
    def deployment(self) -> str:
        """The deployment whose bundles answer."""
        return self._workspace.deployment

    @property
    def loaded(self) -> bool:
        """Whether a bundle answers."""
        return self._standing is not None

    @property
    def absent(self) -> bool:
        """Whether none does because there is none: nothing that waiting would mend."""
        return not self.loaded and isinstance(self._trouble, UsageError)

    def current(self) -> Standing:
        """Return what answers now.

        Raises:
            DataUnavailable: nothing does.
        """
        if self._standing is None:
            raise DataUnavailable(
                f"No model of {self.deployment} is loaded.",
                remedy="GET /health says why; promote a bundle.",
            )
        return self._standing

    def follow(self) -> bool:
        """Look at the registry; open and switch where other bundles are to speak.

        Returns:
            Whether a switch took place.

        Raises:
            ForecastLabError: no bundle answers yet, and none can be opened.
        """
        with self._loading:
            try:
                return self._followed()
            except ForecastLabError as error:
                if self._standing is None:
                    self._trouble = error
                    raise
                if str(self._trouble) != str(error):
                    log.warning("%s goes on as it was: %s", self.deployment, error)
                self._trouble = error
                return False

    def lasts(self, error: ForecastLabError) -> bool:
        """Say whether what kept the first load from succeeding will still be so tomorrow.

        No champion may be none yet; a version that was asked for by name has to be there.
        """
        demanded = isinstance(error, UsageError) and bool(self._workspace.switches.version)
        return demanded or isinstance(error, BundleRefused | ConfigError)

    def health(self) -> dict[str, Any]:
        """Say how it is: `failed` where a bundle should answer and none does."""
        standing, trouble = self._standing, self._trouble
        if standing is None:
            facts = trouble.facts if trouble else "not loaded yet"
            return {"status": "degraded" if self.absent else "failed", "error": facts}
        files = standing.live.bundle.files
        troubles = [] if trouble is None else [trouble.facts]
        troubles += standing.live.degraded
        troubles += [f"{rung} has no bundle that can be used" for rung in self.missing(standing)]
        found: dict[str, Any] = {
            "status": "degraded" if troubles else "ok",
            "bundle": files.name,
            "digest": files.digest,
            "versions": list(standing.ladder.versions),
            "since": utc_text(standing.loaded_at),
        }
        return {**found, "error": "; ".join(troubles)} if troubles else found

    def missing(self, standing: Standing) -> tuple[str, ...]:
        """Return the versions below the one that speaks that nothing stands for."""
        recipe = standing.live.bundle.files.manifest.recipe
        ladder = self._workspace.operations.ladder or recipe.operations.ladder
        version = version_of_chosen(standing.live)
        if version not in ladder or standing.live.override == OVERRIDE:
            return ()
        below = ladder[ladder.index(version) + 1 :]
        return tuple(one for one in below if one not in standing.ladder.versions)

    def _followed(self) -> bool:
        workspace, old = self._workspace, self._standing
        seen = seen_by(workspace)
        if old is not None and seen == self._seen:
            self._trouble = None
            return False
        with self._refusals.around(workspace, seen):
            if old is None:
                self._examine(workspace)
            ladder = open_ladder(workspace)
        switched = old is None or _digests(old.ladder) != _digests(ladder)
        if old is None or switched:
            self._standing = Standing(ladder, seen.events, workspace.wall.now())
            log.info("%s: %s", self.deployment, _told(ladder))
        else:  # of the same bundles the registry may have more to tell
            self._standing = replace(old, ladder=ladder, events=seen.events)
        self._seen, self._trouble = seen, None
        return switched


def _digests(ladder: Ladder) -> list[str]:
    return [one.bundle.files.digest for one in ladder.chosen]


def _told(ladder: Ladder) -> str:
    first, *others = [one.bundle.files.name for one in ladder.chosen]
    return f"{first} answers, below it {', '.join(others) or 'nothing'}"
