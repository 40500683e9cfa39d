"""How often the notes' own directions came true: forward only, apart from every forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from forecastlab.contracts import keys
from forecastlab.contracts.analysis_log import Note
from forecastlab.contracts.intervals import DURATION
from forecastlab.contracts.ports import ObjectStore
from forecastlab.contracts.records import Outcome
from forecastlab.usecases.publish import sealed

SIGNS: Final = {"up": 1, "down": -1}


@dataclass(frozen=True)
class NoteScores:
    """What became of the notes.

    Attributes:
        late: notes written after the next candle had closed; they might have known it.
        directed: notes in time that named a direction.
        resolved: outcomes of them that are known, of all candidates; `hits` are right.
    """

    notes: int
    late: int
    directed: int
    resolved: int
    hits: int


def note_scores(store: ObjectStore, deployment: str) -> NoteScores:
    """Join the notes of a deployment with the outcomes of their forecasts.

    A direction is right where the label has its sign; a label of 0 is none of both.

    Raises:
        DataMalformed: a document is none.
    """
    prefix = keys.note(deployment, "").removesuffix(".json")
    counts = {"notes": 0, "late": 0, "directed": 0, "resolved": 0, "hits": 0}
    for key in store.list(prefix):
        found = store.get(key)
        note = None if found is None else Note.parse(found.data, what=key)
        record = None if note is None else sealed(store, deployment, note.asof_date)
        if note is None or record is None:
            continue
        counts["notes"] += 1
        if note.created_at >= record.as_of + DURATION[record.interval]:
            counts["late"] += 1
            continue
        sign = SIGNS.get(note.direction)
        if sign is None:
            continue
        counts["directed"] += 1
        for candidate, forecast in record.forecasts.items():
            label = _label(store, deployment, candidate, note.asof_date)
            if label is not None:
                # Of two classes 0 and 1 the lower one is "down".
                lower = min(int(one) for one in forecast.pred_proba)
                counts["resolved"] += 1
                counts["hits"] += (2 * label - 1 if lower == 0 else label) == sign
    return NoteScores(**counts)


def _label(store: ObjectStore, deployment: str, candidate: str, asof: str) -> int | None:
    key = keys.outcome(deployment, candidate, asof)
    found = store.get(key)
    return None if found is None else Outcome.parse(found.data, what=key).label
