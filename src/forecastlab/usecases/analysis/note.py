"""Ask for a short note on a sealed forecast; it changes nothing of it and can only be late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from forecastlab.analyst.answers import parse_note
from forecastlab.analyst.prompt import NOTE_VERSION, Language, note_prompt
from forecastlab.contracts import keys
from forecastlab.contracts.analysis_log import Note
from forecastlab.contracts.canonical import digest, rounded
from forecastlab.contracts.errors import DataMalformed, DataUnavailable, PreconditionFailed
from forecastlab.contracts.ports import ABSENT, Clock, ObjectStore
from forecastlab.contracts.records import CandidateForecast, ForecastRecord, Probabilities
from forecastlab.targets.catalogue import target_from_name
from forecastlab.usecases.analysis.asking import LlmDesk, NotAsked

_DIGITS: Final = 3


@dataclass(frozen=True, eq=False)
class NoteWriter:
    """Who writes notes, in which language.

    Attributes:
        open_desk: opens the language model for one note; raises ConfigError without a key.
    """

    language: Language
    open_desk: Callable[[], LlmDesk]


def write_note(
    store: ObjectStore, record: ForecastRecord, writer: NoteWriter | None, clock: Clock
) -> str | None:
    """Write the note of a sealed record, once; None where none is asked for or it is there.

    Raises:
        DataUnavailable: the model gave no note; the morning goes on without.
        ConfigError: there is no key for it.
    """
    key = keys.note(record.deployment, record.asof_date)
    if writer is None or store.get(key) is not None:
        return None
    note = asyncio.run(_asked(record, writer.language, writer.open_desk, clock))
    try:
        store.put(key, note.stored(), if_generation=ABSENT)
    except PreconditionFailed:
        return None  # another run wrote it meanwhile
    return f"written by {note.model}"


def note_of(store: ObjectStore, record: ForecastRecord) -> Note | None:
    """Return the note of a sealed record, or None."""
    key = keys.note(record.deployment, record.asof_date)
    found = store.get(key)
    return None if found is None else Note.parse(found.data, what=key)


def told_of(record: ForecastRecord) -> dict[str, Any]:
    """Return what a model is told of a record: no date, no price, no market, no name.

    The forecasts are numbered in the order of their names.
    """
    told: dict[str, Any] = {
        f"forecast_{number}": _told_of(name, record.forecasts[name])
        for number, name in enumerate(sorted(record.forecasts), start=1)
    }
    if record.regime is not None:
        told["regime"] = record.regime.name
    told["complete"] = not record.degraded
    return told


def _told_of(name: str, forecast: CandidateForecast) -> dict[str, Any]:
    low, high = forecast.skill.ci95
    target = target_from_name(name)
    return {
        "rule": target.rule,
        "candles_ahead": target.horizon,
        "probabilities": _rounded(forecast.pred_proba),
        "base_rates": _rounded(forecast.base_rate),
        "reading": forecast.call,
        "verdict": forecast.skill.verdict,
        "skill_percent": rounded(100 * forecast.skill.log_loss_skill, _DIGITS),
        "skill_interval_percent": [rounded(100 * low, _DIGITS), rounded(100 * high, _DIGITS)],
    }


def _rounded(shares: Probabilities) -> dict[str, float]:
    return {label: rounded(share, _DIGITS) for label, share in shares.items()}


async def _asked(
    record: ForecastRecord, language: Language, open_desk: Callable[[], LlmDesk], clock: Clock
) -> Note:
    inputs = told_of(record)
    desk = open_desk()
    try:
        reply, usage = await desk.reply(note_prompt(inputs, language=language))
        text, direction = parse_note(reply.text)
        desk.counts.succeeded()
    except (NotAsked, DataMalformed) as error:
        raise DataUnavailable(
            f"No note was written: {error}.", remedy="The forecast stands without it."
        ) from error
    finally:
        await desk.close()
    return Note.model_validate(
        {
            "deployment": record.deployment,
            "asof_date": record.asof_date,
            "record_digest": digest(record.stored()),
            "created_at": clock.now(),
            "language": language,
            "text": text,
            "direction": direction,
            "provider": desk.provider.name,
            "model": reply.model,
            "prompt_version": NOTE_VERSION,
            "inputs": inputs,
            "usage": usage,
        }
    )
