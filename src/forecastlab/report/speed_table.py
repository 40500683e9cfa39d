"""The table of `docs/serving.md`: the service beside the earlier design, in one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SHOWN: Final = {
    "per_second": ("requests a second", ".0f"),
    "p50_ms": ("median, ms", ".0f"),
    "p99_ms": ("99th percentile, ms", ".0f"),
    "cpu_ms": ("processor time of a request, ms", ".1f"),
    "first_answer_ms": ("first answer once ready, ms", ".0f"),
}


def speed_table(measured: Mapping[str, float], *, aim: float, machine: str) -> str:
    """Write the medians of the rounds, in Markdown.

    Args:
        measured: the figures of `benchmarks.serving`, by name.
        aim: times the earlier design's requests per second.
        machine: what the figures depend on.
    """
    head = f"| {measured['clients']:.0f} callers | this service | the earlier design | ratio |"
    lines = [head, "|---|--:|--:|--:|"]
    for name, (words, form) in _SHOWN.items():
        mine, theirs = measured[name], measured[f"earlier_{name}"]
        ratio = mine / theirs if name == "per_second" else theirs / mine
        lines.append(f"| {words} | {mine:{form}} | {theirs:{form}} | {ratio:.1f} × |")
    times = measured["requests_per_second_ratio"]
    reached = (
        "is reached"
        if times >= aim
        else "is not reached: both sides pay for the same networks, and the callers share the cores"
    )
    answers = f"{measured['steady_answers']:,.0f} answers to {measured['steady_clients']:.0f}"
    memory = f"{measured['resident_low_mb']:.0f} to {measured['resident_high_mb']:.0f} MB"
    told = [
        (
            f"{answers} callers in {measured['steady_s']:.0f} s, {measured['steady_errors']:.0f}"
            f" error(s), {memory} resident."
        ),
        f"Medians of {measured['rounds']:.0f} rounds; {machine}.",
        f"The aim of {aim:g} times the requests {reached}.",
    ]
    return "\n".join([*lines, "", *told]) + "\n"
