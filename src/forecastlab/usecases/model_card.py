"""The model card: the manifest for a person, with use, limits and the way to make it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from forecastlab.contracts.manifest import CandidateEntry, EvaluationEntry, Manifest
from forecastlab.features.holes import crossable

_VERDICTS: Final = {
    "better": "better than both deployable base rates",
    "not_distinguishable": "not distinguishable from chance",
    "worse": "worse than the better base rate",
}

_SIDES: Final = {
    "better": "better than by chance",
    "not_distinguishable": "not distinguishable from chance",
    "worse": "worse than by chance",
}

_CHECKS: Final = {
    "L5": "labels are purged at each fold, and reach no forecast before they resolve",
    "L6": "each label looks at its own window ahead, all of it, and at nothing else",
    "L7": "the shortest serving window that leaves the forecasts as they are",
    "L8": "on shuffled labels the same training finds no skill",
}
"""What training proves, as `forecastlab audit` names it."""

_UNITS: Final = {"1d": "days", "4h": "four-hour candles", "1h": "hours"}


def model_card(manifest: Manifest) -> str:
    """Write the card in Markdown; every number comes from the manifest."""
    sections = (
        _head(manifest),
        _in_short(manifest),
        _use(manifest),
        _trained_on(manifest),
        _evaluation(manifest),
        _proof(manifest.gates),
        _left_out(manifest),
        _limits(manifest),
        _again(manifest),
    )
    return "\n".join(line for section in sections for line in section)


def _head(manifest: Manifest) -> list[str]:
    return [
        f"# {manifest.name}\n",
        (
            f"Forecasts {manifest.symbol} {manifest.interval}: {', '.join(manifest.candidates)}."
            f" Recipe `{manifest.recipe_digest[:19]}…`, commit `{manifest.git_commit[:12]}`,"
            f" made {manifest.created_at:%Y-%m-%d %H:%M} UTC.\n"
        ),
    ]


def _in_short(manifest: Manifest) -> list[str]:
    rows = []
    for name, one in manifest.candidates.items():
        found = one.evaluation
        side = _SIDES[found.direction_verdict]
        view = "none: for research only" if one.research_only else "where the verdict allows one"
        rows.append(
            f"| {name} | **{_VERDICTS[found.verdict]}** | {_skill(found)} | {side} | {view} |"
        )
    return [
        "## In short\n",
        "| candidate | verdict | skill, 95 % | the side | a view |\n|---|---|---|---|---|",
        *rows,
        "",
    ]


def _use(manifest: Manifest) -> list[str]:
    """Return what the bundle is for; the text is the same for each, and so are its bounds."""
    asks = f"`forecastlab` asks it once for every closed {manifest.interval} candle"
    return [
        "## Use\n",
        f"- For: {manifest.symbol} on Binance spot. {asks}, and seals the answer.",
        "- Read the call and the verdict first; probabilities mean little without the base rate.",
        "- Not for: other symbols or exchanges, candles that are still open, days before the",
        "  cut-off (it has seen them), orders placed by a machine, or advice to a third person.",
        "- A forecast can lend false certainty to people who risk their own money. A verdict that",
        "  is not `better` is to be shown as such; and even `better` leaves most of it open.",
        "- No personal data went into it; candles are public.\n",
    ]


def _trained_on(manifest: Manifest) -> list[str]:
    training = manifest.training
    symbols = f"{', '.join(training.symbols)}; source `{training.source}`"
    sets = ", ".join(f"`{name}` ({len(columns)})" for name, columns in manifest.features.items())
    small = "Trained in small (`--quick`): a trial, no measure of the recipe.\n"
    return [
        "## Trained on\n",
        (
            f"{training.rows:,} candles ({symbols}), from {training.first_open} to the cut-off"
            f" {training.cut_off}. Nothing after the cut-off was seen.\n"
        ),
        f"Feature sets, with their columns: {sets}. Formulas and units stand in `meta.json`.\n",
        *([small] if manifest.gates.get("quick") is True else []),
    ]


def _evaluation(manifest: Manifest) -> list[str]:
    return [
        "## How good such forecasts have been\n",
        (
            "Out of sample: purged walk-forward, refitted every"
            f" {manifest.recipe.train.refit_days} days, the choice of method made only from what"
            " had resolved. Intervals: moving-block bootstrap, Student t, 95 %. A gain is in nats"
            " per forecast, positive = the published forecast is better.\n"
        ),
        *(_candidate(name, candidate) for name, candidate in manifest.candidates.items()),
    ]


def _candidate(name: str, candidate: CandidateEntry) -> str:
    found, barred = candidate.evaluation, candidate.research_only
    lines = [
        f"### {name}\n",
        *([f"**For research only, without a view**: {barred}.\n"] if barred else []),
        f"{candidate.label_rule}\n",
        (
            f"{found.rows} as-ofs from {found.first} to {found.last}, worth"
            f" {found.effective_rows:.0f} independent ones. Log loss {found.log_loss:.4f}, Brier"
            f" {found.brier:.4f}. Skill {_skill(found)} against `{found.reference}`:"
            f" **{_VERDICTS[found.verdict]}**. Shipped method: `{candidate.method}`.\n"
        ),
        "| against | its log loss | gain | 95 % |\n|---|--:|--:|---|",
    ]
    for one in (*found.baselines, *found.members):
        bounds = _interval(one.ci95, "+.4f")
        lines.append(f"| {one.reference} | {one.log_loss:.4f} | {one.gain:+.4f} | {bounds} |")
    removals = candidate.ablation or {}
    dropped = [f"`{one}`" for one, removal in sorted(removals.items()) if removal["dropped"]]
    if dropped:
        silent = "Without a say, for the forecast loses less than one standard error without them"
        lines.append(f"\n{silent}: {', '.join(dropped)}.")
    return "\n".join([*lines, *_beside(candidate)]) + "\n"


def _beside(candidate: CandidateEntry) -> list[str]:
    """Return what is known of the side, of events and of the prediction sets."""
    found, direction = candidate.evaluation, "none measurable"
    if found.direction_auc is not None and found.direction_ci95 is not None:
        bounds = _interval(found.direction_ci95, ".3f")
        direction = f"AUC {found.direction_auc:.3f} {bounds}: {found.direction_verdict}"
    among = "Direction" if len(candidate.classes) == 2 else "Direction among events"
    lines = [f"\n{among}: {direction}."]
    if found.event_auc is not None:
        lines.append(f"Event AUC: {found.event_auc:.3f}.")
    if found.coverage is not None and found.coverage_ci95 is not None:
        bounds = _interval(found.coverage_ci95, ".1%")
        lines.append(f"Prediction sets held {found.coverage:.1%} {bounds}.")
    return lines


def _proof(gates: Mapping[str, Any]) -> list[str]:
    """Return what training has proven of itself; nothing where it has proven nothing."""
    lines = []
    for check, meaning in _CHECKS.items():
        report = gates.get(check)
        if report is not None:
            shown = report.get("not_shown")
            said = f"left out ({shown})" if shown else "passed" if report["passed"] else "failed"
            lines.append(f"- {check}, {meaning}: {said}.")
    return ["## Proven while it was trained\n", *lines, ""] if lines else []


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


def _limits(manifest: Manifest) -> list[str]:
    serving = manifest.serving
    hours = f"every hour of {serving.whole_days} days"
    if manifest.recipe.recipe is not None:  # a ladder of versions counts what windows may span
        hours = f"hours without a hole of more than {crossable('1h')}"
    window = f"{serving.daily_candles} daily candles, and {hours}"
    units = _UNITS[manifest.interval]
    limits = (
        "Volatility is forecastable; the side is not shown to be, unless its verdict is `better`.",
        f"Labels of neighbouring {units} overlap; the effective number of rows is given above.",
        "The span that was scored is one history of one market: what comes may be unlike it.",
        "Neither costs nor slippage are in a score.",
        f"Serving needs the last {window}.",
        "Not investment advice.",
    )
    return ["## Limits\n", *(f"- {limit}" for limit in limits), ""]


def _again(manifest: Manifest) -> list[str]:
    training, commit = manifest.training, manifest.git_commit[:12]
    return [
        "## Check it, make it again\n",
        "```sh",
        *_aligned(
            (f"forecastlab bundles verify {manifest.name}", "hashes, versions, known answers"),
            (f"forecastlab audit {manifest.name}", "the leak prover, on its own models"),
            (f"forecastlab health {manifest.name}", "end to end"),
            (
                f"forecastlab train RECIPE --until {training.cut_off}",
                "the same, under another name",
            ),
        ),
        "```\n",
        (
            f"RECIPE is the one in `meta.json`, the code that of commit `{commit}`,"
            f" the candles those with the digest `{training.data_digest[:19]}…`."
        ),
        "",
    ]


def _aligned(*commands: tuple[str, str]) -> Iterable[str]:
    width = max(len(command) for command, _ in commands)
    return (f"{command:<{width}}  # {meaning}" for command, meaning in commands)


def _skill(found: EvaluationEntry) -> str:
    return f"{found.log_loss_skill:+.1%} {_interval(found.ci95, '+.1%')}"


def _interval(ends: tuple[float, float], form: str) -> str:
    low, high = ends
    return f"[{low:{form}}, {high:{form}}]"
