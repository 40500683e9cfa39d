"""A bundle that was refused is left alone until something about it changes, or a rest is over.

To examine one costs seconds of reading, hashing and known answers, and would end as before: a
service that looks at the registry four times a minute must not pay for it each time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.ports import FirstChampion
from forecastlab.contracts.registry import RegistryEvent, fold
from forecastlab.usecases.workspace import Workspace

SHORTEST_S: Final = 60.0
"""How long a refused bundle is left alone at first; the rest doubles with each refusal."""

LONGEST_S: Final = 3600.0


@dataclass(frozen=True)
class Seen:
    """What decides which bundle speaks: events, what is wrong with the next, first champion."""

    events: tuple[RegistryEvent, ...]
    fault: str | None
    first: FirstChampion | None


def seen_by(workspace: Workspace) -> Seen:
    """Look at what decides which bundle speaks; no bundle is read."""
    first = workspace.bundles.first_champion(workspace.deployment)
    return Seen(*workspace.registry.readable(), first)


@dataclass(frozen=True)
class _Refusal:
    seen: Seen
    files: object
    error: BundleRefused
    until_s: float
    rest_s: float


class Refusals:
    """Remembers the last refusal of one deployment; for one thread at a time.

    Args:
        monotonic: seconds that only grow.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._last: _Refusal | None = None

    @contextmanager
    def around(self, workspace: Workspace, seen: Seen) -> Iterator[None]:
        """Run an examination, or refuse as the last one did where the answer would be the same.

        Raises:
            BundleRefused: the examination refused, or did so lately and nothing has changed since.
        """
        # Before the examination: what changes during it calls for another one.
        files, last = _files(workspace, seen), self._last
        same = last is not None and (last.seen, last.files) == (seen, files)
        if last is not None and same and self._monotonic() < last.until_s:
            raise BundleRefused(last.error.facts, remedy=last.error.remedy)
        try:
            yield
        except BundleRefused as error:
            rest_s = min(2 * last.rest_s, LONGEST_S) if last is not None and same else SHORTEST_S
            until_s = self._monotonic() + rest_s
            self._last = _Refusal(seen, files, error, until_s, rest_s)
            raise
        self._last = None


def _files(workspace: Workspace, seen: Seen) -> object:
    """Return what differs once the files of the bundle that is to speak have changed."""
    if workspace.production_dir is not None:
        return workspace.bundles.glimpse(workspace.production_dir)
    name = fold(seen.events).champion or (seen.first.name if seen.first else None)
    return None if name is None else workspace.bundles.glimpse(name)
