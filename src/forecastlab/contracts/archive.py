"""A bundle in one file, on its way to a machine without a bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, eq=False)
class ArchivedBundle:
    """What an archive holds, verified by nobody: the bundle's folder, and its files by path."""

    name: str
    files: Mapping[str, bytes]


class Archive(Protocol):
    """One archive file."""

    @property
    def location(self) -> str:
        """Where it lies, for messages."""
        ...

    def write(self, bundle: ArchivedBundle) -> bool:
        """Write it whole or not at all; False where the very same one lies there already.

        Raises:
            UsageError: another file lies there.
            StoreUnavailable: it cannot be written.
        """
        ...

    def read(self) -> ArchivedBundle:
        """Read it into memory.

        Raises:
            UsageError: there is no such file.
            BundleRefused: it is no archive of plain files below one folder, or holds too much.
        """
        ...
