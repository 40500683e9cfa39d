"""Canonical bytes of documents, and digests over stored bytes."""

from __future__ import annotations

import hashlib
import json
import math

from forecastlab.contracts.errors import DataMalformed

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def canonical_bytes(document: Json) -> bytes:
    r"""Write a JSON document in its one canonical form: UTF-8, sorted keys, two-space indent.

    Raises:
        ValueError: the document holds NaN or an infinity; JSON has neither.

    >>> canonical_bytes({"b": 1.5, "a": [1]})
    b'{\n  "a": [\n    1\n  ],\n  "b": 1.5\n}\n'
    """
    text = json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def parse_document(data: bytes, *, what: str) -> dict[str, Json]:
    """Read a stored JSON object, refusing what JSON does not have (NaN, repeated keys).

    Raises:
        DataMalformed: the bytes are no JSON object; `what` names them in the message.

    >>> parse_document(b'{"a": 1}', what="a test")
    {'a': 1}
    """
    try:
        document = json.loads(data, parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise DataMalformed(
            f"{what} is not valid JSON ({error}).",
            remedy="Restore it from a copy; it is never repaired.",
        ) from error
    if not isinstance(document, dict):
        raise DataMalformed(f"{what} is no JSON object.", remedy="Restore it from a copy.")
    return document


def digest(data: bytes) -> str:
    """Return `sha256:` and the hex digest of the bytes.

    >>> digest(b"")[:15]
    'sha256:e3b0c442'
    """
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def rounded(value: float, digits: int = 10) -> float:
    """Round to significant digits, so that documents carry no float noise.

    >>> rounded(0.1 + 0.2)
    0.3
    """
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value")


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key is repeated")
    return dict(pairs)
