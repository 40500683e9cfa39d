"""A stored health check: its steps as a table, with the marks of the command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from webapp.views.documents import plain
from webapp.views.wording import Words

SIGNS: Final = {"passed": "✓", "failed": "✗", "not_judged": "–"}

STEPS: Final = "steps"


def step_table(fields: Mapping[str, Any], words: Words) -> pd.DataFrame | None:
    """Return the steps of a check, in their order; None of a document that has no such steps."""
    steps = fields.get(STEPS)
    if not isinstance(steps, list) or not steps or not all(isinstance(one, dict) for one in steps):
        return None
    rows = [
        {
            words("operations.step"): f"{_sign(one)} {plain(one.get('name'))}",
            words("operations.detail"): plain(one.get("facts")),
            words("operations.seconds"): plain(one.get("duration_s")),
        }
        for one in steps
    ]
    return pd.DataFrame(rows)


def rest(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything of a check but its steps.

    >>> rest({"passed": True, "steps": []})
    {'passed': True}
    """
    return {name: value for name, value in fields.items() if name != STEPS}


def _sign(step: Mapping[str, Any]) -> str:
    """Return the mark of a step; of an unknown one a question mark, never a pass."""
    return SIGNS.get(str(step.get("mark")), "?")
