"""What a bucket adds to the store contract: lost answers, refusals, pages, races."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from google.auth import exceptions as auth
from google.cloud import storage

from forecastlab import bootstrap
from forecastlab.adapters.gcs_store import GcsStore
from forecastlab.adapters.retry import RetryPolicy
from forecastlab.contracts.errors import (
    ConfigError,
    PreconditionFailed,
    StoreUnavailable,
    UsageError,
)
from forecastlab.contracts.ports import ABSENT
from tests.support.fake_gcs import committed_then_503, committed_then_lost, forwarding
from tests.support.fake_time import FakeTime
from tests.support.faulty_http import (
    FaultyServer,
    Request,
    answer,
    cut_off,
    html,
    reset,
    slow,
)


class Bucket:
    """A bucket behind a server that can misbehave, and a store in it; sleeping is free."""

    def __init__(self, location: str, server: FaultyServer) -> None:
        self.location, self.server, self.time = location, server, FakeTime()
        self.store = self.store_with()

    def store_with(self, attempts: int = 5) -> GcsStore:
        return GcsStore(
            self.location, policy=RetryPolicy(attempts=attempts), timing=self.time.timing
        )

    def uploads(self) -> list[Request]:
        return [one for one in self.server.requests if one.path.startswith("/upload")]


@pytest.fixture
def bucket(fake_gcs: str, gcs_location: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with FaultyServer(forwarding(fake_gcs)) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        yield Bucket(gcs_location, server)


def refusal(status: int, message: str) -> object:
    return answer(status, {"error": {"code": status, "message": message}})


def test_of_twelve_writers_one_wins(gcs_location: str) -> None:
    start = Barrier(12)

    def create(number: int) -> bool:
        store = GcsStore(gcs_location)
        store.list("")  # opens the connection, so that all writes begin at once
        start.wait(30)
        try:
            store.put("race.json", b"the same bytes", if_generation=ABSENT)
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(create, range(12))) == 1


def test_no_swap_is_lost_between_processes(gcs_location: str) -> None:
    code = f"""
from forecastlab.adapters.gcs_store import GcsStore
from forecastlab.contracts.errors import PreconditionFailed
store, done = GcsStore({gcs_location!r}), 0
while done < 10:
    found = store.get("count")
    value, generation = (int(found.data), found.generation) if found else (0, "")
    try:
        store.put("count", str(value + 1).encode(), if_generation=generation)
        done += 1
    except PreconditionFailed:
        pass
"""
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    found = GcsStore(gcs_location).get("count")
    assert found is not None and int(found.data) == 30


@pytest.mark.parametrize("lost", [committed_then_lost, committed_then_503])
def test_a_create_whose_answer_is_lost_is_known_again(bucket: Bucket, lost: object) -> None:
    bucket.server.next(lost)  # type: ignore[arg-type]
    generation = bucket.store.put("a.json", b"one", if_generation=ABSENT)
    assert len(bucket.uploads()) == 2, "the second attempt met the first one's 412"
    found = bucket.store.get("a.json")
    assert found is not None and (found.data, found.generation) == (b"one", generation)


def test_a_swap_whose_answer_is_lost_is_known_again(bucket: Bucket) -> None:
    first = bucket.store.put("a.json", b"one", if_generation=ABSENT)
    bucket.server.next(committed_then_lost)
    second = bucket.store.put("a.json", b"two", if_generation=first)
    found = bucket.store.get("a.json")
    assert found is not None and (found.data, found.generation) == (b"two", second)


def test_the_check_after_a_lost_answer_may_fail_too(bucket: Bucket) -> None:
    honest = forwarding_as_it_is
    bucket.server.next(committed_then_lost, honest, answer(503), honest)
    assert bucket.store.put("a.json", b"one", if_generation=ABSENT)


def forwarding_as_it_is(request: Request, respond: object) -> object:
    return respond(request)  # type: ignore[operator]


def test_anothers_equal_bytes_are_not_taken_for_ours(bucket: Bucket) -> None:
    """A request that never arrived, and another process's equal claim: the claim is theirs."""

    def another_first(request: Request, respond: object) -> object:
        theirs = re.sub(rb'(forecastlab-write": ")[0-9a-f]{32}', rb"\g<1>another", request.body)
        assert theirs != request.body
        return committed_then_lost(replace(request, body=theirs), respond)  # type: ignore[arg-type]

    bucket.server.next(another_first)  # type: ignore[arg-type]
    with pytest.raises(PreconditionFailed):
        bucket.store.put("claim", b"mine", if_generation=ABSENT)


@pytest.mark.parametrize(
    "faults",
    [
        (answer(503), answer(503)),
        (answer(429), answer(500)),
        (reset(), html(502)),
        (html(200),),
        (cut_off(),),
    ],
)
def test_what_passes_is_waited_for(bucket: Bucket, faults: tuple[object, ...]) -> None:
    bucket.server.next(*faults)  # type: ignore[arg-type]
    generation = bucket.store.put("a.json", b'{"one": 1}', if_generation=ABSENT)
    bucket.server.next(*faults)  # type: ignore[arg-type]
    found = bucket.store.get("a.json")
    assert found is not None and (found.data, found.generation) == (b'{"one": 1}', generation)
    bucket.server.next(*faults)  # type: ignore[arg-type]
    assert bucket.store.list("") == ["a.json"]
    assert len(bucket.time.slept) >= 3 * len(faults)


