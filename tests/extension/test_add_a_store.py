"""A store is added as docs/architecture.md says: an adapter that keeps the port, and one line."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from forecastlab.bootstrap import open_store
from forecastlab.bootstrap.stores import STORES
from forecastlab.contracts.errors import PreconditionFailed
from forecastlab.contracts.ports import ABSENT, Generation, ObjectStore, StoredObject
from tests.contract import test_object_store as suite
from tests.extension.conftest import Desk

# What a file `adapters/sqlite_store.py` holds.


class SqliteStore:
    """Objects in one SQLite file; its location is `sqlite://PATH`."""

    def __init__(self, location: str) -> None:
        self.location = location
        with self._transaction() as connection:
            connection.execute("create table if not exists objects (key primary key, data, number)")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        path = self.location.removeprefix("sqlite://")
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("begin immediate")
            yield connection
            connection.execute("commit")
        finally:
            connection.close()

    def get(self, key: str) -> StoredObject | None:
        with self._transaction() as connection:
            query = "select data, number from objects where key = ?"
            found = connection.execute(query, (key,)).fetchone()
        return None if found is None else StoredObject(found[0], str(found[1]))

    def put(self, key: str, data: bytes, *, if_generation: Generation) -> Generation:
        with self._transaction() as connection:
            query = "select number from objects where key = ?"
            found = connection.execute(query, (key,)).fetchone()
            if (ABSENT if found is None else str(found[0])) != if_generation:
                raise PreconditionFailed(f"{key} was written by another.", remedy="Read it again.")
            number = 1 if found is None else found[0] + 1
            row = (key, bytes(data), number)
            connection.execute("insert or replace into objects values (?, ?, ?)", row)
        return str(number)

    def list(self, prefix: str) -> list[str]:
        with self._transaction() as connection:
            keys = connection.execute("select key from objects order by key").fetchall()
        return [key for (key,) in keys if key.startswith(prefix)]


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the one line of the catalogue."""
    monkeypatch.setitem(STORES, "sqlite", SqliteStore)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(f"sqlite://{tmp_path / 'store.db'}")


CONTRACT = {
    name: one
    for name, one in inspect.getmembers(suite, inspect.isfunction)
    if name.startswith("test_") and list(inspect.signature(one).parameters) == ["store"]
}


def test_the_contract_has_been_found() -> None:
    assert len(CONTRACT) >= 8


@pytest.mark.parametrize("check", CONTRACT.values(), ids=CONTRACT)
def test_it_keeps_the_contract(check: Callable[[Any], None], store: ObjectStore) -> None:
    check(store)


def test_a_morning_runs_on_it(desk: Desk, store: ObjectStore) -> None:
    desk.store = store.location
    done = desk.wake(2)
    name = done.published.record.asof_date
    assert done.published.publication == "published"
    assert [step.name for step in done.steps if step.status == "failed"] == []
    written = store.list("")
    assert f"predictions/daily/{name}.json" in written
    assert "store.json" in written
    assert [key.split("/")[0] for key in written].count("runs") == 1
    assert desk.wake(2).published.publication == "already_published"
