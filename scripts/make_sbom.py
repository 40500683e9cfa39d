"""Write what the locks hold as CycloneDX documents, one for each lock; or list the licences.

    python scripts/make_sbom.py                 # the same as `make sbom`
    python scripts/make_sbom.py --licences      # the same as `make licences`

A document is made of the lock alone and requirements/licences.toml: the same bytes on every
machine, without a network.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT: Final = Path(__file__).parents[1]

LOCKS: Final = {
    "tools": "requirements/tools.lock",
    "base": "requirements/base.lock",
    "dev": "requirements/dev.lock",
    "audit": "requirements/audit.lock",
    "job-cpu": "requirements/job-cpu.lock",
    "job-gpu": "requirements/job-gpu.lock",
    "web": "webapp/requirements-web.txt",
}
SHIPPED: Final = ("base", "job-cpu", "job-gpu", "web")
"""Locks of what is installed at users and in images; the others are tools of developers."""

LICENCES: Final = "requirements/licences.toml"

_PIN: Final = re.compile(r"^([a-z0-9-]+)==([^ ;]+).*((?:\n    .*)*)", re.MULTILINE)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_EPOCH: Final = datetime(1980, 1, 1, tzinfo=UTC)
"""In place of the instant at which a document was made: the same lock, the same bytes."""


@dataclass(frozen=True)
class Pin:
    """A package of a lock: the files of it that may be installed, by their SHA-256."""

    name: str
    version: str
    hashes: tuple[str, ...]


def pins(lock: str) -> Iterator[Pin]:
    r"""Yield the packages of a lock in its order.

    >>> [one.version for one in pins("rich==15.0.0 \n    --hash=sha256:" + "0" * 64)]
    ['15.0.0']
    """
    for found in _PIN.finditer(lock):
        yield Pin(found[1], found[2], tuple(_HASH.findall(found[3])))


def licences(root: Path) -> dict[str, str]:
    """Return package -> SPDX expression."""
    found: dict[str, str] = tomllib.loads((root / LICENCES).read_text(encoding="utf-8"))
    return found


def document(name: str, lock: str, known: dict[str, str]) -> str:
    """Return the CycloneDX document of a lock.

    Args:
        known: package -> SPDX expression.
    """
    bom = Bom(
        components=[_component(one, known) for one in pins(lock)],
        serial_number=uuid5(NAMESPACE_URL, f"forecastlab:{name}:{lock}"),
    )
    bom.metadata.timestamp = _EPOCH
    bom.metadata.component = Component(
        name=f"forecastlab-{name}",
        type=ComponentType.APPLICATION,
        bom_ref=f"forecastlab-{name}",
        licenses=[LicenseExpression("MIT")],
    )
    bom.register_dependency(bom.metadata.component, bom.components)
    return f"{JsonV1Dot6(bom).output_as_string(indent=1)}\n"


def _component(pin: Pin, known: dict[str, str]) -> Component:
    stated = known.get(pin.name)
    return Component(
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{pin.name}=={pin.version}",
        purl=PackageURL("pypi", name=pin.name, version=pin.version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in pin.hashes],
        licenses=[] if stated is None else [LicenseExpression(stated)],
    )


def licence_table(root: Path) -> Iterator[str]:
    """Yield a line for each licence: the packages that have it, and how many of them ship."""
    known = licences(root)
    texts = {name: (root / path).read_text(encoding="utf-8") for name, path in LOCKS.items()}
    shipped = {one.name for name in SHIPPED for one in pins(texts[name])}
    packages: dict[str, list[str]] = defaultdict(list)
    for name in sorted({one.name for text in texts.values() for one in pins(text)}):
        packages[known.get(name, "unknown")].append(name if name in shipped else f"({name})")
    yield "licence: packages; in brackets those that only developers install"
    for licence, names in sorted(packages.items(), key=lambda one: -len(one[1])):
        yield f"{licence}: {', '.join(names)}"


def main() -> None:
    """Write the documents, or print the licences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--licences", action="store_true", help="print them, and write nothing")
    parser.add_argument("--out", type=Path, default=ROOT / "outputs" / "sbom", metavar="FOLDER")
    asked = parser.parse_args()
    if asked.licences:
        sys.stdout.writelines(f"{line}\n" for line in licence_table(ROOT))
        return
    asked.out.mkdir(parents=True, exist_ok=True)
    for name, path in LOCKS.items():
        lock = (ROOT / path).read_text(encoding="utf-8")
        target = asked.out / f"{name}.cdx.json"
        target.write_text(document(name, lock, licences(ROOT)), encoding="utf-8")
        print(target)


if __name__ == "__main__":
    main()
