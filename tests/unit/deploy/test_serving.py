"""How the HTTP service is deployed: its unit, its Cloud Run service, and the page that says how."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from typer.main import get_command

from forecastlab.api.app import create_app
from forecastlab.api.klines import Klines
from forecastlab.cli import program
from forecastlab.settings import VARIABLES
from forecastlab.settings.serve import Limits
from tests.support.deployment import DEPLOY, NAMES, filled_in
from tests.support.discovery import problems
from tests.support.imports import ROOT

UNIT: Final = DEPLOY / "serving" / "forecastlab-serve.service"
PAGE: Final = ROOT / "docs" / "serving.md"
KNOWN: Final = {variable.name for variable in VARIABLES}


def entries(text: str) -> list[tuple[str, str, str]]:
    """Read a unit: section, key, value; lines that end in a backslash go on."""
    section, found = "", []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.append((section, key, " ".join(value.split())))
    return found


def of_unit(key: str) -> list[str]:
    return [value for _, name, value in entries(UNIT.read_text(encoding="utf-8")) if name == key]


def options() -> set[str]:
    known = get_command(program()).commands["serve"].params  # type: ignore[attr-defined]
    return {option for one in known for option in one.opts}


def verified(unit: Path, folder: Path, **changed: str) -> str:
    """Return what systemd says of a unit whose program and user stand for those of the machine."""
    text = unit.read_text(encoding="utf-8").replace(
        "/opt/forecastlab/.venv/bin/forecastlab", "/bin/echo"
    )
    for old, new in changed.items():
        text = text.replace(old, new)
    copy = folder / unit.name
    copy.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_the_unit_is_one(tmp_path: Path) -> None:
    sections = {section for section, _, _ in entries(UNIT.read_text(encoding="utf-8"))}
    assert sections == {"Unit", "Service", "Install"}
    # Where systemd is at hand, it is asked too; elsewhere what stands above and below must do.
    if shutil.which("systemd-analyze"):
        assert verified(UNIT, tmp_path) == ""
        assert "ProtectHme" in verified(UNIT, tmp_path, ProtectHome="ProtectHme")


def test_the_unit_exposes_little(tmp_path: Path) -> None:
    for key in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "ProtectKernelTunables"):
        assert of_unit(key) == ["yes"]
    assert of_unit("ProtectSystem") == ["strict"]
    assert of_unit("CapabilityBoundingSet") == [""]
    assert all("nvidia" in device for device in of_unit("DeviceAllow"))
    if shutil.which("systemd-analyze"):
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--threshold=30", str(UNIT)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_the_unit_calls_options_and_sets_variables_that_exist() -> None:
    (command,) = of_unit("ExecStart")
    words = shlex.split(command)
    assert words[1] == "serve"
    assert {word for word in words if word.startswith("--")} <= options()
    given = {pair.partition("=")[0] for line in of_unit("Environment") for pair in line.split()}
    assert {"FORECASTLAB_STORE", "FORECASTLAB_API_KEYS_FILE"} <= given <= KNOWN


def test_the_unit_lets_more_files_be_open_than_connections() -> None:
    (files,) = of_unit("LimitNOFILE")
    assert int(files) >= 2 * Limits().connections  # systemd's own 1024 leaves none for files


def test_the_unit_gives_the_end_its_time_and_its_code() -> None:
    assert of_unit("SuccessExitStatus") == ["143"]
    assert of_unit("RestartPreventExitStatus") == ["2 4"]
    (stop_s,) = of_unit("TimeoutStopSec")
    assert int(stop_s) > Limits().drain_s + Limits().linger_s + 5


@pytest.fixture(scope="module")
def service() -> Any:
    return filled_in("serving/cloud-run.yaml")


def test_cloud_run_knows_every_field(service: Any) -> None:
    assert problems(service, "run.v1", "Service") == []
    service = filled_in("serving/cloud-run.yaml")
    service["spec"]["template"]["spec"]["containers"][0]["startupProb"] = {}
    assert len(problems(service, "run.v1", "Service")) == 1


def test_cloud_run_starts_the_command_with_a_key_and_probes(service: Any) -> None:
    spec = service["spec"]["template"]["spec"]
    (one,) = spec["containers"]
    program, command, *rest = one["command"]
    assert (program, command) == ("forecastlab", "serve")
    assert {word for word in rest if word.startswith("--")} <= options()
    (port,) = one["ports"]
    assert rest[rest.index("--port") + 1] == str(port["containerPort"])
    shown = {entry["name"]: entry["value"] for entry in one["env"]}
    assert shown.keys() <= KNOWN
    assert one["image"] == NAMES["CPU_IMAGE"]
    assert one["startupProbe"]["httpGet"] == {"path": "/readyz", "port": port["containerPort"]}
    assert one["livenessProbe"]["httpGet"]["path"] == "/livez"
    # The key file lies in the secret that is mounted, and not at a version that stands still.
    (mount,), (volume,) = one["volumeMounts"], spec["volumes"]
    (item,) = volume["secret"]["items"]
    assert shown["FORECASTLAB_API_KEYS_FILE"] == f"{mount['mountPath']}/{item['path']}"
    assert (mount["name"], item["key"]) == (volume["name"], "latest")


def test_cloud_run_gives_requests_and_the_end_their_time(service: Any) -> None:
    spec = service["spec"]["template"]["spec"]
    assert spec["timeoutSeconds"] > Limits().request_s + Limits().body_s
    assert spec["containerConcurrency"] <= Limits().in_flight
    assert Limits().drain_s + 1 < 10  # what Cloud Run leaves between SIGTERM and the kill
    annotations = service["spec"]["template"]["metadata"]["annotations"]
    assert int(annotations["autoscaling.knative.dev/minScale"]) >= 1


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_page_shows_every_route_by_curl() -> None:
    """Of the shell and of the candles here; the other parts' own tests look after theirs."""
    metrics: Any = None
    workspace: Any = None
    klines = Klines(workspace, metrics)
    document = create_app([klines]).openapi()
    klines.stop()
    lines = [line for line in page().splitlines() if line.lstrip().startswith("curl ")]
    for path in document["paths"]:
        pattern = re.sub(r"\\\{\w+\\\}", r"[^/\\s?'\"]+", re.escape(path))
        assert any(re.search(rf"\$URL{pattern}(?=[\s?'\"]|$)", line) for line in lines), path


def test_every_variable_of_the_service_is_on_the_page() -> None:
    own = {name for name in KNOWN if name.startswith("FORECASTLAB_API_")}
    assert own <= set(re.findall(r"FORECASTLAB_API_[A-Z_]+[A-Z]", page()))
