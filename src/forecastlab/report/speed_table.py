"""The table of `docs/serving.md`: the service beside the earlier design, in one run."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

_SHOWN = {
    "per_second": ("requests a second, 50 callers", ".0f"),
    "p50_ms": ("median, ms", ".0f"),
    "p99_ms": ("99th percentile, ms", ".0f"),
    "cpu_ms": ("processor time of a request, ms", ".1f"),
}


def speed_table(found: Mapping[str, Any]) -> str:
    """Write the medians of the rounds, in Markdown.

    Args:
        found: what `python -m benchmarks.serving --save` wrote.
    """
    ours, other = found["ours"], found["stand-in"]
    lines = ["| | this service | the earlier design | ratio |", "|---|--:|--:|--:|"]
    for name, (words, form) in _SHOWN.items():
        mine, theirs = (median(one[name] for one in side["rounds"]) for side in (ours, other))
        ratio = mine / theirs if name == "per_second" else theirs / mine
        lines.append(f"| {words} | {mine:{form}} | {theirs:{form}} | {ratio:.1f} × |")
    first = (ours["first_answer_ms"], other["first_answer_ms"])
    lines.append(f"| first answer once ready, ms | {first[0]:.0f} | {first[1]:.0f} | |")
    steady, machine = found["steady"], found["machine"]
    answers = f"{steady['answers']:,} answers to {steady['clients']} callers"
    told = [f"{answers} in {steady['seconds']:.0f} s, {steady['errors']} error(s)"]
    if memory := found.get("long"):
        low, high = min(memory["resident_mb"]), max(memory["resident_mb"])
        told.append(f"{low:.0f} to {high:.0f} MB resident over {memory['requests']:,} requests")
    where = f"{machine['machine']}, {machine['cores']} cores shared with the callers"
    return "\n".join([*lines, "", f"{'; '.join(told)}. Medians of three rounds; {where}."]) + "\n"
