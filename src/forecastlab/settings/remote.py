"""Settings of the inference server that members may be asked of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from forecastlab.settings.variable import Values, Variable, number

VARIABLES: Final = (
    Variable(
        "ML_GPU_INFERENCE_URL",
        "",
        "Inference server, as http://gpu:5001 or with /predict. Empty: all is computed here.",
    ),
    Variable("ML_GPU_INFERENCE_TIMEOUT", "5", "Seconds for its answer, retry included."),
    Variable("ML_GPU_INFERENCE_API_KEY", "", "Its key, sent as X-API-Key."),
)


@dataclass(frozen=True)
class RemoteSettings:
    """The inference server: an empty URL means that there is none."""

    url: str
    timeout_s: float
    api_key: str = field(repr=False)


def read_remote(values: Values) -> RemoteSettings:
    """Read the group.

    Raises:
        ConfigError: a value cannot be read.
    """
    return RemoteSettings(
        url=values["ML_GPU_INFERENCE_URL"],
        timeout_s=number(values, "ML_GPU_INFERENCE_TIMEOUT"),
        api_key=values["ML_GPU_INFERENCE_API_KEY"],
    )
