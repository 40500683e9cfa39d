"""Components for tests of the service's shell: they echo, they wait, they break."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from forecastlab.api.failure import ApiError
from forecastlab.contracts.errors import ForecastLabError


class Message(BaseModel):
    """What `/echo` takes."""

    text: str
    times: int = 1


class Part:
    """A component whose state a test sets.

    Attributes:
        state: its health.
        may_start: `start` waits for it.
        error: raised by `start`.
        stopped: whether `stop` was called.
    """

    name = "part"

    def __init__(self) -> None:
        self.state = "ok"
        self.ready = False
        self.may_start = threading.Event()
        self.may_start.set()
        self.error: ForecastLabError | None = None
        self.stopped = False
        self.raised: Exception | None = None

    def start(self) -> None:
        self.may_start.wait(20)
        if self.error is not None:
            raise self.error
        self.ready = True

    def stop(self) -> None:
        self.stopped = True

    def health(self) -> Mapping[str, object]:
        return {"status": self.state}

    def info(self) -> Mapping[str, object]:
        return {"parts": 1}

    def routers(self) -> Sequence[APIRouter]:
        router = APIRouter()

        @router.post("/echo")
        async def echo(message: Message) -> dict[str, object]:
            return {"said": message.text * message.times}

        @router.get("/wait/{seconds}")
        async def wait(seconds: float) -> dict[str, object]:
            await asyncio.sleep(seconds)
            return {"waited": seconds}

        @router.get("/raise")
        async def fail() -> Response:
            assert self.raised is not None
            raise self.raised

        @router.get("/teapot")
        async def teapot() -> Response:
            raise ApiError(418, "No coffee.", headers={"X-Pot": "tea"}, more={"pot": 1})

        @router.get("/caller")
        async def caller(request: Request) -> dict[str, object]:
            return {"caller": request.scope["caller"]}

        return (router,)
