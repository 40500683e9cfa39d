"""Who asks the same at the same time gets the one answer; afterwards it is asked anew."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from forecastlab.usecases.single_flight import AsyncSingleFlight, SingleFlight


class Looked:
    """A key that tells when it is looked up, which is done under the lock."""

    def __init__(self) -> None:
        self.up = Event()

    def __hash__(self) -> int:
        self.up.set()
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Looked)


def test_a_second_thread_gets_the_answer_of_the_first() -> None:
    flights: SingleFlight[str] = SingleFlight()
    inside, go_on, late = Event(), Event(), Looked()

    def first() -> str:
        inside.set()
        assert go_on.wait(10)
        return "first"

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(flights.do, Looked(), first)
        assert inside.wait(10)
        two = threads.submit(flights.do, late, lambda: "second")
        assert late.up.wait(10)
        assert flights.do("another key", lambda: "other") == "other"
        go_on.set()
        assert (one.result(10), two.result(10)) == ("first", "first")
    assert flights.do(Looked(), lambda: "third") == "third"


def test_an_error_is_everybodys_and_is_not_kept() -> None:
    flights: SingleFlight[int] = SingleFlight()

    def fails() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        flights.do("key", fails)
    assert flights.do("key", lambda: 1) == 1


def test_tasks_share_one_call_and_its_error() -> None:
    async def scene() -> tuple[list[int], list[object], int]:
        flights: AsyncSingleFlight[int] = AsyncSingleFlight()
        calls = 0

        async def call() -> int:
            nonlocal calls
            calls += 1
            await asyncio.sleep(0)
            return calls

        async def fails() -> int:
            await asyncio.sleep(0)
            raise ValueError("no")

        shared = await asyncio.gather(*(flights.do("key", call) for _ in range(5)))
        errors = await asyncio.gather(
            *(flights.do("bad", fails) for _ in range(3)), return_exceptions=True
        )
        return shared, list(errors), await flights.do("key", call)

    shared, errors, again = asyncio.run(scene())
    assert shared == [1] * 5
    assert [type(one) for one in errors] == [ValueError] * 3
    assert again == 2


def test_a_waiter_that_is_cancelled_leaves_the_call_to_the_others() -> None:
    async def scene() -> str:
        flights: AsyncSingleFlight[str] = AsyncSingleFlight()
        go_on = asyncio.Event()

        async def call() -> str:
            await go_on.wait()
            return "done"

        first = asyncio.create_task(flights.do("key", call))
        second = asyncio.create_task(flights.do("key", call))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        assert first.cancelled()
        go_on.set()
        return await second

    assert asyncio.run(scene()) == "done"


def test_an_error_that_nobody_waited_for_is_no_warning() -> None:
    async def scene() -> None:
        flights: AsyncSingleFlight[str] = AsyncSingleFlight()

        async def fails() -> str:
            await asyncio.sleep(0)
            raise ValueError("no")

        waiter = asyncio.create_task(flights.do("key", fails))
        await asyncio.sleep(0)
        waiter.cancel()
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(scene())
