"""Switches over what the registry and the bundles say: how far to step back, which version."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from forecastlab.contracts.switches import Switches
from forecastlab.settings.variable import Values, Variable, flag

VARIABLES: Final = (
    Variable("ML_ENABLED", "1", "0: the base rate alone speaks, and the record says so."),
    Variable("ML_ENABLE_STACKING", "1", "0: the next best method instead of a stack; recorded."),
    Variable(
        "ML_MODEL_VERSION", "", "Signal version to use: v1, v2_6, v2_7. Empty: the registry's."
    ),
    Variable("ML_MODEL_PATH", "", "A bundle's folder or a model file in it; must agree with it."),
    Variable("ML_FEATURE_NAMES_PATH", "", "A bundle's folder or meta.json; must agree as well."),
)


def read_switches(values: Values) -> Switches:
    """Read the group.

    Raises:
        ConfigError: a value cannot be read.
    """
    model, names = values["ML_MODEL_PATH"], values["ML_FEATURE_NAMES_PATH"]
    return Switches(
        enabled=flag(values, "ML_ENABLED"),
        stacking=flag(values, "ML_ENABLE_STACKING"),
        version=values["ML_MODEL_VERSION"],
        model_path=Path(model) if model else None,
        feature_names_path=Path(names) if names else None,
    )
