"""The one error tree; each error states the facts and ends with the remedy.

ForecastLabError                          exit code
├── UsageError           the request cannot be meant      2
│   └── ConfigError      a setting or TOML is wrong       2
├── DataError            data or store                    3
│   ├── DataUnavailable  not there, or out of reach       3
│   │   ├── UnknownSymbol    no such symbol, ever         3
│   │   └── RemoteFailed     a machine elsewhere fails    3
│   ├── DataMalformed    there, but not what it claims    3
│   ├── DataStale        there, but too old               3
│   ├── NotDelivered     a message did not reach all      3
│   └── StoreUnavailable the object store fails           3
│       └── PreconditionFailed  a create or swap lost     3
├── BundleRefused        a bundle is not what it claims   4
├── GateRefused          gate, audit or shadow says no    5
└── RecordConflict       same inputs, another answer      6

Outside of the tree, so that no step takes it for its own failure: Terminated, 143.
Anything else that reaches the shell is a bug: exit code 70.
"""

from __future__ import annotations

from typing import ClassVar, Final

EXIT_DONE: Final = 0
EXIT_INTERNAL: Final = 70
EXIT_TERMINATED: Final = 143
"""128 + 15, as shells and platforms write "ended by SIGTERM"; a later run repairs what it left."""


class ForecastLabError(Exception):
    """Base of all deliberate errors: what happened, then what to do about it.

    >>> str(DataStale("the newest candle is 2025-09-29.", remedy="Run `forecastlab update`."))
    'the newest candle is 2025-09-29. Run `forecastlab update`.'
    """

    exit_code: ClassVar[int] = EXIT_INTERNAL

    def __init__(self, facts: str, *, remedy: str) -> None:
        super().__init__(f"{facts} {remedy}")
        self.facts = facts
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders in joblib workers; `remedy` is keyword-only.
        return (_rebuild, (type(self), self.facts, self.remedy))


class Terminated(SystemExit):
    """The process was asked to end (SIGTERM): a time limit, a cancelled run, a machine going down.

    >>> Terminated().code
    143
    """

    def __init__(self) -> None:
        super().__init__(EXIT_TERMINATED)

    def __str__(self) -> str:
        """Say what happened, as the run report keeps it."""
        return "The run was asked to end (SIGTERM). Run again: what was begun is found."


def _rebuild(kind: type[ForecastLabError], facts: str, remedy: str) -> ForecastLabError:
    return kind(facts, remedy=remedy)


class UsageError(ForecastLabError):
    """The request cannot be meant as it stands."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting, an environment variable or a TOML file is wrong."""


class DataError(ForecastLabError):
    """Data or its store is not usable; a later retry may help."""

    exit_code = 3


class DataUnavailable(DataError):
    """The data is not there, or cannot be reached."""


class RemoteFailed(DataUnavailable):
    """A machine elsewhere gave no answer that can be used; what it was asked can be had otherwise.

    Attributes:
        kind: of which sort the failure is, for a breaker to count.
    """

    def __init__(self, facts: str, *, remedy: str, kind: str = "failed") -> None:
        super().__init__(facts, remedy=remedy)
        self.kind = kind

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_remote, (self.facts, self.remedy, self.kind))


def _rebuild_remote(facts: str, remedy: str, kind: str) -> RemoteFailed:
    return RemoteFailed(facts, remedy=remedy, kind=kind)


class UnknownSymbol(DataUnavailable):
    """The source has no such symbol; a retry does not help."""


class DataMalformed(DataError):
    """The data is there, but is not what it claims to be."""


class DataStale(DataError):
    """The data is there, but older than the request demands."""


class NotDelivered(DataError):
    """A message did not reach everyone whom it is meant for."""


class StoreUnavailable(DataError):
    """The object store cannot be read or written."""


class PreconditionFailed(StoreUnavailable):
    """A create-only write met an object, or a compare-and-swap met a newer one."""


class BundleRefused(ForecastLabError):
    """A bundle does not verify, or does not give its known answers."""

    exit_code = 4


class GateRefused(ForecastLabError):
    """A gate, the audit or the shadow report said no."""

    exit_code = 5


class RecordConflict(ForecastLabError):
    """The same inputs gave another answer than the sealed record holds."""

    exit_code = 6
