"""From the start of the service to its end: what it says of itself, and that nothing is dropped."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from forecastlab.api.app import create_app
from forecastlab.api.server import Ended, listen, run, server_for
from forecastlab.contracts.errors import BundleRefused
from tests.support.service import PATIENT, Answer, answer_of, running, wait_until
from tests.support.service_parts import Part


class Other(Part):
    name = "other"

    def routers(self) -> tuple[()]:
        return ()


def later(ask: Callable[[], Answer]) -> tuple[threading.Thread, list[Answer]]:
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(ask()))
    thread.start()
    return thread, answers


def test_it_answers_while_it_starts() -> None:
    part = Part()
    part.may_start.clear()
    with running([Other(), part], wait=False) as (service, _):
        wait_until(lambda: service.get("/livez").document == {"status": "alive"})
        wait_until(lambda: service.get("/readyz").document["components"]["other"], seconds=5)
        not_ready = service.get("/readyz")
        not_ready.refused(503, "waiting for part")
        assert not_ready.document["ready"] is False
        assert not_ready.document["components"] == {"other": True, "part": False}
        part.may_start.set()
        wait_until(lambda: service.get("/readyz").status == 200, seconds=5)
        assert service.get("/readyz").document == {
            "ready": True,
            "components": {"other": True, "part": True},
        }
    assert part.stopped


def test_a_component_may_lose_its_readiness() -> None:
    part = Part()
    with running([part]) as (service, _):
        part.ready = False
        service.get("/readyz").refused(503, "waiting for part")


@pytest.mark.parametrize(
    ("states", "status", "code"),
    [
        (("ok", "ok"), "ok", 200),
        (("ok", "degraded"), "degraded", 200),
        (("degraded", "failed"), "failed", 503),
        (("ok", "unheard-of"), "failed", 503),
    ],
)
def test_health_is_that_of_the_worst(states: tuple[str, str], status: str, code: int) -> None:
    part, other = Part(), Other()
    part.state, other.state = states
    with running([part, other]) as (service, _):
        answer = service.get("/health")
        told = answer.document
        assert (answer.status, told["status"], told["service"]) == (code, status, "ml-inference")
        assert told["components"] == {"part": {"status": states[0]}, "other": {"status": states[1]}}
        if code == 503:
            answer.refused(503, "Failed: ")


def test_info_says_what_answers() -> None:
    with running([Part()]) as (service, _):
        told = service.get("/info").document
    assert told["commit"] == "abc" and told["components"] == {"part": {"parts": 1}}


def test_a_component_that_cannot_start_ends_the_service() -> None:
    part = Part()
    part.error = BundleRefused("It is altered.", remedy="Build it again.")
    server = server_for(create_app([part]), limits=PATIENT)
    with listen("127.0.0.1", 0) as listening, pytest.raises(BundleRefused, match="altered"):
        run(server, listening)


def test_what_still_starts_at_the_end_is_stopped_and_nothing_else_starts() -> None:
    part, other = Part(), Other()
    part.may_start.clear()
    with running([part, other], wait=False) as (service, server):
        wait_until(lambda: service.get("/livez").status == 200)
        server.handle_exit(signal.SIGTERM, None)
    part.may_start.set()
    wait_until(lambda: part.stopped, seconds=5)
    assert part.ready and not other.ready


def test_the_end_waits_for_what_is_under_way() -> None:
    part = Part()
    with running([part]) as (service, server):
        thread, answers = later(lambda: service.get("/wait/1.2"))
        wait_until(lambda: server.lifecycle.in_flight == 1, seconds=5)
        server.handle_exit(signal.SIGTERM, None)
        service.get("/readyz").refused(503, "the service is ending")
        time.sleep(0.5)  # some of the server's looks at whether it may go
        service.get("/readyz").refused(503, "the service is ending")
        assert service.get("/livez").status == 200
        # Whoever comes before the balancer has noticed is answered, and told to go elsewhere next.
        late = service.post("/echo", {"text": "late"})
        assert (late.status, late.headers["connection"]) == (200, "close")
        thread.join()
        assert answers[0].document == {"waited": 1.2}
        wait_until(lambda: part.stopped, seconds=5)
    with pytest.raises(ConnectionError):
        service.get("/livez")


def test_an_idle_connection_does_not_hold_the_end_up() -> None:
    part = Part()
    with running([part]) as (service, server):
        connection = service.connection()
        connection.request("GET", "/livez")
        assert answer_of(connection).status == 200
        server.handle_exit(signal.SIGTERM, None)
        wait_until(lambda: part.stopped, seconds=5)
        connection.close()


def test_the_end_comes_though_a_request_never_ends() -> None:
    limits = replace(PATIENT, drain_s=0.3)
    part = Part()
    with running([part], limits=limits) as (service, server):
        thread, answers = later(lambda: service.get("/wait/20"))
        wait_until(lambda: server.lifecycle.in_flight == 1, seconds=5)
        server.handle_exit(signal.SIGTERM, None)
        wait_until(lambda: part.stopped, seconds=8)
        thread.join(timeout=5)
        answers[0].refused(503, "ending")


def test_it_lingers_where_a_balancer_needs_time() -> None:
    part = Part()
    with running([part], limits=replace(PATIENT, linger_s=0.5)) as (service, server):
        server.handle_exit(signal.SIGTERM, None)
        assert service.post("/echo", {"text": "a"}).status == 200
        assert not part.stopped
        wait_until(lambda: part.stopped, seconds=5)


@pytest.mark.parametrize(
    ("number", "ends"), [(signal.SIGTERM, Ended), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_has_its_own_end(number: int, ends: type[BaseException]) -> None:
    server: Any = server_for(create_app([Part()]), limits=PATIENT)
    timer = threading.Timer(0.2, lambda: server.handle_exit(number, None))
    timer.start()
    with listen("127.0.0.1", 0) as listening, pytest.raises(ends):
        run(server, listening)
    timer.join()
