"""What the faults do to the machine and to those around it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from forecastlab.adapters import device
from forecastlab.bootstrap import Choice, chosen_settings
from forecastlab.bootstrap.analyst import open_analyst
from forecastlab.contracts import keys
from forecastlab.contracts.errors import StoreUnavailable
from forecastlab.contracts.operations import Operations, ShadowTable
from forecastlab.usecases import shadow_run
from forecastlab.usecases.promote import promote
from forecastlab.usecases.shadow_answer import Answered, shadow_answers
from forecastlab.usecases.workspace import Workspace
from tests.soak.desk import CHALLENGER, HOURLY, Attempt, Desk
from tests.soak.exchange import SYMBOL, CandleName
from tests.support.binance_wire import KLINES, rate_limited, restricted
from tests.support.faulty_http import answer
from tests.support.redis_server import redis_server
from tests.support.shipped_bundles import FULL


@contextmanager
def rate_limit(desk: Desk) -> Iterator[None]:
    """Ask the client to wait a second, once."""
    desk.hosts.first.next(rate_limited("1"), path=KLINES)
    yield


@contextmanager
def region(desk: Desk) -> Iterator[None]:
    """Serve this region on the second host alone."""
    desk.hosts.first.always(restricted())
    yield


@contextmanager
def revised_candle(desk: Desk) -> Iterator[None]:
    """Tell the candle of two days ago otherwise, from here on."""
    opened = desk.opened - timedelta(days=2)
    desk.hosts.exchange.revised.add(CandleName(SYMBOL, "1d", opened))
    yield


@contextmanager
def late_candle(desk: Desk) -> Iterator[None]:
    """Hold the as-of candle back."""
    desk.hosts.exchange.withheld.add(CandleName(SYMBOL, "1d", desk.opened))
    yield


@contextmanager
def outage(desk: Desk) -> Iterator[None]:
    """Answer nobody."""
    for host in (desk.hosts.first, desk.hosts.second):
        host.always(answer(403))
    yield


@contextmanager
def full_disk(desk: Desk) -> Iterator[None]:
    """Let every write to the store fail, as a full disk does."""
    sync = os.fsync

    def full(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(desk.store):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", full)
        yield


@contextmanager
def damaged_bundle(desk: Desk) -> Iterator[None]:
    """Flip a bit of a file of the champion's."""
    champion = desk.workspace().registry.state().champion
    first = desk.workspace().bundles.first_champion(keys.ROOT_DEPLOYMENT)
    name = champion or (first.name if first else "")
    victim = desk.models / name / "model_T21_X8" / "first_passage.json"
    good = victim.read_bytes()
    victim.write_bytes(bytes([good[0] ^ 1]) + good[1:])
    yield
    victim.write_bytes(good)


@contextmanager
def clock_skew(desk: Desk) -> Iterator[None]:
    """Set this machine's clock back."""
    desk.skew = timedelta(hours=-3)
    yield
    desk.skew = timedelta(0)


@contextmanager
def no_gpu(desk: Desk) -> Iterator[None]:
    """Expect a GPU that is not there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECASTLAB_EXPECT_GPU", "1")
        patch.setattr(device, "find_gpu", lambda: device.Found(trouble="there is no driver"))
        yield


@contextmanager
def inference_server_down(desk: Desk) -> Iterator[None]:
    """Name an inference server where nobody listens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ML_GPU_INFERENCE_URL", f"http://127.0.0.1:{_silent_port()}")
        yield


@contextmanager
def provider_down(desk: Desk) -> Iterator[None]:
    """Let the language model's provider fail."""
    desk.llm.always(answer(503))
    yield


@contextmanager
def challenger_raises(desk: Desk) -> Iterator[None]:
    """Let the challenger divide by zero."""

    def crash(*_: Any) -> Answered:
        raise ZeroDivisionError("division by zero")

    yield from _challenger(crash)


@contextmanager
def challenger_lies(desk: Desk) -> Iterator[None]:
    """Let the challenger be sure of a bottom, and try to rewrite the champion's record."""

    def lie(reader: Workspace, files: Any, window: Any) -> Answered:
        key = keys.record(keys.ROOT_DEPLOYMENT, desk.asof)
        sealed = reader.store.get(key)
        assert sealed is not None
        with pytest.raises(StoreUnavailable):
            reader.store.put(key, b"{}", if_generation=sealed.generation)
        said = shadow_answers(reader, files, window)
        sure = {"pred_proba": {"-1": 0.0, "0": 0.0, "1": 1.0}}
        lies = {name: one.model_copy(update=sure) for name, one in said.forecasts.items()}
        return Answered(lies, said.degraded)

    yield from _challenger(lie)


@contextmanager
def challenger_hangs(desk: Desk) -> Iterator[None]:
    """Let the challenger outlive its budget."""
    bounds = Operations(shadow=ShadowTable(budget_s=0.2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workspace, "operations", bounds)
        yield from _challenger(lambda *_: time.sleep(1))


def _challenger(answers: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shadow_run, "shadow_answers", answers)
        yield


def again_later(desk: Desk) -> list[Attempt]:
    """Run the morning once more."""
    desk.later()
    return desk.morning()


def shadow_report(desk: Desk) -> Attempt:
    """Ask whether the challenger may be promoted, by what it said today."""
    return desk.run("shadow", "report", CHALLENGER, "--days", "1")


def hourly_forecast(desk: Desk) -> list[Attempt]:
    """Make the forecast of another deployment of the same store, which asks a server."""
    return [desk.run("predict", "--deployment", HOURLY, "--json")]


def promoted_and_rolled_back(desk: Desk) -> list[Attempt]:
    """Promote another bundle past the gates, forecast, roll back: the sealed record stands."""
    promote(desk.workspace(), FULL, why="a soak")
    desk.later()
    second = desk.morning()
    back = desk.run("rollback", "--why", "a soak", "--json")
    desk.later()
    return [*second, back, *desk.morning()]


def asks_without_redis(desk: Desk) -> list[Attempt]:
    """Ask the analyst with Redis up, and after it died; then run the morning once more."""
    with redis_server() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDIS_URL", running.url)
        told = asyncio.run(_two_questions(desk, running.kill))
        return [Attempt(0, out=told), *again_later(desk)]


async def _two_questions(desk: Desk, die: Callable[[], None]) -> str:
    from tests.support.analyst_world import request  # it needs openai, which no other fault does

    parts = open_analyst(chosen_settings(Choice()), desk.workspace().store)
    analyst = parts.analyst
    try:
        first = await analyst.analyse(request(model_type="local"))
        before = analyst.cache.state
        die()
        second = await analyst.analyse(request(model_type="local", seed=2))
        after = analyst.cache.state
    finally:
        await parts.close()
    return f"{first.path} with the cache {before}, {second.path} with the cache {after}"


def _silent_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
