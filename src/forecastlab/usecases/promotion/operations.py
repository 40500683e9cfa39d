"""Gates that need no comparison of forecasts: how it was trained, its health, its shadow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forecastlab.contracts.manifest import Manifest
from forecastlab.usecases.open_bundle import OpenBundle
from forecastlab.usecases.promotion.gate import Gate
from forecastlab.usecases.workspace import Workspace


def training_gate(champion: Manifest) -> Gate:
    """Return the gate that keeps a bundle of `train --quick` from replacing a whole training's.

    Such a training skips the proof that it finds no skill where there is none.
    """

    def check(bundle: OpenBundle) -> Mapping[str, Any]:
        fine = not is_quick(bundle.files.manifest) or is_quick(champion)
        why = "it was trained in small, for trials, and the champion was not."
        return _told({}, passed=fine, otherwise=why)

    return check


def is_quick(manifest: Manifest) -> bool:
    """Say whether a bundle was trained with `--quick`."""
    return manifest.gates.get("quick") is True


def health_gate(workspace: Workspace) -> Gate:
    """Return the gate that asks for a healthy bundle."""

    def check(bundle: OpenBundle) -> Mapping[str, Any]:
        # What a promotion alone looks at; a rollback, which must take no time, does not pay for it.
        from forecastlab.usecases.health import health  # noqa: PLC0415

        found = health(workspace, bundle.files.name)
        why = "; ".join(f"{step.name}: {step.facts}" for step in found.failed)
        return _told(found.as_document(), passed=found.passed, otherwise=f"not healthy ({why}).")

    return check


def shadow_gate(workspace: Workspace) -> Gate:
    """Return the gate that asks for a passing shadow report over the configured span."""

    def check(bundle: OpenBundle) -> Mapping[str, Any]:
        from forecastlab.usecases.shadow_report import shadow_report  # noqa: PLC0415 - as above

        name = bundle.files.name
        if name not in workspace.registry.state().registered:
            why = f"it never was in shadow; `forecastlab bundles register {name}` puts it there."
            return _told({}, passed=False, otherwise=why)
        found = shadow_report(workspace, name)
        why = f"its shadow does not pass: {'; '.join(found.reasons)}."
        return _told(found.as_document(), passed=found.passed, otherwise=why)

    return check


def _told(document: Mapping[str, Any], *, passed: bool, otherwise: str) -> dict[str, Any]:
    told = {**document, "passed": passed}
    return told if passed else {**told, "reason": otherwise}
