"""Messages to people: the morning's forecast, and incidents; plain text, and safe HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Final

from forecastlab.contracts.incidents import Incident
from forecastlab.contracts.notifications import Attachment, Message
from forecastlab.contracts.records import CandidateForecast, ForecastRecord
from forecastlab.report.wording import CALLS, VERDICTS, by_horizon, interval, label, percent

_INVISIBLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

Row = tuple[str, ...]


def forecast_message(record: ForecastRecord, *, stored_at: str, dashboard: str = "") -> Message:
    """Return the message of a sealed record, the record attached.

    Args:
        stored_at: where the record lies, for people.
        dashboard: the address of the dashboard; only http and https ones become links.
    """
    forecasts = sorted(record.forecasts.items(), key=lambda item: by_horizon(item[0]))
    calls = [f"{name}: {CALLS[one.call]}" for name, one in forecasts]
    title = _line(f"{record.symbol} {record.asof_date}: {'; '.join(calls)}")
    facts = _facts(record, stored_at)
    lines, blocks = [], []
    for name, one in forecasts:
        rows = _rows(one)
        heading = f"{name}: {CALLS[one.call]} (most likely: {_named(one, one.pred_label)})"
        lines += [_line(heading), *(f"  {_line(' · '.join(row))}" for row in rows), ""]
        blocks.append(f"<h3>{_safe(heading)}</h3>{_table(rows)}")
    lines += [f"{_line(name)}: {_line(value)}" for name, value in facts]
    blocks.append(_table(facts))
    if _is_link(dashboard):
        lines.append(f"Dashboard: {dashboard}")
        blocks.append(f'<p><a href="{_safe(dashboard)}">Dashboard</a></p>')
    return Message(
        key=f"{record.deployment}/forecast/{record.asof_date}",
        kind="forecast",
        severity="info",
        title=title,
        text="\n".join([title, "", *lines]),
        html=_page(title, blocks),
        attachments=(Attachment(f"{_name(record)}.json", record.stored()),),
    )


def incident_message(incident: Incident) -> Message:
    """Return the message that an incident opened, or that it is over."""
    opened, closed = incident.opened, incident.closed
    state = "opened" if closed is None else "over"
    title = _line(f"{opened.deployment}: {opened.rule} {state}")
    rows: list[Row] = [("what", opened.facts), ("since", f"{opened.at:%Y-%m-%d %H:%M} UTC")]
    if closed is not None:
        rows += [("now", closed.facts), ("until", f"{closed.at:%Y-%m-%d %H:%M} UTC")]
    elif opened.rollback:
        told = f"the champion was promoted lately; to go back: {opened.rollback}"
        rows.append(("watch", told))
    rows.append(("more", f"forecastlab alerts --deployment {opened.deployment}"))
    return Message(
        key=f"{opened.deployment}/{opened.rule}/{opened.number}/{state}",
        kind="incident_opened" if closed is None else "incident_closed",
        severity=opened.severity if closed is None else "info",
        title=title,
        text="\n".join([title, "", *(f"{name}: {_line(value)}" for name, value in rows)]),
        html=_page(title, [_table(rows)]),
    )


def trial_message(deployment: str) -> Message:
    """Return a message that only tries whether messages arrive.

    >>> trial_message("direction_1h_BTCUSDT").title
    'direction_1h_BTCUSDT: a trial'
    """
    title = _line(f"{deployment}: a trial")
    text = "Messages of this deployment arrive here."
    page = _page(title, [f"<p>{text}</p>"])
    return Message(f"{deployment}/trial", "test", "info", title, f"{title}\n\n{text}", page)


def _rows(one: CandidateForecast) -> list[Row]:
    classes = tuple(sorted(int(name) for name in one.pred_proba))
    rows: list[Row] = [
        (
            label(str(each), classes),
            percent(one.pred_proba[str(each)]),
            f"base rate {percent(one.base_rate[str(each)])}",
        )
        for each in classes
    ]
    held = ", ".join(_named(one, each) for each in one.prediction_set.labels)
    skill = one.skill
    return [
        *rows,
        (f"{percent(one.prediction_set.level, 0)} set", held),
        ("resolves on", one.resolves_on.isoformat()),
        ("such forecasts were", VERDICTS[skill.verdict]),
        (
            "gain over the base rate",
            percent(skill.log_loss_skill, signed=True),
            interval(skill.ci95, signed=True),
        ),
        ("method", one.method),
    ]


def _facts(record: ForecastRecord, stored_at: str) -> list[Row]:
    said = record.regime
    facts = [
        ("deployment", record.deployment),
        ("as of", f"{record.as_of:%Y-%m-%d %H:%M} UTC, close {record.close:,.2f}"),
        ("mode", record.mode + (", simulated" if record.source.name == "simulated" else "")),
        ("regime", "" if said is None else f"{said.name} (confidence {percent(said.confidence)})"),
        ("bundle", record.bundle.name),
        ("bundle chosen by", record.bundle.override or ""),
        ("path", record.runtime.path),
        ("fallback", record.runtime.fallback_reason or ""),
        ("degraded", "; ".join(record.degraded)),
        ("record", stored_at),
    ]
    return [one for one in facts if one[1]]


def _named(one: CandidateForecast, each: int) -> str:
    return label(str(each), tuple(sorted(int(name) for name in one.pred_proba)))


def _name(record: ForecastRecord) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", f"{record.deployment}_{record.asof_date}")


def _line(text: str) -> str:
    """Return data as one line: what would end a line, or a header of a mail, becomes a space."""
    return _INVISIBLE.sub(" ", text)


def _safe(text: str) -> str:
    return escape(_line(text), quote=True)


def _is_link(address: str) -> bool:
    return re.fullmatch(r"https?://[^\s\"'<>\x00-\x1f]+", address) is not None


def _table(rows: Sequence[Row]) -> str:
    cells = ("".join(f"<td>{_safe(one)}</td>" for one in row) for row in rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _page(title: str, blocks: Sequence[str]) -> str:
    head = f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{_safe(title)}</title></head>'
    return f"{head}<body><h2>{_safe(title)}</h2>{''.join(blocks)}</body></html>"
