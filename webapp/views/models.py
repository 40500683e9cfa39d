"""What speaks and what waits: champion, challengers, and what was live when."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import zip_longest
from shlex import quote
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from forecastlab.contracts.manifest import Manifest
from forecastlab.contracts.registry import RegistryEvent, RegistryState
from webapp.views.documents import plain
from webapp.views.palette import GREY, VERDICT_SIGNS, laid_out, series_style
from webapp.views.time_axis import local, time_axis
from webapp.views.wording import Words, escaped, percent, percent_interval

_MARKS: Final = {
    "registered": "circle-open",
    "promoted": "triangle-up",
    "rolled_back": "triangle-left",
    "retired": "x",
}


_DATE: Final = re.compile(r"_(?=\d{8})(.*)$")
"""Where a bundle's name may be broken: before its cut-off."""


@dataclass(frozen=True)
class Reign:
    """A span in which one bundle spoke: [since, until); `until` None while it still speaks."""

    bundle: str
    since: datetime
    until: datetime | None


def reigns(events: Sequence[RegistryEvent]) -> tuple[Reign, ...]:
    """Return what was live when, oldest first.

    >>> reigns([])
    ()
    """
    changes = [event for event in events if event.kind in {"promoted", "rolled_back"}]
    ends = [event.at for event in changes[1:]]
    return tuple(Reign(event.bundle, event.at, end) for event, end in zip_longest(changes, ends))


def bundle_table(
    state: RegistryState, manifests: Mapping[str, Manifest | None], words: Words
) -> pd.DataFrame:
    """Return every bundle that the registry knows, the newest first."""
    rows = [
        {
            words("models.bundle"): bundle,
            words("models.role"): words(f"models.roles.{state.role(bundle)}"),
            words("models.cut_off"): manifest.training.cut_off if manifest else "–",
            words("models.made"): f"{manifest.created_at:%Y-%m-%d}" if manifest else "–",
        }
        | dict(_skills(manifest, words))
        for bundle, manifest in ((name, manifests.get(name)) for name in reversed(state.registered))
    ]
    return pd.DataFrame(rows)


def _skills(manifest: Manifest | None, words: Words) -> Iterator[tuple[str, str]]:
    for name, entry in manifest.candidates.items() if manifest else ():
        found = entry.evaluation
        skill, ends = percent(found.log_loss_skill, signed=True), percent_interval(found.ci95)
        yield (
            words("models.skill", candidate=name),
            f"{VERDICT_SIGNS[found.verdict]} {skill} {ends}",
        )


def timeline(
    events: Sequence[RegistryEvent], now: datetime, words: Words, zone: tzinfo
) -> go.Figure:
    """Draw a line per bundle: the span that it spoke, and a mark for each event about it."""
    bundles = list(dict.fromkeys(event.bundle for event in events))
    figure = go.Figure()
    for place, reign in enumerate(reigns(events)):
        style = series_style(bundles.index(reign.bundle))
        until = reign.until or max(now, reign.since)
        figure.add_scatter(
            x=local(pd.to_datetime([reign.since, until], utc=True), zone),
            y=[_short(reign.bundle)] * 2,
            mode="lines",
            line={"color": style.colour, "width": 12},
            opacity=0.6,
            name=words("models.live"),
            legendgroup="live",
            showlegend=not place,
            hovertext=escaped(f"{reign.bundle}: {reign.since:%Y-%m-%d %H:%M} – {_end(reign)}"),
            hoverinfo="text",
        )
    for kind, symbol in _MARKS.items():
        mine = [event for event in events if event.kind == kind]
        if mine:
            figure.add_scatter(
                x=local(pd.to_datetime([event.at for event in mine], utc=True), zone),
                y=[_short(event.bundle) for event in mine],
                mode="markers",
                name=words(f"models.kinds.{kind}"),
                marker={"symbol": symbol, "size": 13, "color": GREY, "line": {"width": 2}},
                hovertext=[_told(event, words) for event in mine],
                hoverinfo="text",
            )
    return laid_out(
        figure,
        height=150 + 44 * len(bundles),
        xaxis=time_axis(words, zone),
        yaxis={
            "type": "category",
            "categoryorder": "array",
            "categoryarray": [_short(name) for name in bundles],
        },
        hovermode="closest",
    )


