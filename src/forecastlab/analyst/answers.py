"""What is taken from an LLM's words: a strict document, or a reason why there is none."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from pydantic import ValidationError

from forecastlab.contracts.analysis import REASONING, Answer
from forecastlab.contracts.errors import DataMalformed

KEYS: Final = ("signal", "confidence", "position_size", "stop_loss", "take_profit", "reasoning")


def parse_answer(text: str) -> Answer:
    """Read an answer as the prompt asks for it.

    Against the original: a missing key, a text for a number, True for 1, NaN, a level on the wrong
    side or out of bounds, and unbounded text are refused, and not passed on.

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
    if signal not in {"BUY", "SELL", "HOLD"} or not isinstance(reasoning, str):
        raise _malformed("signal or reasoning is of another kind")
    hold = signal == "HOLD"
    stop, take = (
        None if hold or document[key] is None else _number(document, key) / 100
        for key in ("stop_loss", "take_profit")
    )
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
    if not isinstance(note, str) or not note.strip() or direction not in {"up", "down", "none"}:
        raise _malformed("note or direction is of another kind")
    return plain(note, longest=longest), str(direction)


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
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _malformed("it is no JSON, or was cut off") from None
    if not isinstance(document, dict):
        raise _malformed("it is no JSON object")
    return document


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _number(document: dict[str, Any], key: str) -> float:
    value = document[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _malformed(f"{key} is no finite number")
    return float(value)


def _malformed(why: str) -> DataMalformed:
    return DataMalformed(f"The LLM's answer is refused: {why}.", remedy="The rules answer instead.")
