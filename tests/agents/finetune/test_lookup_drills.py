"""Drills in looking up: what is told fits one entry of the list, and the answer names it."""

from __future__ import annotations

import re

import pytest

from agents.finetune import Demonstration, lookup_drills, oracle_rows


@pytest.mark.parametrize(("language", "style"), [("zh", "tags"), ("en", "tags"), ("en", "plain")])
def test_the_answer_is_the_only_entry_that_has_what_is_told(language: str, style: str) -> None:
    settings = {"language": language, "difficulty": "small", "style": style}
    rows = oracle_rows("DialogueStrategy-v0", settings, n=20, seed=0, demonstrator="best_known")
    drills = lookup_drills(rows, 30, seed=0)
    assert len(drills) == 30
    orders = set[bool]()
    for drill in drills:
        lines = [line for line in drill.messages[0]["content"].splitlines() if line.startswith("- ")]
        assert drill.kind == "dialogue_strategy"
        for question, answer in zip(drill.messages[1::2], drill.messages[2::2], strict=True):
            told = re.split("[,，]", question["content"])
            (line,) = [line for line in lines if all(one.strip() in line.split(":")[0].split("：")[0] for one in told)]
            named = re.split("[:：]", line)[1].split(",")[0].split("，")[0].strip()
            assert named in answer["content"]
            assert sum(other.split(named)[0] != other for other in lines) == 1
            places = [line.index(one.strip()) for one in told]
            orders.add(places == sorted(places))
    assert orders == {True, False}


def test_without_a_list_there_is_nothing_to_drill() -> None:
    talk = ({"role": "user", "content": "how are you"}, {"role": "assistant", "content": "fine"})
    assert lookup_drills([Demonstration(talk)], 5, seed=0) == []
    assert lookup_drills([Demonstration(({"role": "system", "content": "- a, b: Name"}, *talk))], 5, seed=0) == []


def test_the_same_seed_drills_the_same() -> None:
    settings = {"language": "en", "difficulty": "small"}
    rows = oracle_rows("DialogueStrategy-v0", settings, n=8, seed=0, demonstrator="best_known")
    assert lookup_drills(rows, 9, seed=1) == lookup_drills(rows, 9, seed=1) != lookup_drills(rows, 9, seed=2)
