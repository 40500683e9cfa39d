"""The README's skill table, generated from `verdict.json`."""

from __future__ import annotations

from typing import Final

from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.verdicts import PUBLISHED, CandidateVerdict, VerdictFile
from forecastlab.report.wording import (
    SIDES,
    VERDICTS,
    estimate,
    forecaster,
    p_value,
    percent,
    percent_interval,
)

SKILL: Final = "skill"
"""Name of the marks around the table, `<!-- skill:begin -->` and `<!-- skill:end -->`."""


def skill_table(document: VerdictFile) -> str:
    """Write the tables in Markdown: verdicts, log losses, then where the numbers come from."""
    lines = [
        "| candidate | verdict | skill (log loss) | a move: AUC | the side: AUC | luck |",
        "|---|---|---|---|---|---|",
        *(_row(name, one) for name, one in document.candidates.items()),
        "",
        *_losses(document),
        "",
        _provenance(document),
    ]
    return "\n".join(lines) + "\n"


def with_table(text: str, table: str, name: str = SKILL) -> str:
    r"""Put a table between the two marks of this name in a Markdown text.

    Raises:
        DataMalformed: the text does not hold each mark once, in order.

    >>> marks = ["<!-- skill:begin -->", "<!-- skill:end -->"]
    >>> with_table(f"a\n{marks[0]}\nold\n{marks[1]}\nb", "new\n").splitlines()
    ['a', '<!-- skill:begin -->', 'new', '<!-- skill:end -->', 'b']
    """
    begins, ends = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, begin, rest = text.partition(begins)
    _, end, after = rest.partition(ends)
    if not begin or not end or begins in after or ends in before + after:
        raise DataMalformed(
            f"The text lacks the marks of the table {name}.",
            remedy=f"Write {begins} and {ends} once, on lines of their own.",
        )
    return f"{before}{begins}\n{table}{ends}{after}"


def _row(name: str, one: CandidateVerdict) -> str:
    found, luck = one.evaluation, one.multiplicity
    skill = f"{percent(found.log_loss_skill, signed=True)} {percent_interval(found.ci95)}"
    scores = one.scores[PUBLISHED]
    move, side = (
        estimate(scores[score]) if score in scores else "–"
        for score in ("event_auc", "direction_auc")
    )
    if found.direction_auc is not None:
        side += f": {SIDES[found.direction_verdict]}"
    lucky = f"p = {p_value(luck.p_value)} alone, {p_value(luck.p_value_best)} as the best of"
    cells = [
        f"`{name}`",
        f"**{VERDICTS[found.verdict]}**",
        f"{skill} against the {forecaster(found.reference)}",
        move,
        side,
        f"{lucky} {luck.looks} looks",
    ]
    return f"| {' | '.join(cells)} |"


def _losses(document: VerdictFile) -> list[str]:
    """Write the log loss of the published forecast, every base rate and every member."""
    found = {name: one.evaluation for name, one in document.candidates.items()}
    losses: dict[str, list[str]] = {
        "**published**": [f"**{one.log_loss:.4f}**" for one in found.values()]
    }
    for one in found.values():
        for other in (*one.baselines, *one.members):
            losses.setdefault(forecaster(other.reference), []).append(f"{other.log_loss:.4f}")
    head = " | ".join(f"`{name}`" for name in found)
    return [
        f"| log loss, lower is better | {head} |",
        f"|---|{'--:|' * len(found)}",
        *(f"| {name} | {' | '.join(row)} |" for name, row in losses.items()),
    ]


def _provenance(document: VerdictFile) -> str:
    found = [one.evaluation for one in document.candidates.values()]
    first, last = min(one.first for one in found), max(one.last for one in found)
    refit_days = next(iter(document.candidates.values())).refit_days
    return (
        f"Out of sample, {document.symbol} {document.interval}, {first} to {last}, refitted every"
        f" {refit_days} days; 95 % intervals from a block bootstrap that knows that labels overlap."
        f" Generated from `verdict.json` of the run `{document.run}`."
    )
