from __future__ import annotations

import numpy as np

from forecastlab.report.skill_table import skill_table
from tests.support.evaluations import CANDIDATE, examined, made_up_oof, verdict_file


def test_a_row_says_verdict_skill_side_and_luck() -> None:
    verdict, _ = examined(made_up_oof(), looks=2, prior_looks=33)
    table = skill_table(verdict_file({CANDIDATE: verdict}))
    verdicts, losses, source = table.strip().split("\n\n")
    head, rule, row = verdicts.splitlines()
    assert head.count("|") == rule.count("|") == row.count("|") == 7
    found = verdict.evaluation
    assert f"`{CANDIDATE}`" in row and "**better than both base rates**" in row
    assert f"{found.log_loss_skill:+.1%}".replace("%", " %") in row
    assert f"{found.direction_auc:.3f}" in row
    assert "as the best of 35 looks" in row
    assert f"{found.first} to {found.last}" in source
    assert f"| **{found.log_loss:.4f}** |" in losses
    for other in (*found.baselines, *found.members):
        assert f" | {other.log_loss:.4f} |" in losses


def test_what_the_days_do_not_determine_is_a_dash() -> None:
    verdict, _ = examined(made_up_oof(labels=np.zeros(600)))
    row = skill_table(verdict_file({CANDIDATE: verdict})).splitlines()[2]
    assert "| – | – |" in row
