"""The model card: the manifest for a person, with the limits."""

from __future__ import annotations

from forecastlab.contracts.manifest import CandidateEntry, Manifest

_VERDICTS = {
    "better": "better than both deployable base rates",
    "not_distinguishable": "not distinguishable from chance",
    "worse": "worse than the better base rate",
}


def model_card(manifest: Manifest) -> str:
    """Write the card in Markdown; every number comes from the manifest."""
    training = manifest.training
    symbols = f"{', '.join(training.symbols)}; source `{training.source}`"
    parts = [
        f"# {manifest.name}\n",
        (
            f"Forecasts {manifest.symbol} {manifest.interval}: {', '.join(manifest.candidates)}."
            f" Recipe `{manifest.recipe_digest[:19]}…`, commit `{manifest.git_commit[:12]}`,"
            f" made {manifest.created_at:%Y-%m-%d %H:%M} UTC.\n"
        ),
        "## Trained on\n",
        (
            f"{training.rows:,} candles ({symbols}), from {training.first_open} to the cut-off"
            f" {training.cut_off}. Nothing after the cut-off was seen.\n"
        ),
        "## How good such forecasts have been\n",
        (
            "Out of sample: purged walk-forward, refitted every"
            f" {manifest.recipe.train.refit_days} days, the choice of method made only from what"
            " had resolved. Intervals: moving-block bootstrap, Student t, 95 %. A gain is in nats"
            " per forecast, positive = the published forecast is better.\n"
        ),
    ]
    for name, candidate in manifest.candidates.items():
        parts.append(_candidate(name, candidate))
    parts += _left_out(manifest)
    serving = manifest.serving
    window = f"{serving.daily_candles} daily candles, and every hour of {serving.whole_days} days"
    limits = (
        "Volatility is forecastable; the side is not shown to be, unless its verdict is `better`.",
        "Labels of neighbouring days overlap; the effective number of rows is given above.",
        f"Serving needs the last {window}.",
        "Not investment advice.",
    )
    parts += ["## Limits\n", *(f"- {limit}" for limit in limits), ""]
    return "\n".join(parts)


def _left_out(manifest: Manifest) -> list[str]:
    """Return the section on what is missing from features and context; nothing if nothing is."""
    reasons: dict[str, set[str]] = {}
    for columns in manifest.dropped.values():
        for column, reason in columns.items():
            reasons.setdefault(reason, set()).add(column)
    lines = [
        f"- {', '.join(f'`{name}`' for name in sorted(names))}: {why}."
        for why, names in reasons.items()
    ]
    faults = manifest.context.faults if manifest.context is not None else ()
    lines += [f"- Regime and quantiles: {fault}." for fault in faults]
    return ["## Left out\n", *lines, ""] if lines else []


def _candidate(name: str, candidate: CandidateEntry) -> str:
    found = candidate.evaluation
    low, high = found.ci95
    barred = candidate.research_only
    lines = [
        f"### {name}\n",
        *([f"**For research only, without a view**: {barred}.\n"] if barred else []),
        f"{candidate.label_rule}\n",
        (
            f"{found.rows} as-ofs from {found.first} to {found.last}, worth"
            f" {found.effective_rows:.0f} independent ones. Log loss {found.log_loss:.4f}, Brier"
            f" {found.brier:.4f}. Skill {found.log_loss_skill:+.1%} [{low:+.1%}, {high:+.1%}]"
            f" against `{found.reference}`: **{_VERDICTS[found.verdict]}**. Shipped method:"
            f" `{candidate.method}`.\n"
        ),
        "| against | its log loss | gain | 95 % |\n|---|--:|--:|---|",
    ]
    for one in (*found.baselines, *found.members):
        bounds = f"[{one.ci95[0]:+.4f}, {one.ci95[1]:+.4f}]"
        lines.append(f"| {one.reference} | {one.log_loss:.4f} | {one.gain:+.4f} | {bounds} |")
    removals = candidate.ablation or {}
    dropped = [f"`{name}`" for name, one in sorted(removals.items()) if one["dropped"]]
    if dropped:
        silent = "Without a say, for the forecast loses less than one standard error without them"
        lines.append(f"\n{silent}: {', '.join(dropped)}.")
    direction = "none measurable"
    if found.direction_auc is not None and found.direction_ci95 is not None:
        bounds = f"[{found.direction_ci95[0]:.3f}, {found.direction_ci95[1]:.3f}]"
        direction = f"AUC {found.direction_auc:.3f} {bounds}: {found.direction_verdict}"
    among = "Direction" if len(candidate.classes) == 2 else "Direction among events"
    lines.append(f"\n{among}: {direction}.")
    if found.event_auc is not None:
        lines.append(f"Event AUC: {found.event_auc:.3f}.")
    if found.coverage is not None and found.coverage_ci95 is not None:
        bounds = f"[{found.coverage_ci95[0]:.1%}, {found.coverage_ci95[1]:.1%}]"
        lines.append(f"Prediction sets held {found.coverage:.1%} {bounds}.")
    return "\n".join(lines) + "\n"
