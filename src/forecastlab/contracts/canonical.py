"""Canonical bytes of documents, and digests over stored bytes."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Final

from forecastlab.contracts.errors import DataMalformed

_LONGEST: Final = 300
"""Digits of a whole number; a float has no more than 308 before its point."""

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
    """Read a stored JSON object, refusing what cannot be written again as JSON or in UTF-8.

    That is NaN and repeated keys, numbers beyond those of a float, and half a surrogate pair.

    Raises:
        DataMalformed: the bytes are no JSON object; `what` names them in the message.

    >>> parse_document(b'{"a": 1}', what="a test")
    {'a': 1}
    """
    try:
        document = json.loads(
            data.decode(),  # strictly: `loads` itself lets halves of surrogate pairs through
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_unique,
        )
        if b"\\u" in data:  # the one way left that leads to half a pair
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise DataMalformed(
            f"{what} is not valid JSON ({error}).",
            remedy="Restore it from a copy; it is never repaired.",
        ) from error
    if not isinstance(document, dict):
        raise DataMalformed(f"{what} is no JSON object.", remedy="Restore it from a copy.")
    return document


def number(value: object) -> float:
    """Return a JSON number; texts and truth values, which `float` would read as well, are none.

    Raises:
        TypeError: it is no number.

    >>> number(1), number(0.5)
    (1.0, 0.5)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a {type(value).__name__} is no number")
    return float(value)


def whole(value: object) -> int:
    """Return a JSON number without a fraction.

    Raises:
        TypeError: it is none.

    >>> whole(3)
    3
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"a {type(value).__name__} is no whole number")
    return value


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


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is beyond those of a float")
    return number


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST:
        raise ValueError("a number is beyond those of a float")
    return int(digits)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key is repeated")
    return dict(pairs)
