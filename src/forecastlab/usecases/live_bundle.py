"""The bundle that answers requests now: it follows the registry without dropping one.

A bundle that was promoted is read, verified, asked for its known answers and warmed beside the one
that speaks. Then the two change places; requests that have begun end with the bundle that they
began with. One that cannot be used changes nothing, and `health` tells of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from forecastlab.contracts.device import DeviceChoice
from forecastlab.contracts.errors import (
    BundleRefused,
    ConfigError,
    DataError,
    DataUnavailable,
    ForecastLabError,
    UsageError,
)
from forecastlab.contracts.records import utc_text
from forecastlab.contracts.registry import fold
from forecastlab.usecases.champion import choose
from forecastlab.usecases.health import refuse_unhealthy
from forecastlab.usecases.network_device import Placed, placed
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.refused_bundle import Refusals, Seen, seen_by
from forecastlab.usecases.served_answers import demand_known_answers
from forecastlab.usecases.served_bundle import MOST_ROWS, ServedBundle
from forecastlab.usecases.workspace import Workspace

log = logging.getLogger(__name__)


def examined(workspace: Workspace) -> OpenBundle:
    """Return the bundle that is to speak, after a health check that it passed.

    Raises:
        BundleRefused: a step of the check failed.
        UsageError: there is no champion.
    """
    found = refuse_unhealthy(workspace).opened
    if found is None:
        raise BundleRefused(
            f"The champion of {workspace.deployment} cannot be opened.",
            remedy="`forecastlab health` says what is wrong with it.",
        )
    return found


@dataclass(eq=False)
class _Held:
    """A bundle, and how many requests are under way with it."""

    served: ServedBundle
    placed: Placed
    since: datetime
    users: int = 0


class LiveBundle:
    """The bundle of one deployment; safe to use from many threads.

    Args:
        device: where networks compute; `auto` measures.
        examine: finds and checks the first bundle.
        refusals: remembers what was refused, so that it is not examined at every look.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        device: DeviceChoice = "auto",
        most_rows: int = MOST_ROWS,
        examine: Callable[[Workspace], OpenBundle] = examined,
        refusals: Refusals | None = None,
    ) -> None:
        self._workspace = workspace
        self._device = device
        self._most_rows = most_rows
        self._examine = examine
        self._refusals = refusals or Refusals()
        self._loading, self._lock = Lock(), Lock()
        self._held: _Held | None = None
        self._retiring: list[_Held] = []
        self._trouble: str | None = None

    @property
    def deployment(self) -> str:
        """The deployment whose champion answers."""
        return self._workspace.deployment

    @property
    def loaded(self) -> bool:
        """Whether a bundle answers."""
        return self._held is not None

    def now(self) -> datetime:
        """Return the time that says what is stale; no network is asked for it."""
        return self._workspace.wall.now()

    def follow(self) -> bool:
        """Look at the registry; load and switch where another bundle is to speak.

        Returns:
            Whether a switch took place.

        Raises:
            ForecastLabError: no bundle answers yet, and none can be loaded.
        """
        with self._loading:
            held = self._held
            try:
                seen = seen_by(self._workspace)
                if held is not None and self._speaks(held.served, seen):
                    self._trouble = None
                    return False
                with self._refusals.around(self._workspace, seen):
                    fresh = self._load(first=held is None)
            except ForecastLabError as error:
                if held is None:
                    self._trouble = error.facts
                    raise
                if self._trouble != error.facts:
                    log.warning("%s goes on with %s: %s", self.deployment, held.served.name, error)
                self._trouble = error.facts
                return False
            self._switch(fresh)
            return True

    @contextmanager
    def lease(self) -> Iterator[ServedBundle]:
        """Give the bundle that answers now, and keep it until the context ends.

        Raises:
            DataUnavailable: there is none.
        """
        with self._lock:
            held = self._held
            if held is None:
                raise DataUnavailable(
                    f"No model of {self.deployment} is loaded.",
                    remedy="GET /health says why; promote a bundle.",
                )
            held.users += 1
        try:
            yield held.served
        finally:
            with self._lock:
                held.users -= 1
                self._forget_retired()

    def health(self) -> dict[str, Any]:
        """Say how it is: `failed` without a bundle, `degraded` where a newer one was refused."""
        with self._lock:
            held, retiring = self._held, [one.served.name for one in self._retiring]
        if held is None:
            return {"status": "failed", "error": self._trouble or "not loaded yet"}
        found: dict[str, Any] = {
            "status": "degraded" if self._trouble else "ok",
            "bundle": held.served.name,
            "digest": held.served.digest,
            "since": utc_text(held.since),
            "retiring": retiring,
        }
        return {**found, "error": self._trouble} if self._trouble else found

    def info(self) -> dict[str, Any]:
        """Say what answers: bundle, schema, columns, rows and device."""
        held = self._held
        if held is None:
            return {"bundle": None}
        served = held.served
        return {
            "bundle": {"name": served.name, "digest": served.digest},
            "since": utc_text(held.since),
            "schema": served.schema.name,
            "columns": list(served.schema.columns),
            "rows": dict(served.members.rows),
            "device": held.placed.device,
            "device_why": held.placed.why,
            "device_window_ms": dict(held.placed.window_ms),
        }

    def _speaks(self, served: ServedBundle, seen: Seen) -> bool:
        """Say whether the registry still names this bundle."""
        if self._workspace.production_dir is not None:
            return True
        state, first = fold(seen.events), seen.first
        if state.champion is not None:
            return (state.champion, state.champion_digest) == (served.name, served.digest)
        return first is None or (first.name, first.digest) == (served.name, served.digest)

    def _load(self, *, first: bool) -> _Held:
        workspace = self._workspace
        bundle = self._examine(workspace) if first else choose(workspace, None).bundle
        where = placed(bundle, workspace.device(), self._device)
        served = ServedBundle(
            where.bundle,
            device=where.device,
            stacking=workspace.switches.stacking,
            most_rows=self._most_rows,
        )
        demand_known_answers(served)
        return _Held(served, where, workspace.wall.now())

    def _switch(self, fresh: _Held) -> None:
        with self._lock:
            old, self._held = self._held, fresh
            if old is not None:
                self._retiring.append(old)
            self._forget_retired()
        self._trouble = None
        before = "nothing" if old is None else old.served.name
        log.info("%s: %s answers, %s did", self.deployment, fresh.served.name, before)

    def _forget_retired(self) -> None:
        """Let go of bundles whose last request has ended; the lock is held."""
        self._retiring = [one for one in self._retiring if one.users]


def may_pass(error: ForecastLabError) -> bool:
    """Say whether the reason of a first load's failure may pass: a promotion, a store's return.

    >>> may_pass(UsageError("There is no champion.", remedy="Promote one."))
    True
    """
    return isinstance(error, DataError | UsageError) and not isinstance(error, ConfigError)
