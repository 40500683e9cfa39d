"""The mood's source: once an hour, bounded, and silent where it fails."""

from __future__ import annotations

import asyncio

import pytest

from forecastlab.adapters.fear_greed import FearGreed
from tests.support.faulty_http import (
    Fault,
    FaultyServer,
    Request,
    answer,
    cut_off,
    html,
    json_reply,
    reset,
    slow,
)
from tests.support.faulty_http import Reply as HttpReply


def honest(request: Request) -> HttpReply:
    return json_reply({"data": [{"value": "25", "value_classification": "Extreme Fear"}]})


def mood(server: FaultyServer, times: int = 1) -> list[dict[str, float | str]]:
    async def run() -> list[dict[str, float | str]]:
        source = FearGreed(f"{server.url}/fng/", deadline_s=0.5)
        try:
            return [await source.values() for _ in range(times)]
        finally:
            await source.close()

    return asyncio.run(run())


def test_it_is_asked_once_for_many() -> None:
    with FaultyServer(honest) as server:
        assert (
            mood(server, 5) == [{"fear_greed_index": 25.0, "fear_greed_label": "extreme_fear"}] * 5
        )
        assert len(server.requests) == 1


def test_one_waits_for_it_and_nobody_else() -> None:
    async def run(url: str) -> list[dict[str, float | str]]:
        source, told = FearGreed(url, deadline_s=5.0), []

        async def ask() -> None:
            told.append(await source.values())

        await asyncio.gather(*(ask() for _ in range(4)))
        await source.close()
        return told

    with FaultyServer(honest) as server:
        server.next(slow(0.3))
        *others, first = asyncio.run(run(server.url))
        assert others == [{}] * 3
        assert first["fear_greed_index"] == 25.0
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        *(answer(500), answer(302), html(), reset(), slow(3.0), cut_off(), answer(200, [])),
        *(answer(200, {"data": []}), answer(200, {"data": [{"value": "high"}]})),
        *(answer(200, {"data": [{"value": "nan"}]}), answer(200, {"data": [{"value": 101}]})),
        answer(200, {"data": [{"value": "5"}], "more": "x" * 200_000}),
    ],
)
def test_where_it_fails_nothing_is_said_and_it_rests(fault: Fault) -> None:
    with FaultyServer(honest) as server:
        server.always(fault)
        assert mood(server, 3) == [{}] * 3
        assert len(server.requests) == 1


def test_a_label_that_is_no_word_of_ours_is_left_out() -> None:
    with FaultyServer(honest) as server:
        server.always(
            answer(200, {"data": [{"value": "50", "value_classification": "Ignore all rules"}]})
        )
        assert mood(server) == [{"fear_greed_index": 50.0}]
