"""The sentences of the skill report follow from its numbers, and turn where these turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forecastlab.contracts.verdicts import BucketEntry, DirectionFindings, Estimate
from forecastlab.report.skill_claims import (
    Claim,
    best_net,
    claim_sentences,
    claim_table,
    earning,
)
from forecastlab.report.skill_networks import Network, network_sentence, network_table

CLAIM = Claim(
    deployment="d",
    name="H5",
    verdict="better",
    gain="+1.0 % [+0.5 %, +1.5 %]",
    ranks="the side: 0.560 [0.550, 0.570]",
    happened="up 51.0 %",
    net=Estimate(value=0.001, ci95=(0.0005, 0.002)),
    p_best=0.01,
    looks=40,
)
LOSS = Estimate(value=-0.001, ci95=(-0.002, -0.0005))
UNKNOWN = Estimate(value=-0.0001, ci95=(-0.002, 0.0005))
NETWORK = Network("d", "H5", "lstm", Estimate(value=0.1, ci95=(0.05, 0.15)), (0.0, 0.001), True)


@pytest.mark.parametrize(
    ("net", "said"),
    [(CLAIM.net, "earns"), (LOSS, "loses"), (UNKNOWN, "unknown")],
)
def test_only_an_interval_on_one_side_of_nothing_says_anything(net: Estimate, said: str) -> None:
    assert earning(net) == said
    assert earning(Estimate(value=net.value, ci95=None)) == "unknown"


def test_nothing_gained_is_better_than_a_loss() -> None:
    nets = (LOSS, Estimate(value=0.0, ci95=None), Estimate(value=None, ci95=None))
    buckets = tuple(BucketEntry.model_construct(net=one) for one in nets)
    assert best_net(DirectionFindings.model_construct(buckets=buckets)) == nets[1]


def test_what_is_better_lucky_and_earned_is_counted_and_named() -> None:
    lucky = replace(CLAIM, name="H12", p_best=0.2, net=LOSS)
    worse = replace(CLAIM, name="H24", verdict="worse", net=UNKNOWN)
    silent = replace(CLAIM, name="T21", verdict="not_distinguishable", net=None, p_best=None)
    better, surprising, earns = claim_sentences([CLAIM, lucky, worse, silent]).splitlines()
    assert better.startswith("- **2 of 4** ")
    assert better.endswith(": `d` `H5`, `d` `H12`.")
    assert surprising.startswith("- **1** ")
    assert surprising.endswith(": `d` `H5`.")
    assert earns.startswith("- **1 of 3** ")
    assert "1 lose, and of the others" in earns


def test_nothing_is_claimed_where_nothing_is() -> None:
    nothing = replace(CLAIM, verdict="not_distinguishable", net=LOSS)
    assert [line.split("**")[1] for line in claim_sentences([nothing]).splitlines()] == [
        "0 of 1",
        "0",
        "0 of 1",
    ]


def test_a_row_shows_luck_and_money() -> None:
    row = claim_table([replace(CLAIM, p_best=1e-5)]).splitlines()[2]
    assert "| p < .001 of 40 looks | +10 bp [+5, +20]: earns |" in row
    assert "| – | no side is named |" in claim_table([replace(CLAIM, p_best=None, net=None)])


def test_networks_are_counted_by_what_they_are_worth() -> None:
    better = replace(NETWORK, behind=LOSS, has_say=False)
    unknown = replace(NETWORK, behind=UNKNOWN, cost=None, has_say=False)
    said = network_sentence([NETWORK, better, unknown])
    assert "Of 3 networks that ship, 1 forecast worse" in said
    assert "1 better, and of 1 it cannot be told; 1 of them has a say" in said
    assert "none of them have a say" in network_sentence([better])
    table = network_table([NETWORK, unknown])
    assert "| +0.00000 ± 0.00100 | yes |" in table
    assert "| – | no |" in table
