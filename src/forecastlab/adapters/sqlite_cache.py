"""The answer cache in a file of this machine, for where there is no Redis."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, TypeVar

from forecastlab.adapters.file_rights import create_file, demand_own_folder
from forecastlab.contracts.answer_cache import CacheState

log = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_S: Final = 0.2
"""How long another process's write is waited for."""

MOST_ROWS: Final = 10_000
"""Beyond it the answers that end soonest are dropped; one is about 1 kB."""

_SWEEP_EVERY: Final = 200

_BROKEN: Final = ("not a database", "malformed")


class SqliteCache:
    """An `AnswerCache` in an SQLite file that several processes may share.

    All calls run on one thread of its own, so the event loop never waits for a disk.
    """

    def __init__(
        self, path: Path, *, most: int = MOST_ROWS, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._most = most
        self._now = now
        self._writes = 0
        self._failing = False
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="answer-cache")

    @property
    def state(self) -> CacheState:
        """How it is."""
        return "failing" if self._failing else "healthy"

    async def get(self, key: str) -> bytes | None:
        """Return what is kept under a key, else None."""

        def read(connection: sqlite3.Connection) -> bytes | None:
            alive = "SELECT data FROM answers WHERE key = ? AND ends > ?"
            row = connection.execute(alive, (key, self._now())).fetchone()
            return row[0] if row is not None and isinstance(row[0], bytes) else None

        return await self._run(read)

    async def put(self, key: str, data: bytes, *, ttl_s: float) -> None:
        """Keep bytes for so many seconds."""
        if ttl_s <= 0:
            return

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                row = (key, data, self._now() + ttl_s)
                connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row)
                if self._writes % _SWEEP_EVERY == 0:
                    self._sweep(connection)
            self._writes += 1

        await self._run(write)

    async def close(self) -> None:
        """Close the file and end the thread."""

        def shut(connection: sqlite3.Connection) -> None:
            connection.close()

        if self._connection is not None:
            await self._run(shut)
            self._connection = None
        self._thread.shutdown(wait=False)

    def _sweep(self, connection: sqlite3.Connection) -> None:
        """Drop what has ended, and what is too much; a clock set back must not keep it forever."""
        connection.execute("DELETE FROM answers WHERE ends <= ?", (self._now(),))
        newest = "SELECT key FROM answers ORDER BY ends DESC LIMIT ?"
        connection.execute(f"DELETE FROM answers WHERE key NOT IN ({newest})", (self._most,))  # noqa: S608 - no outside text

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._tried, work)

    def _tried(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        try:
            found = work(self._opened())
        except (sqlite3.Error, OSError) as error:
            if not self._failing:
                log.warning("the answer cache fails: %s", error)
            self._failing = True
            self._start_anew(error)
            return None
        self._failing = False
        return found

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            demand_own_folder(self._path.parent)
            # SQLite would give it what the umask leaves; its journals take the file's rights.
            with suppress(FileExistsError):
                create_file(self._path, private=True).close()
            self._connection = sqlite3.connect(
                self._path, timeout=BUSY_S, check_same_thread=False, isolation_level="IMMEDIATE"
            )
            self._path.chmod(0o600)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=OFF")  # what a crash loses is asked again
            table = "answers (key TEXT PRIMARY KEY, data BLOB NOT NULL, ends REAL NOT NULL)"
            self._connection.execute(f"CREATE TABLE IF NOT EXISTS {table}")
        return self._connection

    def _start_anew(self, error: Exception) -> None:
        """Close after a failure; a file that is no database is replaced, for it is only a cache."""
        if self._connection is not None:
            with suppress(sqlite3.Error), closing(self._connection):
                pass
            self._connection = None
        if isinstance(error, sqlite3.DatabaseError) and any(one in str(error) for one in _BROKEN):
            # With its journal, which would be played into the next one.
            for end in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + end).unlink(missing_ok=True)
