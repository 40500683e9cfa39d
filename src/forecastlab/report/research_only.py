"""Which deployments have no bundle, for `docs/skill.md`: too few labels for a view."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import DURATION
from forecastlab.evaluation.gates import LEAST_OOF, enough_oof
from forecastlab.report.wording import CANDLES


def research_table(recipes: Iterable[Recipe], until: datetime) -> str:
    """Write what the gates demand of these recipes and what their candles can give, in Markdown.

    Args:
        until: when the newest candle of the shipped bundles closed.
    """
    lines = [
        (
            "| deployment | out-of-fold forecasts from | candles until then | demanded |"
            " what it may say |"
        ),
        "|---|---|--:|--:|---|",
    ]
    for one in recipes:
        first = datetime.combine(one.train.oof_from, datetime.min.time(), until.tzinfo)
        rows = (until - first) // DURATION[one.interval]
        gate = enough_oof(rows, kind=one.target.kind)
        said = "may have a view" if gate.passed else "research only: no view, never champion"
        lines.append(
            f"| `{one.name}` | {first:%Y-%m-%d} | {rows:,} {CANDLES[one.interval]} |"
            f" {LEAST_OOF:,} | {said} |"
        )
    return "\n".join(lines) + "\n"
