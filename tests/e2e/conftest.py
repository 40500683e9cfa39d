"""One small bundle of the synthetic market, trained once; a fresh store for every test."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from forecastlab.bootstrap import Choice, chosen_settings, open_workspace, provenance
from forecastlab.contracts.bundle_files import file_entry
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.manifest import CARD, MANIFEST, Manifest
from forecastlab.usecases.train import TrainRequest, train
from tests.support.command_line import CommandLine
from tests.support.made_once import made_once
from tests.support.synthetic import synthetic_market
from tests.support.workspaces import CUT_OFF, DAYS, small_recipe, write_candles


@dataclass(frozen=True)
class Lab:
    """A folder of candles, a folder of shipped bundles, and the bundle's name."""

    candles: Path
    models: Path
    bundle: str

    @property
    def source(self) -> str:
        """The candles as `--source` names them."""
        return f"file:{self.candles}"


def write_champion(models: Path, name: str) -> None:
    """Name the first champion, with its manifest's digest."""
    known = digest((models / name / "meta.json").read_bytes())
    table = f'[flow_T21X8_T14X8]\nbundle = "{name}"\ndigest = "{known}"\n'
    (models / "champions.toml").write_text(table)


@pytest.fixture(scope="session")
def trained_lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    root = made_once(tmp_path_factory, "lab", _train)
    models = root / "models"
    [name] = (path.parent.name for path in models.glob(f"*/{MANIFEST}"))
    return Lab(root / "candles", models, name)


def _train(root: Path) -> None:
    candles = write_candles(synthetic_market(DAYS, seed=11), root / "candles")
    models = root / "models"
    models.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECASTLAB_MODELS", str(models))
        settings = chosen_settings(
            Choice(source=f"file:{candles}", store=str(root / "train-store"))
        )
        workspace = open_workspace(settings)
        request = TrainRequest(small_recipe(), asof_name(CUT_OFF, "1d"), quick=True)
        write_champion(models, train(workspace, request, provenance()).name)


@pytest.fixture
def lab(trained_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Give the trained lab with its own store, as the environment's default."""
    models = tmp_path / "models"
    shutil.copytree(trained_lab.models, models)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORECASTLAB_MODELS", str(models))
    monkeypatch.setenv("FORECASTLAB_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FORECASTLAB_SOURCE", trained_lab.source)
    return Lab(trained_lab.candles, models, trained_lab.bundle)


@pytest.fixture
def second(lab: Lab) -> str:
    """Give a second, equal bundle under its own name."""
    return copy_of_bundle(lab, 2)


def copy_of_bundle(lab: Lab, number: int) -> str:
    """Write an equal bundle under the next name of this number, and return the name."""
    name = f"{lab.bundle}_{number}"
    folder = lab.models / name
    shutil.copytree(lab.models / lab.bundle, folder)
    manifest = Manifest.parse((folder / MANIFEST).read_bytes(), what="a test")
    card = (folder / CARD).read_text().replace(lab.bundle, name).encode()
    (folder / CARD).write_bytes(card)
    changed = {
        "name": name,
        "version": f"{manifest.version}_{number}",
        "files": {**manifest.files, CARD: file_entry(card)},
    }
    (folder / MANIFEST).write_bytes(manifest.model_copy(update=changed).stored())
    return name


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)
