"""Whatever goes wrong, the answer has one shape, and tells nothing that is nobody's business."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from forecastlab.api.connection import HEAD_BYTES
from forecastlab.api.system import shown
from forecastlab.contracts.errors import (
    BundleRefused,
    DataUnavailable,
    ForecastLabError,
    RecordConflict,
    UnknownSymbol,
    UsageError,
)
from tests.support.service import PATIENT, Answer, Service, running
from tests.support.service_parts import Part

LIMITS = replace(PATIENT, body_bytes=100_000, body_s=0.6, request_s=1.0)


@pytest.fixture(scope="module")
def part() -> Part:
    return Part()


@pytest.fixture(scope="module")
def service(part: Part) -> Iterator[Service]:
    with running([part], limits=LIMITS) as (service, _):
        yield service


def raw(service: Service, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send bytes as they are, and read until the server closes the connection."""
    with service.socket() as line:
        for part in parts:
            line.sendall(part)
            time.sleep(pause_s)
        received = b""
        while part := line.recv(65536):
            received += part
    return received


def parsed(reply: bytes) -> Answer:
    head, _, body = reply.rpartition(b"\r\n\r\n")
    lines = head.rpartition(b"HTTP/1.1 ")[2].decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in lines[1:])
    return Answer(int(lines[0].split()[0]), body, {name.lower(): value for name, value in pairs})


def chunks(total: int) -> Iterator[bytes]:
    for _ in range(total // 50_000):
        yield b" " * 50_000


def post(*lines: bytes) -> bytes:
    return b"\r\n".join([b"POST /echo HTTP/1.1", b"Host: a", *lines, b"", b""])


def test_an_answer_comes(service: Service) -> None:
    answer = service.post("/echo", {"text": "a", "times": 3})
    assert (answer.status, answer.document) == (200, {"said": "aaa"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/nothing", 404, "no such path"),
        ("GET", "/echo/", 404, "no such path"),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404, "no such path"),
        ("GET", "/docs", 404, "no such path"),
        ("DELETE", "/echo", 405, "DELETE"),
        ("OPTIONS", "/echo", 405, "OPTIONS"),
        ("HEAD", "/echo", 405, ""),
        ("GET", "/wait/soon", 400, "seconds"),
        ("GET", "/wait/2", 504, "within 1 s"),
        ("GET", "/teapot", 418, "No coffee."),
    ],
)
def test_the_frameworks_failures_have_the_shape(
    service: Service, method: str, path: str, status: int, text: str
) -> None:
    answer = service.ask(method, path)
    if method == "HEAD":
        assert (answer.status, answer.body) == (status, b"")
        return
    answer.refused(status, text)
    if status == 405:
        assert answer.headers["allow"] == "POST"
    if status == 418:
        assert (answer.headers["x-pot"], answer.document["pot"]) == ("tea", 1)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "body"),
        (b"null", "body"),
        (b"[]", "body"),
        (b"[[]]", "body"),
        (b"17", "body"),
        (b'"text"', "body"),
        (b"{", "JSON"),
        (b"{'text': 1}", "JSON"),
        (b"\xff\xfe\x00", ""),
        (b"[" * 50_000, ""),
        (b'{"text":' * 9_000, ""),
        (b'{"text": null}', "body.text"),
        (b'{"text": ["a"]}', "body.text"),
        (b'{"text": "a", "times": 1e400}', "body.times"),
        (b'{"text": "a", "times": ' + b"9" * 5_000 + b"}", ""),
        (b'{"text": "a", "times": "many"}', "body.times"),
    ],
    ids=lambda value: str(value[:24]),
)
def test_a_body_that_does_not_fit_is_named(service: Service, body: bytes, text: str) -> None:
    service.ask("POST", "/echo", body).refused(400, text)


def test_wrong_fields_are_listed(service: Service) -> None:
    wrong = service.post("/echo", {"text": 1, "times": "x"}).document["validation_errors"]
    assert [one["field"] for one in wrong] == ["body.text", "body.times"]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_a_body_is_json_whatever_it_is_called(service: Service, kind: str) -> None:
    answer = service.ask("POST", "/echo", b'{"text": "a"}', {"Content-Type": kind})
    assert answer.document == {"said": "a"}


