"""The tables of `docs/direction.md`, generated from the verdict files of hourly bundles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.verdicts import (
    PUBLISHED,
    BucketEntry,
    CandidateVerdict,
    DirectionFindings,
    RankEntry,
    VerdictFile,
)
from forecastlab.report.wording import VERDICTS, estimate, minus, percent, percent_interval

_KINDS: Final = {"forecast": "", "volatility": " (volatility alone)", "rule": " (a rule)"}


def direction_table(document: VerdictFile) -> str:
    """Write what an hourly bundle is worth, in Markdown: verdicts, ranks, money, provenance.

    Raises:
        DataMalformed: the verdict file is of another kind of target.
    """
    heads = {name: _findings(name, one) for name, one in _by_horizon(document)}
    verdicts = document.candidates
    lines = [
        f"**{document.symbol} {document.interval}**",
        "",
        "| head | verdict (log loss) | skill | AUC of the sign | net of the best tenth |",
        "|---|---|---|---|---|",
        *(_head(name, verdicts[name], heads[name]) for name in heads),
        "",
        "| AUC of the sign of the return | " + " | ".join(f"`{name}`" for name in heads) + " |",
        "|---|" + "---|" * len(heads),
        *_ranks(heads),
        "",
        _provenance(document),
    ]
    return "\n".join(lines) + "\n"


def _by_horizon(document: VerdictFile) -> list[tuple[str, CandidateVerdict]]:
    return sorted(document.candidates.items(), key=lambda item: item[1].horizon)


def _findings(name: str, one: CandidateVerdict) -> DirectionFindings:
    if one.direction is None:
        raise DataMalformed(
            f"{name} is no direction.", remedy="Name the verdict file of a direction bundle."
        )
    return one.direction


def _head(name: str, one: CandidateVerdict, found: DirectionFindings) -> str:
    skill = one.evaluation.log_loss_skill
    published = next(rank for rank in found.ranks if rank.name == PUBLISHED)
    best = max(found.buckets, key=lambda bucket: bucket.net.value or -1.0)
    return (
        f"| `{name}` | {VERDICTS[one.evaluation.verdict]} | {percent(skill, signed=True)}"
        f" {percent_interval(one.evaluation.ci95)} | {estimate(published.sign_auc)} |"
        f" {_basis_points(best)} |"
    )


def _basis_points(bucket: BucketEntry) -> str:
    value, ends = bucket.net.value, bucket.net.ci95
    if value is None or ends is None:
        return "–"
    return minus(f"{value * 1e4:+.0f} bp [{ends[0] * 1e4:+.0f}, {ends[1] * 1e4:+.0f}]")


def _ranks(heads: dict[str, DirectionFindings]) -> Iterator[str]:
    named: dict[str, dict[str, RankEntry]] = {}
    for head, found in heads.items():
        for rank in found.ranks:
            named.setdefault(rank.name + _KINDS[rank.kind], {})[head] = rank
    for name, ranks in named.items():
        cells = [estimate(ranks[head].sign_auc) if head in ranks else "–" for head in heads]
        yield f"| {name} | " + " | ".join(cells) + " |"


def _provenance(document: VerdictFile) -> str:
    name, found = next(iter(document.candidates.items()))
    one, cost = found.evaluation, _findings(name, found).cost
    return (
        f"Out of sample, {one.first} to {one.last}, {one.rows:,} as-ofs; 95 % intervals resample"
        f" whole weeks. The money is the mean return per trade of the best of ten buckets of"
        f" P(higher), after {cost * 1e4:.0f} bp for the round trip. Generated from the run"
        f" `{document.run}`."
    )
