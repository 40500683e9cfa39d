"""One address that messages go to, and how a failure of it is told apart."""

from __future__ import annotations

from typing import Protocol

from forecastlab.contracts.errors import NotDelivered
from forecastlab.contracts.notifications import Message


class Carrier(Protocol):
    """Carries messages to one address.

    Neither its repr nor its errors show the address: it may hold a token in any of its parts.
    """

    @property
    def kind(self) -> str:
        """What people call such an address, as `webhook`."""
        ...

    def carry(self, message: Message) -> None:
        """Hand a message over, or fail.

        Raises:
            TryAgain: it was certainly not delivered; once more may help.
            NotDelivered: it was not and never will be, or nobody can tell: then it is not sent
                again, for twice is worse than late.
        """
        ...


def refused(why: str, *, remedy: str = "Mend FORECASTLAB_NOTIFY_SECRET.") -> NotDelivered:
    """Return the error of a delivery that failed for good, or of which nobody can tell."""
    return NotDelivered(why, remedy=remedy)
