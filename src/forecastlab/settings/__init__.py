"""All settings: one frozen object, read once from the environment and then `.env`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from forecastlab.contracts.cloud_task import CloudTask, cloud_task
from forecastlab.contracts.device import DeviceChoice
from forecastlab.contracts.errors import ConfigError
from forecastlab.contracts.intervals import parse_instant
from forecastlab.contracts.switches import Switches
from forecastlab.settings import analyst, notify, remote, serve, switches
from forecastlab.settings.variable import Variable, choice, count, flag, listed, number, text

_OWN: Final = (
    Variable(
        "FORECASTLAB_STORE",
        "outputs",
        "Where records lie: a folder, or gs://bucket/prefix (extra `cloud`).",
    ),
    Variable(
        "FORECASTLAB_SOURCE",
        "binance",
        "Where candles come from: binance, simulated, or file:PATH.",
    ),
    Variable(
        "FORECASTLAB_CONFIGS",
        "config",
        "Folder of the recipes: what is retrained, and how each deployment is operated.",
    ),
    Variable("FORECASTLAB_DEPLOYMENT", "flow_T21X8_T14X8", "The deployment that commands act on."),
    Variable(
        "FORECASTLAB_DEPLOYMENTS",
        "",
        "Deployments of `daily`, comma-separated; tasks of a cloud job share them. Empty: the one.",
    ),
    Variable(
        "FORECASTLAB_MODELS",
        "models/production",
        "Folder of the shipped bundles and champions.toml.",
    ),
    Variable(
        "PRODUCTION_DIR",
        "",
        "Folder of the one bundle to use, past the registry; shown on each record.",
    ),
    Variable(
        "FORECASTLAB_BINANCE_URL",
        "",
        "Base URLs of the candle API, comma-separated; empty: key-free endpoint, then API hosts.",
    ),
    Variable(
        "FORECASTLAB_BINANCE_DEADLINE_S", "120", "Seconds for one series, all retries included."
    ),
    Variable(
        "FORECASTLAB_SIMULATED_NOW", "", "The simulated market's clock, ISO 8601; empty: now."
    ),
    Variable("FORECASTLAB_SIMULATED_SEED", "7", "Seed of the simulated market."),
    Variable(
        "FORECASTLAB_DASHBOARD_ACCESS",
        "local",
        "Who may see the dashboard: local (this machine), iap (Google's proxy), login (OIDC).",
    ),
    Variable(
        "FORECASTLAB_DASHBOARD_ALLOW",
        "",
        "E-mail addresses that may see the dashboard, comma-separated; login demands it.",
    ),
    Variable(
        "FORECASTLAB_TEST_DATA", "../shared/data", "Real candles for the tests, if there are."
    ),
    Variable(
        "FORECASTLAB_DEVICE",
        "auto",
        "Where models compute: auto (a GPU that works, else the CPU), cpu, or cuda (or fail).",
    ),
    Variable(
        "FORECASTLAB_EXPECT_GPU",
        "0",
        "1 where the job has a GPU: a forecast made without it is marked degraded.",
    ),
    Variable("FORECASTLAB_PROJECT", "", "The Google Cloud project of the deployed job."),
    Variable("FORECASTLAB_REGION", "", "The region of the deployed job, as asia-southeast1."),
    Variable("FORECASTLAB_JOB", "forecastlab-daily", "The deployed job that `cloud` acts on."),
    Variable(
        "FORECASTLAB_CLOUD_ENDPOINT",
        "",
        "Base URL of another Cloud Run API, asked without credentials; empty: Google's.",
    ),
    Variable(
        "FORECASTLAB_COMMIT",
        "",
        "The commit that a bundle states; images set it. Empty: what git says.",
    ),
    Variable(
        "FORECASTLAB_LOG",
        "",
        "Least severity of log lines: debug, info, warning, error. Empty: warning; info in JSON.",
    ),
    Variable(
        "FORECASTLAB_LOG_FORMAT",
        "",
        "Log lines as text, or json (one event a line). Empty: json on Cloud Run, else text.",
    ),
)

VARIABLES: Final = (
    *_OWN,
    *remote.VARIABLES,
    *switches.VARIABLES,
    *notify.VARIABLES,
    *serve.VARIABLES,
    *analyst.VARIABLES,
)
"""Every variable; each group's own are in its file."""

