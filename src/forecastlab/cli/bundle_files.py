"""Commands that move a bundle as one file: `bundles export`, `bundles import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecastlab.bootstrap import open_archive
from forecastlab.cli import options, output
from forecastlab.cli.bundles import Name, bundle_commands
from forecastlab.usecases import move_bundle
from forecastlab.usecases.move_bundle import Moved

File = Annotated[Path, typer.Argument(help="The archive.", metavar="FILE.tar.gz")]


def add_to(app: typer.Typer) -> None:  # noqa: ARG001 - as every group; these join `bundles`
    """Add these commands to the program."""
    bundle_commands.command("export")(export_bundle)
    bundle_commands.command("import")(import_bundle)


def export_bundle(
    name: Name,
    file: File,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Write a bundle into one file, verified before and after; the same bundle, the same bytes.

    Example: forecastlab bundles export flow_T21X8_T14X8_20250930 flow.tar.gz
    """
    workspace = options.workspace(None, source, store)
    moved = move_bundle.export_bundle(workspace, name, open_archive(file))
    if as_json:
        output.print_json(moved)
    else:
        output.say(_told(moved, "was written", "lies there already, the very same"))


def import_bundle(
    file: File,
    models: Annotated[
        bool, typer.Option("--models", help="Into the folder of shipped bundles, not the store.")
    ] = False,
    source: options.Source = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Land the bundle of a file, verified before and after; it speaks only once it is promoted.

    Example: forecastlab bundles import flow.tar.gz
    """
    workspace = options.workspace(None, source, store)
    moved = move_bundle.import_bundle(workspace, open_archive(file), shipped=models)
    if as_json:
        output.print_json(moved)
        return
    output.say(_told(moved, "was imported", "is there already, the very same"))
    output.say("It does not speak yet. Into shadow, then to speak:")
    output.say(f"  forecastlab bundles register {moved.name}")
    output.say(f"  forecastlab promote {moved.name} --why …")


def _told(moved: Moved, done: str, nothing: str) -> str:
    said = done if moved.new else nothing
    return f"{moved.name} ({moved.files} files, {moved.digest}) {said}: {moved.location}"
