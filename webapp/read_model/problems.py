"""What could not be read, as the pages list it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forecastlab.contracts.canonical import parse_document
from forecastlab.contracts.errors import DataMalformed, ForecastLabError, StoreUnavailable
from forecastlab.contracts.records import SCHEMA_VERSION

Kind = Literal["unreachable", "newer_schema", "invalid"]


@dataclass(frozen=True)
class Problem:
    """One thing in the store that the pages had to leave out.

    Attributes:
        key: the object, or the prefix that could not be listed.
        facts, remedy: as the error states them, in English.
    """

    key: str
    kind: Kind
    facts: str
    remedy: str


def problem_of(error: ForecastLabError, key: str, data: bytes = b"") -> Problem:
    """Turn an error into a problem; `data` tells a newer schema from a damaged document.

    >>> error = DataMalformed("x is of schema 2.", remedy="Update ForecastLab.")
    >>> problem_of(error, "x.json", b'{"schema_version": 2}').kind
    'newer_schema'
    """
    kind: Kind = "invalid"
    if isinstance(error, StoreUnavailable):
        kind = "unreachable"
    elif _is_newer(data):
        kind = "newer_schema"
    return Problem(key, kind, error.facts, error.remedy)


def _is_newer(data: bytes) -> bool:
    try:
        version = parse_document(data, what="a document").get("schema_version")
    except DataMalformed:
        return False
    return isinstance(version, int) and version > SCHEMA_VERSION
