"""Write the tables of README.md and docs/direction.md from docs/results; tests compare them.

python scripts/readme_numbers.py [outputs/…/backtest/RUN/verdict.json …]

Named verdict files are first copied: docs/results/verdict.json is the daily deployment's, hourly
ones are docs/results/verdict_<symbol>.json.
"""

import sys
from pathlib import Path

from forecastlab.contracts.verdicts import VerdictFile
from forecastlab.report.direction_table import direction_table
from forecastlab.report.skill_table import skill_table, with_table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"


def main() -> None:
    """Copy the verdict files that are named, and write the tables."""
    for name in sys.argv[1:]:
        document = read(Path(name))
        daily = document.interval == "1d"
        target = "verdict.json" if daily else f"verdict_{document.symbol}.json"
        (RESULTS / target).write_bytes(Path(name).read_bytes())
    put(ROOT / "README.md", skill_table(read(RESULTS / "verdict.json")), "skill")
    for path in sorted(RESULTS.glob("verdict_*.json")):
        document = read(path)
        put(ROOT / "docs" / "direction.md", direction_table(document), document.symbol)


def read(path: Path) -> VerdictFile:
    """Read a verdict file."""
    return VerdictFile.parse(path.read_bytes(), what=str(path))


def put(path: Path, table: str, name: str) -> None:
    """Put a table between its marks in a document."""
    text = path.read_text(encoding="utf-8")
    path.write_text(with_table(text, table, name), encoding="utf-8")


if __name__ == "__main__":
    main()
