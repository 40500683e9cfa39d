"""Time that passes only when someone sleeps, and chance that is always the same."""

from __future__ import annotations

from dataclasses import dataclass, field

from forecastlab.adapters.retry import Timing


@dataclass
class FakeTime:
    """Sleeps by turning its own clock on, and keeps the list of sleeps.

    Attributes:
        second: the steady clock's reading.
        chance: what each draw of chance gives, in [0, 1).
        slept: every sleep so far, in seconds.
    """

    second: float = 1000.0
    chance: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.slept.append(seconds)
        self.second += seconds

    @property
    def timing(self) -> Timing:
        """This time, as the retry policy takes it."""
        return Timing(self.sleep, lambda: self.second, lambda: self.chance)
