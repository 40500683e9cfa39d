"""One suite for both caches, and what a dead, slow, full or foreign one costs: nothing."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from forecastlab.adapters.redis_cache import RedisCache
from forecastlab.adapters.sqlite_cache import SqliteCache
from forecastlab.contracts.answer_cache import AnswerCache
from tests.support.optional import needs
from tests.support.redis_server import RunningRedis, free_port, redis_server

NEEDS_REDIS = needs("redis-server")
MOST_S = 0.3
"""No request waits longer for its cache than this, whatever the cache does."""

Made = Callable[[], AnswerCache]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningRedis]:
    with redis_server() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=NEEDS_REDIS)])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    """Give a way to open the same cache twice."""
    if request.param == "sqlite":
        return lambda: SqliteCache(tmp_path / "cache" / "answers.sqlite")
    url = request.getfixturevalue("server").url
    return lambda: RedisCache(url, deadline_s=5.0)


@asynccontextmanager
async def opened(made: Made) -> AsyncIterator[AnswerCache]:
    cache = made()
    try:
        yield cache
    finally:
        await cache.close()


def test_what_is_put_is_got(made: Made, tmp_path: Path) -> None:
    key = f"{tmp_path}:a"

    async def run() -> None:
        async with opened(made) as cache:
            assert await cache.get(key) is None
            await cache.put(key, b"\x00one", ttl_s=30)
            assert await cache.get(key) == b"\x00one"
            await cache.put(key, b"two", ttl_s=30)
            assert await cache.get(key) == b"two"
            assert cache.state == "healthy"
        async with opened(made) as again:
            assert await again.get(key) == b"two"

    asyncio.run(run())


def test_each_answer_has_its_own_life(made: Made, tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(made) as cache:
            await cache.put(f"{tmp_path}:short", b"x", ttl_s=0.05)
            await cache.put(f"{tmp_path}:none", b"x", ttl_s=0)
            await cache.put(f"{tmp_path}:long", b"x", ttl_s=30)
            await asyncio.sleep(0.2)
            found = [await cache.get(f"{tmp_path}:{name}") for name in ("short", "none", "long")]
            assert found == [None, None, b"x"]

    asyncio.run(run())


def test_many_at_once(made: Made, tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(made) as one, opened(made) as other:
            keys = [f"{tmp_path}:{number}" for number in range(100)]
            await asyncio.gather(*(one.put(key, key.encode(), ttl_s=30) for key in keys))
            found = await asyncio.gather(*(other.get(key) for key in keys))
            assert found == [key.encode() for key in keys]

    asyncio.run(run())


async def timed(cache: AnswerCache) -> float:
    """Return how long one request waits for a cache that is no help."""
    began = time.monotonic()
    assert await cache.get("key") is None
    await cache.put("key", b"x", ttl_s=30)
    return time.monotonic() - began


def test_a_dead_redis_costs_next_to_nothing() -> None:
    async def run() -> None:
        cache = RedisCache(f"redis://:hunter2@127.0.0.1:{free_port()}/0")
        assert await timed(cache) < MOST_S
        assert cache.state == "failing"
        await cache.close()

    asyncio.run(run())


def test_a_redis_that_says_nothing_is_waited_for_once(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            cache = RedisCache(f"redis://:hunter2@127.0.0.1:{silent.getsockname()[1]}/0")
            assert await timed(cache) < MOST_S
            waits = [await timed(cache) for _ in range(20)]
            assert sum(waits) < MOST_S
            await cache.close()

    asyncio.run(run())
    assert "rests" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_redis_that_is_slow_at_every_turn_is_not_waited_for_twice() -> None:
    """Slow is slower than a request may wait for half of its two calls, and no outage yet."""
    handlers: list[asyncio.Task[None]] = []

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            handlers.append(task)
        while line := await reader.readline():
            parts = [await reader.readline() for _ in range(2 * int(line[1:]))]
            is_ours = parts[1].strip().upper() in (b"GET", b"SET")
            await asyncio.sleep(0.17 if is_ours else 0)
            writer.write(b"$-1\r\n" if parts[1].strip().upper() == b"GET" else b"+OK\r\n")
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def run() -> None:
        server = await asyncio.start_server(answers, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        cache = RedisCache(f"redis://127.0.0.1:{port}/0?protocol=2")
        assert await timed(cache) < MOST_S
        await cache.close()
        server.close()
        await asyncio.gather(*handlers, return_exceptions=True)

    asyncio.run(run())


@NEEDS_REDIS
def test_a_full_redis_keeps_nothing_and_serves_on() -> None:
    async def run(url: str) -> None:
        cache = RedisCache(url, deadline_s=5.0)
        for number in range(3):
            await cache.put(f"big{number}", bytes(1_000_000), ttl_s=30)
        assert await cache.get("big2") is None
        await cache.close()

    with redis_server("--maxmemory", "1500kb", "--maxmemory-policy", "noeviction") as server:
        asyncio.run(run(server.url))


@NEEDS_REDIS
def test_a_redis_that_comes_back_is_used_again() -> None:
    async def run() -> None:
        port = free_port()
        cache = RedisCache(f"redis://127.0.0.1:{port}/0", rest_s=0.05)
        with redis_server(port=port) as server:
            await cache.put("key", b"x", ttl_s=30)
            server.kill()
            assert await cache.get("key") is None
            assert cache.state == "failing"
        with redis_server(port=port):
            await asyncio.sleep(0.1)
            await cache.put("key", b"y", ttl_s=30)
            assert await cache.get("key") == b"y"
        await cache.close()

    asyncio.run(run())


def test_a_file_that_is_no_database_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"this is no database, but it is long enough to look like one" * 10)

    async def run() -> None:
        cache = SqliteCache(path)
        assert await cache.get("key") is None
        assert cache.state == "failing"
        await cache.put("key", b"x", ttl_s=30)
        assert (await cache.get("key"), cache.state) == (b"x", "healthy")
        await cache.close()

    asyncio.run(run())


def test_a_file_that_is_damaged_is_replaced_with_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"

    async def fill() -> None:
        cache = SqliteCache(path)
        for number in range(50):
            await cache.put(f"key{number}", bytes(1000), ttl_s=30)
        await cache.close()

    asyncio.run(fill())
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    journal = path.with_name("answers.sqlite-wal")
    journal.write_bytes(b"of the old one")

    async def run() -> None:
        cache = SqliteCache(path)
        for _ in range(2):
            await cache.put("key", b"x", ttl_s=30)
        assert (await cache.get("key"), cache.state) == (b"x", "healthy")
        await cache.close()

    asyncio.run(run())
    assert not journal.exists() or b"of the old one" not in journal.read_bytes()


def test_a_folder_that_cannot_be_made_costs_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    async def run() -> None:
        cache = SqliteCache(tmp_path / "file" / "answers.sqlite")
        await cache.put("key", b"x", ttl_s=30)
        assert (await cache.get("key"), cache.state) == (None, "failing")
        await cache.close()

    asyncio.run(run())


def test_another_process_that_writes_is_not_waited_for_long(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"

    async def run() -> None:
        cache = SqliteCache(path)
        await cache.put("key", b"x", ttl_s=30)
        with sqlite3.connect(path) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            assert await cache.get("key") == b"x"  # readers do not wait for a writer
            await cache.put("key", b"y", ttl_s=30)
            assert time.monotonic() - began < 1.0
            other.rollback()
        await cache.close()

    asyncio.run(run())


def test_the_file_is_bounded_and_private(tmp_path: Path) -> None:
    path, now = tmp_path / "answers.sqlite", [1000.0]

    async def run() -> None:
        cache = SqliteCache(path, most=50, now=lambda: now[0])
        for number in range(401):
            await cache.put(f"key{number}", b"x", ttl_s=30 + number)
        assert await cache.get("key400") == b"x"
        now[0] += 10_000
        assert await cache.get("key400") is None
        await cache.close()

    asyncio.run(run())
    assert path.stat().st_mode & 0o077 == 0
    with sqlite3.connect(path) as kept:
        assert kept.execute("SELECT count(*) FROM answers").fetchone()[0] <= 51
