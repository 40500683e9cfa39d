"""What the use cases ask of the world outside; adapters keep these promises.

Each port has a contract suite in `tests/contract/` that the fake and the real thing both pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from forecastlab.contracts.candles import Candles
from forecastlab.contracts.intervals import Interval

if TYPE_CHECKING:
    import pandas as pd

    from forecastlab.contracts.bundle_files import BundleFiles
    from forecastlab.contracts.registry import RegistryEvent, RegistryState

SourceKind = Literal["binance", "file", "simulated"]

Generation = str
"""An opaque token of one stored version of an object; equal tokens mean the same write."""

ABSENT: Generation = ""
"""The generation of an object that does not exist: `if_generation=ABSENT` creates, or fails."""


class Clock(Protocol):
    """The one source of "now": exchange server time, the simulated clock, or the system's."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...


class Progress(Protocol):
    """Tells a person how far a long piece of work is; writes nothing to stdout."""

    def track(self, label: str, total: int) -> AbstractContextManager[Step]:
        """Open a bar of `total` steps; leaving the context closes it."""
        ...


class Step(Protocol):
    """One open progress bar."""

    def advance(self, steps: int = 1) -> None:
        """Move the bar on."""
        ...


class CandleSource(Protocol):
    """Where candles come from: the exchange, files, or the simulated market."""

    @property
    def kind(self) -> SourceKind:
        """The kind that a store is pinned to; kinds never mix in one store."""
        ...

    def fetch(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        """Return the closed candles that open in [first_open, last_open], as far as they exist.

        `first_open` None means from the first candle there is. Unclosed candles are never
        returned; refused rows are listed on the result.

        Raises:
            DataUnavailable: the source has no such symbol, or cannot be reached.
            DataMalformed: the source answers, but not with candles.
        """
        ...


@runtime_checkable
class FundingArchive(Protocol):
    """An archive that holds funding rates of perpetual contracts beside its candles."""

    def funding(self, symbol: str) -> pd.Series:
        """Return the rates of a symbol, index the instant of payment (UTC); empty if none.

        Raises:
            DataMalformed: they are there, and no rates.
        """
        ...


class CandleArchive(Protocol):
    """Candles at hand for a forecast: the lake of a store, or a folder of files read in place."""

    def read(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> Candles:
        """Return the candles at hand that open in [first_open, last_open]; empty if none."""
        ...


@dataclass(frozen=True)
class StoredObject:
    """An object's bytes and the generation that they belong to."""

    data: bytes
    generation: Generation


class ObjectStore(Protocol):
    """Objects under slash-separated keys: created once, or compared and swapped; no delete.

    A put is atomic: a reader sees the old bytes or the new ones, and a kill leaves one of both.
    """

    @property
    def location(self) -> str:
        """The store's address for messages: a folder, or `gs://bucket/prefix`."""
        ...

    def get(self, key: str) -> StoredObject | None:
        """Return an object, or None where there is none.

        Raises:
            StoreUnavailable: the store cannot be read.
        """
        ...

    def put(self, key: str, data: bytes, *, if_generation: Generation) -> Generation:
        """Write an object if its generation is still the given one (`ABSENT`: create once).

        Raises:
            PreconditionFailed: another generation is there; nothing was written.
            StoreUnavailable: the store cannot be written; nothing was written.
        """
        ...

    def list(self, prefix: str) -> Sequence[str]:
        """Return the keys that begin with `prefix`, in ascending order.

        Raises:
            StoreUnavailable: the store cannot be read.
        """
        ...


@dataclass(frozen=True)
class AppendReport:
    """What an append did: candles new, equal, and revised (kept beside, not in force)."""

    new: int
    equal: int
    revised: int


class Lake(CandleArchive, Protocol):
    """An archive that fetched candles are kept in."""

    def missing_spans(
        self, symbol: str, interval: Interval, first_open: datetime | None, last_open: datetime
    ) -> tuple[tuple[datetime | None, datetime], ...]:
        """Return the spans of [first_open, last_open] that hold no candle, oldest first."""
        ...

    def pending_revisions(self, symbol: str, interval: Interval) -> int:
        """Count the candles of which a newer version lies beside the one in force."""
        ...

    def accept_revisions(self, symbol: str, interval: Interval) -> int:
        """Put the newest version of every candle in force; return how many changed."""
        ...

    def append(self, candles: Candles, *, seen_at: datetime) -> AppendReport:
        """Keep what is missing; the first-seen candle of an open time stays in force."""
        ...


@dataclass(frozen=True)
class FirstChampion:
    """The bundle that speaks until the registry says otherwise, and its manifest's digest."""

    name: str
    digest: str


class Bundles(Protocol):
    """Where bundles lie."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all bundles that can be loaded, sorted."""
        ...

    def shipped(self) -> tuple[str, ...]:
        """Return the names of those that ship with the program, sorted."""
        ...

    def as_found(self, at: str | Path) -> tuple[str, Mapping[str, bytes]]:
        """Return where a bundle lies and its files as they are; verified by nobody."""
        ...

    def glimpse(self, at: str | Path) -> object:
        """Return what differs once a bundle's files were changed; its models are not read."""
        ...

    def find(self, name: str) -> BundleFiles:
        """Return a verified bundle; BundleRefused if there is none or it does not verify."""
        ...

    def read_folder(self, folder: Path) -> BundleFiles:
        """Return the verified bundle in a folder."""
        ...

    def first_champion(self, deployment: str) -> FirstChampion | None:
        """Return the champion that ships with the program, or None."""
        ...

    def taken(self, name: str) -> bool:
        """Say whether a bundle's name is in use."""
        ...

    def keep_in_folder(self, name: str, files: Mapping[str, bytes]) -> str:
        """Write a new bundle among the shipped ones; return where it lies."""
        ...

    def keep_in_store(self, name: str, files: Mapping[str, bytes]) -> str:
        """Write a new bundle into the store; return where it lies."""
        ...

    def show_in_store(self, bundle: BundleFiles) -> None:
        """Copy the manifest and the card to where readers of the store look."""
        ...


class Registry(Protocol):
    """A deployment's registry."""

    def events(self) -> tuple[RegistryEvent, ...]:
        """Return all events, oldest first."""
        ...

    def readable(self) -> tuple[tuple[RegistryEvent, ...], str | None]:
        """Return the events before the first damaged one, and what is wrong with it (or None)."""
        ...

    def state(self, *, at: datetime | None = None) -> RegistryState:
        """Return the fold of the events up to `at` (None: all)."""
        ...

    def of(self, deployment: str) -> Registry:
        """Return the registry of another deployment in the same store."""
        ...

    def append(self, event: RegistryEvent) -> None:
        """Append an event under its own number; PreconditionFailed if the race is lost."""
        ...
