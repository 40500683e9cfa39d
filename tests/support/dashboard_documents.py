"""What other commands leave in a store: evaluations, a search, explanations, notes, checks.

Of areas whose schema their own commands will settle, these are plausible documents: the pages must
show whatever they find there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import pandas as pd

from forecastlab.contracts import keys
from forecastlab.contracts.analysis_log import AnalysisBatch
from forecastlab.contracts.canonical import canonical_bytes
from forecastlab.contracts.incidents import CLOSED, OPENED, IncidentClosed, IncidentOpened
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.manifest import CARD, MANIFEST, Manifest
from forecastlab.contracts.ports import ObjectStore
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.contracts.shadow import ShadowDocument
from forecastlab.contracts.verdicts import FOLDS, META, OOF, REPORT, VERDICT, BacktestMeta
from forecastlab.usecases import evaluate
from forecastlab.usecases.candidate_verdict import examine
from tests.support.dashboard_store import BUNDLE, ZEROS, Series, put
from tests.support.evaluations import (
    CANDIDATE,
    made_up_oof,
    made_up_recipe,
    measured,
    verdict_file,
)

CHALLENGER: Final = f"{BUNDLE}_2"
SEARCH: Final = "search_20250930_1a2b3c4d"
EVALUATIONS: Final = ("blunt_20250930", "sharp_20250930")
"""The second of them has the member that knows something."""

INJECTION: Final = "<img src=x onerror=alert(1)> ![p](http://a.invalid/p.png) $x$ [l](javascript:1)"
"""Data that would act if a page let it."""


def put_documents(store: ObjectStore, series: Series) -> None:
    """Fill every area that no forecast fills."""
    put_challenger(store, series)
    put_evaluations(store, series)
    put_search(store, series)
    put_areas(store, series)


def put_challenger(store: ObjectStore, series: Series) -> None:
    """Add a second bundle that was promoted, rolled back, and waits."""
    stored = store.get(f"{keys.bundle(BUNDLE)}{MANIFEST}")
    assert stored is not None
    manifest = Manifest.parse(stored.data, what=MANIFEST).model_copy(update={"name": CHALLENGER})
    put(store, f"{keys.bundle(CHALLENGER)}{MANIFEST}", manifest.stored())
    card = f"# {CHALLENGER}\n\nA second bundle. {INJECTION}\n"
    put(store, f"{keys.bundle(CHALLENGER)}{CARD}", card.encode())
    audit = {"L1": {"passed": True, "comparisons": 7_035_760, "findings": []}}
    story = (
        ("registered", CHALLENGER, None, {}),
        ("promoted", CHALLENGER, BUNDLE, {"verify": "passed", "audit": audit}),
        ("rolled_back", BUNDLE, CHALLENGER, {"verify": "passed"}),
    )
    began = series.opens()[len(series.opens()) // 2]
    for place, (kind, bundle, previous, gates) in enumerate(story):
        event = RegistryEvent.model_validate(
            {
                "sequence": place + 3,
                "kind": kind,
                "deployment": series.deployment,
                "bundle": bundle,
                "bundle_digest": ZEROS,
                "previous": previous,
                "at": began + timedelta(days=4 * place),
                "by": "somebody",
                "why": INJECTION if kind == "rolled_back" else "a test",
                "gates": gates,
            }
        )
        put(store, keys.registry_event(series.deployment, event.sequence), event.stored())


def put_evaluations(store: ObjectStore, series: Series) -> None:
    """Write two finished evaluations of the same days, and one that was cut short."""
    for run, files in _evaluations().items():
        for name, data in files.items():
            put(store, f"{keys.backtest(series.deployment, run)}{name}", data)
    put(store, f"{keys.backtest(series.deployment, 'cut_short')}{OOF}", b"")


@cache
def _evaluations() -> Mapping[str, Mapping[str, bytes]]:
    """Make the evaluations once: each costs a second."""
    sharp = made_up_oof(600)
    blunt = replace(sharp, members={"noisy": sharp.members["noisy"]})
    recipe, found = made_up_recipe(), {}
    for run, oof in zip(EVALUATIONS, (blunt, sharp), strict=True):
        one = measured(oof, recipe)
        verdict, series = examine(one, recipe, looks=1)
        document = verdict_file({CANDIDATE: verdict}, run=run)
        files = evaluate._files(document, {CANDIDATE: series}, {CANDIDATE: one})
        meta = BacktestMeta.model_validate(
            {
                "run": run,
                "deployment": document.deployment,
                "created_at": "2025-10-01T00:00:00Z",
                "duration_s": 12.3,
                "git_commit": "0" * 40,
                "python": "3.11",
                "packages": {},
                "recipe": recipe.model_dump(),
                "recipe_digest": ZEROS,
                "quick": False,
                "source": "file",
                "data_digest": ZEROS,
                "files": {},
            }
        )
        found[run] = {**files, META: meta.stored()}
        assert {VERDICT, REPORT, OOF, f"{CANDIDATE}/{FOLDS}"} <= set(found[run])
    return found


def put_search(store: ObjectStore, series: Series) -> None:
    """Write a finished search of 4 × 5 cells, and one that is still running."""
    prefix = keys.backtest(series.deployment, SEARCH)
    summary = search_summary()
    put(store, f"{prefix}summary.csv", summary.to_csv(index=False).encode())
    put(store, f"{prefix}report.html", b"<!doctype html><title>search</title>")
    for candidate in summary["candidate"]:
        put(store, keys.search_cell(series.deployment, SEARCH, candidate), b"{}")
    put(store, keys.search_cell(series.deployment, "search_running", "T7_X6"), b"{}")


def search_summary() -> pd.DataFrame:
    """Return a summary in which skill grows with the horizon and one cell is worse than chance."""
    rows = []
    for horizon in (7, 10, 14, 21):
        for level in (0.06, 0.08, 0.10, 0.12, 0.15):
            skill = horizon / 300 - level / 3 + 0.01
            verdict = "better" if skill > 0.04 else "worse" if skill < -0.01 else None
            rows.append(
                {
                    "candidate": f"T{horizon}_X{100 * level:g}",
                    "horizon": horizon,
                    "level": level,
                    "days": 1700,
                    "log_loss": 1 - skill,
                    "reference": "expanding",
                    "log_loss_skill": skill,
                    "skill_low": skill - 0.03,
                    "skill_high": skill + 0.03,
                    "p_adjusted": 0.04,
                    "verdict": verdict or "not_distinguishable",
                }
            )
    return pd.DataFrame(rows)


def put_areas(store: ObjectStore, series: Series) -> None:
    """Write a document into each area without a schema."""
    scope = keys.scope(series.deployment)
    asofs = [asof_name(one, series.interval) for one in series.opens()[-2:]]
    for asof in asofs:
        put(store, f"{scope}explanations/{asof}.json", canonical_bytes(explanation(asof)))
        put(store, f"{scope}notes/{asof}.json", canonical_bytes(note(asof)))
    written = datetime(2025, 10, 1, 0, 5, tzinfo=UTC)
    key = keys.analysis_batch(series.deployment, written, "1a2b3c4d")
    put(store, key, canonical_bytes(analyses(written)))
    put_incidents(store, series)
    put(store, f"{scope}health/{asofs[-1]}.json", canonical_bytes(HEALTH))
    shadow = f"shadow/{series.deployment}/{asofs[-1]}.json"
    put(store, shadow, shadow_document(series, asofs[-1]).stored())


def explanation(asof: str) -> dict[str, Any]:
    """Return contributions of twenty features to the three classes of one candidate."""
    drawn = {f"feature_{place}": ((place * 7) % 11 - 5) / 20 for place in range(20)}
    parts = {"-1": drawn, "1": {name: -value for name, value in drawn.items()}}
    member = {
        "unit": "log weight of the class",
        "base_is": "the frequency in training",
        "base": dict.fromkeys(parts, -1.0),
        "contributions": parts,
        "raw": {name: sum(of.values()) - 1.0 for name, of in parts.items()},
        "apart": 0.0,
    }
    candidate = {
        "method": "lightgbm",
        "members": {"lightgbm": member},
        "not_explained": {"lstm": "it is a network that reads sequences"},
    }
    return {
        "schema_version": 1,
        "deployment": keys.ROOT_DEPLOYMENT,
        "asof_date": asof,
        "as_of": "2025-10-01T00:00:00Z",
        "created_at": "2025-10-01T00:05:00Z",
        "record": ZEROS,
        "bundle": {"name": BUNDLE, "digest": ZEROS, "override": None},
        "replays": True,
        "same_candles": True,
        "candidates": {"T21_X8": candidate},
    }


def note(asof: str) -> dict[str, Any]:
    """Return a day's note as a language model wrote it."""
    return {
        "schema_version": 1,
        "deployment": keys.ROOT_DEPLOYMENT,
        "asof_date": asof,
        "record_digest": ZEROS,
        "created_at": "2025-10-01T00:06:00Z",
        "language": "en",
        "text": f"BTC may move; the side is open. {INJECTION}",
        "direction": "none",
        "provider": "deepseek",
        "model": "deepseek-flash",
        "prompt_version": "note-2",
        "inputs": {
            "forecast_1": {"probabilities": {"-1": 0.3, "0": 0.4, "1": 0.3}},
            "regime": "ranging",
        },
        "usage": USAGE,
    }


