"""The names of everything in a store; the one place where a key is spelled.

Shared at the root: `store.json`, `candles/`, `bundles/`, `trials/`, `state/`,
`registry/<deployment>/` and `shadow/<deployment>/`. All other keys lie at the root for the seed
deployment, and under `deployments/<deployment>/` for every other one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

ROOT_DEPLOYMENT: Final = "flow_T21X8_T14X8"
"""The deployment whose records keep the paths that its users know."""

STORE_PIN: Final = "store.json"

DOCTOR_PROBE: Final = "state/doctor.json"
"""The scratch object on which `doctor` tries a store's preconditions."""

TRIALS: Final = "trials/"
"""The prefix of the trial ledger, which all deployments of a store share."""


def scope(deployment: str) -> str:
    """Return the prefix of a deployment's own keys.

    >>> scope("flow_T21X8_T14X8"), scope("direction_1h_BTCUSDT")
    ('', 'deployments/direction_1h_BTCUSDT/')
    """
    return "" if deployment == ROOT_DEPLOYMENT else f"deployments/{deployment}/"


def records(deployment: str) -> str:
    """Return the prefix of the sealed records.

    >>> records("flow_T21X8_T14X8")
    'predictions/daily/'
    """
    return f"{scope(deployment)}predictions/daily/"


def record(deployment: str, asof: str) -> str:
    """Return the key of one sealed record.

    >>> record("flow_T21X8_T14X8", "2025-09-30")
    'predictions/daily/2025-09-30.json'
    """
    return f"{records(deployment)}{asof}.json"


def conflict(deployment: str, asof: str, answer: str) -> str:
    """Return the key of a second, different answer; `answer` is its digest.

    >>> conflict("flow_T21X8_T14X8", "2025-09-30", "sha256:0123456789abcdef")
    'predictions/conflicts/2025-09-30-0123456789ab.json'
    """
    short = answer.removeprefix("sha256:")[:12]
    return f"{scope(deployment)}predictions/conflicts/{asof}-{short}.json"


def backfills(deployment: str) -> str:
    """Return the prefix of the hindsight records of all bundles."""
    return f"{scope(deployment)}predictions/backfill/"


def backfill(deployment: str, bundle: str, asof: str) -> str:
    """Return the key of a hindsight record.

    >>> backfill("flow_T21X8_T14X8", "flow_T21X8_T14X8_20250930", "2025-10-03")
    'predictions/backfill/flow_T21X8_T14X8_20250930/2025-10-03.json'
    """
    return f"{backfills(deployment)}{bundle}/{asof}.json"


def latest(deployment: str) -> str:
    """Return the key of the pointer to the newest record.

    >>> latest("flow_T21X8_T14X8")
    'predictions/latest.json'
    """
    return f"{scope(deployment)}predictions/latest.json"


def all_outcomes(deployment: str) -> str:
    """Return what the keys of all outcomes begin with."""
    return f"{scope(deployment)}outcomes/"


def outcomes(deployment: str, candidate: str) -> str:
    """Return the prefix of a candidate's realised labels."""
    return f"{all_outcomes(deployment)}{candidate}/"


def outcome(deployment: str, candidate: str, asof: str) -> str:
    """Return the key of one realised label.

    >>> outcome("flow_T21X8_T14X8", "T21_X8", "2025-09-30")
    'outcomes/T21_X8/2025-09-30.json'
    """
    return f"{outcomes(deployment, candidate)}{asof}.json"


def runs(deployment: str) -> str:
    """Return the prefix of the attempts."""
    return f"{scope(deployment)}runs/"


def runs_of_day(deployment: str, started_at: datetime) -> str:
    """Return the prefix of the attempts that started on a day.

    >>> from datetime import UTC
    >>> runs_of_day("flow_T21X8_T14X8", datetime(2025, 10, 1, 0, 5, 2, tzinfo=UTC))
    'runs/2025-10-01/'
    """
    return f"{runs(deployment)}{started_at:%Y-%m-%d}/"


def run(deployment: str, started_at: datetime, run_id: str) -> str:
    """Return the key of one attempt.

    >>> from datetime import UTC
    >>> run("flow_T21X8_T14X8", datetime(2025, 10, 1, 0, 5, 2, tzinfo=UTC), "1a2b3c4d")
    'runs/2025-10-01/20251001T000502Z-1a2b3c4d.json'
    """
    return f"{runs(deployment)}{started_at:%Y-%m-%d/%Y%m%dT%H%M%SZ}-{run_id}.json"


def registry(deployment: str) -> str:
    """Return the prefix of a deployment's registry events."""
    return f"registry/{deployment}/"


def registry_event(deployment: str, sequence: int) -> str:
    """Return the key of one registry event.

    >>> registry_event("flow_T21X8_T14X8", 3)
    'registry/flow_T21X8_T14X8/00000003.json'
    """
    return f"{registry(deployment)}{sequence:08d}.json"


def bundle(name: str) -> str:
    """Return the prefix of a bundle's files.

    >>> bundle("flow_T21X8_T14X8_20250930")
    'bundles/flow_T21X8_T14X8_20250930/'
    """
    return f"bundles/{name}/"


