from __future__ import annotations

import pytest

from forecastlab.contracts.errors import DataMalformed
from forecastlab.report.marks import (
    changed_parts,
    hand_written,
    region_names,
    with_figures,
    with_region,
)

BEGIN, END = "<!-- skill:begin -->", "<!-- skill:end -->"


def test_only_what_lies_between_the_marks_changes() -> None:
    text = f"# A\n{BEGIN}\nold\n{END}\nrest {'|'}\n"
    once = with_region(text, "skill", "new\n")
    assert once == f"# A\n{BEGIN}\nnew\n{END}\nrest |\n"
    assert with_region(once, "skill", "new\n") == once
    assert region_names(once) == ("skill",)


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_marks_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(DataMalformed, match="lacks the marks"):
        with_region(text, "skill", "new\n")


def test_a_figure_is_written_between_its_marks_and_nowhere_else() -> None:
    text = "It takes <!--n:a.b ms-->1<!--/n--> ms, | <!--n:c-->x<!--/n--> | of 1.\n"
    asked = {"a.b ms": "250", "c": "−3"}
    written = with_figures(text, asked.__getitem__)
    assert written == "It takes <!--n:a.b ms-->250<!--/n--> ms, | <!--n:c-->−3<!--/n--> | of 1.\n"
    assert changed_parts(text, written) == (
        "the figure a.b ms (1, now 250)",
        "the figure c (x, now −3)",
    )


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a <!--n:x-->1 s", "not closed"),
        ("a <!--n:x-->1\n<!--/n-->", "not closed"),
        ("1<!--/n-->", "not closed"),
        ("a\n<!--n:x-->1<!--/n--> s", "Line 2 begins"),
        ("- <!--n:x-->1<!--/n--> s", "Line 1 begins"),
        ("  1. <!--n:x-->1<!--/n--> s", "Line 1 begins"),
    ],
)
def test_a_figure_that_markdown_would_not_hide_is_refused(text: str, match: str) -> None:
    with pytest.raises(DataMalformed, match=match):
        with_figures(text, lambda source: source)


def test_what_changed_is_named_by_its_region() -> None:
    old = f"{BEGIN}\n1\n{END}\n<!-- b:begin -->\n1\n<!-- b:end -->\n"
    assert changed_parts(old, with_region(old, "b", "2\n")) == ("the region b",)
    assert changed_parts(old, old) == ()


def test_what_is_written_by_hand_keeps_its_lines() -> None:
    text = f"a\n{BEGIN}\n1 ms\n{END}\n2 ms and <!--n:x-->3<!--/n--> ms\n"
    assert hand_written(text) == "a\n\n\n\n2 ms and  ms\n"
