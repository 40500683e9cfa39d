"""The deployed job, where there is one."""

from __future__ import annotations

from forecastlab.contracts.cloud_jobs import CloudJobs
from forecastlab.contracts.errors import ConfigError
from forecastlab.settings import Settings


def open_cloud(settings: Settings) -> CloudJobs:
    """Open the deployed job.

    Raises:
        ConfigError: no project or region is set, or the client is not installed.
    """
    project, region, job = cloud_job(settings)
    if not region:
        raise ConfigError(
            "FORECASTLAB_REGION names no region.", remedy="Set it to the region of the job."
        )
    try:
        # The client costs 0.5 s of a start, and only `cloud` pays for it.
        from forecastlab.adapters.cloud_run import CloudRunJobs  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"`cloud` needs {error.name}, which is not installed.",
            remedy="Install it with `pip install 'forecastlab[cloud]'`.",
        ) from error
    return CloudRunJobs(project, region, job, endpoint=settings.cloud_endpoint)


def cloud_job(settings: Settings) -> tuple[str, str, str]:
    """Return project, region and name of the deployed job.

    Raises:
        ConfigError: no project is set.
    """
    if not settings.project:
        raise ConfigError(
            "FORECASTLAB_PROJECT names no project.",
            remedy="Set it to the Google Cloud project that deploy/setup.sh has set up.",
        )
    return settings.project, settings.region, settings.job
