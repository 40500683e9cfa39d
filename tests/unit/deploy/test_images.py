"""The recipes of the images, as far as they can be judged without building them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.support.discovery import problems
from tests.support.imports import ROOT

TOOLS: Final = Path(sys.executable).parent
DOCKERFILES: Final = ("Dockerfile.job", "Dockerfile.web")
BUILD: Final = ROOT / "cloudbuild.yaml"


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TOOLS / name), *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DOCKERFILES)
def test_hadolint_finds_nothing(name: str) -> None:
    done = tool("hadolint", str(ROOT / name))
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_finds_a_planted_mistake(tmp_path: Path) -> None:
    recipe = tmp_path / "Dockerfile"
    recipe.write_text(text("Dockerfile.web").replace("WORKDIR /app", "WORKDIR app"))
    assert "DL3000" in tool("hadolint", str(recipe)).stdout


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_base_is_an_argument_of_every_stage(name: str) -> None:
    lines = text(name).splitlines()
    stages = [line for line in lines if line.startswith("FROM")]
    assert len(stages) == 2
    assert all("${BASE_IMAGE}" in line for line in stages)
    assert "ARG BASE_IMAGE=python:3.11-slim" in lines[: lines.index(stages[0])]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_an_image_is_hashed_labelled_and_without_root(name: str) -> None:
    recipe = text(name)
    assert recipe.count("--require-hashes") == recipe.count("-r requirement")
    assert re.search(r"^USER 10001:10001$", recipe, re.MULTILINE)
    for label in ("org.opencontainers.image.revision", "forecastlab.bundles"):
        assert label in recipe
    # buildah 1.28 knows no heredocs.
    assert "<<" not in recipe


def test_the_job_image_holds_bundles_and_recipes() -> None:
    recipe = text("Dockerfile.job")
    assert "COPY models/production models/production" in recipe
    assert "COPY config config" in recipe
    assert 'CMD ["python", "scripts/run_daily_prediction.py"]' in recipe
    assert "libgomp1" in recipe.partition("FROM ${BASE_IMAGE}\n")[2]


def test_the_web_image_holds_the_package_and_the_pages_alone() -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+)", text("Dockerfile.web"), re.MULTILINE)
    assert copied == ["webapp/requirements-web.txt", "src/forecastlab", "webapp"]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_is_copied_is_sent_to_the_builder(name: str) -> None:
    sent = [line[1:] for line in text(".dockerignore").splitlines() if line.startswith("!")]
    for line in re.findall(r"^COPY (?!--from)(.*)$", text(name), re.MULTILINE):
        for source in line.split()[:-1]:
            assert any(source == one or source.startswith(f"{one}/") for one in sent), source
            assert (ROOT / re.sub(r"\$\{\w+\}", "cpu", source)).exists()


def builds() -> dict[str, Any]:
    return yaml.safe_load(BUILD.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_cloud_build_knows_every_field() -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.cloudbuild", str(BUILD))
    assert done.returncode == 0, done.stdout
    assert problems(builds(), "cloudbuild.v1", "Build") == []


def test_a_planted_mistake_in_the_build_is_found(tmp_path: Path) -> None:
    copy = tmp_path / "cloudbuild.yaml"
    copy.write_text(BUILD.read_text(encoding="utf-8").replace("machineType:", "machinetype:"))
    done = tool("check-jsonschema", "--builtin-schema", "vendor.cloudbuild", str(copy))
    assert done.returncode != 0


def test_the_build_ends_with_the_release() -> None:
    steps = builds()["steps"]
    assert [step["id"] for step in steps] == ["job-gpu", "job-cpu", "web", "audit", "release"]
    assert [step.get("env") for step in steps[:2]] == [["RUNTIME=gpu"], ["RUNTIME=cpu"]]
    assert all("docker push" in step["script"] for step in steps[:3])
    assert steps[4]["waitFor"] == ["job-gpu", "job-cpu", "web"]
    assert "deploy/release.sh" in steps[4]["script"]


def test_the_build_looks_for_known_vulnerabilities() -> None:
    audit = builds()["steps"][3]
    assert audit["allowFailure"] is True
    assert "--require-hashes -r requirements/audit.lock" in audit["script"]
    assert (ROOT / "requirements" / "audit.sh").is_file()


@pytest.mark.parametrize("name", ["check_images.sh", "release.sh", "setup.sh", "steps.sh"])
def test_a_script_can_be_read_by_bash(name: str) -> None:
    done = subprocess.run(
        ["bash", "-n", str(ROOT / "deploy" / name)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
