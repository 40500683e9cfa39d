"""The registry's events as a person reads them: who did what, when, why, on which gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forecastlab.contracts.registry import RegistryEvent
from forecastlab.usecases.promotion.gate import refusals


def gate_summary(event: RegistryEvent) -> str:
    """Return an event's gates in a line: which passed, and which were passed over and why.

    >>> from datetime import UTC, datetime
    >>> event = RegistryEvent(
    ...     sequence=1, kind="promoted", deployment="d", bundle="b", previous="a",
    ...     bundle_digest="sha256:" + "0" * 64, at=datetime(2025, 10, 1, tzinfo=UTC), by="me",
    ...     why="a hurry", forced=True,
    ...     gates={"verify": "passed", "shadow": {"passed": False, "reason": "2 bars."}},
    ... )
    >>> gate_summary(event)
    'verify ✓, forced past shadow ✗ (2 bars.)'
    """
    refused = refusals(event.gates)
    passed = [f"{name} ✓" for name in event.gates if name not in refused]
    return ", ".join([*passed, *(f"forced past {name} ✗ ({why})" for name, why in refused.items())])


def as_document(event: RegistryEvent) -> Mapping[str, Any]:
    """Return an event as one document, with its gates in a line beside the whole report."""
    return {**event.model_dump(mode="json"), "summary": gate_summary(event)}
