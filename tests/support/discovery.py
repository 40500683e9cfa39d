"""Google's API descriptions, as JSON Schema that refuses what an API does not know.

The descriptions ship with google-api-python-client: nothing is fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import googleapiclient
from jsonschema import Draft202012Validator

_WRITTEN_AS: Final = {
    "google-duration": r"^[0-9]+([.][0-9]+)?s$",
    "int64": "^-?[0-9]+$",
    "uint64": "^[0-9]+$",
}
"""How the strings of these formats look."""

_NUMBERS_TOO: Final = {"int64", "uint64"}
"""The API writes them as strings; a document may give the number."""


def problems(document: object, api: str, resource: str) -> list[str]:
    """Return what the API would not know, or would read as another type.

    >>> problems({"schedule": "5 8 * * *"}, "cloudscheduler.v1", "Job")
    []
    >>> problems({"shedule": "5 8 * * *"}, "cloudscheduler.v1", "Job")
    ["$: Additional properties are not allowed ('shedule' was unexpected)"]
    """
    return [
        f"{error.json_path}: {error.message}"
        for error in _validator(api, resource).iter_errors(document)
    ]


@cache
def _validator(api: str, resource: str) -> Draft202012Validator:
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    described = json.loads((folder / f"{api}.json").read_text(encoding="utf-8"))["schemas"]
    schema = {
        "$ref": f"#/$defs/{resource}",
        "$defs": {name: _schema(one) for name, one in described.items()},
    }
    return Draft202012Validator(schema)


def _schema(described: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_keywords(described))


def _keywords(described: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if "$ref" in described:
        yield "$ref", f"#/$defs/{described['$ref']}"
        return
    kind = described.get("type", "any")
    if kind != "any":
        form = described.get("format", "")
        yield "type", [kind, "integer"] if form in _NUMBERS_TOO else kind
        if form in _WRITTEN_AS:
            yield "pattern", _WRITTEN_AS[form]
    if "enum" in described:
        yield "enum", described["enum"]
    if kind == "array":
        yield "items", _schema(described["items"])
    if kind == "object":
        known = described.get("properties", {})
        yield "properties", {name: _schema(one) for name, one in known.items()}
        rest = described.get("additionalProperties")
        yield "additionalProperties", _schema(rest) if rest else False
