"""What every extension is tried on: made-up candles, and a training in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import joblib
import pytest

from forecastlab.bootstrap import Choice, chosen_settings, open_workspace, provenance
from forecastlab.contracts.config import Recipe
from forecastlab.contracts.intervals import asof_name
from forecastlab.contracts.manifest import Manifest
from forecastlab.contracts.notifications import Notifier
from forecastlab.usecases.morning import Morning, morning
from forecastlab.usecases.predict import PredictRequest
from forecastlab.usecases.runs import recorded
from forecastlab.usecases.train import TrainRequest, train
from forecastlab.usecases.workspace import Workspace
from tests.e2e.conftest import write_champion
from tests.support.synthetic import synthetic_market
from tests.support.workspaces import CUT_OFF, DAYS, small_recipe, write_candles

Trained = Callable[[Recipe], Manifest]


@dataclass
class Desk:
    """Mornings on a store.

    Attributes:
        notifier: who is told; None leaves it to the settings.
    """

    source: str
    store: str
    notifier: Notifier | None = None

    @property
    def workspace(self) -> Workspace:
        """Return the workspace as a process of its own would open it."""
        opened = open_workspace(chosen_settings(Choice(source=self.source, store=self.store)))
        return opened if self.notifier is None else replace(opened, notifier=self.notifier)

    def wake(self, days_after_cut_off: int) -> Morning:
        """Run the morning of a day."""
        asof = asof_name(CUT_OFF + timedelta(days=days_after_cut_off), "1d")
        workspace = self.workspace
        with recorded(workspace, "daily") as attempt:
            return morning(workspace, PredictRequest(asof=asof), attempt)


@pytest.fixture(scope="session")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of one symbol's candles."""
    return write_candles(synthetic_market(DAYS, seed=11), tmp_path_factory.mktemp("candles"))


@pytest.fixture(scope="session")
def champion(candles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of bundles, of which the one that is in it speaks first."""
    root = tmp_path_factory.mktemp("champion")
    models = root / "models"
    models.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECASTLAB_MODELS", str(models))
        source, store = f"file:{candles}", str(root / "store")
        workspace = open_workspace(chosen_settings(Choice(source=source, store=store)))
        request = TrainRequest(recipe_with(("lightgbm",)), asof_name(CUT_OFF, "1d"), quick=True)
        write_champion(models, train(workspace, request, provenance()).name)
    return models


@pytest.fixture
def desk(candles: Path, champion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return mornings of the made-up candles, on an empty store."""
    monkeypatch.setenv("FORECASTLAB_MODELS", str(champion))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Desk(f"file:{candles}", str(tmp_path / "store"))


@pytest.fixture
def in_this_process() -> Iterator[None]:
    """Fit in threads: what a test has added is known to no other process."""
    with joblib.parallel_config(backend="threading"):
        yield


@pytest.fixture
def trained(
    candles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_this_process: None
) -> Trained:
    """Return what trains a recipe in small and gives the manifest of the bundle that it made."""
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("FORECASTLAB_MODELS", str(tmp_path / "models"))
    settings = chosen_settings(Choice(source=f"file:{candles}", store=str(tmp_path / "store")))

    def train_quickly(recipe: Recipe) -> Manifest:
        request = TrainRequest(recipe, asof_name(CUT_OFF, "1d"), quick=True)
        return train(open_workspace(settings), request, provenance()).manifest

    return train_quickly


def recipe_with(
    members: tuple[str, ...],
    *,
    candidates: tuple[str, ...] = ("T14_X8",),
    feature_set: str = "flow",
) -> Recipe:
    """Return the small recipe with other members, candidates and features."""
    recipe = small_recipe()
    variant = "scaled" if feature_set == "flow" else "raw"
    return recipe.model_copy(
        update={
            "members": {name: {} for name in members},
            "target": recipe.target.model_copy(update={"candidates": candidates}),
            "features": recipe.features.model_copy(update={"set": feature_set, "variant": variant}),
        }
    )
