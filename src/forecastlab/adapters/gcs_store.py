"""The object store as a bucket of Google Cloud Storage.

Create and swap are uploads under a generation precondition. All retries are made here, none by the
client library: it repeats an upload whose answer was lost, meets the 412 of its own write, and
takes it for another's. Every upload carries an identifier of its own, by which a later 412 is known
to come from this very write; equal bytes would not tell it from another process's equal claim.
Uploads up to 8 MiB are single requests (`upload_from_string`); greater ones, which nothing here is,
are resumable, and the bucket asks for the precondition again at their end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final, TypeVar
from uuid import uuid4

import requests
from google.api_core import exceptions as status
from google.auth import exceptions as auth
from google.cloud import storage  # type: ignore[attr-defined]
from google.cloud.storage.exceptions import (  # type: ignore[import-untyped]
    DataCorruption,
    InvalidResponse,
)

from forecastlab.adapters.retry import REAL_TIME, GaveUp, RetryPolicy, Timing, TryAgain, retry
from forecastlab.contracts.errors import ConfigError, PreconditionFailed, StoreUnavailable
from forecastlab.contracts.ports import ABSENT, Generation, StoredObject

T = TypeVar("T")

SCHEME: Final = "gs://"

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")

_WRITE: Final = "forecastlab-write"
"""The metadata key of an upload's own identifier."""

_POLICY: Final = RetryPolicy(attempts=5, deadline_s=60)

_TIMEOUT_S: Final = (5.0, 20.0)
"""Silence allowed while connecting, and while waiting for bytes, within one request."""

_PASSING: Final = (408, 429, 500, 502, 503, 504)
"""Statuses that may be others at the next attempt."""

_LOGIN: Final = (
    "Log in with `gcloud auth application-default login`, or point GOOGLE_APPLICATION_CREDENTIALS"
    " at a valid key; on Cloud Run check the job's service account."
)


class GcsStore:
    """An `ObjectStore` in a bucket, under a prefix; nothing is asked before the first use.

    Args:
        location: `gs://bucket` or `gs://bucket/prefix`.
        policy: the retries of one get, put or list; its deadline bounds their waits.

    Raises:
        ConfigError: the location names no bucket.
    """

    def __init__(
        self, location: str, *, policy: RetryPolicy = _POLICY, timing: Timing = REAL_TIME
    ) -> None:
        self._bucket_name, self._prefix = _split(location)
        self._policy, self._timing = policy, timing
        self._opened: storage.Bucket | None = None
        self._bucket_seen = False

    @property
    def location(self) -> str:
        """The store's address, `gs://bucket/prefix`."""
        return f"{SCHEME}{self._bucket_name}/{self._prefix}".rstrip("/")

    def get(self, key: str) -> StoredObject | None:
        """Return an object, or None where there is none."""
        return self._retried(key, lambda bucket: self._get(bucket, key))

    def put(self, key: str, data: bytes, *, if_generation: Generation) -> Generation:
        """Write an object if its generation is still `if_generation`."""
        expected = 0 if if_generation == ABSENT else _number(if_generation)
        if expected is None:  # no bucket ever gave such a generation
            raise self._lost(key)
        upload = _Upload(self._prefix + key, data, expected)
        try:
            generation = self._retried(key, upload.attempt)
        except status.PreconditionFailed:
            raise self._lost(key) from None
        self._bucket_seen = True
        return str(generation)

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`, in ascending order."""
        found = self._retried(prefix, lambda bucket: _names(bucket, self._prefix + prefix))
        self._bucket_seen = True
        return sorted(name.removeprefix(self._prefix) for name in found)

    def _get(self, bucket: storage.Bucket, key: str) -> StoredObject | None:
        blob = bucket.blob(self._prefix + key)
        try:
            data = blob.download_as_bytes(timeout=_TIMEOUT_S, retry=None)
        except status.NotFound:
            if not self._bucket_seen:  # else an absent bucket would read as an empty store
                _names(bucket, self._prefix, most=1)
            self._bucket_seen = True
            return None
        self._bucket_seen = True
        return StoredObject(data, str(_generation(blob)))

    def _retried(self, key: str, request: Callable[[storage.Bucket], T]) -> T:
        """Send a request until it is answered; a 412 passes through untouched.

        Raises:
            StoreUnavailable: no bucket, no permission, no valid credentials, or no answer in time.
        """
        try:
            return retry(lambda: self._attempt(request), self._policy, self._timing)
        except status.PreconditionFailed:
            raise
        except GaveUp as stop:
            raise self._failed(
                key, str(stop), "Run again: what was begun is found and not repeated."
            ) from stop
        except status.NotFound as error:
            raise StoreUnavailable(
                f"There is no bucket {self._bucket_name!r} ({_said(error)}).",
                remedy="Check FORECASTLAB_STORE, or make the bucket: `gcloud storage buckets create"
                f" gs://{self._bucket_name}`.",
            ) from error
        except status.Forbidden as error:
            raise self._failed(key, _said(error), self._grant()) from error
        except (status.Unauthorized, auth.RefreshError, auth.DefaultCredentialsError) as error:
            raise self._failed(key, _said(error), _LOGIN) from error
        except (status.GoogleAPICallError, auth.GoogleAuthError) as error:
            raise self._failed(key, _said(error), "Check FORECASTLAB_STORE.") from error

    def _attempt(self, request: Callable[[storage.Bucket], T]) -> T:
        try:
            return request(self._bucket())
        except status.GoogleAPICallError as error:
            if error.code in _PASSING:
                raise TryAgain(_said(error)) from error
            raise
        except auth.RefreshError as error:
            if error.retryable:
                raise TryAgain(_said(error)) from error
            raise
        except (
            requests.RequestException,
            ConnectionError,
            InvalidResponse,
            DataCorruption,
            auth.TransportError,
        ) as error:
            raise TryAgain(_said(error)) from error

    def _bucket(self) -> storage.Bucket:
        if self._opened is None:
            # No project: buckets have names of their own, and none is needed to use one.
            client = storage.Client(project=None)
            # Else its first request starts a thread that reads the bucket's metadata, for traces
            # that nobody takes and with a right that storage.objectUser does not give.
            client._bucket_metadata_cache = None  # noqa: SLF001 - there is no public switch
            self._opened = client.bucket(self._bucket_name)
        return self._opened

    def _grant(self) -> str:
        return (
            "Grant this account roles/storage.objectUser on the bucket (the dashboard's needs"
            " roles/storage.objectViewer): `gcloud storage buckets add-iam-policy-binding"
            f" gs://{self._bucket_name} --member=… --role=…`."
        )

    def _failed(self, key: str, facts: str, remedy: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"{key or 'the store'} in {self.location}: {facts.rstrip('.')}.", remedy=remedy
        )

    def _lost(self, key: str) -> PreconditionFailed:
        return PreconditionFailed(
            f"{key} in {self.location} is not in the state that this write expects.",
            remedy="Another process wrote it; read it again.",
        )


