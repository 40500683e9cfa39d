"""A circuit breaker whose state lies in the store, so that the next process knows it too."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from forecastlab.contracts import keys
from forecastlab.contracts.breaker import (
    Admission,
    BreakerPolicy,
    BreakerState,
    admit,
    settle,
)
from forecastlab.contracts.errors import DataMalformed, PreconditionFailed, StoreUnavailable
from forecastlab.contracts.ports import ABSENT, Clock, Generation, ObjectStore

log = logging.getLogger(__name__)

_ATTEMPTS: Final = 20
"""Bound on compare-and-swap rounds; ten writers at once need at most ten."""

_Change = Callable[[BreakerState], tuple[BreakerState, Admission]]


class StoredBreaker:
    """A `Breaker` under `keys.breaker(name)`, changed by compare-and-swap.

    A healthy machine costs one read per call and no write. A store that fails lets every call
    through: what is guarded has its own deadline. It blocks for as long as the store does; on an
    event loop, ask it with `asyncio.to_thread`.
    """

    def __init__(self, store: ObjectStore, name: str, policy: BreakerPolicy, clock: Clock) -> None:
        self._store = store
        self._key = keys.breaker(name)
        self._policy = policy
        self._clock = clock

    def admit(self) -> Admission:
        """Say whether a call may be made now."""
        return self._changed(lambda state: admit(state, self._clock.now(), self._policy))

    def settle(self, admission: Admission, kind: str | None) -> None:
        """Note how an admitted call ended: with a kind of failure, or None where it succeeded."""

        def change(state: BreakerState) -> tuple[BreakerState, Admission]:
            return settle(state, admission, kind, self._clock.now(), self._policy), admission

        self._changed(change)

    def _changed(self, change: _Change) -> Admission:
        """Apply a change to the state in the store; return what it answers."""
        try:
            for _ in range(_ATTEMPTS):
                state, generation = self._read()
                changed, answer = change(state)
                if changed == state:
                    return answer
                try:
                    self._store.put(self._key, changed.stored(), if_generation=generation)
                except PreconditionFailed:
                    continue
                if changed.phase != state.phase:
                    log.warning("breaker %s is %s now", self._key, changed.phase)
                return answer
            log.warning("breaker %s changes faster than it can be written", self._key)
        except StoreUnavailable as error:
            log.warning("breaker %s cannot be kept: %s", self._key, error)
        return Admission(allowed=True)

    def _read(self) -> tuple[BreakerState, Generation]:
        found = self._store.get(self._key)
        if found is None:
            return BreakerState(), ABSENT
        try:
            return BreakerState.parse(found.data, what=self._key), found.generation
        except DataMalformed as error:
            log.warning("breaker %s starts anew: %s", self._key, error)
            return BreakerState(), found.generation
