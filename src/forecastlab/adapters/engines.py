"""Where joblib's tasks run: processes of this machine, a Dask cluster, or a Ray cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import joblib

from forecastlab.contracts.errors import ConfigError, UsageError

ENGINES: Final = ("loky", "dask", "ray")

_log = logging.getLogger(__name__)


@contextmanager
def engine(name: str) -> Iterator[None]:
    """Run joblib's tasks on an engine while the context is open.

    `loky` starts a process per core. `dask` joins the scheduler that Dask's own settings name
    (`DASK_SCHEDULER_ADDRESS`), or starts workers on this machine, one per core. `ray` joins the
    cluster of `RAY_ADDRESS`, or starts one here. Workers need this version of ForecastLab.

    Between these processes tasks and results are pickle, which both libraries are built on: a
    scheduler that strangers reach gives them this machine.

    Raises:
        UsageError: there is no such engine.
        ConfigError: its library is not installed.
    """
    if name == "loky":
        with joblib.parallel_config(backend="loky"):
            yield
    elif name == "dask":
        with _dask_client(), joblib.parallel_config(backend="dask"):
            yield
    elif name == "ray":
        _required("ray.util.joblib", extra="ray").register_ray()
        with joblib.parallel_config(backend="ray"):
            yield
    else:
        raise UsageError(
            f"There is no engine {name!r}.", remedy=f"Choose one of {', '.join(ENGINES)}."
        )


def _dask_client() -> Any:
    """Join the configured scheduler, or start workers on the loopback interface."""
    distributed = _required("distributed", extra="dask")
    address = _required("dask", extra="dask").config.get("scheduler-address", None)
    if address is not None:
        if not is_confined(str(address)):
            _log.warning(
                "the scheduler %s is asked without TLS: tasks and results are pickle, so whoever"
                " reaches its ports, or sits between, runs code here and there (docs/security.md)",
                address,
            )
        return distributed.Client(address)
    # One thread per process: learners fit with one thread each. Ports are free ones of loopback.
    return distributed.Client(
        n_workers=os.cpu_count(),
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    )


def is_confined(address: str) -> bool:
    """Say whether only this machine, or holders of a certificate, can speak with a scheduler.

    >>> [is_confined(one) for one in ("tcp://127.0.0.1:8786", "tls://gpu:8786", "tcp://gpu:8786")]
    [True, True, False]
    """
    scheme, _, rest = address.rpartition("://")
    host = rest.rpartition(":")[0].strip("[]")
    return scheme in {"tls", "wss", "inproc"} or host in {"127.0.0.1", "::1", "localhost"}


def _required(module: str, *, extra: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"The engine {extra} is not installed ({error.name} is missing).",
            remedy=f"Install it with `pip install 'forecastlab[{extra}]'`, or use --engine loky.",
        ) from error
