"""The command `retrain`: what a scheduler runs to keep a deployment's bundles fresh."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from forecastlab.bootstrap import compute_engine, provenance
from forecastlab.cli import options, output
from forecastlab.cli.shards import run_each
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.errors import ConfigError
from forecastlab.usecases.runs import recorded
from forecastlab.usecases.workspace import Workspace


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(retrain)


def retrain(
    config: Annotated[
        Path | None,
        typer.Argument(help="Recipe (default: the deployment's own).", metavar="[CONFIG]"),
    ] = None,
    force_due: Annotated[
        bool, typer.Option("--force-due", help="Train although the policy does not ask for it.")
    ] = False,
    promote: Annotated[
        bool,
        typer.Option("--promote/--no-promote", help="Let an earlier challenger that passes speak."),
    ] = True,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A small walk-forward, for trials; marked so in the bundle."),
    ] = False,
    device: options.Device = None,
    engine: options.Engine = "loky",
    deployment: options.Deployment = None,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
) -> None:
    """Train the challenger that the policy asks for; promote an earlier one whose gates pass.

    The policy stands in the recipe, `[operations] policy`: fixed, daily, weekly or monthly. A new
    bundle is kept in the store and enters shadow. FORECASTLAB_DEPLOYMENTS names several.

    Example: forecastlab retrain --deployment flow_T21X8_T14X8
    """
    listed = options.share(deployment) if config is None else None
    how = {"force_due": force_due, "quick": quick, "promote": promote}

    def run(name: str | None) -> dict[str, Any]:
        given = options.recipe(config) if config else None
        named = name or (given.name if given else None)
        workspace = options.workspace(named, source, store, verbose=verbose)
        own = given or _own(workspace)
        recipe = own.trained_on(options.training_device(device))
        workspace = replace(workspace, recipe=lambda: recipe)
        # The audit reads the whole history of all symbols: it draws it, unless a source is named.
        market = options.workspace(named, source or "simulated", store, dry_run=True)
        with compute_engine(engine):
            return _run(workspace, market, recipe, how)

    if listed is not None and len(listed) != 1:
        run_each(listed, run, as_json=as_json)
    done = run(listed[0] if listed else deployment)
    if as_json:
        output.print_json(done)
    else:
        output.say(done["result"])


def _run(
    workspace: Workspace, market: Workspace, recipe: Recipe, how: dict[str, bool]
) -> dict[str, Any]:
    # Training pulls in joblib and scipy; no other command pays for them.
    from forecastlab.usecases.promotion.chosen import Examination  # noqa: PLC0415
    from forecastlab.usecases.retrain import RetrainRequest  # noqa: PLC0415
    from forecastlab.usecases.retrain import retrain as retrain_due  # noqa: PLC0415

    request = RetrainRequest(recipe, **how)
    gates = Examination(workspace, market, provenance, quick=request.quick).gates
    with recorded(workspace, "retrain") as attempt:
        found = retrain_due(workspace, request, provenance(), gates=gates)
        attempt.result = "trained" if found.trained else "not_due"
    lines = []
    if found.promoted is not None:
        lines.append(f"{found.promoted.bundle} speaks from now on: its gates pass.")
    lines += [f"{name} stays in shadow: {why}" for name, why in found.refused.items()]
    lines += [f"{name} is trained, and in shadow from now on." for name in found.trained]
    if not found.trained:
        lines += [
            f"{one.version or workspace.deployment}: nothing is due;"
            f" {f'the next from {one.next_asof} on' if one.next_asof else 'the policy is fixed'}."
            for one in found.due
        ]
    return {"retrained": found, "result": "\n".join(lines)}


def _own(workspace: Workspace) -> Recipe:
    recipe = workspace.recipe()
    if recipe is None:
        raise ConfigError(
            f"No recipe makes {workspace.deployment}.",
            remedy="Name its TOML file, or the folder of recipes in FORECASTLAB_CONFIGS.",
        )
    return recipe
