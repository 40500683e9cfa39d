"""The client of the inference server against everything that a server can do wrong."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from forecastlab.adapters import remote_inference
from forecastlab.adapters.remote_inference import MOST_BYTES, HttpInference
from forecastlab.contracts.errors import RemoteFailed
from forecastlab.settings.remote import predict_url
from tests.support.faulty_http import (
    Fault,
    FaultyServer,
    Reply,
    Request,
    answer,
    cut_off,
    honest,
    html,
    json_reply,
    reset,
    slow,
    truncated,
)
from tests.support.raw_http import RawServer, Script, drips, hangs, says

QUESTION = b'{"what": "now"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
DEADLINE_S = 0.6


def echo(request: Request) -> Reply:
    return json_reply({"success": True, "asked": json.loads(request.body)})


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(echo) as running:
        yield running


def client(url: str, *, deadline_s: float = 5.0, api_key: str = "") -> HttpInference:
    return HttpInference(predict_url(url), api_key=api_key, deadline_s=deadline_s)


def failure(url: str, *, deadline_s: float = 5.0) -> RemoteFailed:
    with pytest.raises(RemoteFailed) as caught:
        client(url, deadline_s=deadline_s).ask(QUESTION)
    return caught.value


def inference_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "inference"]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    ends = time.monotonic() + 5
    while inference_threads() and time.monotonic() < ends:
        inference_threads()[0].join(0.1)
    assert inference_threads() == []


@pytest.mark.parametrize(
    ("form", "path"),
    [
        ("", "/predict"),
        ("/", "/predict"),
        ("/predict", "/predict"),
        ("/predict/", "/predict"),
        ("/ml/predict", "/ml/predict"),
        ("/behind/a/proxy", "/behind/a/proxy/predict"),
    ],
)
def test_the_url_is_the_base_or_the_route(server: FaultyServer, form: str, path: str) -> None:
    assert client(server.url + form).ask(QUESTION)["asked"] == {"what": "now"}
    assert [one.path for one in server.requests] == [path]


def test_the_key_goes_into_its_header_and_nowhere_else(server: FaultyServer) -> None:
    one = client(server.url, api_key="s3cret")
    one.ask(QUESTION)
    assert server.requests[0].headers["x-api-key"] == "s3cret"
    client(server.url).ask(QUESTION)
    assert "x-api-key" not in server.requests[1].headers
    assert "s3cret" not in one.address
    server.always(answer(401))
    with pytest.raises(RemoteFailed) as caught:
        one.ask(QUESTION)
    assert "s3cret" not in str(caught.value)


def test_a_key_with_a_line_end_is_sent_nowhere_and_told_to_nobody(server: FaultyServer) -> None:
    with pytest.raises(RemoteFailed) as caught:
        client(server.url, api_key="s3cret\nX-Admin: 1").ask(QUESTION)
    assert "s3cret" not in repr(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_passing_status_is_asked_once_more(server: FaultyServer, status: int) -> None:
    server.next(answer(status))
    assert client(server.url).ask(QUESTION)["success"] is True
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", [reset(), cut_off()], ids=["reset", "dies in the middle"])
def test_a_broken_connection_is_tried_once_more(server: FaultyServer, fault: Fault) -> None:
    server.next(fault)
    assert client(server.url).ask(QUESTION)["success"] is True
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "kind", "reason", "requests"),
    [
        (answer(503), "status", "status(503)", 2),
        (answer(503, headers={"Retry-After": "60"}), "status", "status(503)", 1),
        (answer(500), "status", "status(500)", 1),
        (answer(429), "status", "status(429)", 1),
        (answer(400), "refused", "refused(400)", 1),
        (answer(401), "refused", "refused(401)", 1),
        (answer(204), "refused", "refused(204)", 1),
        (answer(409), "another_bundle", "another_bundle(409)", 1),
        (reset(), "transport", "transport(ConnectionResetError)", 2),
        (cut_off(), "transport", "transport(IncompleteRead)", 2),
        (html(), "malformed", "malformed(no JSON content type)", 1),
        (truncated(), "malformed", "malformed(no JSON object)", 1),
    ],
)
def test_what_fails_is_told_by_its_kind(
    server: FaultyServer, fault: Fault, kind: str, reason: str, requests: int
) -> None:
    server.always(fault)
    error = failure(server.url)
    assert (error.kind, error.facts) == (kind, reason)
    assert len(server.requests) == requests


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[1]",
        b'"yes"',
        b'{"p": NaN}',
        b'{"p": Infinity}',
        b'{"p": 1, "p": 2}',
        b'{"p": ' + b"[" * 100_000,
        b'{"p": ' + b"9" * 5_000 + b"}",
        b"\xff\xfe",
    ],
    ids=["empty", "null", "list", "text", "NaN", "inf", "twice", "deep", "huge", "no UTF-8"],
)
def test_a_body_that_is_no_json_object_is_refused(server: FaultyServer, body: bytes) -> None:
    server.always(lambda request, respond: Reply(200, body, {"Content-Type": "application/json"}))
    assert failure(server.url).facts == "malformed(no JSON object)"


def test_a_body_without_end_is_not_read_to_its_end(server: FaultyServer) -> None:
    body = b'{"p": "' + b"x" * (MOST_BYTES + 10) + b'"}'
    server.always(lambda request, respond: Reply(200, body, {"Content-Type": "application/json"}))
    assert failure(server.url).facts == f"malformed(more than {MOST_BYTES} bytes)"


def test_a_redirect_is_not_followed(server: FaultyServer) -> None:
    with FaultyServer(echo) as elsewhere:
        server.always(answer(307, headers={"Location": f"{elsewhere.url}/predict"}))
        assert failure(server.url).facts == "refused(307)"
        assert elsewhere.requests == []


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert failure(f"http://127.0.0.1:{port}").facts == "transport(ConnectionRefusedError)"


def test_a_name_that_nobody_knows() -> None:
    assert failure("http://gpu.invalid:5001").kind == "transport"


SLOW: dict[str, Script] = {
    "no byte": hangs(),
    "half a head": hangs(HEAD[:30]),
    "half a body": hangs(HEAD + b'{"success": '),
    "a head in drops": drips(0.05, b"HTTP/1.1 200 OK\r\nX-Slow: "),
    "heads in drops": drips(0.05, b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n"),
    "a body in drops": drips(0.05, HEAD),
    "chunks in drops": drips(
        0.05,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1\r\nx\r\n",
    ),
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_the_deadline_is_total(script: Script) -> None:
    # A client that waits for as long as something comes would never come back.
    with RawServer(script) as server:
        assert failure(server.url, deadline_s=DEADLINE_S).facts == "timeout(0.6 s)"
        assert server.connections == 1


def test_a_client_that_has_given_up_hangs_up() -> None:
    with RawServer(SLOW["a body in drops"]) as server:
        assert failure(server.url, deadline_s=DEADLINE_S).kind == "timeout"
        # Else its thread would read on for as long as the server sends.
        for thread in inference_threads():
            thread.join(5)
        assert inference_threads() == []


def test_a_client_that_gave_up_before_it_was_connected_asks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolved, connect = threading.Event(), HTTPConnection.connect

    def late(self: HTTPConnection) -> None:
        resolved.wait(5)
        connect(self)

    monkeypatch.setattr(HTTPConnection, "connect", late)
    with RawServer(SLOW["a body in drops"]) as server:
        assert failure(server.url, deadline_s=0.2).facts == "timeout(0.2 s)"
        resolved.set()
        for thread in inference_threads():
            thread.join(5)
        assert inference_threads() == []


def test_the_retry_has_only_what_is_left_of_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[float] = []

    def within(self: object, left_s: float, body: bytes) -> None:
        left.append(left_s)
        raise ConnectionResetError

    monkeypatch.setattr(remote_inference._Exchange, "within", within)
    assert failure("http://127.0.0.1:1").facts == "transport(ConnectionResetError)"
    first, second = left
    assert second <= first - 0.075  # the least back-off


def test_a_server_that_dies_and_then_hangs_has_one_deadline() -> None:
    with RawServer(says(), hangs()) as server:
        assert failure(server.url, deadline_s=DEADLINE_S).kind == "timeout"
        assert server.connections == 2


def test_a_server_that_is_slow_and_in_time_is_heard(server: FaultyServer) -> None:
    server.next(slow(0.2))
    assert client(server.url).ask(QUESTION)["success"] is True


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\x01\x02\r\n\r\n", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc OK\r\n\r\n"],
    ids=["bytes", "another protocol", "no status"],
)
def test_what_is_no_http_is_a_broken_transport(garbage: bytes) -> None:
    with RawServer(says(garbage)) as server:
        assert failure(server.url).kind == "transport"
        assert server.connections == 2


def test_a_head_without_end_is_refused() -> None:
    with RawServer(says(b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 200)) as server:
        assert failure(server.url).kind == "transport"


def test_plain_text_behind_https_is_a_broken_transport() -> None:
    with RawServer(says(b"HTTP/1.1 200 OK\r\n\r\n")) as server:
        error = failure(server.url.replace("http:", "https:"), deadline_s=DEADLINE_S)
    assert error.kind in {"transport", "timeout"}
    assert ssl.SSLError.__name__ in error.facts or error.kind == "timeout"


def test_every_thread_may_ask(server: FaultyServer) -> None:
    server.next(*(honest for _ in range(8)))
    one, answers = client(server.url), []
    threads = [threading.Thread(target=lambda: answers.append(one.ask(QUESTION))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found["success"] for found in answers] == [True] * 8
