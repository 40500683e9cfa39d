"""The tables of `docs/signal.md`: versions next to each other, labels, and the bundles' seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from forecastlab.contracts.records import Verdict
from forecastlab.contracts.verdicts import Estimate
from forecastlab.contracts.version_scores import SeedNoise, VersionScores, VersionTable
from forecastlab.report.wording import estimate, minus, number, percent

RANKS: Final[dict[Verdict, str]] = {
    "better": "above .5",
    "not_distinguishable": "not distinguishable from .5",
    "worse": "below .5",
}

GAINS: Final[dict[Verdict, str]] = {
    "better": "better than the base rate",
    "not_distinguishable": "not distinguishable from the base rate",
    "worse": "worse than the base rate",
}


def version_table(table: VersionTable) -> str:
    """Write the versions next to each other, in Markdown."""
    first = table.versions[0]
    money = f"return per trade after {percent(first.cost)} | of the strongest tenth"
    scores = "AUC | ranks | accuracy | gain in log loss, 10⁻³ nats | it is"
    lines = [
        f"| version | features | {scores} | {money} |",
        "|---|--:|---|---|---|---|---|---|---|",
        *(_line(one) for one in table.versions),
        "",
        _provenance(table),
    ]
    return "\n".join(lines) + "\n"


def label_table(table: VersionTable) -> str:
    """Write what the symbols' windows ended in, in Markdown."""
    lines = [
        "| symbol | windows | up first | down first | untouched | both in one hour |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for symbol, one in table.labels.items():
        shares = (one.up, one.down, one.untouched, one.ambiguous)
        cells = " | ".join(percent(share) for share in shares)
        lines.append(f"| {symbol} | {one.windows:,} | {cells} |")
    return "\n".join(lines) + "\n"


def seed_table(seeds: Mapping[str, SeedNoise], table: VersionTable) -> str:
    """Write the AUC's spread over seeds beside its interval, in Markdown.

    Args:
        seeds: version -> what its bundle keeps.
    """
    lines = [
        "| version | seeds | mean AUC | sd | CV | half the interval of the AUC |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for one in table.versions:
        found = seeds.get(one.version)
        if found is None or one.auc.ci95 is None:
            continue
        half = (one.auc.ci95[1] - one.auc.ci95[0]) / 2
        lines.append(
            f"| `{one.version}` | {len(found.seeds)} | {number(found.mean, 4)} |"
            f" {number(found.sd, 4)} | {percent(found.cv, 2)} | {number(half, 4)} |"
        )
    return "\n".join(lines) + "\n"


def _line(one: VersionScores) -> str:
    return (
        f"| `{one.version}` | {one.features} | {estimate(one.auc)} | {RANKS[one.ranks]} |"
        f" {estimate(one.accuracy)} | {_scaled(one.log_loss_gain, 1e3, 2)} |"
        f" {GAINS[one.verdict]} | {_scaled(one.net_return, 1e4, 1)} bp |"
        f" {_scaled(one.net_return_strongest, 1e4, 1)} bp |"
    )


def _scaled(one: Estimate, factor: float, digits: int) -> str:
    """Write an estimate in another unit, signed."""
    if one.value is None or one.ci95 is None:
        return "–"
    low, high = (minus(f"{end * factor:+.{digits}f}") for end in one.ci95)
    return f"{minus(f'{one.value * factor:+.{digits}f}')} [{low}, {high}]"


def _provenance(table: VersionTable) -> str:
    one = table.versions[0]
    return (
        f"Out of sample, {one.first} to {one.last}, {len(table.symbols)} symbols together:"
        f" {one.rows:,} labels, {one.acted:,} as-ofs. 95 % intervals resample blocks of"
        f" {one.block_days} days or more, all symbols of a day at once. Generated from the run"
        f" `{table.run}`."
    )