USAGE: Final[dict[str, Any]] = {
    "cached_tokens": 128,
    "input_tokens": 500,
    "output_tokens": 660,
    "cost": "0.00047",
    "currency": "USD",
}


def analyses(at: datetime) -> dict[str, Any]:
    """Return a batch of analyses: by rules, by a model with a rival beside it, and a fallback."""
    by_rules = {
        "at": at,
        "market": "BTCUSDT",
        "scene": "simple",
        "scene_reason": "calm_with_clear_rsi",
        "path": "local",
        "fallback_reason": None,
        "provider": None,
        "model": "local_simple",
        "prompt_version": None,
        "signal": "SELL",
        "confidence": 70,
        "values": {"rsi": 68.0},
        "duration_ms": 1.2,
    }
    by_model = {
        **by_rules,
        "scene": "complex",
        "scene_reason": "volatile",
        "path": "llm",
        "provider": "deepseek",
        "model": f"deepseek-flash {INJECTION}",
        "prompt_version": "signal-1",
        "signal": "BUY",
        "usage": USAGE,
    }
    failed = {**by_rules, "path": "fallback", "fallback_reason": "outage(503)", "signal": "HOLD"}
    entries = (by_rules, by_model, failed)
    return AnalysisBatch.model_validate({"entries": entries}).model_dump(mode="json")


