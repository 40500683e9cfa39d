"""The deployments of a store, its candles and its clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from forecastlab.contracts import keys
from forecastlab.contracts.candles import Candles, empty_frame
from forecastlab.contracts.intervals import Interval
from forecastlab.contracts.ports import CandleArchive, ObjectStore, SourceKind
from forecastlab.contracts.store_pin import StorePin
from webapp.read_model.deployment import Deployment
from webapp.read_model.parsed import CreatedOnce
from webapp.read_model.problems import Problem
from webapp.read_model.reader import FRESH_S, StoreReader


class Library:
    """A store as the pages read it, shared by all sessions of a server."""

    def __init__(
        self,
        store: ObjectStore,
        archive: CandleArchive,
        *,
        default: str,
        now: Callable[[], datetime],
        simulated_now: datetime | None = None,
        reader: StoreReader | None = None,
    ) -> None:
        self._reader = reader or StoreReader(store)
        self._archive = archive
        self._default = default
        self._now = now
        self._simulated_now = simulated_now
        self._pins = CreatedOnce(self._reader, lambda data, key: StorePin.parse(data, what=key))
        self._deployments: dict[str, Deployment] = {}
        self._candles: dict[tuple[str, Interval, timedelta], tuple[float, datetime, Candles]] = {}

    @property
    def location(self) -> str:
        """The store's address."""
        return self._reader.location

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read lately."""
        return self._reader.problems

    def pinned(self) -> SourceKind | None:
        """Return the kind of candles that the store is pinned to; None before the first."""
        pin = self._pins.read([keys.STORE_PIN]).get(keys.STORE_PIN)
        return pin.source if pin else None

    def deployments(self) -> tuple[str, ...]:
        """Return the deployments that have a registry, the default one first.

        The first publish of a deployment writes into its registry, and that listing is short; one
        of all records would not be.
        """
        prefix = "registry/"
        named = {key.removeprefix(prefix).partition("/")[0] for key in self._reader.keys(prefix)}
        return (self._default, *sorted(named - {self._default}))

    def deployment(self, name: str) -> Deployment:
        """Return a deployment, kept from call to call."""
        with self._reader.lock:
            if name not in self._deployments:
                self._deployments[name] = Deployment(self._reader, name)
            return self._deployments[name]

    def now(self, deployment: Deployment) -> datetime:
        """Return the instant that ages are counted from.

        A simulated market has its own clock. Where no setting gives it, it stands at the newest
        thing that the deployment wrote.
        """
        if self.pinned() != "simulated":
            return self._now()
        if self._simulated_now is not None:
            return self._simulated_now
        written = [one.created_at for one in deployment.records(newest=1)]
        written += [one.finished_at for one in deployment.runs(newest=1)]
        return max(written, default=self._now())

    def candles(
        self, symbol: str, interval: Interval, *, last_open: datetime, span: timedelta
    ) -> Candles:
        """Return the store's candles that open in [last_open − span, last_open]; empty if none."""
        with self._reader.lock:
            kept = self._candles.get((symbol, interval, span))
            elapsed = self._reader.elapsed()
            if kept is None or kept[1] != last_open or elapsed - kept[0] >= FRESH_S:
                found = Candles(symbol, interval, empty_frame())
                with self._reader.listed(keys.candles(symbol, interval)):
                    found = self._archive.read(symbol, interval, last_open - span, last_open)
                kept = (elapsed, last_open, found)
                self._candles[symbol, interval, span] = kept
        return kept[2]
