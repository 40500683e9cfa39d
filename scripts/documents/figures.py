"""Where a single figure of a document comes from: a result, a recipe, a setting, the code."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from forecastlab.contracts.errors import DataMalformed
from forecastlab.report.figures import figure_text
from forecastlab.settings import VARIABLES
from scripts.documents.constants import constant


def write_figure(root: Path, source: str) -> str:
    """Return the figure of a source, `PATH [UNIT] [FORMAT]`.

    PATH begins with `results` (a file of `docs/results/`), `config` or `deploy` (a TOML there),
    `settings` (the default of a variable), or a module of the code, and goes on to one value:
    `results.serving.measured.first_answer_ms`, `config.direction.prediction_set.level`,
    `settings.CACHE_TTL`, `evaluation.gates.LEAST_OOF`.

    Raises:
        DataMalformed: there is no such value, or it is no figure.
    """
    path, _, form = source.partition(" ")
    try:
        return figure_text(_value(root, path.split(".")), form)
    except (IndexError, KeyError, OSError, TypeError, ValueError) as error:
        raise DataMalformed(
            f"No figure has the source {source!r} ({type(error).__name__}: {error}).",
            remedy="Name one that is there, as in docs/serving.md, or take the figure out.",
        ) from error


def _value(root: Path, path: Sequence[str]) -> object:
    first, *rest = path
    if first == "results":
        return _walk(_json(root / "docs" / first / f"{rest[0]}.json"), rest[1:])
    if first in {"config", "deploy"}:
        return _walk(_toml(root / first / f"{rest[0]}.toml"), rest[1:])
    if first == "settings":
        return {one.name: one.default for one in VARIABLES}[rest[0]]
    return constant(path)


def _walk(value: Any, names: Sequence[str]) -> object:
    for name in names:
        value = value[name] if isinstance(value, Mapping) else value[int(name)]
    return value


@cache
def _json(path: Path) -> Any:
    return json.loads(path.read_bytes())


@cache
def _toml(path: Path) -> Any:
    return tomllib.loads(path.read_text(encoding="utf-8"))
