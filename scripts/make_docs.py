"""Write every generated part of the READMEs and docs/ from results, recipes, bundles and code.

    python scripts/make_docs.py             # the same as `make docs`
    python scripts/make_docs.py --check     # changes nothing; exit 1 and the names of what is stale
    python scripts/make_docs.py outputs/…/backtest/RUN/verdict.json …/versions.json

Files that are named are accepted first: copied to docs/results/. A daily deployment's verdict is
`verdict.json` there, an hourly one's `verdict_<symbol>.json`, the signal's `versions.json`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# Run as a script, Python sees this folder only.
sys.path.insert(0, str(Path(__file__).parents[1]))

from forecastlab.contracts.errors import DataMalformed, ForecastLabError
from forecastlab.contracts.verdicts import VerdictFile
from forecastlab.report.marks import changed_parts, region_names, with_figures, with_region
from scripts.documents.figures import write_figure
from scripts.documents.regions import regions

ROOT: Final = Path(__file__).parents[1]
REMEDY: Final = "Write them again: make docs"


def made(root: Path) -> dict[Path, tuple[str, str]]:
    """Return every document below a checkout: as it is, and as it should be.

    Raises:
        DataMalformed: a region or a figure of a document is written by nobody, or its marks are
            broken.
    """
    known = regions(root)
    found = {}
    for path in (*sorted(root.glob("README*.md")), *sorted((root / "docs").rglob("*.md"))):
        name = path.relative_to(root).as_posix()
        old = path.read_text(encoding="utf-8")
        bodies = known.pop(name, {})
        if odd := sorted(set(region_names(old)) ^ set(bodies)):
            raise DataMalformed(
                f"{name} and scripts/documents/regions.py disagree on {', '.join(odd)}.",
                remedy="Name each region in both, or in neither.",
            )
        new = old
        for region, body in bodies.items():
            new = with_region(new, region, body)
        found[path] = old, with_figures(new, lambda source: write_figure(root, source))
    if known:
        raise DataMalformed(f"There is no {', '.join(known)}.", remedy="Write the document.")
    return found


def accept(root: Path, paths: Iterable[Path]) -> None:
    """Copy verdicts to where the documents are made from."""
    for path in paths:
        name = path.name
        if name != "versions.json":
            document = VerdictFile.parse(path.read_bytes(), what=str(path))
            name = (
                "verdict.json" if document.interval == "1d" else f"verdict_{document.symbol}.json"
            )
        (root / "docs" / "results" / name).write_bytes(path.read_bytes())


def main() -> int:
    """Accept what is named; write the documents, or say what is stale in them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("accepted", nargs="*", type=Path, help="verdict files to accept first")
    parser.add_argument("--check", action="store_true", help="change nothing")
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout")
    asked = parser.parse_args()
    try:
        accept(asked.root, asked.accepted)
        documents = made(asked.root)
    except ForecastLabError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    stale = {path: changed_parts(*both) for path, both in documents.items() if both[0] != both[1]}
    for path, parts in stale.items():
        name = path.relative_to(asked.root)
        print(f"{name}: {'; '.join(parts)}{' is stale' if asked.check else ' written'}")
        if not asked.check:
            path.write_text(documents[path][1], encoding="utf-8")
    if stale and asked.check:
        print(REMEDY, file=sys.stderr)
    return 1 if stale and asked.check else 0


if __name__ == "__main__":
    sys.exit(main())
