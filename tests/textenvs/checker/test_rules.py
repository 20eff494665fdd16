"""Every rule fires on an environment that breaks it, and none on one that keeps them all."""

from __future__ import annotations

import functools
import json

import gymnasium as gym
import pytest

from tests.textenvs.checker.broken import BREAKS
from tests.textenvs.checker.sums import Sums
from textenvs.checker import RULES, EnvContractTests, Examination, Rule, Status, check_text_env
from textenvs.errors import ConformanceError, UsageError

RAISING = {"passes_check_env", "has_three_splits", "spec_survives_json", "survives_pickling"}
"""Rules whose evidence is what the environment, or Gymnasium's check, raises."""

BY_NAME = {rule.name: rule for rule in RULES}


@functools.cache
def examination(world: type[gym.Env]) -> Examination:
    return Examination(world, items=2, draws=60)


def test_there_are_rules_beyond_gymnasiums_own() -> None:
    assert len(RULES) >= 26
    assert len(BY_NAME) == len(RULES)
    assert all(rule.sentence.endswith(".") and rule.remedy.endswith(".") for rule in RULES)


def test_a_sound_environment_keeps_them_all() -> None:
    report = check_text_env(Sums, items=2, draws=60)
    report.require()
    assert {finding.status for finding in report.findings} == {Status.KEPT}


def test_every_rule_has_an_environment_that_breaks_it() -> None:
    assert BREAKS.keys() == BY_NAME.keys()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_broken_environment_is_found_out(rule: Rule) -> None:
    finding = rule.examine(examination(BREAKS[rule.name]))
    assert finding.status is Status.BROKEN
    assert finding.evidence[0].startswith("raised") == (rule.name in RAISING), finding.evidence


def test_what_is_not_offered_is_skipped_and_said() -> None:
    report = check_text_env(BREAKS["is_a_text_env"], items=2, draws=2, only=["snapshots_restore", "has_three_splits"])
    assert [finding.status for finding in report.findings] == [Status.SKIPPED, Status.SKIPPED]
    assert "takes no split=" in report.findings[0].evidence[0]


def test_a_report_names_rule_evidence_and_remedy() -> None:
    report = check_text_env(BREAKS["stop_says_why"], items=2, draws=2, only=["stop_says_why", "turns_are_counted"])
    assert [finding.rule.name for finding in report.broken] == ["stop_says_why"]
    with pytest.raises(ConformanceError, match=r"stop_says_why: .*\n  found: item 0, played by"):
        report.require()
    record = json.loads(json.dumps(report.as_dict()))
    assert not record["passed"]
    assert record["findings"][0]["count"] == 2 * 4 + 24 - 2
    assert record["findings"][0]["remedy"].endswith(".")


def test_targets_that_do_not_exist_are_refused() -> None:
    class Local(Sums):
        pass

    for target, words in (
        ("MultiTurnRewrit-v0", "MultiTurnRewrite-v0"),
        ("no_such_module:Env", "no_such_module"),
        ("tests.textenvs.checker.sums:Sum", "Sum"),
        (Local, "at the top of a module"),
    ):
        with pytest.raises(UsageError, match=words):
            Examination(target)
    with pytest.raises(UsageError, match="'history_only_grows'"):
        check_text_env(Sums, only=["history_only_grow"])
    with pytest.raises(UsageError, match="items=1"):
        check_text_env(Sums, items=1)


class TestSums(EnvContractTests):
    """The mix-in on a class that skips a rule on purpose."""

    target = Sums
    items = 2
    draws = 20
    skip_rules = ("is_light", "needs_no_network", "writes_no_files", "processes_agree")


def test_the_mix_in_has_a_test_for_each_rule_and_fails_with_the_finding() -> None:
    class TestBroken(EnvContractTests):
        target = BREAKS["turns_are_counted"]
        items = 2
        draws = 2

    assert {name for name in dir(TestSums) if name.startswith("test_")} == {f"test_{name}" for name in BY_NAME}
    with pytest.raises(AssertionError, match=r"turns_are_counted[\s\S]*remedy"):
        TestBroken().test_turns_are_counted()  # type: ignore[attr-defined]
    TestBroken().test_stop_says_why()  # type: ignore[attr-defined]
