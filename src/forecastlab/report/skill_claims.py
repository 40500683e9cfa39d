"""What every shipped forecaster claims, side by side: the first table of `docs/skill.md`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from forecastlab.contracts.records import Verdict
from forecastlab.contracts.verdicts import (
    PUBLISHED,
    CandidateVerdict,
    DirectionFindings,
    Estimate,
    VerdictFile,
)
from forecastlab.contracts.version_scores import VersionScores, VersionTable
from forecastlab.report.wording import (
    VERDICTS,
    estimate,
    label,
    minus,
    p_value,
    percent,
    percent_interval,
)

LUCK: Final = 0.05
"""Below it the best of as many useless looks would rarely be as good."""

Earning = Literal["earns", "loses", "unknown"]

_EARNINGS: Final[dict[Earning, str]] = {
    "earns": "earns",
    "loses": "loses",
    "unknown": "not distinguishable from nothing",
}


@dataclass(frozen=True)
class Claim:
    """What one forecaster has shown out of sample.

    Attributes:
        gain: its skill or gain with its interval, as a cell.
        ranks: how well it ranks what it is about, as a cell.
        happened: how often each class did.
        net: mean return per trade after cost of its strongest forecasts; None where it names none.
        p_best: that the best of all looks would be as good by luck; None where none was counted.
    """

    deployment: str
    name: str
    verdict: Verdict
    gain: str
    ranks: str
    happened: str
    net: Estimate | None
    p_best: float | None
    looks: int


def claims(verdicts: Sequence[VerdictFile], versions: VersionTable) -> tuple[Claim, ...]:
    """Collect the claims of every deployment, shortest horizon first."""
    found = [
        _of_candidate(document.deployment, name, one)
        for document in verdicts
        for name, one in sorted(document.candidates.items(), key=lambda item: item[1].horizon)
    ]
    found += [_of_version(versions, one) for one in versions.versions]
    return tuple(found)


def earning(net: Estimate) -> Earning:
    """Say what an interval of returns after cost allows to say.

    >>> earning(Estimate(value=0.001, ci95=(-0.001, 0.003)))
    'unknown'
    """
    if net.ci95 is None or net.ci95[0] <= 0 <= net.ci95[1]:
        return "unknown"
    return "earns" if net.ci95[0] > 0 else "loses"


def best_net(found: DirectionFindings) -> Estimate:
    """Return the net return of the bucket that did best, in hindsight."""
    nets = [one.net for one in found.buckets]
    return max(nets, key=lambda net: -math.inf if net.value is None else net.value)


def claim_table(found: Sequence[Claim]) -> str:
    """Write the claims next to each other, in Markdown."""
    judged = "verdict (log loss) | gain over the better base rate | ranks | luck | after cost"
    lines = [
        f"| deployment | forecaster | {judged} |",
        "|---|---|---|---|---|---|---|",
        *(_row(one) for one in found),
    ]
    return "\n".join(lines) + "\n"


def happened_table(found: Sequence[Claim]) -> str:
    """Write what happened on the scored as-ofs, in Markdown."""
    lines = ["| deployment | forecaster | what happened |", "|---|---|---|"]
    lines += [f"| `{one.deployment}` | `{one.name}` | {one.happened} |" for one in found]
    return "\n".join(lines) + "\n"


def claim_sentences(found: Sequence[Claim]) -> str:
    """Say in words what the claims add up to."""
    better = [one for one in found if one.verdict == "better"]
    counted = [one for one in better if one.p_best is not None and one.p_best < LUCK]
    traded = [one for one in found if one.net is not None]
    earns = [one for one in traded if one.net is not None and earning(one.net) == "earns"]
    lucky = f"{LUCK:g}".lstrip("0")
    loses = [one for one in traded if one.net is not None and earning(one.net) == "loses"]
    return (
        f"- **{len(better)} of {len(found)}** shipped forecasters give better probabilities than"
        f" every base rate that could have been published on the same days{_names(better)}.\n"
        f"- **{len(counted)}** of these would still be surprising (p < {lucky}) as the best"
        f" of all the looks that were taken at those days{_names(counted)}.\n"
        f"- **{len(earns)} of {len(traded)}** that name a side earn anything after the cost of a"
        f" round trip, even in the tenth of their forecasts that did best{_names(earns)};"
        f" {len(loses)} lose, and of the others it cannot be told.\n"
    )


def _of_candidate(deployment: str, name: str, one: CandidateVerdict) -> Claim:
    found = one.evaluation
    total = sum(one.happened.values())
    shares = (
        f"{label(kind, one.classes)} {percent(count / total)}"
        for kind, count in one.happened.items()
    )
    return Claim(
        deployment=deployment,
        name=name,
        verdict=found.verdict,
        gain=f"{percent(found.log_loss_skill, signed=True)} {percent_interval(found.ci95)}",
        ranks=_ranks(one),
        happened=", ".join(shares),
        net=None if one.direction is None else best_net(one.direction),
        p_best=one.multiplicity.p_value_best,
        looks=one.multiplicity.looks,
    )


def _ranks(one: CandidateVerdict) -> str:
    if one.direction is not None:
        published = next(rank for rank in one.direction.ranks if rank.name == PUBLISHED)
        return f"the side: {estimate(published.sign_auc)}"
    scores = one.scores[PUBLISHED]
    move, side = (estimate(scores[name]) for name in ("event_auc", "direction_auc"))
    return f"a move: {move}; its side: {side}"


def _of_version(table: VersionTable, one: VersionScores) -> Claim:
    total = sum(entry.windows for entry in table.labels.values())
    shares = {
        words: sum(getattr(entry, name) * entry.windows for entry in table.labels.values()) / total
        for name, words in (
            ("up", "up first"),
            ("down", "down first"),
            ("untouched", "untouched"),
            ("ambiguous", "both in one hour"),
        )
    }
    return Claim(
        deployment=table.deployment,
        name=one.version,
        verdict=one.verdict,
        gain=f"{_thousandths(one.log_loss_gain)} · 10⁻³ nats",
        ranks=f"the side: {estimate(one.auc)}",
        happened=", ".join(f"{words} {percent(share)}" for words, share in shares.items()),
        net=one.net_return_strongest,
        p_best=None,
        looks=0,
    )


def _row(one: Claim) -> str:
    lucky = "–" if one.p_best is None else f"p = {p_value(one.p_best)} of {one.looks} looks"
    cells = (
        f"`{one.deployment}`",
        f"`{one.name}`",
        f"**{VERDICTS[one.verdict]}**" if one.verdict == "better" else VERDICTS[one.verdict],
        one.gain,
        one.ranks,
        lucky.replace("= <", "<"),
        "no side is named" if one.net is None else _net(one.net),
    )
    return f"| {' | '.join(cells)} |"


def _net(one: Estimate) -> str:
    if one.value is None or one.ci95 is None:
        return "–"
    value, low, high = (minus(f"{1e4 * end:+.0f}") for end in (one.value, *one.ci95))
    return f"{value} bp [{low}, {high}]: {_EARNINGS[earning(one)]}"


def _thousandths(one: Estimate) -> str:
    if one.value is None or one.ci95 is None:
        return "–"
    value, low, high = (minus(f"{1e3 * end:+.2f}") for end in (one.value, *one.ci95))
    return f"{value} [{low}, {high}]"


def _names(found: Sequence[Claim]) -> str:
    return f": {', '.join(f'`{one.deployment}` `{one.name}`' for one in found)}" if found else ""
