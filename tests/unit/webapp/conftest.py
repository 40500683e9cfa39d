"""A store for every test, a clock that the test moves, and the words of a language."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from forecastlab.adapters.candle_lake import CandleLake
from forecastlab.contracts.keys import ROOT_DEPLOYMENT
from forecastlab.contracts.ports import ObjectStore
from tests.support.memory_store import MemoryStore
from webapp.languages import words_of
from webapp.read_model.library import Library
from webapp.read_model.reader import StoreReader
from webapp.views.wording import Words

NOW: Final = datetime(2026, 3, 5, 8, 7, tzinfo=UTC)
"""The instant that every test's worlds end at."""


class Steady:
    """A steady clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def steady() -> Steady:
    return Steady()


@pytest.fixture
def library(store: MemoryStore, steady: Steady) -> Library:
    return library_of(store, steady)


@pytest.fixture
def words() -> Words:
    return words_of("en")


def library_of(store: ObjectStore, steady: Steady) -> Library:
    return Library(
        store,
        CandleLake(store),
        default=ROOT_DEPLOYMENT,
        now=lambda: NOW,
        reader=StoreReader(store, monotonic=steady),
    )
