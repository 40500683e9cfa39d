"""One finding of an examination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """What was looked at and found: `note` asks for a look, `failed` ends with its exit code."""

    name: str
    status: Literal["ok", "note", "failed"]
    facts: str
    remedy: str = ""
    exit_code: int = 0
