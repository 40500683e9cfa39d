"""The tables of the Chinese documents: the dashboard's words, and a few of their own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

from forecastlab.contracts.records import Call, Mode, Regime, Verdict
from forecastlab.report.record_excerpt import ReadingWords
from forecastlab.report.skill_table import SkillWords
from webapp.languages import words_of

FAMILIES: Final = {"reversal": (-1, 0, 1), "direction": (0, 1), "touch": (-1, 1)}
"""Target -> its classes, by the name that the dashboard's words have for it."""

REFERENCES: Final = ("expanding", "trailing_year", "hindsight_constant")


def skill_words() -> SkillWords:
    """Return what the skill table says in Chinese.

    >>> skill_words().verdicts["not_distinguishable"]
    '与随机无法区分'
    """
    own, page = _own()["skill"], words_of("zh")
    return SkillWords(
        head=(
            page("research.candidate"),
            page("research.verdict"),
            page("research.skill"),
            page("research.scores.event_auc"),
            page("research.scores.direction_auc"),
            own["luck_head"],
        ),
        verdicts=_named("verdicts", get_args(Verdict)),
        sides=own["sides"],
        forecasters={
            "published": page("today.published"),
            **_named("references", REFERENCES),
            "first_passage": own["first_passage"],
        },
        skill=own["skill"],
        side=own["side"],
        luck=own["luck"],
        losses=own["losses"].format(log_loss=page("research.scores.log_loss")),
        provenance=own["provenance"],
    )


def reading_words() -> ReadingWords:
    """Return what a reading says in Chinese.

    >>> reading_words().calls["quiet_likely"]
    '可能平静'
    """
    own, page = _own()["reading"], words_of("zh")
    return ReadingWords(
        modes=_named("modes", get_args(Mode)),
        calls=_named("calls", get_args(Call)),
        classes={classes: _classes(family) for family, classes in FAMILIES.items()},
        as_of=own["as_of"],
        note=own["note"],
        candidate=page("app.candidate"),
        call=own["call"],
        prediction_set=own["prediction_set"],
        resolves=page("today.resolves"),
        between=page("sets.or"),
    )


def value_table() -> str:
    """Write every value of a record that stands for a word, with the word, in Markdown."""
    own = _own()["values"]
    regimes = get_args(Regime.model_fields["name"].annotation)
    values = {
        "call": _named("calls", get_args(Call)),
        "verdict": _named("verdicts", get_args(Verdict)),
        "mode": _named("modes", get_args(Mode)),
        "regime": _named("regimes", regimes),
        **{family: _classes(family) for family in FAMILIES},
    }
    lines = [
        f"| {' | '.join(own['head'])} |",
        "|---|---|---|",
        *(
            f"| {own[kind]} | `{value}` | {word} |"
            for kind, words in values.items()
            for value, word in words.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _classes(family: str) -> dict[str, str]:
    return _named(f"classes.{family}", map(str, FAMILIES[family]))


def _named(table: str, keys: Any) -> dict[Any, str]:
    """Look words of the dashboard up; one that it lacks is an error, not its key."""
    texts = words_of("zh").texts
    return {key: texts[f"{table}.{key}"] for key in keys}


def _own() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
