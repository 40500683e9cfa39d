"""Does a store keep its preconditions? On one scratch object; everything else rests on them."""

from __future__ import annotations

from typing import Final

from forecastlab.contracts import keys
from forecastlab.contracts.errors import PreconditionFailed, StoreUnavailable
from forecastlab.contracts.ports import ABSENT, Generation, ObjectStore

_BODY: Final = b'{"what": "scratch object of `forecastlab doctor`"}\n'

_ATTEMPTS: Final = 5
"""Other doctors may swap the object at the same moment."""


def try_preconditions(store: ObjectStore) -> str:
    """Swap the scratch object, then try two writes that must be refused; return the facts.

    Raises:
        StoreUnavailable: the store cannot be written, or takes a write that it must refuse.
    """
    replaced = _swap(store)
    for stale, what in ((replaced, "an outdated generation"), (ABSENT, "create-only")):
        try:
            store.put(keys.DOCTOR_PROBE, _BODY, if_generation=stale)
        except PreconditionFailed:
            continue
        raise StoreUnavailable(
            f"{store.location} took a write with the precondition {what}, which did not hold.",
            remedy="Use a store that keeps preconditions: without them records can be rewritten.",
        )
    return "create-only and compare-and-swap hold"


def _swap(store: ObjectStore) -> Generation:
    """Write the object; return the generation that is outdated from now on."""
    for _ in range(_ATTEMPTS):
        found = store.get(keys.DOCTOR_PROBE)
        before = found.generation if found else ABSENT
        try:
            store.put(keys.DOCTOR_PROBE, _BODY, if_generation=before)
        except PreconditionFailed:
            continue
        return before
    raise StoreUnavailable(
        f"{keys.DOCTOR_PROBE} in {store.location} changes faster than it can be written.",
        remedy="Run again.",
    )
