"""Everyone who is to be told: the log first, then every address, each by itself."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Thread
from typing import Final

from forecastlab.adapters.notify.carrier import Carrier, refused
from forecastlab.adapters.notify.log import LogNotifier
from forecastlab.adapters.retry import REAL_TIME, GaveUp, RetryPolicy, Timing, retry
from forecastlab.contracts.errors import NotDelivered
from forecastlab.contracts.notifications import Message

_ONCE_MORE: Final = RetryPolicy(first_delay_s=1.0, attempts=2, deadline_s=20.0)

_DEADLINE_S: Final = 15.0
"""Seconds that one attempt may take in all; a library's own limit is for one read of many."""

_MAIL: Final = ("smtp", "smtps", "mailto", "mailtos")

_TALKATIVE: Final = ("apprise", "urllib3")
"""Loggers that write addresses."""


class Everyone:
    """Tells the log, and every address at the same time.

    What certainly was not delivered is tried once more; what may have been is not.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        *,
        deadline_s: float = _DEADLINE_S,
        timing: Timing = REAL_TIME,
    ) -> None:
        self._addresses = tuple(addresses)
        self._deadline_s, self._timing = deadline_s, timing
        self._log = LogNotifier()

    def send(self, message: Message) -> None:
        """Deliver a message to all.

        Raises:
            NotDelivered: some address failed; the others have it. No address is named, only its
                place and kind.
        """
        self._log.send(message)
        if not self._addresses:
            return
        for name in _TALKATIVE:
            # For good: a thread that outlives its deadline still writes.
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        with ThreadPoolExecutor(len(self._addresses)) as pool:
            failed = list(pool.map(partial(self._tell, message), self._addresses))
        told = [
            f"address {place} of {len(failed)} ({error})"
            for place, error in enumerate(failed, start=1)
            if error is not None
        ]
        if told:
            raise NotDelivered(
                f"{message.key} was not delivered to {'; '.join(told)}",
                remedy="Try the addresses: `forecastlab alerts --try`.",
            )

    def _tell(self, message: Message, address: str) -> str | None:
        """Return why an address failed, or None."""
        kind = "unknown"
        try:
            carrier = carrier_of(address)
            kind = carrier.kind
            retry(partial(self._attempt, carrier, message), _ONCE_MORE, self._timing)
        except GaveUp as error:
            return f"{kind}: {error}"
        except NotDelivered as error:
            return f"{kind}: {error}"
        except Exception as error:  # noqa: BLE001 - a library's bug at one address is not the others'
            return f"{kind}: {type(error).__name__}"
        return None

    def _attempt(self, carrier: Carrier, message: Message) -> None:
        """Try once, for so long; a thread, for no library has a deadline for all it does."""
        ended: list[Exception | None] = []

        def work() -> None:
            try:
                carrier.carry(message)
            except Exception as error:  # noqa: BLE001 - raised again below
                ended.append(error)
            else:
                ended.append(None)

        thread = Thread(target=work, name="notify", daemon=True)
        thread.start()
        thread.join(self._deadline_s)
        if not ended:
            raise refused(f"no answer within {self._deadline_s:g} s.")
        if ended[0] is not None:
            raise ended[0]


def carrier_of(address: str) -> Carrier:
    """Return what carries messages to an address.

    Raises:
        NotDelivered: it is none.
    """
    scheme, separator, _ = address.partition("://")
    if not separator:
        raise refused("it is no address.")
    # Each costs a start what it imports, and only its own addresses need it.
    if scheme.lower().startswith("webhook+"):
        from forecastlab.adapters.notify.webhook import Webhook  # noqa: PLC0415

        return Webhook(address)
    if scheme.lower() in _MAIL:
        from forecastlab.adapters.notify.mail import Mail  # noqa: PLC0415

        return Mail(address)
    from forecastlab.adapters.notify.services import Service  # noqa: PLC0415

    return Service(address)
