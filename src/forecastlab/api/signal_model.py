"""Which model makes the signals, on the wire: what is live, since when, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from forecastlab.contracts.records import Verdict, utc_text
from forecastlab.contracts.registry import EventKind, RegistryEvent
from forecastlab.contracts.switches import Switches
from forecastlab.usecases.champion import Chosen
from forecastlab.usecases.history import gate_summary
from forecastlab.usecases.laddered import version_of_chosen
from forecastlab.usecases.live_ladder import Standing
from forecastlab.usecases.model_versions import VERSION

_RUNG: Final[JsonDict] = {
    "model_version": "v2_7",
    "bundle": "signal_1h_v2_7_20250930",
    "digest": "sha256:b2184da96c6c1120aefc44e9925458921d8136e5ddf85570b0055c12a79a9343",
    "trained_until": "2025-09-30T23Z",
    "verdict": "not_distinguishable",
    "research_only": None,
}


class Rung(BaseModel):
    """One version that may answer, and the bundle that it answers with."""

    model_version: str | None
    bundle: str
    digest: str
    trained_until: str = Field(description="The open of the last candle that it has seen.")
    verdict: Verdict = Field(description="How its forecasts have done out of sample.")
    research_only: str | None


class Event(BaseModel):
    """The registry's event that made the bundle champion: the last one, where there are several."""

    sequence: int
    kind: EventKind
    at: str
    by: str
    why: str
    previous: str | None
    forced: bool
    summary: str = Field(description="What its gates said.")


class Override(BaseModel):
    """What chose the bundle past the registry."""

    variable: str
    value: str


class ModelAnswer(BaseModel):
    """What is live; `ladder` begins with it, and goes down to what needs the least."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "success": True,
                "deployment": "signal_1h",
                "enabled": True,
                **_RUNG,
                "since": "2025-10-01T00:05:02Z",
                "why": "first champion, named by champions.toml",
                "event": {
                    "sequence": 1,
                    "kind": "promoted",
                    "at": "2025-10-01T00:05:02Z",
                    "by": "forecaster",
                    "why": "first champion, named by champions.toml",
                    "previous": None,
                    "forced": False,
                    "summary": "verify ✓, known_answers ✓",
                },
                "override": None,
                "answering_since": "2025-10-04T18:00:00Z",
                "ladder": [_RUNG],
                "missing_versions": ["v2_6", "v1"],
                "symbols": ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT"],
                "degraded": [],
            }
        }
    )

    success: bool
    deployment: str
    enabled: bool = Field(description="False under ML_ENABLED=0: there are no scores.")
    model_version: str | None
    bundle: str
    digest: str
    trained_until: str
    verdict: Verdict
    research_only: str | None
    since: str | None = Field(description="Since when it is champion; null where no event says.")
    why: str
    event: Event | None
    override: Override | None
    answering_since: str = Field(description="Since when it answers in this process.")
    ladder: list[Rung]
    missing_versions: list[str] = Field(description="Below it, without a bundle that can be used.")
    symbols: list[str]
    degraded: list[str]


def model_document(
    standing: Standing, *, switches: Switches, missing: Sequence[str], symbols: Sequence[str]
) -> dict[str, Any]:
    """Write what is live as a `ModelAnswer`."""
    live, event = standing.live, standing.event
    return {
        "success": True,
        "deployment": live.bundle.files.manifest.deployment,
        "enabled": switches.enabled,
        **_rung(live),
        "since": None if event is None else utc_text(event.at),
        "why": _why(live, event),
        "event": None if event is None else _event(event),
        "override": _override(live, switches),
        "answering_since": utc_text(standing.loaded_at),
        "ladder": [_rung(one) for one in standing.ladder.chosen],
        "missing_versions": list(missing),
        "symbols": list(symbols),
        "degraded": list(live.degraded),
    }


def _rung(chosen: Chosen) -> dict[str, Any]:
    files = chosen.bundle.files
    entry = next(iter(files.manifest.candidates.values()))
    return {
        "model_version": version_of_chosen(chosen),
        "bundle": files.name,
        "digest": files.digest,
        "trained_until": files.manifest.training.cut_off,
        "verdict": entry.evaluation.verdict,
        "research_only": entry.research_only,
    }


def _event(event: RegistryEvent) -> dict[str, Any]:
    plain = ("sequence", "kind", "by", "why", "previous", "forced")
    told = {name: getattr(event, name) for name in plain}
    return {**told, "at": utc_text(event.at), "summary": gate_summary(event)}


def _why(live: Chosen, event: RegistryEvent | None) -> str:
    if live.override is not None:
        return f"{live.override} asks for it"
    return "first champion, named by champions.toml" if event is None else event.why


def _override(live: Chosen, switches: Switches) -> dict[str, str] | None:
    """Name what chose the bundle; of a folder, which is the machine's affair, only the bundle."""
    if live.override is None:
        return None
    value = switches.version if live.override == VERSION else live.bundle.files.name
    return {"variable": live.override, "value": value}
