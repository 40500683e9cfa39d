"""Bytes that nobody meant: damage done to valid ones, documents of odd values, and how many.

`HYPOTHESIS_PROFILE=long` tries thirty times as many, other ones each time; without it the
examples are the same on every machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from forecastlab.contracts.errors import ForecastLabError

T = TypeVar("T")

LONG: Final = os.environ.get("HYPOTHESIS_PROFILE") == "long"

ODD: Final = (
    *(b"NaN", b"Infinity", b"-0", b"1e999", b"1" + b"0" * 400, b"1" * 5000, b"-1", b"0.1"),
    *(b"null", b"true", b'""', b"[]", b"{}", b"[" * 2000, b'{"a":' * 2000, b'"\\ud800"'),
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b",", b'"', b"'", b"\\", b"../", b"="),
    *(b"\x80\x04\x95", b"<!ENTITY x SYSTEM 'file:///etc/passwd'>", b"${HOME}", b"%s%n", b"\x7f"),
)
"""Pieces that parsers have stumbled over."""


def tries(examples: int) -> settings:
    """Bound a property to so many examples."""
    return settings(
        max_examples=examples * 30 if LONG else examples,
        deadline=None,
        derandomize=not LONG,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=[
            *(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much),
            HealthCheck.function_scoped_fixture,
        ],
    )


def survived(
    parse: Callable[..., T],
    *arguments: Any,
    only: type[ForecastLabError] = ForecastLabError,
    **named: Any,
) -> T | None:
    """Return what a parser made of something, or None where it refused as it may.

    Whatever else it raises passes through, and fails the test.

    Args:
        only: the one error that it may raise.
    """
    try:
        return parse(*arguments, **named)
    except only as error:
        said = error
    assert said.facts
    assert said.remedy
    # It must reach any log and any terminal, and fill none.
    assert len(str(said).encode()) < 100_000
    return None


def json_values() -> st.SearchStrategy[Any]:
    """Make JSON values, those among them that have no float, no digits, no text, or no end."""
    plain = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.sampled_from([10**30, -(10**30), 10**400, 2**63, 2**53 + 1, 1e308, 5e-324, -0.0])
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=20)
        | st.sampled_from(["", "nan", "1", "2025-10-01T00:00:00Z", "9999-12-31", "../x", "\x00"])
    )
    return st.recursive(
        plain,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
        ),
        max_leaves=8,
    )


@st.composite
def damaged(draw: st.DrawFn, *valid: bytes) -> bytes:
    """Do damage to one of these: cut, doubled, overwritten, odd pieces put in; or mere bytes."""
    data = bytearray(draw(st.sampled_from(valid) | st.binary(max_size=64)))
    for _ in range(draw(st.integers(0, 3))):
        first = draw(st.integers(0, len(data)))
        last = min(len(data), first + draw(st.integers(0, 1 + len(data) // 4)))
        kind = draw(st.sampled_from(("cut", "end", "double", "odd", "byte", "noise")))
        if kind == "cut":
            del data[first:last]
        elif kind == "end":
            del data[first:]
        elif kind == "double":
            data[first:first] = data[first:last]
        elif kind == "odd":
            data[first:first] = draw(st.sampled_from(ODD))
        elif kind == "byte" and first < len(data):
            data[first] = draw(st.integers(0, 255))
        else:
            data[first:last] = draw(st.binary(max_size=16))
    return bytes(data)


@st.composite
def altered(draw: st.DrawFn, document: Any, *, most: int = 3) -> Any:
    """Change a JSON document at a few places: another value, none, another key, one more."""
    made = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(1, most))):
        if not (places := _places(made)):
            break
        holder, key = draw(st.sampled_from(places))
        kind = draw(st.sampled_from(("other", "other", "gone", "key")))
        if kind == "other" or isinstance(holder, list):
            holder[key] = draw(json_values())
        elif kind == "gone":
            del holder[key]
        else:
            holder[draw(st.text(max_size=6))] = holder.pop(key)
    return made


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place of a document that a value stands at: its holder, and its key there."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            found += [(value, key), *_places(value[key])]
    return found
