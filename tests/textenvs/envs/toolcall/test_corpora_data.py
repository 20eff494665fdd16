"""BFCL and ACEBench themselves: every gold answer is right, every corrupted one is what the rules say."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.textenvs.envs.toolcall.corruptions import RIGHT, WRONG, Case, Corruption, reversed_calls
from textenvs.envs.toolcall.corpora import load_corpus
from textenvs.envs.toolcall.matching import agreement
from textenvs.envs.toolcall.types import Task
from textenvs.envs.toolcall.wording import decision_of, names_right, oracle_text

BFCL = ("simple_python", "multiple", "parallel", "parallel_multiple", "irrelevance")
ROWS = {"simple_python": 400, "multiple": 200, "parallel": 200, "parallel_multiple": 200, "irrelevance": 240}
ACEBENCH = {
    "data_normal_atom_enum": 50,
    "data_normal_atom_number": 50,
    "data_normal_multi_turn_user_adjust": 116,
    "data_normal_similar_api": 50,
    "data_normal_single_turn_parallel_function": 100,
    "data_normal_single_turn_single_function": 100,
    "data_special_error_param": 50,
    "data_special_incomplete": 50,
    "data_special_irrelevant": 50,
}


@cache
def tasks(data_dir: Path, benchmark: str) -> tuple[Task, ...]:
    folder = data_dir / "toolcall"
    files = (
        [folder / "bfcl" / f"BFCL_v4_{name}.json" for name in BFCL]
        if benchmark == "bfcl"
        else [folder / "acebench_zh" / f"{name}.json" for name in ACEBENCH]
    )
    return tuple(task for file in files for task in load_corpus(file))


def with_calls(data_dir: Path, benchmark: str) -> list[Task]:
    return [task for task in tasks(data_dir, benchmark) if task.expectation.calls]


def test_every_row_is_read(data_dir: Path) -> None:
    folder = data_dir / "toolcall"
    for name, count in ROWS.items():
        assert len(load_corpus(folder / "bfcl" / f"BFCL_v4_{name}.json")) == count
    for name, count in ACEBENCH.items():
        assert len(load_corpus(folder / "acebench_zh" / f"{name}.json")) == count


@pytest.mark.parametrize("benchmark", ["bfcl", "acebench"])
def test_gold_calls_are_right_on_every_row(data_dir: Path, benchmark: str) -> None:
    for task in with_calls(data_dir, benchmark):
        judged = agreement([one.call() for one in task.expectation.calls], task.expectation, task.schemas())
        assert (judged.exact, judged.name, judged.arguments, judged.redundant) == (True, 1.0, 1.0, 0), task.task_id


@pytest.mark.parametrize("benchmark", ["bfcl", "acebench"])
def test_gold_words_are_right_on_every_row_and_the_users_own_are_not(data_dir: Path, benchmark: str) -> None:
    for task in tasks(data_dir, benchmark):
        if not task.expectation.calls:
            text = oracle_text(task.expectation, task.language)
            assert decision_of(text) in task.expectation.decisions, task.task_id
            assert names_right(text, task.expectation, task.opening) == 1.0, task.task_id
            if task.expectation.names:
                assert names_right(task.opening, task.expectation, task.opening) <= 0.5, task.task_id


@pytest.mark.parametrize("benchmark", ["bfcl", "acebench"])
@pytest.mark.parametrize("corruption", WRONG, ids=lambda corruption: corruption.__name__)
def test_a_corrupted_gold_answer_is_wrong(data_dir: Path, benchmark: str, corruption: Corruption) -> None:
    changed = 0
    for task in with_calls(data_dir, benchmark):
        calls = corruption(Case(task.expectation, task.schemas()))
        if calls is not None:
            judged = agreement(calls, task.expectation, task.schemas())
            assert not judged.exact, task.task_id
            assert 0.0 <= judged.arguments < 1.0, task.task_id
            assert 0.0 <= judged.name <= 1.0, task.task_id
            changed += 1
    assert changed >= 3  # so few rows of ACEBench have a boolean of their own


@pytest.mark.parametrize("corruption", RIGHT, ids=lambda corruption: corruption.__name__)
def test_what_the_leaderboard_allows_is_right(data_dir: Path, corruption: Corruption) -> None:
    changed = 0
    for task in with_calls(data_dir, "bfcl"):
        calls = corruption(Case(task.expectation, task.schemas()))
        if calls is not None:
            assert agreement(calls, task.expectation, task.schemas()).exact, task.task_id
            changed += 1
    assert changed >= 40


def test_dependent_calls_are_wrong_in_another_order(data_dir: Path) -> None:
    changed = 0
    for task in with_calls(data_dir, "bfcl"):
        case = Case(replace(task.expectation, ordered=True), task.schemas())
        assert agreement(case.calls, case.expectation, case.schemas).exact
        calls = reversed_calls(case)
        if calls is not None and len({call.name for call in calls}) == len(calls):
            assert not agreement(calls, case.expectation, case.schemas).exact, task.task_id
            changed += 1
    assert changed >= 100


def test_a_conversation_stays_in_one_group(data_dir: Path) -> None:
    read = load_corpus(data_dir / "toolcall" / "acebench_zh" / "data_normal_multi_turn_user_adjust.json")
    groups: dict[str, set[str]] = {}
    for task in read:
        groups.setdefault(task.task_id.rpartition("_")[0], set()).add(task.group)
    assert all(len(group) == 1 for group in groups.values())
