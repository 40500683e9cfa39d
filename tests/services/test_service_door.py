"""Who is admitted, how much and how fast; and that a secure line is one."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from forecastlab.adapters.api_keys import WatchedKeys, read_key_file
from forecastlab.api.app import create_app
from forecastlab.api.metrics import Metrics
from forecastlab.api.server import Certificate, server_for
from forecastlab.contracts.errors import ConfigError
from tests.support.service import PATIENT, Service, running, self_signed, wait_until
from tests.support.service_parts import Part

KEYS = ("first-key", "second-key")


@pytest.fixture(scope="module")
def locked() -> Iterator[Service]:
    with running([Part()], keys=lambda: KEYS) as (service, _):
        service.key = None
        yield service


@pytest.mark.parametrize("path", ["/info", "/health", "/metrics", "/openapi.json", "/echo", "/x"])
def test_without_a_key_nothing_is_told(locked: Service, path: str) -> None:
    locked.get(path).refused(401, "X-API-Key")


@pytest.mark.parametrize("key", ["", "first-ke", "first-key2", "FIRST-KEY", "ä", "x" * 8000])
def test_a_wrong_key_is_refused(locked: Service, key: str) -> None:
    answer = locked.get("/info", {"X-API-Key": key.encode().decode("latin-1")})
    answer.refused(401)
    assert key == "" or key not in answer.document["error"]


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_accepted(locked: Service, key: str) -> None:
    assert locked.get("/info", {"X-API-Key": key}).status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_need_no_key(locked: Service, path: str) -> None:
    assert locked.get(path).status == 200


def test_a_large_body_without_a_key_is_not_read(locked: Service) -> None:
    locked.ask("POST", "/echo", b" " * 10_000_000).refused(401)


def test_keys_follow_their_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# of the job\nold-key\n\n")
    time = iter(range(10**6))
    keys = WatchedKeys(lambda: read_key_file(file), [file], monotonic=lambda: float(next(time)))
    with running([Part()], keys=keys) as (service, _):
        assert service.get("/info", {"X-API-Key": "old-key"}).status == 200
        replacement = tmp_path / "replacement"
        replacement.write_text("new-key\n")
        replacement.rename(file)
        assert service.get("/info", {"X-API-Key": "new-key"}).status == 200
        service.get("/info", {"X-API-Key": "old-key"}).refused(401)
        file.unlink()  # the last keys stay
        assert service.get("/info", {"X-API-Key": "new-key"}).status == 200
        file.write_text("# nobody\n")  # and no key is no open door
        service.get("/info", {"X-API-Key": "new-key"}).refused(401)
        service.get("/info", {"X-API-Key": ""}).refused(401)


def test_keys_that_go_before_the_first_request_open_no_door() -> None:
    keys = ["the-key"]
    with running([Part()], keys=lambda: tuple(keys), wait=False) as (service, _):
        keys.clear()
        wait_until(lambda: service.get("/readyz").status == 200)
        service.get("/info").refused(401)


def test_one_callers_haste_is_not_anothers() -> None:
    with running([Part()], limits=replace(PATIENT, rate=1), keys=lambda: KEYS) as (service, _):
        codes = [service.get("/info").status for _ in range(4)]
        assert codes[:2] == [200, 200] and 429 in codes[2:]
        refused = next(a for _ in range(9) if (a := service.get("/info")).status == 429)
        refused.refused(429, "Too many")
        assert int(refused.headers["retry-after"]) == 1
        assert service.get("/info", {"X-API-Key": KEYS[1]}).status == 200
        assert service.get("/livez").status == 200


def test_wrong_keys_are_counted_by_address() -> None:
    with running([Part()], limits=replace(PATIENT, rate=1), keys=lambda: KEYS) as (service, _):
        guesses = [service.get("/info", {"X-API-Key": f"guess-{i}"}).status for i in range(4)]
        assert guesses[0] == 401 and 429 in guesses
        assert service.get("/info").status == 200


@pytest.mark.parametrize("trusted", [(), ("10.0.0.1",)])
def test_an_address_is_the_connections_own(trusted: tuple[str, ...]) -> None:
    with running([Part()], forwarded_by=trusted) as (service, _):
        caller = service.get("/caller", {"X-Forwarded-For": "9.9.9.9"}).document["caller"]
        assert caller == "address:127.0.0.1"


def test_an_address_is_the_proxys_word_where_that_is_trusted() -> None:
    with running([Part()], forwarded_by=("127.0.0.1",)) as (service, _):
        caller = service.get("/caller", {"X-Forwarded-For": "9.9.9.9"}).document["caller"]
        assert caller == "address:9.9.9.9"


def test_no_more_requests_are_under_way_than_allowed() -> None:
    with running([Part()], limits=replace(PATIENT, in_flight=1)) as (service, server):
        slow = threading.Thread(target=service.get, args=("/wait/0.5",))
        slow.start()
        wait_until(lambda: server.lifecycle.in_flight == 1, seconds=5)
        refused = service.post("/echo", {"text": "a"})
        refused.refused(503, "under way")
        assert refused.headers["retry-after"] == "1"
        assert service.get("/readyz").status == 200
        slow.join()
        assert service.post("/echo", {"text": "a"}).status == 200


def test_no_more_connections_are_open_than_allowed() -> None:
    with (
        running([Part()], limits=replace(PATIENT, connections=3)) as (service, _),
        ExitStack() as on,
    ):
        for _ in range(3):
            on.enter_context(service.socket())
        service.get("/livez").refused(503, "connections")


def test_tls(tmp_path: Path) -> None:
    with running([Part()], tls=self_signed(tmp_path), keys=lambda: KEYS) as (service, _):
        assert service.url.startswith("https://")
        assert service.post("/echo", {"text": "a"}).document == {"said": "a"}
        # Who does not know the certificate refuses it, and who speaks no TLS gets nothing.
        service.context = ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError):
            service.get("/livez")
        plain = Service(service.url.replace("https", "http"))
        with pytest.raises(ConnectionError):
            plain.get("/livez")


@pytest.mark.parametrize("broken", ["chain", "key"])
def test_a_certificate_that_cannot_be_used_is_refused(tmp_path: Path, broken: str) -> None:
    good = self_signed(tmp_path)
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing")
    certificate = Certificate(bad, good.key) if broken == "chain" else Certificate(good.chain, bad)
    with pytest.raises(ConfigError, match="TLS"):
        server_for(create_app([]), limits=PATIENT, certificate=certificate)


def test_a_key_with_a_password_asks_nobody(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    key = serialization.load_pem_private_key(certificate.key.read_bytes(), None)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    locked = key.private_bytes(*form, serialization.BestAvailableEncryption(b"secret"))
    certificate.key.write_bytes(locked)
    with pytest.raises(ConfigError, match="password"):
        server_for(create_app([]), limits=PATIENT, certificate=certificate)


def test_what_happened_is_counted_by_route() -> None:
    metrics = Metrics()
    with running([Part()], metrics=metrics) as (service, _):
        service.post("/echo", {"text": "a"})
        service.post("/echo", {})
        service.get("/wait/0.01")
        service.get("/nothing/of/many")
        metrics.enrichment("v2_7", done=True)
        metrics.reference("SOLUSDT", found=False)
        text = service.get("/metrics").body.decode()
    for line in (
        'forecastlab_requests_total{code="200",route="/echo"} 1.0',
        'forecastlab_requests_total{code="400",route="/echo"} 1.0',
        'forecastlab_requests_total{code="200",route="/wait/{seconds}"} 1.0',
        'forecastlab_requests_total{code="404",route="none"} 1.0',
        'forecastlab_request_seconds_count{route="/echo"} 2.0',
        'forecastlab_enrichments_total{outcome="success",version="v2_7"} 1.0',
        'forecastlab_references_total{found="no",symbol="SOLUSDT"} 1.0',
        "forecastlab_in_flight 1.0",
        "forecastlab_ready 1.0",
    ):
        assert line in text.splitlines()
