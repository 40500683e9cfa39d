"""Run the original's experiment with its own label and with a forward one, side by side.

    python benchmarks/original_table.py --candles BTCUSDT_1d.parquet [--json] [--folds N]
    python benchmarks/original_table.py --candles BTCUSDT_1d.parquet --write-docs

`--write-docs` keeps what was measured in docs/results/original_table.json and writes it between the
markers of docs/079-explained.md; without `--candles` it writes the page from the kept file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

# Run as a script, Python sees this folder only.
sys.path.insert(0, str(Path(__file__).parents[1]))

import lightgbm
import numpy as np

from benchmarks.original_experiment import (
    LabelRule,
    agreement,
    blocks,
    closes_read,
    forward_label,
    known_label,
    label_table,
    original_features,
    original_label,
    run_loop,
)
from forecastlab.adapters.candle_files import FileSource
from forecastlab.contracts.candles import Candles
from forecastlab.contracts.errors import ForecastLabError
from forecastlab.contracts.intervals import asof_name, parse_asof
from forecastlab.evaluation.leakage.label_window import label_window
from forecastlab.targets.reversal import ReversalTarget

ROOT: Final = Path(__file__).parents[1]
CANDIDATES: Final = ("T14_X8", "T21_X8")
SYMBOL: Final = "BTCUSDT"
RESULTS: Final = ROOT / "docs" / "results" / "original_table.json"
PAGE: Final = ROOT / "docs" / "079-explained.md"

LABELS: Final[dict[str, tuple[LabelRule, bool]]] = {
    "original": (original_label, False),
    "forward": (forward_label, True),
}
"""Name -> the label rule, and whether its training rows are purged."""


def measure(candles: Candles, *, folds: int | None = None) -> dict[str, Any]:
    """Run all experiments on these candles; `folds` takes the first ones only."""
    features = original_features(candles.frame)
    close = candles.frame["close"].loc[features.index].to_numpy(dtype="float64")
    runs, rule = [], {}
    for name in CANDIDATES:
        target = ReversalTarget.from_name(name)
        parts = target.horizon, target.level
        rule[name] = agreement(original_label, known_label, close, *parts)
        for label, (label_of, purged) in LABELS.items():
            purge = target.horizon if purged else 0
            cut = blocks(features, label_of(close, *parts), purge=purge)[:folds]
            outcome = run_loop(cut, threads=1)
            found = verdict(name, label_of, candles) | {"reads": _ends(label_of, close, *parts)}
            known = {"candidate": name, "label": label, "purge": purge}
            runs.append(known | found | asdict(outcome))
    frame = candles.frame
    span = {
        "first": asof_name(frame.index[0], "1d"),
        "last": asof_name(frame.index[-1], "1d"),
    }
    return {
        "candles": {
            "symbol": candles.symbol,
            "rows": len(frame),
            **span,
            "digest": candles.digest(),
        },
        "machine": machine(),
        "rows": len(features),
        "runs": runs,
        "rule_agreement": rule,
    }


def verdict(name: str, rule: LabelRule, candles: Candles) -> dict[str, Any]:
    """Ask the leak prover (L6) about a label; `finding` is its sentence, if it found something."""
    target = ReversalTarget.from_name(name)
    labels = partial(label_table, rule=rule, horizon=target.horizon, level=target.level)
    report = label_window(name, labels, candles, horizon=target.horizon, seed=1)
    finding = report.findings[0].sentence if report.findings else None
    return {"verdict": "passed" if report.passed else "refused", "finding": finding}


def machine() -> dict[str, Any]:
    """Return what the run times depend on."""
    return {
        "python": platform.python_version(),
        "lightgbm": lightgbm.__version__,
        "numpy": np.__version__,
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "threads": 1,
    }


def text_table(result: dict[str, Any]) -> str:
    """Write the runs as a Markdown table, which a terminal shows as well."""
    head = ["label", "closes it reads", "verdict", "folds", "median balanced accuracy"]
    head += ["median macro F1", "AUC", "log loss (prior)", "run time"]
    rows = [[f"**{run['candidate']}** {run['label']}", *_cells(run)] for run in result["runs"]]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def findings(result: dict[str, Any]) -> str:
    """Write what the runs say, in sentences."""
    runs = {(run["candidate"], run["label"]): run for run in result["runs"]}
    (t21, true21), (t14, true14) = (
        (runs[name, "original"], runs[name, "forward"]) for name in ("T21_X8", "T14_X8")
    )
    rule, span = result["rule_agreement"], result["candles"]
    return f"""\
