"""What is taken from an LLM's words: a strict document, or a reason why there is none."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import ValidationError

from forecastlab.contracts.analysis import REASONING, Answer
from forecastlab.contracts.errors import DataMalformed

_HUGE: Final = 1e300

KEYS: Final = ("signal", "confidence", "position_size", "stop_loss", "take_profit", "reasoning")


def parse_answer(text: str) -> Answer:
    """Read an answer as the prompt asks for it.

    Against the original: a missing or doubled key, a text for a number, True for 1, NaN, a level
    on the wrong side or out of bounds, and unbounded text are refused, and not passed on.

    Raises:
        DataMalformed: it is no such answer; the message quotes nothing of it.

    >>> found = parse_answer('{"signal":"SELL","confidence":57,"position_size":0.2,'
    ...     '"stop_loss":2.5,"take_profit":-5,"reasoning":"Weak."}')
    >>> found.confidence, found.stop, found.take
    (57, 0.025, -0.05)
    """
    document = _document(text)
    if missing := [key for key in KEYS if key not in document]:
        raise _malformed(f"it lacks {', '.join(missing)}")
    signal, reasoning = document["signal"], document["reasoning"]
    if signal not in ("BUY", "SELL", "HOLD") or not isinstance(reasoning, str):
        raise _malformed("signal or reasoning is of another kind")
    levels = (
        None if document[key] is None else _number(document, key) / 100
        for key in ("stop_loss", "take_profit")
    )
    # Levels of a HOLD are read, for they must be numbers, and then left out: it has none.
    stop, take = (None if signal == "HOLD" else level for level in levels)
    try:
        return Answer(
            signal=signal,
            confidence=round(_number(document, "confidence")),
            fraction=_number(document, "position_size"),
            reasoning=plain(reasoning),
            stop=stop,
            take=take,
        )
    except ValidationError as error:
        raise _malformed(str(error.errors()[0]["msg"])) from None


def parse_note(text: str, *, longest: int = 2_000) -> tuple[str, str]:
    """Read a note and its directional statement: `up`, `down` or `none`.

    Raises:
        DataMalformed: it is no such answer.

    >>> parse_note('{"note": "Quiet.", "direction": "none"}')
    ('Quiet.', 'none')
    """
    document = _document(text)
    note, direction = document.get("note"), document.get("direction")
    if not isinstance(note, str) or direction not in ("up", "down", "none"):
        raise _malformed("note or direction is of another kind")
    if not (said := plain(note, longest=longest)):
        raise _malformed("its note is blank")
    return said, str(direction)


def plain(text: str, *, longest: int = REASONING) -> str:
    r"""Return text on one line, without control characters, cut to length.

    >>> plain("Weak\x1b[31m.\n<b>Sell</b>")
    'Weak[31m. <b>Sell</b>'
    """
    kept = "".join(
        " " if one in "\n\r\t" else one for one in text if one.isprintable() or one in "\n\r\t"
    )
    return " ".join(kept.split())[:longest]


def _document(text: str) -> dict[str, Any]:
    if not text.strip():
        raise _malformed("it is blank")
    try:
        document = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise _malformed("it is no JSON, was cut off, or says a thing twice") from None
    if not isinstance(document, dict):
        raise _malformed("it is no JSON object")
    return document


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a key stands there twice, and nobody knows which is meant")
    return document


def _number(document: dict[str, Any], key: str) -> float:
    value = document[key]
    # Compared and not converted: an integer of 400 digits has no float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _HUGE:
        raise _malformed(f"{key} is no finite number")
    return float(value)


def _malformed(why: str) -> DataMalformed:
    return DataMalformed(f"The LLM's answer is refused: {why}.", remedy="The rules answer instead.")