def test_what_does_not_pass_is_given_up_in_bounded_time(bucket: Bucket) -> None:
    bucket.server.always(answer(503))
    calls = [
        lambda: bucket.store.get("a.json"),
        lambda: bucket.store.list(""),
        lambda: bucket.store.put("a.json", b"one", if_generation=ABSENT),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable, match=r"503.*after 5 attempts"):
            call()
    assert sum(bucket.time.slept) <= 3 * 60


def test_a_silent_server_is_given_up(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    from forecastlab.adapters import gcs_store

    monkeypatch.setattr(gcs_store, "_TIMEOUT_S", (1.0, 0.1))
    bucket.server.always(slow(5))
    with pytest.raises(StoreUnavailable, match="timed out"):
        bucket.store_with(attempts=2).get("a.json")


def test_pages_of_a_listing_are_joined(bucket: Bucket) -> None:
    asked: list[str] = []

    def small_pages(request: Request, respond: object) -> object:
        asked.append(request.query.get("pageToken", ""))
        query = {**request.query, "maxResults": "7"}
        return respond(Request(request.method, request.path, query, request.headers))  # type: ignore[operator]

    client = storage.Client(project=None)
    name, prefix = bucket.location.removeprefix("gs://").split("/", 1)
    keys = [f"p/{number:03d}.json" for number in range(30)]
    for key in keys:
        client.bucket(name).blob(f"{prefix}/{key}").upload_from_string(b"x")
    bucket.server.always(small_pages, path=f"/storage/v1/b/{name}/o")  # type: ignore[arg-type]
    assert bucket.store.list("p/") == keys
    assert len(asked) == 5 and len(set(asked)) == 5


@pytest.mark.parametrize("call", ["get", "put", "list"])
def test_a_missing_bucket_says_so(fake_gcs: str, bucket: Bucket, call: str) -> None:
    store = GcsStore("gs://no-such-bucket/prefix")
    calls = {
        "get": lambda: store.get("latest.json"),
        "put": lambda: store.put("a", b"x", if_generation=ABSENT),
        "list": lambda: store.list(""),
    }
    with pytest.raises(StoreUnavailable, match=r"no bucket 'no-such-bucket'.*buckets create"):
        calls[call]()


def test_an_absent_object_costs_one_look_at_the_bucket(bucket: Bucket) -> None:
    for _ in range(3):
        assert bucket.store.get("none.json") is None
    assert len(bucket.server.requests) == 4


@pytest.mark.parametrize(("status", "part"), [(403, "roles/storage.objectUser"), (400, "Check")])
def test_a_refusal_is_not_repeated_and_names_the_remedy(
    bucket: Bucket, status: int, part: str
) -> None:
    said = "job@x does not have storage.objects.create access"
    bucket.server.always(refusal(status, said))  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable, match=part) as caught:
        bucket.store.put("a.json", b"one", if_generation=ABSENT)
    assert said in caught.value.facts
    assert "\n" not in str(caught.value)
    assert len(bucket.server.requests) == 1


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (auth.DefaultCredentialsError("no credentials"), 1),
        (auth.RefreshError("invalid_grant: Token has been expired or revoked."), 1),
        (auth.RefreshError("metadata server is busy", retryable=True), 3),
        (auth.TransportError("metadata server unreachable"), 3),
    ],
)
def test_credentials(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, error: Exception, asked: int
) -> None:
    calls: list[int] = []

    def client(project: object) -> None:
        calls.append(1)
        raise error

    monkeypatch.setattr(storage, "Client", client)
    with pytest.raises(StoreUnavailable, match="gcloud auth" if asked == 1 else "Run again"):
        bucket.store_with(attempts=3).get("a.json")
    assert len(calls) == asked


@pytest.mark.parametrize("location", ["gs://", "gs:///prefix", "gs://UPPER/x", "gs://b/x//y"])
def test_a_location_that_is_none(location: str) -> None:
    with pytest.raises(ConfigError, match="gs://bucket/prefix"):
        bootstrap.open_store(location)


def test_an_unknown_scheme_and_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for location in ("s3://bucket", "://bucket"):
        with pytest.raises(UsageError, match="unknown scheme"):
            bootstrap.open_store(location)
    monkeypatch.delitem(sys.modules, "forecastlab.adapters.gcs_store")
    monkeypatch.setitem(sys.modules, "google.cloud.storage", None)
    monkeypatch.delattr("google.cloud.storage")
    with pytest.raises(ConfigError, match=r"pip install 'forecastlab\[cloud\]'"):
        bootstrap.open_store("gs://bucket/prefix")


def test_records_are_json_to_a_browser(bucket: Bucket) -> None:
    bucket.store.put("a.json", json.dumps({}).encode(), if_generation=ABSENT)
    bucket.store.put("c.parquet", b"PAR1", if_generation=ABSENT)
    name, prefix = bucket.location.removeprefix("gs://").split("/", 1)
    blobs = storage.Client(project=None).bucket(name).list_blobs()
    types = {blob.name.removeprefix(f"{prefix}/"): blob.content_type for blob in blobs}
    assert types == {"a.json": "application/json", "c.parquet": "application/octet-stream"}
