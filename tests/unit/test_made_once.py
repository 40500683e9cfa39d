"""What a run of the tests makes once: by whom, for whom, and again after a failure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from tests.support.made_once import made_once


class Run:
    """Stands for pytest's factory of folders, of one worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def getbasetemp(self) -> Path:
        return self._folder


def factory(folder: Path) -> pytest.TempPathFactory:
    folder.mkdir(exist_ok=True)
    return cast(pytest.TempPathFactory, Run(folder))


def test_workers_at_once_share_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    makers: list[Path] = []

    def make(folder: Path) -> None:
        makers.append(folder)
        (folder / "bundle").write_text("made")

    workers = [factory(tmp_path / f"gw{number}") for number in range(6)]
    with ThreadPoolExecutor(len(workers)) as threads:
        found = list(threads.map(lambda one: made_once(one, "lab", make), workers))
    assert set(found) == {makers[0]}
    assert len(makers) == 1
    assert (found[0] / "bundle").read_text() == "made"
    assert found[0].parent == tmp_path


def test_without_workers_and_by_another_name_it_is_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    alone = factory(tmp_path / "run")
    first, second = (made_once(alone, name, lambda _: None) for name in ("lab", "demo"))
    assert first != second
    assert first.parent == second.parent == tmp_path / "run"


def test_what_failed_half_way_is_made_anew(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise ZeroDivisionError("half-way")

    run = factory(tmp_path / "run")
    with pytest.raises(ZeroDivisionError):
        made_once(run, "lab", fail)
    folder = made_once(run, "lab", lambda one: (one / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]