class _Upload:
    """One conditional write, tried until its outcome is known."""

    def __init__(self, name: str, data: bytes, expected: int) -> None:
        self._name, self._data, self._expected = name, data, expected
        self._id = uuid4().hex
        self._attempts = 0

    def attempt(self, bucket: storage.Bucket) -> int:
        """Write, and return the new generation."""
        blob = bucket.blob(self._name)
        blob.metadata = {_WRITE: self._id}
        self._attempts += 1
        try:
            blob.upload_from_string(
                self._data,
                content_type=_content_type(self._name),
                if_generation_match=self._expected,
                timeout=_TIMEOUT_S,
                retry=None,
            )
        except status.PreconditionFailed:
            # The bucket may have taken the bytes of an attempt whose answer was lost.
            committed = self._committed(bucket) if self._attempts > 1 else None
            if committed is None:
                raise
            return committed
        return _generation(blob)

    def _committed(self, bucket: storage.Bucket) -> int | None:
        """Return the generation of an earlier attempt of this write, if it is what lies there."""
        found = bucket.get_blob(self._name, timeout=_TIMEOUT_S, retry=None)
        if found is None or (found.metadata or {}).get(_WRITE) != self._id:
            return None
        return _generation(found)


def _generation(blob: storage.Blob) -> int:
    if blob.generation is None:  # a page of some gateway, with status 200
        raise TryAgain("the answer names no generation; it is not the bucket's")
    return int(blob.generation)


def _names(bucket: storage.Bucket, prefix: str, most: int | None = None) -> list[str]:
    blobs = bucket.list_blobs(
        prefix=prefix,
        max_results=most,
        fields="items(name),nextPageToken",
        timeout=_TIMEOUT_S,
        retry=None,
    )
    return [blob.name for blob in blobs]


def _split(location: str) -> tuple[str, str]:
    """Return the bucket's name and the prefix of every key.

    >>> _split("gs://forecasts/btc/"), _split("gs://forecasts")
    (('forecasts', 'btc/'), ('forecasts', ''))
    """
    bucket, _, prefix = location.removeprefix(SCHEME).partition("/")
    prefix = prefix.strip("/")
    if not location.startswith(SCHEME) or not _BUCKET.fullmatch(bucket) or "//" in prefix:
        raise ConfigError(
            f"The store {location!r} names no bucket.",
            remedy="Write it as gs://bucket or gs://bucket/prefix.",
        )
    return bucket, f"{prefix}/" if prefix else ""


def _number(generation: Generation) -> int | None:
    return int(generation) if generation.isascii() and generation.isdigit() else None


def _content_type(name: str) -> str:
    return "application/json" if name.endswith(".json") else "application/octet-stream"


def _said(error: Exception) -> str:
    """Return what went wrong, in one line: the server's own words where it gave any."""
    response = getattr(error, "response", None)
    if isinstance(error, status.GoogleAPICallError) and response is not None:
        try:
            words = str(json.loads(response.text)["error"]["message"])
        except (ValueError, KeyError, TypeError):
            words = response.text or response.reason or ""
        return f"{response.status_code} {_short(words)}"
    return f"{type(error).__name__}: {_short(str(error))}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:200]}…"
