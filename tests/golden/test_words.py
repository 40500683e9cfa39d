"""What the documents say in words is still true of what they are made of.

Who changes one changes the other: each test names the sentence that it holds to its numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from forecastlab.contracts.verdicts import DirectionFindings
from forecastlab.report.skill_claims import LUCK, claims, earning
from forecastlab.report.skill_networks import networks
from scripts.documents.regions import HOURLY, WITHOUT_BUNDLE
from scripts.documents.sources import Sources
from tests.support.imports import ROOT

OF: Final = Sources(ROOT)
CLAIMS: Final = claims(OF.verdicts(), OF.versions())
DAILY: Final = OF.verdict("verdict")


def said(document: str, words: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    assert words in " ".join(text.split()), f"{document} does not say so any more"


def findings(symbol: str) -> dict[str, DirectionFindings]:
    document = OF.verdict(f"verdict_{symbol}")
    return {name: one.direction for name, one in document.candidates.items() if one.direction}


def test_the_daily_forecast_is_one_of_how_much_and_not_of_which_way() -> None:
    said("docs/skill.md", "one of *how much*, not of *which way*")
    said("README.md", "the AUC of the direction cannot be told from a coin's")
    said("README.zh-CN.md", "方向 AUC 与抛硬币没有区别")
    for one in DAILY.candidates.values():
        assert one.evaluation.verdict == "better"
        assert one.evaluation.direction_verdict == "not_distinguishable"


def test_volatility_alone_speaks_in_the_shipped_daily_bundle() -> None:
    said("README.md", "in the shipped bundle that of volatility alone, `first_passage`")
    said("README.zh-CN.md", "在随附的模型包里，就是只看波动率的 `first_passage`")
    entries = OF.champions()[DAILY.deployment].candidates.values()
    assert {one.method for one in entries} == {"first_passage"}


def test_no_bundle_that_ships_names_a_top_or_a_bottom() -> None:
    said("docs/skill.md", "said only where the side, too, is *better*, and so by no bundle")
    for one in DAILY.candidates.values():
        assert one.evaluation.direction_verdict != "better"


def test_the_daily_skill_could_still_be_luck() -> None:
    said("README.md", "As the best of many looks, the skill could still be luck")
    said("README.zh-CN.md", "它是多次查看中最好的一次，因此这点技巧仍可能只是运气")
    for one in DAILY.candidates.values():
        assert one.multiplicity.p_value_best > LUCK


def test_the_hourly_skill_is_small_and_earns_nothing() -> None:
    said("docs/skill.md", "a matter of thousandths of a nat")
    said("docs/skill.md", "An order costs more than the side is worth")
    said("README.md", "a little skill at 5 hours, and less than a trade costs")
    said("README.zh-CN.md", "在 5 小时的预测期上有一点技巧，但还不够付一次交易的成本")
    said("docs/direction.md", "the best tenth of the hours loses, or cannot be told from a loss")
    traded = [one.net for one in CLAIMS if one.net is not None]
    assert traded
    assert all(earning(one) != "earns" for one in traded)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        verdicts = OF.verdict(f"verdict_{symbol}").candidates
        assert verdicts["H5"].evaluation.verdict == "better"
        for one in verdicts.values():
            gain = one.differences["trailing_year"]["log_loss"].value
            assert gain is not None
            assert abs(gain) < 0.01


def test_reversal_within_a_day_ranks_better_than_a_coin() -> None:
    said("docs/direction.md", "Reversal within a day ranks the hours better than a coin")
    for symbol in ("BTCUSDT", "ETHUSDT"):
        for name, found in findings(symbol).items():
            rule = next(one for one in found.ranks if one.name == "minus_3h_return")
            assert rule.sign_auc.ci95 is not None
            assert rule.sign_auc.ci95[0] > 0.5, (symbol, name)


def test_the_networks_ship_in_the_daily_and_hourly_bundles() -> None:
    said("docs/skill.md", "ship in every bundle of the daily and the hourly forecast")
    shipped = {one.deployment for one in networks(OF.verdicts(), OF.champions())}
    assert shipped == {DAILY.deployment, *HOURLY}


def test_no_bundle_of_the_slower_directions_ships() -> None:
    said("docs/skill.md", "No bundle of them ships")
    names = [path.name for path in Path(ROOT, "models", "production").iterdir()]
    assert [name for name in names if name.startswith(WITHOUT_BUNDLE)] == []


def test_the_skill_page_speaks_of_every_deployment_that_ships() -> None:
    assert {one.deployment for one in CLAIMS} == set(OF.champions())


def test_the_bundles_that_ship_are_those_that_were_judged() -> None:
    champions = OF.champions()
    for document in OF.verdicts():
        shipped = champions[document.deployment]
        assert shipped.recipe_digest == document.recipe_digest
        assert shipped.training.data_digest == document.data_digest
        for name, one in document.candidates.items():
            ours = shipped.candidates[name].evaluation
            assert ours.log_loss == one.evaluation.log_loss
            assert ours.verdict == one.evaluation.verdict
