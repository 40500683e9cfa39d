"""What `docs/079-explained.md` says of the result of `original_table`."""

from __future__ import annotations

from benchmarks.results import BenchmarkResult, Row, number


def runs_table(result: BenchmarkResult) -> str:
    """Write the runs as a Markdown table."""
    head = ["label", "closes it reads", "verdict", "folds", "median balanced accuracy"]
    head += ["median macro F1", "AUC", "log loss (prior)", "run time"]
    lines = [head, ["---"] * len(head), *(_cells(run) for run in result.table("runs"))]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def findings(result: BenchmarkResult) -> str:
    """Write what the runs say, in sentences."""
    span = result.table("candles")[0]
    of = result.figure
    said = {(run["candidate"], run["label"]): run["finding"] for run in result.table("runs")}
    return f"""\
- On {span["symbol"]}, {span["first"]} to {span["last"]} ({number(span, "rows"):,.0f} days), the \
original's
  label gives a median balanced accuracy of {of("t21_x8_original_balanced_accuracy"):.3f} (T21_X8) \
and
  {of("t14_x8_original_balanced_accuracy"):.3f} (T14_X8).
- The same code on the closes that do lie ahead gives \
{of("t21_x8_forward_balanced_accuracy"):.3f} and
  {of("t14_x8_forward_balanced_accuracy"):.3f}. Guessing gives a third, 0.333.
- Its probabilities are then far worse than no model at all: log loss \
{of("t21_x8_forward_log_loss"):.2f} and
  {of("t14_x8_forward_log_loss"):.2f}, where the class frequencies alone give \
{of("t21_x8_forward_prior_log_loss"):.2f}
  and {of("t14_x8_forward_prior_log_loss"):.2f}.
- A rule without any model, which looks only at closes up to today, gives the original's label on
  {of("t21_x8_rule_agreement"):.1%} (T21_X8) and {of("t14_x8_rule_agreement"):.1%} (T14_X8) of all \
days. The model, asked for
  the same, is right on {of("t21_x8_original_accuracy"):.1%} and \
{of("t14_x8_original_accuracy"):.1%} of its test days.
- What the leak prover says of the original's label: "{said["T14_X8", "original"]}"
  Of the forward label: {said["T14_X8", "forward"] or "nothing to find"}.
"""


def _cells(run: Row) -> list[str]:
    ends = (int(number(run, name)) for name in ("reads_first", "reads_last"))
    first, last = (f"t{offset:+d}".replace("-", "−") for offset in ends)
    return [
        f"**{run['candidate']}** {run['label']}",
        f"{first} … {last}",
        str(run["verdict"]),
        str(run["folds"]),
        f"{number(run, 'balanced_accuracy'):.4f}",
        f"{number(run, 'macro_f1'):.4f}",
        f"{number(run, 'auc'):.3f}",
        f"{number(run, 'log_loss'):.3f} ({number(run, 'prior_log_loss'):.3f})",
        f"{number(run, 'seconds'):.1f} s",
    ]
