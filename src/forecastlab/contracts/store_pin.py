"""The document that pins a store to one kind of candles."""

from __future__ import annotations

from typing import Literal

from forecastlab.contracts.ports import SourceKind
from forecastlab.contracts.records import Document


class StorePin(Document):
    """The kind of source that a store's candles and records come from; created once."""

    schema_version: Literal[1] = 1
    source: SourceKind
