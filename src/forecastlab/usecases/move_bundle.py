"""Move a bundle as one file: verified before it leaves, before it lands, and where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from forecastlab.contracts import keys
from forecastlab.contracts.archive import Archive, ArchivedBundle
from forecastlab.contracts.bundle_files import BundleFiles, verified
from forecastlab.contracts.errors import BundleRefused
from forecastlab.contracts.manifest import MANIFEST
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.usecases.open_bundle import open_bundle
from forecastlab.usecases.workspace import Workspace


@dataclass(frozen=True)
class Moved:
    """What became of a move; `new` is False where the very same bundle lay there already."""

    name: str
    deployment: str
    digest: str
    location: str
    files: int
    new: bool


def export_bundle(workspace: Workspace, name: str, archive: Archive) -> Moved:
    """Write a bundle into an archive and read it back.

    Raises:
        BundleRefused: the bundle does not verify or does not give its known answers, or the archive
            reads back differently.
        UsageError: another file lies there.
        StoreUnavailable: the archive cannot be written.
    """
    files = workspace.bundles.find(name)
    open_bundle(files)
    new = archive.write(ArchivedBundle(name, {**files.files, MANIFEST: files.manifest_bytes}))
    again = _verified(archive)
    if again.digest != files.digest:
        raise BundleRefused(
            f"{archive.location} reads back differently.", remedy="Check the disk; export again."
        )
    return _moved(files, archive.location, new=new)


def import_bundle(workspace: Workspace, archive: Archive, *, shipped: bool = False) -> Moved:
    """Land the bundle of an archive in the store, or (`shipped`) in the folder of shipped bundles.

    Everything is checked in memory before the first byte is written, and read back after the last.
    The registry hears nothing: the bundle speaks once it is promoted.

    Raises:
        BundleRefused: the archive is refused, its files are not those of its manifest, the bundle
            does not load or give its known answers here, or another one lies under its name.
        StoreUnavailable: the store or the folder cannot be written.
    """
    bundle = _verified(archive)
    found = {**bundle.files, MANIFEST: bundle.manifest_bytes}
    where = _lies_already(workspace, bundle, found)
    open_bundle(bundle)
    if where is not None:
        return _moved(bundle, where, new=False)
    keep = workspace.bundles.keep_in_folder if shipped else workspace.bundles.keep_in_store
    location = keep(bundle.name, found)
    if workspace.bundles.find(bundle.name).digest != bundle.digest:
        raise BundleRefused(
            f"{location} reads back differently.", remedy="Check the disk; import it again."
        )
    return _moved(bundle, location, new=True)


def _verified(archive: Archive) -> BundleFiles:
    """Read an archive and check it against its own manifest, name and bytes.

    Raises:
        BundleRefused: they differ.
    """
    found = archive.read()
    bundle = verified(found.files, where=archive.location)
    if bundle.name != found.name:
        raise BundleRefused(
            f"{archive.location} holds a folder {found.name!r} whose manifest is of"
            f" {bundle.name!r}.",
            remedy="Export the bundle again with `forecastlab bundles export`.",
        )
    return bundle


def _lies_already(
    workspace: Workspace, bundle: BundleFiles, found: Mapping[str, bytes]
) -> str | None:
    """Return where the very same bundle lies, or None.

    The store may hold some of its files: those of an import that was cut short, or what a
    publication shows there of a shipped bundle. They are completed.

    Raises:
        BundleRefused: anything else lies, or is known, under the bundle's name.
    """
    name, store = bundle.name, workspace.store
    for key in store.list(keys.registry(bundle.manifest.deployment)):
        stored = store.get(key)
        event = None if stored is None else RegistryEvent.parse(stored.data, what=key)
        if event is not None and event.bundle == name and event.bundle_digest != bundle.digest:
            raise _another(name, "the registry knows another bundle by this name")
    if not workspace.bundles.taken(name):
        return None
    where, files = workspace.bundles.as_found(name)
    if dict(files) == dict(found):
        return where
    in_store = where == f"{store.location}/{keys.bundle(name).rstrip('/')}"
    if not in_store or not files.items() <= found.items():
        raise _another(name, f"{where} holds other bytes")
    return None


def _another(name: str, why: str) -> BundleRefused:
    return BundleRefused(
        f"The bundle {name} cannot be imported: {why}. Nothing was written.",
        remedy="Two bundles share a name: train again, which takes a free one.",
    )


def _moved(bundle: BundleFiles, location: str, *, new: bool) -> Moved:
    return Moved(
        name=bundle.name,
        deployment=bundle.manifest.deployment,
        digest=bundle.digest,
        location=location,
        files=len(bundle.files) + 1,
        new=new,
    )
