"""A search on a real Dask cluster: a scheduler and two worker processes on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pytest

from forecastlab.adapters.engines import engine
from forecastlab.contracts.errors import ConfigError, UsageError
from forecastlab.usecases.search import search
from tests.support.memory_store import MemoryStore
from tests.support.searches import PROVENANCE, search_candles, search_workspace, small_search


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    import distributed

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as running:
        yield running


@pytest.fixture
def joined(cluster: Any) -> Iterator[Any]:
    """Name the cluster's scheduler in Dask's own settings, as an operator does."""
    import dask

    with dask.config.set({"scheduler-address": cluster.scheduler_address}):
        yield cluster


def test_tasks_run_in_the_clusters_two_workers(joined: Any) -> None:
    workers = {worker.pid for worker in joined.workers.values()}
    with engine("dask"):
        ran_in = set(joblib.Parallel(n_jobs=-1)(joblib.delayed(os.getpid)() for _ in range(40)))
    assert len(workers) == 2
    assert ran_in == workers
    assert os.getpid() not in ran_in


def test_a_search_on_the_cluster_equals_one_in_this_process(joined: Any, tmp_path: Path) -> None:
    candles = search_candles(tmp_path / "candles")
    here, there = MemoryStore(), MemoryStore()
    with joblib.parallel_config(backend="sequential"):
        search(search_workspace(candles, here), small_search(), PROVENANCE)
    done_before = _done(joined)
    with engine("dask"):
        search(search_workspace(candles, there), small_search(), PROVENANCE)
    assert _done(joined) > done_before
    assert there.contents() == here.contents()


def test_a_failing_task_keeps_its_error_and_remedy(joined: Any) -> None:
    with engine("dask"), pytest.raises(UsageError, match="cannot be meant") as caught:
        joblib.Parallel(n_jobs=-1)([joblib.delayed(_fail)()])
    assert caught.value.remedy == "Mean something else."


def test_without_a_scheduler_workers_are_started_here(cluster: Any) -> None:
    with engine("dask"):
        ran_in = set(joblib.Parallel(n_jobs=-1)(joblib.delayed(os.getpid)() for _ in range(8)))
    assert os.getpid() not in ran_in
    assert not ran_in & {worker.pid for worker in cluster.workers.values()}


def test_an_engine_that_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'forecastlab\[ray\]'"), engine("ray"):
        pass


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="Choose one of loky, dask, ray"), engine("spark"):
        pass


def _fail() -> None:
    raise UsageError("This cannot be meant.", remedy="Mean something else.")


def _done(cluster: Any) -> int:
    """Count the tasks that the workers have finished."""
    return int(cluster.scheduler.transition_counter)
