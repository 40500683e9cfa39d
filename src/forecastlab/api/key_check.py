"""Whose request this is: by its key, compared in constant time, or by its address."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final

HEADER: Final = "X-API-Key"

Keys = Callable[[], Iterable[str]]
"""Gives the keys that are accepted now; they may change while the service runs."""


class KeyCheck:
    """Admits requests by key; where there never was a key, everyone.

    Once keys have been asked for, none left admits nobody: an emptied file opens no door.

    >>> check = KeyCheck(lambda: ["first", "second"])
    >>> check.admitted(b"second"), check.admitted(b"third"), check.admitted(None)
    ('key:16367aac', None, None)
    >>> KeyCheck(lambda: []).admitted(None)
    ''
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._given: tuple[str, ...] = ()
        self._digests: tuple[bytes, ...] = ()
        self._demanded = False
        # Now, and not at the first request: until then the keys may have gone.
        self._refresh()

    @property
    def demanded(self) -> bool:
        """Whether a request needs a key."""
        self._refresh()
        return self._demanded

    def admitted(self, presented: bytes | None) -> str | None:
        """Return the caller that a key names, empty where none is demanded, or None: refused."""
        self._refresh()
        if not self._demanded:
            return ""
        if presented is None:
            return None
        # Digests have one length, so that neither it nor the first differing byte can be timed;
        # every key is compared, so that the place of the right one cannot either.
        digest = sha256(presented).digest()
        found = False
        for one in self._digests:
            found |= hmac.compare_digest(one, digest)
        return f"key:{digest.hex()[:8]}" if found else None

    def _refresh(self) -> None:
        given = tuple(self._keys())
        if given != self._given:
            self._given = given
            self._digests = tuple(sha256(one.encode()).digest() for one in given)
            self._demanded = True