def candles(symbol: str, interval: str) -> str:
    """Return the prefix of a series in the lake.

    >>> candles("BTCUSDT", "1h")
    'candles/BTCUSDT/1h/'
    """
    return f"candles/{symbol}/{interval}/"


def candle_partition(symbol: str, interval: str, period: str) -> str:
    """Return the key of one partition of a series; `period` is a month or a year.

    >>> candle_partition("BTCUSDT", "1h", "2025-09")
    'candles/BTCUSDT/1h/2025-09.parquet'
    """
    return f"{candles(symbol, interval)}{period}.parquet"


def backtest(deployment: str, run: str) -> str:
    """Return the prefix of an evaluation or a search.

    >>> backtest("flow_T21X8_T14X8", "search_20250930_1a2b3c4d")
    'backtest/search_20250930_1a2b3c4d/'
    """
    return f"{scope(deployment)}backtest/{run}/"


def search_cell(deployment: str, run: str, candidate: str) -> str:
    """Return the key of one finished cell of a search.

    >>> search_cell("flow_T21X8_T14X8", "search_20250930_1a2b3c4d", "T21_X8")
    'backtest/search_20250930_1a2b3c4d/cells/T21_X8.json'
    """
    return f"{backtest(deployment, run)}cells/{candidate}.json"


def trial(entry: str) -> str:
    """Return the key of one look at test labels; `entry` is its digest.

    >>> trial("sha256:0123456789abcdef")
    'trials/0123456789abcdef.json'
    """
    return f"{TRIALS}{entry.removeprefix('sha256:')}.json"


def shadows(deployment: str) -> str:
    """Return the prefix of what challengers said beside the champion."""
    return f"shadow/{deployment}/"


def shadow(deployment: str, asof: str) -> str:
    """Return the key of what champion and challengers said of one as-of.

    >>> shadow("flow_T21X8_T14X8", "2025-10-01")
    'shadow/flow_T21X8_T14X8/2025-10-01.json'
    """
    return f"{shadows(deployment)}{asof}.json"


def explanation(deployment: str, asof: str) -> str:
    """Return the key of what each column added to a sealed forecast.

    >>> explanation("flow_T21X8_T14X8", "2025-09-30")
    'explanations/2025-09-30.json'
    """
    return f"{scope(deployment)}explanations/{asof}.json"


def note(deployment: str, asof: str) -> str:
    """Return the key of the analyst's note on a sealed forecast.

    >>> note("flow_T21X8_T14X8", "2025-09-30")
    'notes/2025-09-30.json'
    """
    return f"{scope(deployment)}notes/{asof}.json"


def health(deployment: str, checked_at: datetime) -> str:
    """Return the key of one health check of the bundle that speaks.

    >>> from datetime import UTC
    >>> health("flow_T21X8_T14X8", datetime(2025, 10, 1, 0, 5, 2, tzinfo=UTC))
    'health/20251001T000502Z.json'
    """
    return f"{scope(deployment)}health/{checked_at:%Y%m%dT%H%M%SZ}.json"


def alerts(deployment: str) -> str:
    """Return the prefix of the incidents, open and closed."""
    return f"{scope(deployment)}alerts/"


def incident(deployment: str, rule: str, number: int, part: str) -> str:
    """Return the key of one document of an incident: `opened`, `closed`, and what became of each.

    >>> incident("flow_T21X8_T14X8", "freshness", 3, "opened")
    'alerts/freshness/000003-opened.json'
    """
    return f"{alerts(deployment)}{rule}/{number:06d}-{part}.json"


def message(deployment: str, asof: str) -> str:
    """Return the key that claims the morning message of an as-of before it is sent.

    >>> message("flow_T21X8_T14X8", "2025-09-30")
    'messages/2025-09-30.json'
    """
    return f"{scope(deployment)}messages/{asof}.json"


def message_sent(deployment: str, asof: str) -> str:
    """Return the key that says what became of a claimed morning message.

    >>> message_sent("flow_T21X8_T14X8", "2025-09-30")
    'messages/2025-09-30-sent.json'
    """
    return f"{scope(deployment)}messages/{asof}-sent.json"


def breaker(name: str) -> str:
    """Return the key of a circuit breaker's state, which outlives the process.

    >>> breaker("inference")
    'state/breaker/inference.json'
    """
    return f"state/breaker/{name}.json"


def spending(day: str) -> str:
    """Return the key of what language models have cost on a day.

    >>> spending("2025-10-01")
    'state/spending/2025-10-01.json'
    """
    return f"state/spending/{day}.json"


def analyses(deployment: str) -> str:
    """Return the prefix of the stored analyses."""
    return f"{scope(deployment)}analyses/"


def analysis_batch(deployment: str, written_at: datetime, batch_id: str) -> str:
    """Return the key of analyses that were written together.

    >>> from datetime import UTC
    >>> at = datetime(2025, 10, 1, 0, 5, 2, tzinfo=UTC)
    >>> analysis_batch("flow_T21X8_T14X8", at, "1a2b3c4d")
    'analyses/2025-10-01/20251001T000502Z-1a2b3c4d.json'
    """
    return f"{analyses(deployment)}{written_at:%Y-%m-%d/%Y%m%dT%H%M%SZ}-{batch_id}.json"
