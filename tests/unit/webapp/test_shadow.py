"""The shadow's documents as tables: both sides, every member, and what failed."""

from __future__ import annotations

from tests.support.dashboard_documents import CHALLENGER, INJECTION, shadow_document
from tests.support.dashboard_store import BUNDLE, daily
from tests.support.shadows import answer, answered, asofs, document, failed, member
from tests.unit.webapp.conftest import NOW
from webapp.views.shadow import forecast_table, member_table, read_shadow, run_table
from webapp.views.wording import Words


def test_both_sides_stand_below_each_other(words: Words) -> None:
    table = forecast_table(shadow_document(daily(NOW), "2026-03-04"), words)
    assert list(table["Role"]) == ["champion", "challenger"]
    assert list(table["Bundle"]) == [BUNDLE, CHALLENGER]
    assert list(table["Method"]) == ["stack", "pool"]
    assert "45.0 %" in table.iloc[0].tolist()


def test_every_member_is_listed_and_a_skipped_one_says_why(words: Words) -> None:
    table = member_table(shadow_document(daily(NOW), "2026-03-04"), words).set_index("Member")
    assert list(table["Full window"]) == ["✓", "✗"]
    assert table["Skipped because"].to_dict() == {"lightgbm": "", "lstm": INJECTION}


def test_runs_are_listed_newest_first_with_what_failed(words: Words) -> None:
    first, second = asofs(2)
    same = answered({"H5": answer(0.6)})
    other = answered({"H5": answer(0.4, {"lstm": member("lstm", None)})})
    table = run_table([document(first, [same, failed("no")]), document(second, [other])], words)
    assert list(table["As of"]) == [second, first, first]
    assert list(table["Result"]) == ["✓ answered", "✓ answered", "✗ failed"]
    assert list(table["Same class as the champion"]) == ["0 / 1", "1 / 1", "–"]
    assert table["Why"].iloc[2] == "no"


def test_a_document_of_another_schema_is_left_to_the_plain_table() -> None:
    said = document(asofs(1)[0], [failed("no")]).model_dump(mode="json")
    assert read_shadow(said) is not None
    assert read_shadow({**said, "schema_version": 2}) is None
    assert read_shadow({"champion": {"T21_X8": {"1": 0.4}}, "latency_s": 0.2}) is None
    said["champion"]["forecasts"]["H5"]["pred_proba"] = {"up": 1.0}
    assert read_shadow(said) is None
