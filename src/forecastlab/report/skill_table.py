"""The README's skill table, generated from `verdict.json`, in the words of a language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from forecastlab.contracts.records import Verdict
from forecastlab.contracts.verdicts import PUBLISHED, CandidateVerdict, VerdictFile
from forecastlab.report.wording import (
    FORECASTERS,
    SIDES,
    VERDICTS,
    estimate,
    p_value,
    percent,
    percent_interval,
)


@dataclass(frozen=True)
class SkillWords:
    """The words of the tables in one language; `{name}` stands where a value does.

    Attributes:
        head: of the first table: candidate, verdict, skill, move, side, luck.
        forecasters: key -> name; whoever is not named keeps the key.
        losses: the head of the second table's first column.
    """

    head: tuple[str, str, str, str, str, str]
    verdicts: Mapping[Verdict, str]
    sides: Mapping[Verdict, str]
    forecasters: Mapping[str, str]
    skill: str
    side: str
    luck: str
    losses: str
    provenance: str


ENGLISH: Final = SkillWords(
    head=("candidate", "verdict", "skill (log loss)", "a move: AUC", "the side: AUC", "luck"),
    verdicts=VERDICTS,
    sides=SIDES,
    forecasters=FORECASTERS,
    skill="{gain} against the {reference}",
    side="{auc}: {verdict}",
    luck="p = {alone} alone, {best} as the best of {looks} looks",
    losses="log loss, lower is better",
    provenance=(
        "Out of sample, {series}, {first} to {last}, refitted every {days} days; 95 % intervals"
        " from a block bootstrap that knows that labels overlap. Generated from `verdict.json` of"
        " the run `{run}`."
    ),
)


def skill_table(document: VerdictFile, words: SkillWords = ENGLISH) -> str:
    """Write the tables in Markdown: verdicts, log losses, then where the numbers come from."""
    lines = [
        f"| {' | '.join(words.head)} |",
        "|---|---|---|---|---|---|",
        *(_row(name, one, words) for name, one in document.candidates.items()),
        "",
        *_losses(document, words),
        "",
        _provenance(document, words),
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, one: CandidateVerdict, words: SkillWords) -> str:
    found, luck = one.evaluation, one.multiplicity
    gain = f"{percent(found.log_loss_skill, signed=True)} {percent_interval(found.ci95)}"
    reference = words.forecasters.get(found.reference, found.reference)
    scores = one.scores[PUBLISHED]
    move, side = (
        estimate(scores[score]) if score in scores else "–"
        for score in ("event_auc", "direction_auc")
    )
    if found.direction_auc is not None:
        side = words.side.format(auc=side, verdict=words.sides[found.direction_verdict])
    alone, best = p_value(luck.p_value), p_value(luck.p_value_best)
    cells = [
        f"`{name}`",
        f"**{words.verdicts[found.verdict]}**",
        words.skill.format(gain=gain, reference=reference),
        move,
        side,
        words.luck.format(alone=alone, best=best, looks=luck.looks),
    ]
    return f"| {' | '.join(cells)} |"


def _losses(document: VerdictFile, words: SkillWords) -> list[str]:
    """Write the log loss of the published forecast, every base rate and every member."""
    found = {name: one.evaluation for name, one in document.candidates.items()}
    losses: dict[str, list[str]] = {
        f"**{words.forecasters[PUBLISHED]}**": [f"**{one.log_loss:.4f}**" for one in found.values()]
    }
    for one in found.values():
        for other in (*one.baselines, *one.members):
            called = words.forecasters.get(other.reference, other.reference)
            losses.setdefault(called, []).append(f"{other.log_loss:.4f}")
    head = " | ".join(f"`{name}`" for name in found)
    return [
        f"| {words.losses} | {head} |",
        f"|---|{'--:|' * len(found)}",
        *(f"| {name} | {' | '.join(row)} |" for name, row in losses.items()),
    ]


def _provenance(document: VerdictFile, words: SkillWords) -> str:
    found = [one.evaluation for one in document.candidates.values()]
    return words.provenance.format(
        series=f"{document.symbol} {document.interval}",
        first=min(one.first for one in found),
        last=max(one.last for one in found),
        days=next(iter(document.candidates.values())).refit_days,
        run=document.run,
    )
