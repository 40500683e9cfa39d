"""The pin of a store to one kind of candles: simulated, file and live records never mix."""

from __future__ import annotations

from forecastlab.contracts.errors import PreconditionFailed, UsageError
from forecastlab.contracts.keys import STORE_PIN
from forecastlab.contracts.ports import ABSENT, ObjectStore, SourceKind
from forecastlab.contracts.store_pin import StorePin


def pin_store(store: ObjectStore, kind: SourceKind) -> None:
    """Pin a store to a source's kind, or check that it is.

    Raises:
        UsageError: the store is pinned to another kind.
        DataMalformed: `store.json` cannot be read.
    """
    if check_pin(store, kind):
        return
    try:
        store.put(STORE_PIN, StorePin(source=kind).stored(), if_generation=ABSENT)
    except PreconditionFailed:
        check_pin(store, kind)


def check_pin(store: ObjectStore, kind: SourceKind) -> bool:
    """Check a store's pin and write nothing; return False where the store is not pinned yet.

    Raises:
        UsageError: the store is pinned to another kind.
        DataMalformed: `store.json` cannot be read.
    """
    found = store.get(STORE_PIN)
    if found is None:
        return False
    pinned = StorePin.parse(found.data, what=f"{STORE_PIN} in {store.location}").source
    if pinned != kind:
        raise UsageError(
            f"The store {store.location} holds {pinned} candles and forecasts, not {kind} ones.",
            remedy=f"Name another --store, or a {pinned} --source.",
        )
    return True
