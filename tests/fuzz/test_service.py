"""The HTTP service under bytes that nobody meant: it refuses, and goes on; 500 would be a bug."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.api.metrics import Metrics
from forecastlab.api.parts import service_parts
from forecastlab.settings import read_settings
from forecastlab.settings.serve import Limits
from tests.support.fuzzing import ODD, altered, damaged, json_values, tries
from tests.support.imports import ROOT
from tests.support.service import Answer, Service, running
from tests.support.shipped_bundles import PRODUCTION

DEPLOYMENT: Final = "direction_1h_ETHUSDT"
NO_BUG: Final = frozenset({200, 400, 401, 404, 405, 408, 409, 413, 429, 431, 503, 504})
"""Statuses that are an answer, or say why there is none; 500 would be a bug."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    settings = read_settings(
        {
            "FORECASTLAB_STORE": str(folder),
            "FORECASTLAB_SOURCE": "simulated",
            "FORECASTLAB_SIMULATED_NOW": "2025-10-01T00:05:00Z",
            "FORECASTLAB_MODELS": str(PRODUCTION),
            "FORECASTLAB_CONFIGS": str(ROOT / "config"),
            "FORECASTLAB_DEPLOYMENTS": DEPLOYMENT,
            "FORECASTLAB_DEVICE": "cpu",
        },
        folder=folder,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        metrics = Metrics()
        limits = Limits(rate=0, body_s=0.25)
        with running(service_parts(settings, metrics), limits=limits, metrics=metrics) as (one, _):
            yield one


@pytest.fixture(scope="module")
def routes(service: Service) -> list[tuple[str, str, Any]]:
    """Return method, path and example body of every route."""
    document = service.get("/openapi.json").document
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            body = content.get("application/json", {})
            example = body.get("example") or example_of(document, body.get("schema", {}))
            found.append((method.upper(), path, example))
    assert len(found) > 12
    return found


def example_of(document: Any, schema: Any) -> Any:
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            return example_of(
                document, document["components"]["schemas"][one["$ref"].rpartition("/")[2]]
            )
        if "example" in one:
            return one["example"]
        if "items" in one:
            return [example_of(document, one["items"])]
    return {}


def sound(answer: Answer) -> None:
    """Demand an answer, or a refusal in the one shape that tells nothing of the inside."""
    assert answer.status in NO_BUG, (answer.status, answer.body[:500])
    assert "\n" not in "".join(answer.headers.values())
    if answer.status != 200:
        refusal = answer.document
        assert refusal["success"] is False
        assert refusal["error"]
    assert not re.search(rb"Traceback|File \\?\"|/site-packages/|/work/", answer.body)


TEXTS: Final = st.text(max_size=20) | st.sampled_from(
    [
        "",
        "BTCUSDT",
        "../../etc/passwd",
        "%2e%2e",
        "\x00",
        "\r\nX: y",
        "1e999",
        "9" * 5000,
        "nan",
        "-1",
    ]
)


@tries(60)
@given(data=st.data())
def test_every_route_answers_or_refuses(
    data: st.DataObject, service: Service, routes: list[tuple[str, str, Any]]
) -> None:
    method, path, example = data.draw(st.sampled_from(routes))
    filled = re.sub(r"{\w+}", lambda _: quote(data.draw(TEXTS), safe=""), path)
    names = st.sampled_from(["limit", "offset", "market", "start_time", "end_time", "x", ""])
    pairs = data.draw(st.lists(st.tuples(names, TEXTS | st.integers().map(str)), max_size=3))
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)
    body = None
    if method == "POST":
        body = json.dumps(data.draw(st.just(example) | altered(example) | json_values())).encode()
        body = data.draw(st.just(body) | damaged(body, *ODD))
    sound(service.ask(method, f"{filled}?{query}" if query else filled, body))


def raw_request(method: str, path: str, body: Any) -> bytes:
    written = json.dumps(body).encode() if method == "POST" else b""
    head = (
        f"{method} {path.replace('{', '').replace('}', '')} HTTP/1.1\r\nHost: here\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(written)}\r\n"
        "X-Request-Id: mine\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + written


@tries(25)
@given(data=st.data())
def test_whatever_bytes_come_the_service_goes_on(
    data: st.DataObject, service: Service, routes: list[tuple[str, str, Any]]
) -> None:
    sent = data.draw(damaged(raw_request(*data.draw(st.sampled_from(routes)))))
    received = b""
    with service.socket() as connection:
        connection.settimeout(15)
        with suppress(ConnectionError):  # it may hang up in the middle of what it refuses
            connection.sendall(sent)
            while part := connection.recv(65536):
                received += part
                if b"connection: close" not in received.lower():
                    break  # it would wait for another request
    if received:
        status = re.match(rb"HTTP/1\.1 (\d{3}) ", received)
        assert status is not None, received[:200]
        assert int(status[1]) in NO_BUG, received[:500]
        assert b"Traceback" not in received
    assert service.get("/livez").status == 200