- On {span["symbol"]}, {span["first"]} to {span["last"]} ({span["rows"]:,} days), the original's
  label gives a median balanced accuracy of {t21["balanced_accuracy"]:.3f} (T21_X8) and
  {t14["balanced_accuracy"]:.3f} (T14_X8).
- The same code on the closes that do lie ahead gives {true21["balanced_accuracy"]:.3f} and
  {true14["balanced_accuracy"]:.3f}. Guessing gives a third, 0.333.
- Its probabilities are then far worse than no model at all: log loss {true21["log_loss"]:.2f} and
  {true14["log_loss"]:.2f}, where the class frequencies alone give {true21["prior_log_loss"]:.2f}
  and {true14["prior_log_loss"]:.2f}.
- A rule without any model, which looks only at closes up to today, gives the original's label on
  {rule["T21_X8"]:.1%} (T21_X8) and {rule["T14_X8"]:.1%} (T14_X8) of all days. The model, asked for
  the same, is right on {t21["accuracy"]:.1%} and {t14["accuracy"]:.1%} of its test days.
- What the leak prover says of the original's label: "{t14["finding"]}"
  Of the forward label: {true14["finding"] or "nothing to find"}."""


def page(text: str, result: dict[str, Any]) -> str:
    """Return the page with the generated parts written anew between their markers."""
    for name, part in (("table", text_table(result)), ("findings", findings(result))):
        begin, end = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise SystemExit(f"{PAGE} needs the markers {begin} and {end} exactly once.")
        ahead, _, rest = text.partition(begin)
        after = rest.partition(end)[2]
        text = f"{ahead}{begin}\n{part}\n{end}{after}"
    return text


def read_candles(path: Path, first: str, last: str) -> Candles:
    """Read the daily candles that open in [first, last] from a file."""
    span = parse_asof(first, "1d"), parse_asof(last, "1d")
    return FileSource(path).fetch(SYMBOL, "1d", *span)


def main() -> None:
    """Measure or read, then print or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--candles", type=Path, help="BTCUSDT_1d as CSV or Parquet")
    parser.add_argument("--first", default="2018-01-01")
    parser.add_argument("--last", default="2025-09-30")
    parser.add_argument("--folds", type=int, help="the first N folds only, for a trial")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--write-docs", action="store_true", help="write the results file and the page"
    )
    asked = parser.parse_args()
    if asked.candles is None and not asked.write_docs:
        parser.error("--candles is needed")
    if asked.write_docs and asked.folds:
        parser.error("the page shows all folds; leave --folds out")
    if asked.candles is None:
        result = json.loads(RESULTS.read_text())
    else:
        try:
            result = measure(
                read_candles(asked.candles, asked.first, asked.last), folds=asked.folds
            )
        except ForecastLabError as error:
            raise SystemExit(str(error)) from error
    if asked.write_docs:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
        PAGE.write_text(page(PAGE.read_text(), result))
    print(
        json.dumps(result, indent=1)
        if asked.json
        else f"{text_table(result)}\n\n{findings(result)}"
    )


def _ends(rule: LabelRule, close: np.ndarray, horizon: int, level: float) -> list[int]:
    """Return the first and the last offset of the closes that a label reads."""
    read = closes_read(rule, close, horizon, level)
    return [read[0], read[-1]]


def _cells(run: dict[str, Any]) -> list[str]:
    first, last = (f"t{offset:+d}".replace("-", "−") for offset in run["reads"])
    return [
        f"{first} … {last}",
        run["verdict"],
        str(run["folds"]),
        f"{run['balanced_accuracy']:.4f}",
        f"{run['macro_f1']:.4f}",
        f"{run['auc']:.3f}",
        f"{run['log_loss']:.3f} ({run['prior_log_loss']:.3f})",
        f"{run['seconds']:.1f} s",
    ]


if __name__ == "__main__":
    main()
