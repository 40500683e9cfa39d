"""A sane challenger passes; each way of being broken fails by its own name, with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecastlab.contracts.operations import ShadowTable
from forecastlab.contracts.shadow import ShadowAnswer, ShadowChallenger, ShadowMember
from forecastlab.evaluation.shadow_rates import ShadowCheck, shadow_checks
from tests.support.shadows import answer, answered, asofs, failed, member, span, table

BARS = 24


def judged(entries: dict[str, ShadowChallenger], **options: Any) -> dict[str, ShadowCheck]:
    demanded = options.pop("demanded", ShadowTable())
    return {one.name: one for one in shadow_checks(asofs(BARS), entries, demanded, **options)}


def failing(checks: dict[str, ShadowCheck]) -> dict[str, str]:
    return {name: one.said for name, one in checks.items() if not one.passed}


def with_member(name: str, made: Callable[[int], ShadowMember]) -> dict[str, ShadowChallenger]:
    def changed(place: int, one: ShadowAnswer) -> ShadowAnswer:
        return one.model_copy(update={"members": {**one.members, name: made(place)}})

    return span(BARS, changed)


def published(up: float) -> dict[str, ShadowChallenger]:
    return span(BARS, lambda _, one: one.model_copy(update={"pred_proba": table(up)}))


def test_a_sane_challenger_passes() -> None:
    checks = judged(span(BARS))
    assert failing(checks) == {}
    assert [one.value for one in checks.values()] == [0, 1, 1, 1, 1, 1, 1 / BARS, 1]


@pytest.mark.parametrize("kind", ["lstm", "tft"])
@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda kind, _: member(kind, None), "24 × skipped: insufficient_rows(12<48)"),
        (lambda kind, _: member(kind, 0.5), "24 × frozen"),
        (lambda kind, place: member(kind, 0.999 - place * 1e-5), "24 × saturated"),
        (lambda kind, place: member(kind, 0.001 + place * 1e-5), "24 × saturated"),
        (
            lambda kind, place: member(kind, 0.5 + place / 100, full_window=False),
            "24 × not from a full window",
        ),
    ],
    ids=["dead", "frozen", "saturated up", "saturated down", "stale"],
)
def test_a_broken_network_fails_by_its_name(
    kind: str, made: Callable[[str, int], ShadowMember], reason: str
) -> None:
    told = failing(judged(with_member(kind, lambda place: made(kind, place))))
    assert told == {kind: f"0 of 24 answers; {reason}"}


def test_normal_rates_have_their_own_bounds() -> None:
    def two_dead(name: str) -> dict[str, ShadowCheck]:
        ups = [0.4 + place / 100 for place in range(BARS)]
        return judged(with_member(name, lambda at: member(name, None if at < 2 else ups[at])))

    assert failing(two_dead("lstm")) == {"lstm": "22 of 24 answers; 2 × skipped: " + SKIPPED}
    assert failing(two_dead("tft")) == {}


SKIPPED = "insufficient_rows(12<48)"


def test_a_forecast_frozen_at_one_half_fails() -> None:
    assert failing(judged(published(0.5))) == {"frozen": "equal forecasts of H5: 100 %"}


def test_a_saturated_forecast_fails() -> None:
    told = failing(judged(published(0.999)))
    assert told["published"] == "0 of 24 answers; 24 saturated"


def test_missing_bars_fail_coverage() -> None:
    whole = span(BARS)
    present = {asof: whole[asof] for asof in asofs(BARS)[5:]}
    assert failing(judged(present)) == {"coverage": "19 of 24 bars"}
    assert failing(judged({asof: whole[asof] for asof in asofs(BARS)[4:]})) == {}


def test_a_share_at_its_bound_is_not_above_it() -> None:
    whole = span(BARS)
    some = {asof: whole[asof] for asof in asofs(BARS)[6:]}
    assert failing(judged(some, demanded=ShadowTable(coverage=0.75))) == {
        "coverage": "18 of 24 bars"
    }
    assert failing(judged(whole, demanded=ShadowTable(coverage=1.0, stacking=1.0))) == {}

    def pooled(place: int, one: ShadowAnswer) -> ShadowAnswer:
        changes = {"method": "pool", "own_method": False}
        return one.model_copy(update=changes) if place < 6 else one

    assert failing(judged(span(BARS, pooled), demanded=ShadowTable(stacking=0.75))).keys() == {
        "stacking"
    }


def test_one_exception_is_severe() -> None:
    entries = {**span(BARS), asofs(BARS)[7]: failed("ZeroDivisionError: division by zero")}
    said = f"{asofs(BARS)[7]}: ZeroDivisionError: division by zero"
    assert failing(judged(entries)) == {"errors": said}


def test_a_pool_that_stands_in_is_no_stacking() -> None:
    def pooled(place: int, one: ShadowAnswer) -> ShadowAnswer:
        changes = {"method": "pool", "own_method": False}
        return one.model_copy(update=changes) if place < 3 else one

    assert failing(judged(span(BARS, pooled))) == {
        "stacking": "21 of 24 answers; 3 × pool stood in"
    }


def test_bars_that_were_asked_for_are_demanded() -> None:
    assert failing(judged(span(19), min_bars=20)).keys() == {"coverage", "min_bars"}
    assert failing(judged(span(BARS), min_bars=BARS)) == {}
    assert failing(judged(span(BARS), min_bars=BARS + 1)) == {"min_bars": "24 bars answered"}


def test_inside_is_judged_only_where_it_is_demanded() -> None:
    def wide(place: int, one: ShadowAnswer) -> ShadowAnswer:
        return one.model_copy(update={"pred_proba": table(0.8 + place / 1000)})

    assert failing(judged(span(BARS, wide))) == {}
    assert judged(span(BARS, wide))["inside"].value == 0
    assert failing(judged(span(BARS, wide), demanded=ShadowTable(inside=0.5))).keys() == {"inside"}


def test_a_bundle_without_networks_is_not_held_to_them() -> None:
    trees = {"xgboost": member("xgboost", 0.6)}
    entries = {
        asof: answered({"H5": answer(0.5 + place / 100, trees)})
        for place, asof in enumerate(asofs(BARS))
    }
    checks = judged(entries)
    assert failing(checks) == {}
    assert checks["lstm"].said.startswith("not applicable")
    assert checks["tft"].value is None


def test_nothing_answered_never_passes() -> None:
    assert "stacking" in failing(judged({}, demanded=ShadowTable(coverage=0)))


def test_three_classes_may_leave_one_out() -> None:
    unlikely = {"-1": 0.5, "0": 0.01, "1": 0.49}
    sure = {"-1": 0.005, "0": 0.985, "1": 0.01}
    for said, passes in ((unlikely, True), (sure, False)):
        entries = span(BARS, lambda _, one, said=said: one.model_copy(update={"pred_proba": said}))  # type: ignore[misc]
        assert judged(entries)["published"].passed is passes


@given(st.permutations(asofs(BARS)), st.integers(0, 20))
def test_the_order_of_what_is_read_changes_nothing(order: list[str], broken: int) -> None:
    entries = {**span(BARS), asofs(BARS)[broken]: failed("no"), asofs(BARS)[22]: failed("yes")}
    assert judged({asof: entries[asof] for asof in order}) == judged(entries)
