"""The command `audit`: the leak prover on a recipe or a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecastlab.bootstrap import read_recipe
from forecastlab.cli import options, output
from forecastlab.evaluation.leakage.findings import CHECKS, AuditReport, CheckReport, as_document
from forecastlab.usecases.champion import choose


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(audit)


def audit(
    what: Annotated[
        str | None,
        typer.Argument(
            help="A recipe file, or a bundle's name (default: the champion).",
            metavar="[CONFIG|BUNDLE]",
        ),
    ] = None,
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Prove that no feature, label or model knows the future; exit 5 on any finding.

    On the simulated market unless --source is given; nothing is written.

    Example: forecastlab audit config/reversal.toml --source file:candles/
    """
    # Imported only here, as every start pays for what the program imports.
    from forecastlab.usecases.audit import (  # noqa: PLC0415
        audit_bundle,
        audit_recipe,
        refuse_findings,
    )
    from forecastlab.usecases.health import deployment_of  # noqa: PLC0415

    recipe = read_recipe(Path(what)) if what is not None and what.endswith(".toml") else None
    named = deployment or (recipe.name if recipe else None)
    workspace = options.workspace(
        named, source or "simulated", store, dry_run=True, verbose=verbose
    )
    if recipe is None and what is not None and deployment is None:
        own = deployment_of(workspace, what)
        workspace = options.workspace(own, source or "simulated", store, dry_run=True)
    if recipe is not None:
        report = audit_recipe(workspace, recipe)
    else:
        report = audit_bundle(workspace, choose(workspace, what).bundle)
    if as_json:
        output.print_json(_document(report))
    else:
        _show(report)
    refuse_findings(report)


def _document(report: AuditReport) -> dict[str, object]:
    return {
        "subject": report.subject,
        "passed": not report.findings,
        "duration_s": report.duration_s,
        "checks": {one.check: as_document(one) for one in report.checks},
    }


def _show(report: AuditReport) -> None:
    rows = [
        [one.check, CHECKS[one.check], f"{one.comparisons:,}", _said(one)] for one in report.checks
    ]
    output.table(
        ["check", "what is shown", "comparisons", "result"],
        rows,
        title=f"Audit of {report.subject}",
    )
    for one in report.checks:
        if one.not_shown:
            output.say(f"{one.check} is left out: {one.not_shown}.")
    for finding in report.findings:
        output.say(f"{finding.check} {finding.sentence}")
    output.say(f"{len(report.findings)} finding(s) in {report.duration_s:g} s.")


def _said(one: CheckReport) -> str:
    if one.not_shown:
        return "left out"
    return "passed" if one.passed else f"{len(one.findings)} finding(s)"
