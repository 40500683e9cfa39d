"""Settings of the inference server that members may be asked of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from forecastlab.contracts.errors import ConfigError
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
    """The inference server by the route that is asked; an empty one means that there is none."""

    url: str
    timeout_s: float
    api_key: str = field(repr=False)


def read_remote(values: Values) -> RemoteSettings:
    """Read the group.

    Raises:
        ConfigError: a value cannot be read.
    """
    return RemoteSettings(
        url=predict_url(values["ML_GPU_INFERENCE_URL"]),
        timeout_s=number(values, "ML_GPU_INFERENCE_TIMEOUT"),
        api_key=values["ML_GPU_INFERENCE_API_KEY"],
    )


def predict_url(text: str) -> str:
    """Return the route that members are asked on, of a server named by it or by its base URL.

    Raises:
        ConfigError: it is no URL of a server.

    >>> predict_url("http://gpu:5001/"), predict_url("http://gpu:5001/ml/predict"), predict_url("")
    ('http://gpu:5001/predict', 'http://gpu:5001/ml/predict', '')
    """
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not match
        named = False
    if not named or any(one in text for one in "@?#") or not text.isprintable() or " " in text:
        raise ConfigError(
            "ML_GPU_INFERENCE_URL is no URL of a server.",
            remedy="Write it as http://gpu:5001; its key goes into ML_GPU_INFERENCE_API_KEY.",
        )
    path = parts.path.rstrip("/")
    whole = path if path.endswith("/predict") else f"{path}/predict"
    return f"{parts.scheme}://{parts.netloc}{whole}"
