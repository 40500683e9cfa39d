"""The changelog keeps its form and knows the version; what CONTRIBUTING names to run exists."""

from __future__ import annotations

import re
import tomllib
from typing import Final

from tests.support.imports import ROOT

CHANGES: Final = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
GUIDE: Final = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

GROUPS: Final = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_version_of_the_project_has_its_section() -> None:
    versions = re.findall(r"^## \[(.+?)\]", CHANGES, re.MULTILINE)
    assert versions[0] == "Unreleased"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert versions[1] == project["version"]
    numbers = [tuple(map(int, one.split("."))) for one in versions[1:]]
    assert numbers == sorted(numbers, reverse=True)


def test_changes_stand_in_the_groups_of_the_form() -> None:
    for section in re.split(r"^## ", CHANGES, flags=re.MULTILINE)[1:]:
        groups = re.findall(r"^### (.+)$", section, re.MULTILINE)
        assert set(groups) <= GROUPS
        assert len(groups) == len(set(groups))


def test_the_changelog_names_commands_that_exist() -> None:
    from forecastlab.cli import PARTS

    known = {command for commands in PARTS.values() for command in commands}
    section = CHANGES.split("- **The registry**")[1].split("- **Sources")[0]
    named = {one.split()[0] for one in re.findall(r"`([a-z][\w -]*)`", section)}
    assert named - known == set()


def test_what_the_guide_names_to_run_and_to_read_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", GUIDE)) - {"mend"} <= targets
    links = {one.partition("#")[0] for one in re.findall(r"\]\(([^)]+)\)", GUIDE)}
    paths = set(re.findall(r"`((?:[\w.]+/)+[\w.]*)`", GUIDE)) | links - {""}
    places = (ROOT, ROOT / "src" / "forecastlab")
    assert [one for one in paths if not any((place / one).exists() for place in places)] == []
