"""What the networks add, for `docs/skill.md`: each beside what is published without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from forecastlab.contracts.manifest import CandidateEntry, Manifest
from forecastlab.contracts.verdicts import Estimate, VerdictFile
from forecastlab.report.wording import estimate, number

NETWORKS: Final = ("lstm", "tft")
"""Kinds of members that are networks."""

_JOINED: Final = ("pool", "stack")
"""Methods to which every member has a say that was not dropped."""

_CALIBRATED: Final = "+calibration"


@dataclass(frozen=True)
class Network:
    """One network of one forecaster.

    Attributes:
        behind: nats by which the published forecast is better than the network alone.
        cost: nats that leaving it out of the ensemble costs, and its standard error.
        has_say: whether the shipped method reads it.
    """

    deployment: str
    candidate: str
    member: str
    behind: Estimate
    cost: tuple[float, float] | None
    has_say: bool


def networks(
    verdicts: Sequence[VerdictFile], manifests: Mapping[str, Manifest]
) -> tuple[Network, ...]:
    """Find the networks of the champions.

    Args:
        manifests: deployment -> the manifest of its bundle.
    """
    return tuple(
        one
        for document in verdicts
        if document.deployment in manifests
        for one in _of_bundle(document, manifests[document.deployment])
    )


def network_table(found: Sequence[Network]) -> str:
    """Write the networks, in Markdown."""
    lines = [
        (
            "| deployment | forecaster | network | what is published is better by, nats |"
            " leaving it out costs, nats | has a say |"
        ),
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        cost = "–"
        if one.cost is not None:
            value, error = one.cost
            cost = f"{number(value, 5, signed=True)} ± {number(error, 5)}"
        lines.append(
            f"| `{one.deployment}` | `{one.candidate}` | {one.member} |"
            f" {estimate(one.behind, 4, signed=True)} | {cost} | {'yes' if one.has_say else 'no'} |"
        )
    return "\n".join(lines) + "\n"


def network_sentence(found: Sequence[Network]) -> str:
    """Say in words what the networks add up to."""
    ends = [one.behind.ci95 for one in found if one.behind.ci95 is not None]
    worse = sum(low > 0 for low, _ in ends)
    better = sum(high < 0 for _, high in ends)
    say = sum(one.has_say for one in found)
    return (
        f"Of {len(found)} networks that ship, {worse} forecast worse than what is published without"
        f" them, {better} better, and of {len(found) - worse - better} it cannot be told;"
        f" {say or 'none'} of them {'has' if say == 1 else 'have'} a say in what is published."
        " They are asked all the same, and what they say stands on the record.\n"
    )


def _of_bundle(document: VerdictFile, manifest: Manifest) -> Iterator[Network]:
    for name, entry in sorted(manifest.candidates.items(), key=lambda item: item[1].horizon):
        for member, key in entry.members.items():
            if key.kind in NETWORKS:
                judged = document.candidates[name].differences[member]["log_loss"]
                cost = (entry.ablation or {}).get(member)
                yield Network(
                    deployment=document.deployment,
                    candidate=name,
                    member=member,
                    behind=judged,
                    cost=None if cost is None else (cost["cost"], cost["standard_error"]),
                    has_say=_has_say(member, entry),
                )


def _has_say(member: str, entry: CandidateEntry) -> bool:
    method = entry.method.removesuffix(_CALIBRATED)
    if method in _JOINED:
        return not (entry.ablation or {}).get(member, {}).get("dropped", False)
    return method == member
