"""Jobs that wait for the models: together, and none for a caller who has gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from forecastlab.api.batching import Batches, Job, Outcome


def test_nothing_is_made_for_a_caller_who_has_gone() -> None:
    made: list[bytes] = []
    first, go_on = threading.Event(), threading.Event()

    def work(jobs: Sequence[Job]) -> list[Outcome]:
        first.set()
        go_on.wait(10)
        made.extend(one.body for one in jobs)
        return [one.body for one in jobs]

    async def run() -> list[bytes]:
        batches = Batches(work, workers=1)
        batches.start()
        held = asyncio.ensure_future(batches.ask(b"held", "one"))
        await asyncio.to_thread(first.wait, 10)
        gone = asyncio.ensure_future(batches.ask(b"gone", "one"))
        stays = asyncio.ensure_future(batches.ask(b"stays", "one"))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.sleep(0.05)
        go_on.set()
        answers = [await held, await stays]
        await asyncio.to_thread(batches.stop)
        return answers

    assert asyncio.run(run()) == [b"held", b"stays"]
    assert b"gone" not in made
