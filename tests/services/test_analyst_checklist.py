"""The seed's list of what was to be tested, and the tests that show each of its points.

A test that is renamed or deleted fails here: no point of the list may lose what shows it. How long
things take is measured by the benchmark, whose targets are named here too.
"""

from __future__ import annotations

import ast
from typing import Final

import pytest

from benchmarks.analyst import TARGETS
from tests.support.imports import ROOT

ANALYSE: Final = "services/test_analyse.py"
API: Final = "services/test_analyst_api.py"
CACHE: Final = "services/test_answer_cache.py"
LLM: Final = "services/test_openai_llm.py"
PRIVACY: Final = "unit/analyst/test_anonymize.py"

SHOWN_BY: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "功能 · DeepSeek API调用成功": (
        (ANALYSE, "test_the_model_answers_what_is_worth_asking"),
        (LLM, "test_each_named_provider_is_asked_as_it_wants"),
        (LLM, "test_the_providers_of_the_configuration_speak_it"),
    ),
    "功能 · 本地模型预测准确": (
        ("unit/analyst/test_rules.py", "test_golden_vectors"),
        ("unit/analyst/test_rules.py", "test_eighty_per_cent_is_eighty"),
        ("unit/analyst/test_readings.py", "test_bands_rsi_and_changes_against_pandas"),
    ),
    "功能 · 场景分类正确": (
        ("unit/analyst/test_scenes.py", "test_the_first_rule_that_fits"),
        ("unit/analyst/test_scenes.py", "test_the_caller_may_choose"),
        (ANALYSE, "test_rules_answer_the_simple_scenes_and_send_nothing"),
    ),
    "功能 · 数据脱敏有效": (
        (PRIVACY, "test_what_was_planted_does_not_leave"),
        (PRIVACY, "test_a_price_does_not_leave_under_an_allowed_name"),
        (ANALYSE, "test_only_relative_values_leave"),
    ),
    "功能 · 降级机制工作": (
        (ANALYSE, "test_the_rules_stand_in_and_say_why"),
        (ANALYSE, "test_the_breaker_opens_rests_probes_and_closes"),
        (ANALYSE, "test_a_spent_budget_lets_the_rules_answer"),
    ),
    "功能 · 缓存读写正常": (
        (CACHE, "test_what_is_put_is_got"),
        (CACHE, "test_each_answer_has_its_own_life"),
        (ANALYSE, "test_equal_questions_are_paid_for_once"),
    ),
    "功能 · 统计数据准确": (
        (ANALYSE, "test_counts_agree_with_the_servers_own_to_the_token"),
        (API, "test_stats_are_flat_and_nested"),
        ("services/test_spending.py", "test_many_answers_at_once_are_all_counted"),
    ),
    "性能 · 并发100请求稳定": (
        (API, "test_a_hundred_at_once"),
        (ANALYSE, "test_many_at_once_do_not_spend_what_one_may"),
    ),
    "安全 · 敏感字段被拦截": (
        (PRIVACY, "test_what_looks_private_is_refused_wherever_it_stands"),
        (PRIVACY, "test_private_keys_in_every_spelling"),
        (ANALYSE, "test_private_things_are_refused_before_anything_is_sent"),
    ),
    "安全 · API密钥不泄露": (
        (API, "test_no_key_and_no_text_of_the_model_leaks"),
        (LLM, "test_no_key_stands_in_a_log"),
        (LLM, "test_the_headers_say_neither_whose_account_nor_what_machine"),
    ),
    "安全 · 错误信息不暴露敏感数据": (
        ("unit/analyst/test_answers.py", "test_the_refusal_quotes_nothing"),
        (CACHE, "test_a_redis_that_says_nothing_is_waited_for_once"),
        (API, "test_a_configuration_that_cannot_work_is_refused_at_the_start"),
    ),
}
"""Point of the list -> the tests that show it, by file and name."""

MEASURED: Final = {
    "性能 · 简单场景响应 <100ms": ("local_ms", 100.0),
    "性能 · 复杂场景响应 <2s": ("overhead_ms", 2_000.0),
    "性能 · 缓存命中响应 <20ms": ("hit_ms", 20.0),
}
"""Point of the list -> the benchmark's measure, and what the seed asks; for a complex scene the
model's own time comes on top, which its deadline bounds."""


@pytest.mark.parametrize("point", SHOWN_BY)
def test_each_point_of_the_list_has_its_tests(point: str) -> None:
    for file, name in SHOWN_BY[point]:
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        there = {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}
        assert name in there, f"{point}: {file} has no {name}"


@pytest.mark.parametrize("point", MEASURED)
def test_each_time_of_the_list_is_measured_against_less(point: str) -> None:
    measure, asked = MEASURED[point]
    most = TARGETS[measure].at_most
    assert most is not None and most < asked


def test_the_list_is_whole() -> None:
    """Seven points of function, four of speed, three of safety."""
    points = [one.partition(" · ")[0] for one in (*SHOWN_BY, *MEASURED)]
    assert [points.count(part) for part in ("功能", "性能", "安全")] == [7, 4, 3]