HEALTH: Final[dict[str, Any]] = {
    "passed": False,
    "bundle": BUNDLE,
    "reading": {"bull_prob": 0.26, "regime": "ranging"},
    "steps": [
        {"name": "files", "mark": "passed", "facts": "15 files", "duration_s": 0.001},
        {"name": "order", "mark": "failed", "facts": INJECTION, "duration_s": 0.02},
        {"name": "pipeline", "mark": "not_judged", "facts": "no candles", "duration_s": 0.0},
    ],
}


def put_incidents(store: ObjectStore, series: Series) -> None:
    """Write an incident that is open and one that is over."""
    for rule, is_over in (("freshness", False), ("latency", True)):
        document: dict[str, Any] = {
            "deployment": series.deployment,
            "rule": rule,
            "number": 1,
            "facts": INJECTION,
            "at": series.last_open,
        }
        opened = IncidentOpened.model_validate({**document, "severity": "warning"})
        put(store, keys.incident(series.deployment, rule, 1, OPENED), opened.stored())
        if is_over:
            closed = IncidentClosed.model_validate(document)
            put(store, keys.incident(series.deployment, rule, 1, CLOSED), closed.stored())


def shadow_document(series: Series, asof: str) -> ShadowDocument:
    """Return what a challenger that answers and one that fails said beside the newest record."""
    candidate, table = next(iter(series.horizons)), {"-1": 0.3, "0": 0.45, "1": 0.25}
    members = {
        "lightgbm": {"kind": "lightgbm", "probabilities": table, "full_window": True},
        "lstm": {"kind": "lstm", "skipped": INJECTION},
    }
    answer = {"pred_proba": table, "method": "pool", "own_method": False, "members": members}
    sealed = {"pred_proba": table, "method": "stack", "members": {"lightgbm": table}}
    bundles = [{"name": name, "digest": ZEROS} for name in (series.bundle, CHALLENGER, "broken")]
    return ShadowDocument.model_validate(
        {
            "deployment": series.deployment,
            "symbol": series.symbol,
            "interval": series.interval,
            "asof_date": asof,
            "as_of": series.last_open,
            "created_at": series.last_open,
            "mode": "live",
            "champion": {
                "bundle": bundles[0],
                "record": ZEROS,
                "forecasts": {candidate: sealed},
                "duration_s": 0.2,
            },
            "challengers": [
                {"bundle": bundles[1], "forecasts": {candidate: answer}, "latency_s": 0.3},
                {"bundle": bundles[2], "error": INJECTION},
            ],
        }
    )
