"""The variables of the inference server, as a person may write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecastlab.contracts.errors import ConfigError
from forecastlab.settings import read_settings


@pytest.mark.parametrize(
    "url",
    [
        "box:5001",
        "ftp://box/predict",
        "http://",
        "http://:5001",
        "http://box:port",
        "http://box:99999",
        "http://user:s3cret@box:5001",
        "http://box:5001/predict?key=s3cret",
        "http://box:5001/#top",
        "http://box :5001",
        "http://box:5001/\nX-Admin: 1",
        "http://[box",
    ],
)
def test_a_url_that_names_no_server_is_refused_without_repeating_it(
    url: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="ML_GPU_INFERENCE_URL") as caught:
        read_settings({"ML_GPU_INFERENCE_URL": url}, folder=tmp_path)
    told = str(caught.value)
    assert "box" not in told
    assert "s3cret" not in told


def test_the_deadline_may_have_a_fraction_and_the_key_is_masked(tmp_path: Path) -> None:
    given = {
        "ML_GPU_INFERENCE_URL": "https://[::1]:5001/predict",
        "ML_GPU_INFERENCE_TIMEOUT": "2.5",
        "ML_GPU_INFERENCE_API_KEY": "s3cret",
    }
    settings = read_settings(given, folder=tmp_path)
    assert settings.remote.url == "https://[::1]:5001/predict"
    assert settings.remote.timeout_s == 2.5
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize("deadline", ["0", "-1", "nan", "inf", "five"])
def test_a_deadline_that_is_none_is_refused(deadline: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ML_GPU_INFERENCE_TIMEOUT"):
        read_settings({"ML_GPU_INFERENCE_TIMEOUT": deadline}, folder=tmp_path)