def event_table(events: Sequence[RegistryEvent], words: Words) -> pd.DataFrame:
    """Return the registry's events, newest first."""
    rows = [
        {
            "#": event.sequence,
            words("models.at"): f"{event.at:%Y-%m-%d %H:%M}",
            words("models.event"): words(f"models.kinds.{event.kind}"),
            words("models.bundle"): event.bundle,
            words("models.before"): event.previous or "–",
            words("models.by"): event.by,
            words("models.why"): event.why,
        }
        for event in reversed(events)
    ]
    return pd.DataFrame(rows)


def gate_table(gates: Mapping[str, Any], words: Words) -> pd.DataFrame:
    """Return what a promotion was tested on: one line per gate or check, whatever its form.

    A gate is a text, a document with `passed`, or a table of such documents.
    """
    rows = [
        {
            words("models.gate"): name,
            words("models.result"): _result(found, words),
            words("models.detail"): detail,
        }
        for name, found, detail in _checks(gates)
    ]
    return pd.DataFrame(rows)


def command_lines(deployment: str, state: RegistryState, store: str, words: Words) -> str:
    """Return the commands that look at the registry and change it, as lines of a shell.

    >>> lines = command_lines("d", RegistryState(), "gs://b/p", Words("en", {}))
    >>> lines.splitlines()[:2]
    ['# models.runs.status', 'forecastlab status --deployment d --store gs://b/p']
    """
    options = f"--deployment {quote(deployment)} --store {quote(store)}"
    waiting = state.challengers
    lines = [("status", ""), ("status", "--at 2025-09-30T00:00Z")]
    named = quote(waiting[-1]) if waiting else "NAME"
    lines += [("promote", f"{named} --why '…'"), ("rollback", "--why '…'")]
    notes = ("status", "at", "promote", "rollback")
    return "\n".join(
        f"# {words(f'models.runs.{note}')}\nforecastlab {verb} {told}{' ' if told else ''}{options}"
        for (verb, told), note in zip(lines, notes, strict=True)
    )


def _checks(gates: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    for name, gate in gates.items():
        here = f"{prefix}{name}"
        if not isinstance(gate, Mapping):
            yield here, gate, ""
        elif "passed" in gate or not any(isinstance(one, Mapping) for one in gate.values()):
            told = [f"{key} {plain(one)}" for key, one in gate.items() if _is_number(one)]
            found = gate.get("findings")
            told += [f"{plain(one)}" for one in found] if isinstance(found, list) else []
            yield here, gate.get("passed"), "; ".join(told)
        else:
            yield from _checks(gate, f"{here} ")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _result(found: object, words: Words) -> str:
    if found in (True, "passed"):
        return f"✓ {words('models.passed')}"
    if found in (False, "failed", "refused"):
        return f"✗ {words('models.failed')}"
    return plain(found)


def _short(bundle: str) -> str:
    """Return a bundle's name in two lines, so that an axis leaves room on a phone.

    >>> _short("flow_T21X8_T14X8_20250930_2")
    'flow_T21X8_T14X8<br>20250930_2'
    """
    return _DATE.sub(r"<br>\1", escaped(bundle))


def _end(reign: Reign) -> str:
    return f"{reign.until:%Y-%m-%d %H:%M}" if reign.until else "…"


def _told(event: RegistryEvent, words: Words) -> str:
    kind = words(f"models.kinds.{event.kind}")
    head = f"{event.at:%Y-%m-%d %H:%M} UTC · {kind} · {event.by}"
    return f"{escaped(head)}<br>{escaped(event.bundle)}<br>{escaped(event.why[:120])}"