@pytest.mark.parametrize("size", [100_001, 10_000_000])
def test_a_large_body_is_refused_by_its_stated_length(service: Service, size: int) -> None:
    service.ask("POST", "/echo", b" " * size).refused(413, "100000 bytes")


def test_a_large_body_in_chunks_is_refused_while_it_comes(service: Service) -> None:
    service.ask("POST", "/echo", chunks(10_000_000)).refused(413, "100000 bytes")


def test_a_body_in_chunks_is_read(service: Service) -> None:
    text = json.dumps({"text": "a" * 60_000}).encode()
    parts = iter([text[i : i + 7_000] for i in range(0, len(text), 7_000)])
    assert len(service.ask("POST", "/echo", parts).document["said"]) == 60_000


def test_a_slow_body_is_given_up(service: Service) -> None:
    answer = parsed(raw(service, post(b"Content-Length: 50"), b'{"te', pause_s=0.1))
    answer.refused(408, "within 0.6 s")
    assert answer.headers["connection"] == "close"


def test_a_slow_head_is_given_up(service: Service) -> None:
    parsed(raw(service, b"POST /echo HT")).refused(408, "within 0.6 s")


def test_a_connection_that_says_nothing_is_closed(service: Service) -> None:
    assert raw(service) == b""


def test_a_refused_body_that_never_ends_is_closed(service: Service) -> None:
    reply = raw(service, post(b"Content-Length: 9999999"), b"some of it")
    parsed(reply).refused(413)


@pytest.mark.parametrize(
    "parts",
    [
        (b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n"),
        (post(b"Content-Length: 200000"), b" " * 200_000),
    ],
    ids=["blank lines", "after a refused body"],
)
def test_a_connection_that_then_says_nothing_is_closed(
    service: Service, parts: tuple[bytes, ...]
) -> None:
    begin = time.monotonic()
    assert raw(service, *parts, pause_s=0.1).startswith(b"HTTP/1.1 ")
    assert time.monotonic() - begin < 10  # uvicorn alone would wait for ever


def test_a_head_without_end_is_refused(service: Service) -> None:
    # As many bytes as are refused and none beyond: what is not read resets the connection.
    endless = b"X-Long: " + b"x" * HEAD_BYTES
    parsed(raw(service, b"GET /livez HTTP/1.1\r\n", endless)).refused(431, "head")


def test_trailers_are_no_headers(service: Service) -> None:
    body = b'11\r\n{"text": "hello"}\r\n0\r\n'
    head = post(b"Transfer-Encoding: chunked", b"Connection: close")
    reply = parsed(raw(service, head + body + b"X-Request-Id: trailed\r\n\r\n"))
    assert reply.status == 200 and reply.headers["x-request-id"] != "trailed"


@pytest.mark.parametrize(
    "filler",
    [b"X-Trailer: 1\r\n" * 100, b"x" * 1000],
    ids=["many trailers", "one without end"],
)
def test_trailers_without_end_are_refused(service: Service, filler: bytes) -> None:
    head = post(b"Transfer-Encoding: chunked") + b"0\r\nX-Long: 1"
    with service.socket() as line:
        line.sendall(head + (b"\r\n" if filler.endswith(b"\n") else b""))
        time.sleep(0.1)
        sent = 0
        with suppress(ConnectionError):
            while sent < 100 * HEAD_BYTES:
                sent += line.send(filler)
    assert sent < 100 * HEAD_BYTES  # else they stay in memory, however many they are


def test_chunks_of_one_byte_are_read(service: Service) -> None:
    text = b'{"text": "%s"}' % (b"a" * 30_000)
    body = b"".join(b"1\r\n%c\r\n" % one for one in text) + b"0\r\n\r\n"
    head = post(b"Transfer-Encoding: chunked", b"Connection: close")
    reply = parsed(raw(service, head, body, pause_s=0.05))
    assert len(reply.document["said"]) == 30_000


UPGRADE = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")


def test_an_upgrade_is_declined_and_the_connection_not_kept(service: Service) -> None:
    ask = b"\r\n".join([b"GET /livez HTTP/1.1", b"Host: a", *UPGRADE, b"", b""])
    reply = parsed(raw(service, ask))
    assert reply.document == {"status": "alive"}
    assert reply.headers["connection"] == "close"  # what came next could not be read


@pytest.mark.parametrize("how", [b"Content-Length: 13", b"Transfer-Encoding: chunked"])
def test_a_body_behind_an_upgrade_is_not_lost_in_silence(service: Service, how: bytes) -> None:
    reply = raw(service, post(*UPGRADE, how))
    parsed(reply).refused(400, "Upgrade")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        post(b"Content-Length: -1"),
        post(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        post(b"Transfer-Encoding: chunked") + b"not-hex\r\n",
    ],
    ids=["tls", "word", "version", "negative", "smuggled", "chunk"],
)
def test_what_is_no_http_is_refused(service: Service, garbage: bytes) -> None:
    parsed(raw(service, garbage)).refused(400)


