"""Answers of machines elsewhere, and of caches: an answer, or the one error that means none."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.adapters.bundle_shelf import BundleShelf
from forecastlab.adapters.remote_inference import HttpInference
from forecastlab.adapters.sqlite_cache import SqliteCache
from forecastlab.analyst.answers import parse_answer, parse_note
from forecastlab.contracts.analysis import InferenceResponse
from forecastlab.contracts.canonical import parse_document
from forecastlab.contracts.errors import DataMalformed, RemoteFailed
from forecastlab.contracts.wire_schema import wire_schema
from forecastlab.usecases.analysis.analyse import kept_answer
from forecastlab.usecases.inference_wire import read_answer
from forecastlab.usecases.open_bundle import OpenBundle, load_bundle
from tests.support.fuzzing import altered, damaged, json_values, survived, tries
from tests.support.llm_server import ANSWER
from tests.support.memory_store import MemoryStore
from tests.support.schema_documents import documents
from tests.support.shipped_bundles import PRODUCTION

OPENS: Final = pd.DatetimeIndex(["2025-10-01T00:00Z"])


@pytest.fixture(scope="module")
def bundle() -> OpenBundle:
    shelf = BundleShelf(PRODUCTION, MemoryStore())
    return load_bundle(shelf.find("direction_1h_BTCUSDT_20250930"))


def honest(bundle: OpenBundle) -> dict[str, Any]:
    heads = {
        name: {"members": dict.fromkeys(one.members, 0.5), "skipped": {}}
        for name, one in bundle.forecasters.items()
    }
    stated = {"name": bundle.files.name, "digest": bundle.files.digest}
    schema = wire_schema(bundle.files.manifest).name
    return {"success": True, "bundle": stated, "schema": schema, "heads": heads}


@tries(50)
@given(data=st.data())
def test_an_inference_servers_answer_is_read_or_refused(
    data: st.DataObject, bundle: OpenBundle
) -> None:
    document = data.draw(altered(honest(bundle)) | json_values())
    read = survived(parse_document, json.dumps(document).encode(), what="x", only=DataMalformed)
    if read is not None:
        said = survived(read_answer, read, bundle, OPENS, only=RemoteFailed)
        for members in (said or {}).values():
            for table in members.values():
                assert ((table >= 0) & (table <= 1)).all(axis=None)


@contextmanager
def saying(reply: bytearray) -> Iterator[str]:
    """Listen on loopback, and send whoever connects the bytes of that moment."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def serve() -> None:
            while True:
                connection, _ = listening.accept()
                with connection:
                    if not connection.recv(65536):  # nobody asks any more
                        return
                    connection.sendall(bytes(reply))

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{port}/predict"
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join()


HTTP: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    b'{"success":true}'
)
CHUNKED: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'10\r\n{"success":true}\r\n0\r\n\r\n'
)


def test_whatever_a_server_sends_is_an_answer_or_a_failure() -> None:
    reply = bytearray()
    with saying(reply) as url:
        server = HttpInference(url, deadline_s=2.0)

        @tries(30)
        @given(data=damaged(HTTP, CHUNKED, HTTP.replace(b"200 OK", b"503 No")))
        def tried(data: bytes) -> None:
            reply[:] = data
            survived(server.ask, b"{}", only=RemoteFailed)

        tried()


@tries(60)
@given(data=damaged(json.dumps(ANSWER).encode()))
def test_a_models_words_are_an_answer_or_refused(data: bytes) -> None:
    survived(parse_answer, data.decode(errors="replace"), only=DataMalformed)
    survived(parse_note, data.decode(errors="replace"), only=DataMalformed)


@tries(60)
@given(document=altered(ANSWER) | altered({"note": "Quiet.", "direction": "none"}))
def test_a_models_document_is_an_answer_or_refused(document: Any) -> None:
    for written in (json.dumps(document), json.dumps(document, ensure_ascii=False)):
        answer = survived(parse_answer, written, only=DataMalformed)
        if answer is not None:
            assert type(answer).model_validate_json(answer.model_dump_json()) == answer
        note = survived(parse_note, written, only=DataMalformed)
        if note is not None:
            assert note[0].isprintable()


@tries(30)
@given(data=st.data())
def test_what_a_cache_kept_is_an_answer_or_none(data: st.DataObject) -> None:
    """A Redis may be shared: what lies under a key may be anyone's."""
    document = data.draw(documents(InferenceResponse))
    for kept in (document, data.draw(altered(document))):
        written = json.dumps(kept).encode()
        for one in (written, data.draw(damaged(written))):
            found = kept_answer(one)
            if found is not None:
                assert kept_answer(found.model_dump_json().encode()) == found


@tries(12)
@given(data=st.data())
def test_a_cache_of_any_bytes_is_a_cache(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "answers.sqlite"

    async def kept() -> bytes | None:
        cache = SqliteCache(path)
        for _ in range(2):  # the first may find that it has to begin anew
            await cache.put("a", b"1", ttl_s=60)
        found = await cache.get("a")
        await cache.close()
        return found

    path.unlink(missing_ok=True)
    asyncio.run(kept())
    spoiled = data.draw(damaged(path.read_bytes()[:4096]))
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).write_bytes(spoiled)
    assert asyncio.run(kept()) in (b"1", None)


def test_a_cached_value_of_another_kind_is_none(tmp_path: Path) -> None:
    """`bytes(number)` would make so many zeros of it."""
    path = tmp_path / "answers.sqlite"

    async def found(value: object) -> bytes | None:
        cache = SqliteCache(path)
        await cache.put("a", value, ttl_s=60)  # type: ignore[arg-type]
        read = await cache.get("a")
        await cache.close()
        return read

    assert asyncio.run(found(b"x")) == b"x"
    assert asyncio.run(found(10**12)) is None
    assert asyncio.run(found("text")) is None
