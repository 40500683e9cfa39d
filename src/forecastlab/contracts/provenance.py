"""What a bundle states of its making."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Provenance:
    """Where a bundle comes from: commit, interpreter, every installed package."""

    git_commit: str
    python: str
    packages: Mapping[str, str]
