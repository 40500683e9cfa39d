"""A bundle moves whole and verified, or nothing of it does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from forecastlab.adapters.bundle_archive import BundleArchive
from forecastlab.adapters.bundle_shelf import BundleShelf
from forecastlab.contracts import keys
from forecastlab.contracts.archive import ArchivedBundle
from forecastlab.contracts.errors import BundleRefused, StoreUnavailable
from forecastlab.contracts.manifest import CARD, EVIDENCE, MANIFEST
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.registry import RegistryEvent
from forecastlab.usecases.health import health
from forecastlab.usecases.move_bundle import export_bundle, import_bundle
from forecastlab.usecases.workspace import Workspace
from tests.support.command_line import CommandLine
from tests.support.memory_store import MemoryStore
from tests.support.shipped_bundles import (
    FULL,
    SMALL,
    copy_shipped,
    restamp,
    rewrite,
    workspace_of,
)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return copy_shipped(tmp_path)


@pytest.fixture
def place(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Where bundles come from."""
    return workspace_of(models, tmp_path / "store", monkeypatch)


@dataclass(frozen=True)
class Elsewhere:
    """Another machine: no shipped bundle, an empty store."""

    models: Path
    store: MemoryStore
    workspace: Workspace


@pytest.fixture
def there(place: Workspace, tmp_path: Path) -> Elsewhere:
    models, store = tmp_path / "there", MemoryStore()
    models.mkdir()
    bundles = BundleShelf(models, store)
    return Elsewhere(models, store, replace(place, store=store, bundles=bundles))


@pytest.fixture
def archive(place: Workspace, tmp_path: Path) -> BundleArchive:
    found = BundleArchive(tmp_path / "small.tar.gz")
    export_bundle(place, SMALL, found)
    return found


def test_an_export_is_verified_and_the_same_each_time(place: Workspace, tmp_path: Path) -> None:
    one, other = (BundleArchive(tmp_path / name) for name in ("one.tar.gz", "other.tar.gz"))
    first = export_bundle(place, FULL, one)
    assert first.new and first.digest == place.bundles.find(FULL).digest
    export_bundle(place, FULL, other)
    assert Path(one.location).read_bytes() == Path(other.location).read_bytes()
    assert export_bundle(place, FULL, one).new is False


def test_a_bundle_that_does_not_verify_does_not_leave(
    place: Workspace, models: Path, tmp_path: Path
) -> None:
    with (models / SMALL / CARD).open("a") as card:
        card.write("more")
    with pytest.raises(BundleRefused, match=CARD):
        export_bundle(place, SMALL, BundleArchive(tmp_path / "x.tar.gz"))
    restamp(models / SMALL, lambda document: document["packages"].update(lightgbm="99.0"))
    with pytest.raises(BundleRefused, match="lightgbm"):
        export_bundle(place, SMALL, BundleArchive(tmp_path / "x.tar.gz"))
    assert not (tmp_path / "x.tar.gz").exists()


@pytest.mark.parametrize("shipped", [False, True])
def test_an_import_lands_whole_and_is_healthy_there(
    there: Elsewhere, archive: BundleArchive, place: Workspace, shipped: bool
) -> None:
    moved = import_bundle(there.workspace, archive, shipped=shipped)
    assert moved.new and moved.name == SMALL
    assert there.workspace.bundles.find(SMALL).digest == place.bundles.find(SMALL).digest
    assert bool(there.store.written) is not shipped
    assert (there.models / SMALL).exists() is shipped
    again = import_bundle(there.workspace, archive, shipped=shipped)
    assert (again.new, again.location) == (False, moved.location)
    assert health(there.workspace, SMALL).passed
    assert there.workspace.registry.events() == ()


def test_in_the_store_the_manifest_comes_last(there: Elsewhere, archive: BundleArchive) -> None:
    import_bundle(there.workspace, archive)
    assert there.store.written[-1] == f"{keys.bundle(SMALL)}{MANIFEST}"


def packed(folder: Path, at: Path, name: str = "") -> BundleArchive:
    """Pack a folder as it is, as who has another tar would."""
    found = BundleArchive(at)
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    found.write(ArchivedBundle(name or folder.name, files))
    return found


def without_card(bundle: Path) -> None:
    (bundle / CARD).unlink()


def with_more(bundle: Path) -> None:
    (bundle / "more.txt").write_text("more")


def of_another_version(bundle: Path) -> None:
    shutil.copy(bundle.parent / FULL / EVIDENCE, bundle / EVIDENCE)
    shutil.copy(bundle.parent / FULL / CARD, bundle / CARD)


def newer(bundle: Path) -> None:
    rewrite(bundle / MANIFEST, lambda document: document.update(schema_version=2))


def other_library(bundle: Path) -> None:
    restamp(bundle, lambda document: document["packages"].update(numpy="99.0.0"))


def other_answers(bundle: Path) -> None:
    rewrite(bundle / "model_T14_X8" / "first_passage.json", lambda one: one.update(level=0.1))
    restamp(bundle)


def renamed(bundle: Path) -> None:
    restamp(bundle, lambda document: document.update(name="another"))


def path_outside(bundle: Path) -> None:
    def named(document: dict[str, dict[str, object]]) -> None:
        document["files"]["../x"] = document["files"]["model_T14_X8/rule.json"]

    rewrite(bundle / MANIFEST, named)


SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "a file missing": (without_card, "model_card.md: missing"),
    "a file more": (with_more, "more.txt: not in its manifest"),
    "files of another version": (of_another_version, "changed"),
    "a newer schema": (newer, "Update ForecastLab"),
    "another library": (other_library, "numpy 99.0.0"),
    "other answers": (other_answers, "known answers"),
    "another name": (renamed, "'another'"),
    "a path outside": (path_outside, "'../x'"),
    "no manifest": (lambda bundle: (bundle / MANIFEST).unlink(), "no meta.json"),
}


@pytest.mark.parametrize("spoiled", SPOILED)
@pytest.mark.parametrize("shipped", [False, True])
def test_what_does_not_verify_leaves_nothing_behind(
    there: Elsewhere, models: Path, tmp_path: Path, spoiled: str, shipped: bool
) -> None:
    spoil, part = SPOILED[spoiled]
    spoil(models / SMALL)
    with pytest.raises(BundleRefused, match=part):
        import_bundle(
            there.workspace, packed(models / SMALL, tmp_path / "x.tar.gz"), shipped=shipped
        )
    assert there.store.written == [] and list(there.models.iterdir()) == []


def test_a_folder_of_another_name_is_refused(
    there: Elsewhere, models: Path, tmp_path: Path
) -> None:
    with pytest.raises(BundleRefused, match="'champion'"):
        import_bundle(
            there.workspace, packed(models / SMALL, tmp_path / "x.tar.gz", name="champion")
        )
    assert there.store.written == []


def test_another_bundle_of_the_name_is_refused_wherever_it_is_known(
    there: Elsewhere, archive: BundleArchive, models: Path
) -> None:
    restamp(models / SMALL, lambda document: document.update(git_commit="f" * 40))
    shutil.copytree(models / SMALL, there.models / SMALL)
    with pytest.raises(BundleRefused, match="holds other bytes"):
        import_bundle(there.workspace, archive)
    shutil.rmtree(there.models / SMALL)
    there.store.put(f"{keys.bundle(SMALL)}{CARD}", b"another", if_generation=ABSENT)
    with pytest.raises(BundleRefused, match="holds other bytes"):
        import_bundle(there.workspace, archive)
    assert there.store.written == [f"{keys.bundle(SMALL)}{CARD}"]


def test_a_bundle_that_the_registry_knows_by_another_digest_is_refused(
    there: Elsewhere, archive: BundleArchive, place: Workspace
) -> None:
    event = RegistryEvent(
        sequence=1,
        kind="registered",
        deployment=place.deployment,
        bundle=SMALL,
        bundle_digest="sha256:" + "0" * 64,
        previous=None,
        at=place.wall.now(),
        by="a test",
        why="a test",
    )
    key = keys.registry_event(place.deployment, 1)
    there.store.put(key, event.stored(), if_generation=ABSENT)
    with pytest.raises(BundleRefused, match="the registry knows another"):
        import_bundle(there.workspace, archive)
    assert there.store.written == [key]


@pytest.mark.parametrize("shown_before", [False, True])
def test_an_import_that_was_cut_short_is_seen_by_nobody_and_completed(
    there: Elsewhere, archive: BundleArchive, place: Workspace, shown_before: bool
) -> None:
    """A store cannot take back what it holds: the manifest comes last, and a rerun goes on."""
    if shown_before:
        there.workspace.bundles.show_in_store(place.bundles.find(SMALL))

    def full(key: str) -> None:
        if len(there.store.written) >= 7:
            raise StoreUnavailable("The disk is full.", remedy="Free some space.")

    there.store.before_put = full
    with pytest.raises(StoreUnavailable):
        import_bundle(there.workspace, archive)
    if not shown_before:
        assert there.workspace.bundles.names() == ()
    there.store.before_put = lambda key: None
    assert import_bundle(there.workspace, archive).new is True
    assert there.workspace.bundles.find(SMALL).digest == place.bundles.find(SMALL).digest


def test_a_folder_that_reads_back_differently_is_taken_away(
    there: Elsewhere, archive: BundleArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, data: write(path, data[:-1]))
    with pytest.raises(StoreUnavailable, match="reads back differently"):
        import_bundle(there.workspace, archive, shipped=True)
    assert list(there.models.iterdir()) == []


def test_the_commands(
    place: Workspace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cli, file = CommandLine(capsys, monkeypatch), str(tmp_path / "b.tar.gz")
    told = cli("bundles", "export", SMALL, file)
    assert told.code == 0 and "was written" in told.out
    assert cli("bundles", "export", SMALL, file, "--json").document["new"] is False
    monkeypatch.setenv("FORECASTLAB_MODELS", str(tmp_path / "none"))
    told = cli("bundles", "import", file)
    assert told.code == 0, told.err
    assert f"forecastlab promote {SMALL} --why" in told.out
    assert cli("bundles", "list", "--json").document[0]["name"] == SMALL
    assert cli("bundles", "verify", SMALL).code == 0
    assert "already" in cli("bundles", "import", file).out
    Path(file).write_bytes(Path(file).read_bytes()[:-100])
    cli("bundles", "import", file).refused(4, "cut short")
    cli("bundles", "import", str(tmp_path / "absent")).refused(2, "absent")
    cli("bundles", "export", "nothing", file).refused(4, "no bundle")
