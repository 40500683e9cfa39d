"""The account of a day: exact with many writers, and whole after a store that was away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

from forecastlab.contracts import keys
from forecastlab.contracts.analysis import Usage
from forecastlab.contracts.analysis_log import Spending
from forecastlab.contracts.errors import StoreUnavailable
from forecastlab.contracts.ports import ObjectStore
from forecastlab.usecases.analysis.spending import SpendingBook
from tests.support.analyst_world import NOW
from tests.support.memory_store import MemoryStore

ONE = Usage(cached_tokens=1, input_tokens=3, output_tokens=2, cost="0.01", currency="USD")


def account(store: ObjectStore, day: str = "2026-11-20") -> Spending:
    found = store.get(keys.spending(day))
    assert found is not None
    return Spending.parse(found.data, what=day)


def down(_: str) -> None:
    raise StoreUnavailable("down", remedy="Wait.")


def test_many_answers_at_once_are_all_counted() -> None:
    store = MemoryStore()
    books = [SpendingBook(store) for _ in range(3)]
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(lambda n: books[n % 3].note(ONE, NOW), range(120)))
    # A writer that lost every round is written with the next answer of its process.
    for book in books:
        book.note(ONE, NOW)
    found = account(store)
    assert (found.answers, found.cost, found.input_tokens) == (123, Decimal("1.23"), 369)
    assert books[0].spent(NOW, "USD") == Decimal("1.23")


def test_what_a_store_did_not_take_is_written_when_it_is_back() -> None:
    store = MemoryStore()
    book, other = SpendingBook(store), SpendingBook(store)
    other.note(ONE, NOW)
    store.before_put = down
    for _ in range(3):
        book.note(ONE, NOW)
    assert account(store).answers == 1
    assert book.spent(NOW, "USD") == Decimal("0.04"), "the other's, and what waits here"
    store.before_put = lambda _: None
    book.note(ONE, NOW + timedelta(days=1))
    assert (account(store).answers, account(store, "2026-11-21").answers) == (4, 1)
    assert other.spent(NOW, "USD") == Decimal("0.04")


def test_what_is_set_aside_is_not_spent_twice() -> None:
    book = SpendingBook(MemoryStore())
    cent, budget = Decimal("0.01"), Decimal("0.02")

    def held(spent: Decimal = Decimal(0)) -> bool:
        return book.hold(cent, NOW, spent=spent, budget=budget)

    assert [held(), held(), held()] == [True, True, False]
    book.release(cent)
    assert held()
    book.release(cent)
    book.release(cent)
    book.note(ONE, NOW)
    assert [held(), held()] == [True, False], "an answer noted since the account was read counts"
    book.release(cent)
    assert not held(spent=budget)
    assert not SpendingBook(MemoryStore()).hold(cent, NOW, spent=Decimal(0), budget=Decimal(0))
