"""The report stands alone, says the verdict's numbers, and shows a dash where there is none."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from forecastlab.report.evaluation_page import evaluation_page
from tests.support.evaluations import CANDIDATE, examined, made_up_oof, verdict_file

VOID = {"meta"}


class Page(HTMLParser):
    """Checks that every element is closed, and gathers text, tags and outside addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [v or "" for k, v in attrs if k in {"href", "src", "action", "data"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "title"}:
            self.words.append(data)


def read(html: str) -> tuple[Page, str]:
    page = Page()
    page.feed(html)
    assert page.open == []
    return page, re.sub(r"\s+", " ", "".join(page.words))


def report(labels: np.ndarray | None = None, **changes: Any) -> str:
    verdict, series = examined(made_up_oof(labels=labels), looks=2, prior_looks=33)
    return evaluation_page(verdict_file({CANDIDATE: verdict}, **changes), {CANDIDATE: series})


@pytest.fixture(scope="module")
def whole() -> str:
    return report()


def test_it_stands_alone(whole: str) -> None:
    page, _ = read(whole)
    assert {"script", "link", "img", "iframe", "object"} & set(page.tags) == set()
    assert page.addresses == [f"#{CANDIDATE}", f"{CANDIDATE}/fold_metrics.csv"]
    assert "url(" not in whole and "@import" not in whole
    assert set(re.findall(r"https?://[^\"\s]+", whole)) == {"http://www.w3.org/2000/svg"}
    assert len(whole) < 200_000


def test_every_drawing_is_sound_and_says_what_it_shows(whole: str) -> None:
    drawings = re.findall(r"<svg [^>]*role=.*?</svg>", whole)
    assert len(drawings) == 12
    for one in drawings:
        root = ElementTree.fromstring(one)
        assert root.findtext("{http://www.w3.org/2000/svg}title")
        assert "nan" not in one and "inf" not in one


def test_it_says_verdict_luck_and_side(whole: str) -> None:
    verdict, _ = examined(made_up_oof(), looks=2, prior_looks=33)
    _, words = read(whole)
    found = verdict.evaluation
    assert f"log loss {found.log_loss:.4f} against" in words
    assert "better than both base rates" in words
    assert "one of 35 looks at this span, 33 of them before" in words
    assert f"AUC {found.direction_auc:.3f} [" in words
    assert f"about {found.effective_rows:.0f} independent" in words
    assert "no member that reads volatility only" in words


def test_every_score_has_a_row_and_every_forecaster_a_column(whole: str) -> None:
    _, words = read(whole)
    for name in ("Log loss", "Brier score", "Kappa", "Macro F1", "AUC of the side, given a move"):
        assert name in words
    for name in ("base rate of all history", "best constant in hindsight", "clever", "noisy"):
        assert name in words


def test_a_target_that_never_happens_is_shown_with_dashes() -> None:
    html = report(labels=np.zeros(600))
    _, words = read(html)
    assert "an AUC cannot be formed" in words
    assert "skill or luck?" not in words
    assert "–" in words and "nan" not in words.lower()


def test_simulated_and_quick_runs_say_so(whole: str) -> None:
    _, plain = read(whole)
    _, warned = read(report(source="simulated", quick=True))
    for warning in ("These candles are simulated", "A quick evaluation"):
        assert warning not in plain
        assert warning in warned


def test_names_are_escaped() -> None:
    html = report(deployment="<b>&")
    assert "<b>&?" not in html
    assert "&lt;b&gt;&amp;?" in html
