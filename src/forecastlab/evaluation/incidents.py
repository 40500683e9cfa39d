"""Which rules fire: a pure reading of a deployment's last runs, records and outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from forecastlab.contracts.operations import AlertTable
from forecastlab.evaluation import record_rules, run_rules
from forecastlab.evaluation.observed import Finding, Observed

Rule = Callable[[Observed, AlertTable], Iterator[Finding]]

RULES: Final[tuple[Rule, ...]] = (
    *(run_rules.jobs, run_rules.update, run_rules.steps, run_rules.failures),
    *(run_rules.latency, run_rules.enrichment),
    *(record_rules.references, record_rules.freshness, record_rules.frozen, record_rules.flat),
    *(record_rules.coverage, record_rules.drift),
)


def findings(seen: Observed, limits: AlertTable) -> tuple[Finding, ...]:
    """Return what every rule says that has enough to judge by.

    >>> from datetime import UTC, datetime
    >>> findings(Observed(datetime(2025, 10, 1, tzinfo=UTC), "1d"), AlertTable())
    ()
    """
    return tuple(one for rule in RULES for one in rule(seen, limits))
