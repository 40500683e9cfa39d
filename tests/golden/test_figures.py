"""No document states a figure that nothing regenerates."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.imports import ROOT
from tests.support.loose_figures import documents, loose_figures

QUESTION: Final = ("config/reversal.toml", "does BTC leave a band of ±8 % within 21 or 14 days")
TOUCH: Final = ("config/signal.toml", 'candidates = ["L1_H24"]')
LEVEL: Final = ("src/forecastlab/evaluation/uncertainty.py", "0.95")
ACCURACY: Final = ("docs/results/published_elsewhere.json", "0.7892")
JOB: Final = "deploy/run/daily-gpu.yaml"

STATED: Final = {
    ("README.md", "±8 %"): QUESTION,
    ("README.md", "0.79"): ACCURACY,
    ("README.md", "3.11"): ("pyproject.toml", 'requires-python = ">=3.11"'),
    ("README.md", "5 hours"): ("config/direction.toml", 'candidates = ["H5", "H12", "H24"]'),
    ("README.zh-CN.md", "±8 %"): QUESTION,
    ("README.zh-CN.md", "0.79"): ACCURACY,
    ("README.zh-CN.md", "3.11"): ("pyproject.toml", 'requires-python = ">=3.11"'),
    ("README.zh-CN.md", "5 小时"): ("config/direction.toml", 'candidates = ["H5", "H12", "H24"]'),
    ("docs/079-explained.md", "0.79"): ACCURACY,
    ("docs/079-explained.md", "8 %"): QUESTION,
    ("docs/analyst.md", "80 %"): ("src/forecastlab/analyst/rules.py", "give 80 and not .7999"),
    ("docs/cloud.md", "16 GiB"): (JOB, "memory: 16Gi"),
    ("docs/cloud.md", "4 GiB"): ("deploy/run/daily-cpu.yaml", "memory: 4Gi"),
    ("docs/cloud.md", "15 minutes"): (JOB, "timeoutSeconds: 900"),
    ("docs/cloud.md", "23 hours"): ("deploy/alerts/stale.yaml", "duration: 82800s"),
    ("docs/direction.md", "0.3 %"): (
        "config/direction.toml",
        "`H5_R30bp` asks for more than 0.30 %",
    ),
    ("docs/operations.md", "95 %"): LEVEL,
    ("docs/serving.md", "+1 %"): TOUCH,
    ("docs/serving.md", "−1 %"): TOUCH,
    ("docs/signal.md", "+1 %"): TOUCH,
    ("docs/signal.md", "−1 %"): TOUCH,
    ("docs/signal.md", "±1 %"): TOUCH,
    ("docs/signal.md", "24 hours"): TOUCH,
    ("docs/skill.md", "95 %"): LEVEL,
    ("docs/skill.md", "±8 %"): QUESTION,
    ("docs/skill.md", "+1 %"): TOUCH,
    ("docs/skill.md", "−1 %"): TOUCH,
    ("docs/skill.md", "24 hours"): TOUCH,
    ("docs/skill.md", "0.79"): ACCURACY,
}
"""Figures that are part of a question, a bound or a name: the file that decides each, and how it
stands there. Whatever else looks measured stands in a region, a mark, or not at all."""


def test_every_figure_is_generated_or_stated() -> None:
    loose = {
        f"{name}:{line}: {figure}"
        for name, text in documents().items()
        for line, figure in loose_figures(text)
        if (name, figure) not in STATED
    }
    assert not loose, (
        "nothing regenerates these: put each into a mark, as <!--n:results.serving.measured.p50_ms"
        " .0f-->75<!--/n--> (scripts/documents/figures.py), into a region, or out of the text"
    )


@pytest.mark.parametrize(("figure", "source"), STATED.items())
def test_a_stated_figure_is_decided_where_it_says(
    figure: tuple[str, str], source: tuple[str, str]
) -> None:
    name, shown = figure
    file, words = source
    assert words in (ROOT / file).read_text(encoding="utf-8")
    assert shown in {one for _, one in loose_figures(documents()[name])}, "nobody states it"


@pytest.mark.parametrize(
    "text",
    [
        "It took 3.2 s.",
        "A request takes 12 ms, on two cores",
        "- 10.3 × as many",
        "| memory | 23 MB |",
        "an AUC of 0.558 [",
        "an AUC of .7642,",
        "it loses −15 bp",
        "a gain of 5.5 %",
        "**+0.7%**",
        "after 40 minutes",
        "在 40 分钟内完成",
    ],
)
def test_a_figure_that_somebody_adds_is_found(text: str) -> None:
    assert len(list(loose_figures(f"# A guide\n\n{text}\n"))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "It took <!--n:results.x.y-->3.2<!--/n--> s.",
        "<!-- speed:begin -->\n| 10.3 × |\n<!-- speed:end -->",
        "```\n0.558\n```",
        "`P(up) 0.558`, see [it](results/0.5.json)",
        "version v2.7, 127.0.0.1, 2025-09-30, exit code 3, 64 answers, 100 × P(up)",
    ],
)
def test_what_is_generated_or_no_figure_is_not_found(text: str) -> None:
    assert list(loose_figures(text)) == []