def test_garbage_after_a_request_is_refused_after_its_answer(service: Service) -> None:
    first = b'{"text": "first"}'
    reply = raw(
        service,
        post(b"Content-Length: %d" % len(first)) + first,
        b"\x00GARBAGE\r\n\r\n",
        pause_s=0.2,
    )
    assert b'{"said":"first"}' in reply
    parsed(reply).refused(400)


def test_requests_in_a_row_are_answered_in_order(service: Service) -> None:
    bodies = [json.dumps({"text": word}).encode() for word in ("one", "two", "three")]
    sent = b"".join(post(b"Content-Length: %d" % len(one)) + one for one in bodies)
    last = b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    reply = raw(service, sent + last)
    places = [reply.index(word) for word in (b"one", b"two", b"three", b"alive")]
    assert places == sorted(places)


def test_head_is_get_without_its_body(service: Service) -> None:
    head, got = service.ask("HEAD", "/info"), service.get("/info")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


def test_a_bug_tells_the_caller_its_id_and_the_log_the_rest(
    service: Service, part: Part, caplog: pytest.LogCaptureFixture
) -> None:
    part.raised = ValueError("the secret is abc-123")
    with caplog.at_level(logging.ERROR):
        answer = service.get("/raise", {"X-Request-Id": "mine-1"})
    answer.refused(500, "has the request's id")
    assert answer.document["request_id"] == answer.headers["x-request-id"] == "mine-1"
    assert b"secret" not in answer.body
    logged = next(one for one in caplog.records if one.exc_info)
    assert logged.fields["request_id"] == "mine-1"
    assert "the secret is abc-123" in str(logged.exc_info[1])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("Two of it.", remedy="Name one."), 400),
        (UnknownSymbol("No such symbol.", remedy="Spell it."), 404),
        (RecordConflict("Another answer.", remedy="Look."), 409),
        (DataUnavailable("Nobody answers.", remedy="Set FORECASTLAB_BINANCE_URL."), 503),
        (BundleRefused("Not what it claims.", remedy="Build it."), 503),
    ],
    ids=lambda value: type(value).__name__,
)
def test_our_errors_have_a_status(
    service: Service, part: Part, error: ForecastLabError, status: int
) -> None:
    part.raised = error
    answer = service.get("/raise")
    answer.refused(status, error.facts)
    # What to do about it is for the caller only where it is his to do.
    assert (error.remedy in answer.document["error"]) == (status < 500)


def test_where_files_lie_is_not_told(service: Service, part: Part) -> None:
    part.raised = DataUnavailable("The store /srv/lab/data cannot be read.", remedy="Look.")
    answer = service.get("/raise")
    answer.refused(503, "The store …/data cannot be read.")
    assert "/srv" not in answer.document["error"]


def test_health_tells_no_folder_at_any_depth() -> None:
    told = {"status": "ok", "parts": {"x": {"error": "/srv/lab/a.json is torn", "all": ["/srv/b"]}}}
    assert shown(told) == {
        "status": "ok",
        "parts": {"x": {"error": "…/a.json is torn", "all": ["…/b"]}},
    }


@pytest.mark.parametrize("given", ["x" * 65, 'a"b', "a b", "ä"])
def test_an_id_that_could_spoil_the_log_is_replaced(service: Service, given: str) -> None:
    answer = service.get("/livez", {"X-Request-Id": given})
    assert len(answer.headers["x-request-id"]) == 16


def test_a_caller_that_goes_harms_nobody(service: Service) -> None:
    for _ in range(5):
        with service.socket() as line:
            line.sendall(post(b"Content-Length: 50") + b"{")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    assert service.get("/livez").status == 200
