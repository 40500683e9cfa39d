"""What the environment takes away from the models, and which version of them it asks for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forecastlab.contracts.degradations import STACK_SWITCHED_OFF, SWITCHED_OFF

MODELS_OFF: Final = SWITCHED_OFF.form
"""What `degraded` says of a record on which the base rate alone speaks."""

STACKING_OFF: Final = STACK_SWITCHED_OFF.form
"""What it says where a stack would have spoken and something simpler did."""


@dataclass(frozen=True)
class Switches:
    """Steps back from what the registry and the bundles say; the defaults take nothing.

    Attributes:
        enabled: False leaves the base rate alone to speak.
        stacking: False takes the next best method instead of a stack.
        version: the version of a deployment that has several, as it was written; empty: the
            registry's choice.
        model_path, feature_names_path: what the version's bundle must agree with, where given.
    """

    enabled: bool = True
    stacking: bool = True
    version: str = ""
    model_path: Path | None = None
    feature_names_path: Path | None = None


def steps_back(degraded: Collection[str]) -> frozenset[str]:
    """Return what a record's `degraded` says of switches that were off when it was made.

    >>> steps_back(("lstm: insufficient_rows(40<48)", STACKING_OFF)) == {STACKING_OFF}
    True
    """
    return frozenset(degraded) & {MODELS_OFF, STACKING_OFF}


def switches_of(degraded: Collection[str]) -> Switches:
    """Return the switches under which a record was made, as its `degraded` tells them.

    >>> switches_of((MODELS_OFF,)).enabled
    False
    """
    return Switches(enabled=MODELS_OFF not in degraded, stacking=STACKING_OFF not in degraded)