_PASSED_ON: Final = (
    *("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST", "SSL_CERT_FILE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""Others' variables without which a run of this machine may not reach the world."""

_SECRET: Final = ("_KEY", "_KEYS", "_PASSWORD", "_SECRET", "_TOKEN", "REDIS_URL")
"""How the names of variables end that hold a secret."""


@dataclass(frozen=True)
class Settings:
    """The settings of one process."""

    store: str
    source: str
    deployment: str
    models: Path
    production_dir: Path | None
    binance_urls: tuple[str, ...]
    binance_deadline_s: float
    simulated_now: datetime | None
    simulated_seed: int
    log: str
    log_format: str
    deployments: tuple[str, ...]
    device: DeviceChoice
    expect_gpu: bool
    task: CloudTask
    secrets: Mapping[str, str] = field(repr=False)
    dashboard_access: str
    dashboard_allow: tuple[str, ...]
    project: str
    region: str
    job: str
    cloud_endpoint: str
    commit: str
    configs: Path
    remote: remote.RemoteSettings
    switches: Switches
    notify: notify.NotifySettings
    serve: serve.ServeSettings
    analyst: analyst.AnalystSettings


def read_settings(
    environment: Mapping[str, str] | None = None, *, folder: Path | None = None
) -> Settings:
    """Read the settings; the environment wins over `.env` in `folder` (default: here).

    Raises:
        ConfigError: a value cannot be read; the message names the variable.
    """
    defaults = {variable.name: variable.default for variable in VARIABLES}
    given = os.environ if environment is None else environment
    # A variable that is set and empty wins over `.env` too: it asks for the default.
    named = {name: given[name] for name in defaults if name in given}
    chosen = {**_dotenv((folder or Path.cwd()) / ".env"), **named}
    values = {name: text(name, chosen.get(name) or default) for name, default in defaults.items()}
    on_cloud_run = bool(given.get("CLOUD_RUN_JOB") or given.get("K_SERVICE"))
    values["FORECASTLAB_LOG_FORMAT"] = values["FORECASTLAB_LOG_FORMAT"] or (
        "json" if on_cloud_run else "text"
    )
    values["FORECASTLAB_LOG"] = values["FORECASTLAB_LOG"] or (
        "info" if values["FORECASTLAB_LOG_FORMAT"].lower() == "json" else "warning"
    )
    production, now = values["PRODUCTION_DIR"], values["FORECASTLAB_SIMULATED_NOW"]
    return Settings(
        store=values["FORECASTLAB_STORE"],
        source=values["FORECASTLAB_SOURCE"],
        deployment=values["FORECASTLAB_DEPLOYMENT"],
        models=Path(values["FORECASTLAB_MODELS"]),
        production_dir=Path(production) if production else None,
        binance_urls=listed(values["FORECASTLAB_BINANCE_URL"]),
        binance_deadline_s=number(values, "FORECASTLAB_BINANCE_DEADLINE_S"),
        simulated_now=parse_instant(now, what="FORECASTLAB_SIMULATED_NOW") if now else None,
        simulated_seed=count(values, "FORECASTLAB_SIMULATED_SEED"),
        log=choice(values, "FORECASTLAB_LOG", ("debug", "info", "warning", "error")),
        log_format=choice(values, "FORECASTLAB_LOG_FORMAT", ("text", "json")),
        deployments=listed(values["FORECASTLAB_DEPLOYMENTS"]),
        device=cast("DeviceChoice", choice(values, "FORECASTLAB_DEVICE", ("auto", "cpu", "cuda"))),
        expect_gpu=flag(values, "FORECASTLAB_EXPECT_GPU"),
        task=cloud_task(given),
        secrets={name: one for name, one in values.items() if name.endswith(_SECRET)},
        dashboard_access=choice(values, "FORECASTLAB_DASHBOARD_ACCESS", ("local", "iap", "login")),
        dashboard_allow=tuple(
            e.strip().lower() for e in values["FORECASTLAB_DASHBOARD_ALLOW"].split(",") if e.strip()
        ),
        project=values["FORECASTLAB_PROJECT"],
        region=values["FORECASTLAB_REGION"],
        job=values["FORECASTLAB_JOB"],
        cloud_endpoint=values["FORECASTLAB_CLOUD_ENDPOINT"],
        commit=values["FORECASTLAB_COMMIT"],
        configs=Path(values["FORECASTLAB_CONFIGS"]),
        remote=remote.read_remote(values),
        switches=switches.read_switches(values),
        notify=notify.read_notify(values),
        serve=serve.read_serve(values),
        analyst=analyst.read_analyst(values),
    )


def exported(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a scheduled run needs of this shell's environment: settings, and no secret.

    >>> exported({"FORECASTLAB_SOURCE": "simulated", "DEEPSEEK_API_KEY": "x", "TERM": "xterm"})
    {'FORECASTLAB_SOURCE': 'simulated'}
    """
    ours = (*(variable.name for variable in VARIABLES), *_PASSED_ON)
    return {
        name: environment[name]
        for name in ours
        if environment.get(name) and not name.endswith(_SECRET)
    }


def env_example() -> str:
    """Render `.env.example`: every variable with its meaning and default.

    >>> env_example().splitlines()[0].startswith("#")
    True
    """
    head = "# Copy to .env and change what you need; the environment wins over .env.\n"
    return head + "".join(f"\n# {one.meaning}\n{one.name}={one.default}\n" for one in VARIABLES)


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    # Imported only where there is a file: it costs every other start 10 ms.
    from dotenv import dotenv_values  # noqa: PLC0415

    known = {variable.name for variable in VARIABLES}
    try:
        found = {name: value for name, value in dotenv_values(path).items() if value}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.", remedy="Mend the file.") from error
    unknown = [name for name in found if name.startswith("FORECASTLAB_") and name not in known]
    if unknown:
        raise ConfigError(
            f"{path} sets {', '.join(unknown)}, which nothing reads.", remedy="See .env.example."
        )
    return found
