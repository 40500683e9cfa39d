"""Write the tables of README.md and of docs/ from docs/results; tests compare them.

python scripts/readme_numbers.py [outputs/…/backtest/RUN/verdict.json …/versions.json …]

Named files are first copied: docs/results/verdict.json is the daily deployment's, hourly ones are
docs/results/verdict_<symbol>.json, and versions.json is the signal's.
"""

import json
import sys
from pathlib import Path

from forecastlab.contracts.manifest import Manifest
from forecastlab.contracts.verdicts import VerdictFile
from forecastlab.contracts.version_scores import SignalEvidence, VersionTable
from forecastlab.report.direction_table import direction_table
from forecastlab.report.skill_table import skill_table, with_table
from forecastlab.report.speed_table import speed_table
from forecastlab.report.version_table import label_table, seed_table, version_table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
VERSIONS = RESULTS / "versions.json"


def main() -> None:
    """Copy the verdict files that are named, and write the tables."""
    for name in sys.argv[1:]:
        if Path(name).name == VERSIONS.name:
            VERSIONS.write_bytes(Path(name).read_bytes())
            continue
        document = read(Path(name))
        daily = document.interval == "1d"
        target = "verdict.json" if daily else f"verdict_{document.symbol}.json"
        (RESULTS / target).write_bytes(Path(name).read_bytes())
    put(ROOT / "README.md", skill_table(read(RESULTS / "verdict.json")), "skill")
    for path in sorted(RESULTS.glob("verdict_*.json")):
        document = read(path)
        put(ROOT / "docs" / "direction.md", direction_table(document), document.symbol)
    speed = json.loads((RESULTS / "serving.json").read_bytes())
    put(ROOT / "docs" / "serving.md", speed_table(speed), "speed")
    if VERSIONS.exists():
        for name, table in signal_tables().items():
            put(ROOT / "docs" / "signal.md", table, name)


def signal_tables() -> dict[str, str]:
    """Return the tables of docs/signal.md by their marks."""
    table = VersionTable.parse(VERSIONS.read_bytes(), what=str(VERSIONS))
    seeds = {}
    for path in sorted((ROOT / "models" / "production").glob("signal_1h_*/meta.json")):
        manifest = Manifest.parse(path.read_bytes(), what=str(path))
        evidence = SignalEvidence.model_validate(manifest.signal)
        seeds[evidence.scores.version] = evidence.seed_noise
    return {
        "versions": version_table(table),
        "labels": label_table(table),
        "seeds": seed_table(seeds, table),
    }


def read(path: Path) -> VerdictFile:
    """Read a verdict file."""
    return VerdictFile.parse(path.read_bytes(), what=str(path))


def put(path: Path, table: str, name: str) -> None:
    """Put a table between its marks in a document."""
    text = path.read_text(encoding="utf-8")
    path.write_text(with_table(text, table, name), encoding="utf-8")


if __name__ == "__main__":
    main()
