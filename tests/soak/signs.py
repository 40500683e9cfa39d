"""What can be seen of a fault: exit codes, documents of the store, messages, words of the log."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.soak.desk import Attempt


@dataclass(frozen=True)
class Left:
    """What some attempts left behind.

    Attributes:
        written: objects of the store that are new, or other than before.
        posts: titles of the messages that were sent.
    """

    asof: str
    attempts: tuple[Attempt, ...]
    written: Mapping[str, bytes]
    posts: tuple[str, ...]

    def documents(self, prefix: str) -> list[Any]:
        """Return the JSON documents written below a prefix."""
        return [json.loads(data) for key, data in self.written.items() if key.startswith(prefix)]


@dataclass(frozen=True)
class Sign:
    """One thing to be seen, in words, and how one looks for it."""

    told: str
    look: Callable[[Left], bool]


def exits(*codes: int) -> Sign:
    """The attempts ended so, in any order."""
    told = f"exit {', '.join(str(code) for code in codes)}"
    return Sign(told, lambda left: sorted(one.code for one in left.attempts) == sorted(codes))


def ends_with(code: int) -> Sign:
    """The last attempt, which looks at what the others did, ended so."""
    return Sign(f"exit {code} of who looks", lambda left: left.attempts[-1].code == code)


def report(code: int, result: str) -> Sign:
    """A run report holds the attempt."""
    return Sign(
        f"run: {result}",
        lambda left: any(
            (one["exit_code"], one["result"]) == (code, result) for one in left.documents("runs/")
        ),
    )


def counted(event: str) -> Sign:
    """A run report counts a log event: the fault was overcome, and left a trace."""
    return Sign(
        f"run counts {event}",
        lambda left: any(
            one["fields"].get("events", {}).get(event, 0) > 0 for one in left.documents("runs/")
        ),
    )


def step(name: str, status: str, part: str = "") -> Sign:
    """A step of a run ended so."""
    return Sign(
        f"step {name} {status}",
        lambda left: any(
            (found["name"], found["status"]) == (name, status) and part in found["detail"]
            for one in left.documents("runs/")
            for found in one["steps"]
        ),
    )


def degraded(word: str) -> Sign:
    """The day's record says it, and so does the run."""
    return Sign(
        f"record degraded: {word}",
        lambda left: (
            any(word in one["degraded"] for one in left.documents("predictions/daily/"))
            and any(word in one["fields"].get("degraded", ()) for one in left.documents("runs/"))
        ),
    )


def incident(rule: str) -> Sign:
    """An incident was opened, and somebody told of it."""
    return Sign(
        f"alert {rule}",
        lambda left: (
            any(key.startswith(f"alerts/{rule}/") for key in left.written)
            and any(f"{rule} opened" in title for title in left.posts)
        ),
    )


def posted(part: str) -> Sign:
    """A message was sent."""
    return Sign(f"message: {part}", lambda left: any(part in title for title in left.posts))


def wrote(prefix: str, told: str = "") -> Sign:
    """Something lies below a prefix now."""
    return Sign(
        told or f"{prefix}…", lambda left: any(key.startswith(prefix) for key in left.written)
    )


def nothing(prefix: str) -> Sign:
    """Nothing below a prefix is new or changed."""
    return Sign(
        f"no {prefix}…", lambda left: not any(key.startswith(prefix) for key in left.written)
    )


def said(part: str) -> Sign:
    """A command says it on stderr or stdout."""
    return Sign(
        f"it says “{part}”",
        lambda left: any(part in one.err or part in one.out for one in left.attempts),
    )


def shadow_error(part: str) -> Sign:
    """The shadow document holds the challenger's own error."""
    return Sign(
        f"shadow: {part}",
        lambda left: any(
            part in (told["error"] or "")
            for one in left.documents("shadow/")
            for told in one["challengers"]
        ),
    )
