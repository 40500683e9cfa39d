"""A language model of set latency, and the analyst that asks it: two servers for `analyst`.

python -m benchmarks.slow_model model PORT
python -m benchmarks.slow_model analyst PORT MODEL_PORT
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from forecastlab.api.analyst import AnalystPart
from forecastlab.api.app import create_app
from forecastlab.api.server import listen, run, server_for
from forecastlab.bootstrap.analyst import open_analyst
from forecastlab.settings import read_settings
from forecastlab.settings.serve import Limits
from tests.support.imports import ROOT
from tests.support.llm_server import LlmWire
from tests.support.memory_store import MemoryStore

LATENCY_S: Final = 0.1
_LIMITS: Final = Limits(rate=0)


async def model(port: int) -> None:
    """Answer completions after the latency; a `GET` tells how many were paid for."""
    wire, paid = LlmWire(), 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal paid
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
                await reader.readexactly(length)
                if head.startswith("get "):
                    body = str(paid).encode()
                else:
                    paid += 1
                    await asyncio.sleep(LATENCY_S)
                    body = json.dumps(wire.completion(wire.content)).encode()
                kind = b"Content-Type: application/json\r\n"
                writer.write(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (kind, len(body)))
                writer.write(body)
                await writer.drain()

    async with await asyncio.start_server(answer, "127.0.0.1", port) as server:
        await server.serve_forever()


def service(port: int, model_port: int) -> None:
    """Serve the analyst alone, its cache in a folder that goes with it."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        settings = read_settings(
            {
                "FORECASTLAB_CONFIGS": str(ROOT / "config"),
                "DEEPSEEK_API_KEY": "k",
                "DEEPSEEK_BASE_URL": f"http://127.0.0.1:{model_port}/v1",
            },
            folder=Path(home),
        )
        part = AnalystPart(lambda: open_analyst(settings, MemoryStore()))
        run(
            server_for(create_app([part], limits=_LIMITS), limits=_LIMITS),
            listen("127.0.0.1", port),
        )


if __name__ == "__main__":
    _, kind, *ports = sys.argv
    with suppress(SystemExit, KeyboardInterrupt):
        asyncio.run(model(int(ports[0]))) if kind == "model" else service(*map(int, ports))
