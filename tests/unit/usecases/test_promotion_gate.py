"""Gates are asked in order, stop a promotion, and are all on record where it is forced."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from forecastlab.contracts.errors import BundleRefused, DataUnavailable, GateRefused
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.promotion.gate import Gate, refusals, run_gates

BUNDLE = cast(OpenBundle, SimpleNamespace(files=SimpleNamespace(name="b")))


def answers(**found: Any) -> Gate:
    def check(_: OpenBundle) -> Mapping[str, Any]:
        return found

    return check


def raises(error: Exception) -> Gate:
    def check(_: OpenBundle) -> Mapping[str, Any]:
        raise error

    return check


GATES = {
    "one": answers(passed=True, moved=0.1),
    "two": answers(passed=False, reason="too much.", moved=0.3),
    "three": raises(GateRefused("a finding.", remedy="Mend it.")),
    "four": raises(DataUnavailable("no candles.", remedy="Bring some.")),
    "five": answers(L1={"passed": False}),
}


def test_the_first_refusal_ends_it_and_says_which() -> None:
    asked: list[str] = []

    def noted(name: str, gate: Gate) -> Gate:
        def check(bundle: OpenBundle) -> Mapping[str, Any]:
            asked.append(name)
            return gate(bundle)

        return check

    with pytest.raises(GateRefused, match="gate two refuses b: too much") as told:
        run_gates(BUNDLE, {name: noted(name, gate) for name, gate in GATES.items()})
    assert told.value.exit_code == 5
    assert asked == ["one", "two"]


def test_forced_all_are_asked_and_what_they_found_is_kept() -> None:
    report = run_gates(BUNDLE, GATES, force=True)
    assert list(report) == list(GATES)
    assert report["two"] == {"passed": False, "reason": "too much.", "moved": 0.3}
    assert refusals(report) == {"two": "too much.", "three": "a finding.", "four": "no candles."}


def test_missing_data_is_no_refusal_of_the_bundle() -> None:
    with pytest.raises(DataUnavailable):
        run_gates(BUNDLE, {"four": GATES["four"]})


def test_a_broken_bundle_cannot_be_forced() -> None:
    gates = {"broken": raises(BundleRefused("unreadable.", remedy="Restore it."))}
    with pytest.raises(BundleRefused):
        run_gates(BUNDLE, gates, force=True)
