"""Write the README's skill table from docs/results/verdict.json; a test compares the two.

python scripts/readme_numbers.py [outputs/backtest/RUN/verdict.json]

A named verdict file is first copied to docs/results/verdict.json.
"""

import sys
from pathlib import Path

from forecastlab.contracts.verdicts import VerdictFile
from forecastlab.report.skill_table import skill_table, with_table

ROOT = Path(__file__).parents[1]
VERDICT = ROOT / "docs" / "results" / "verdict.json"
README = ROOT / "README.md"


def main() -> None:
    """Copy the verdict file if one is named, and write the table."""
    if len(sys.argv) > 1:
        VERDICT.write_bytes(Path(sys.argv[1]).read_bytes())
    document = VerdictFile.parse(VERDICT.read_bytes(), what=str(VERDICT))
    text = README.read_text(encoding="utf-8")
    README.write_text(with_table(text, skill_table(document)), encoding="utf-8")


if __name__ == "__main__":
    main()
