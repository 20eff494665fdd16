"""Copying drills: the answer is always the end of the question, and never something to be known."""

from __future__ import annotations

import pytest

from agents.finetune import Demonstration, copy_drills, oracle_rows


def demonstration(*turns: tuple[str, str]) -> Demonstration:
    said = [m for q, a in turns for m in ({"role": "user", "content": q}, {"role": "assistant", "content": a})]
    return Demonstration(({"role": "system", "content": "do"}, *said))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_answer_repeats_the_end_of_the_question(language: str) -> None:
    rows = oracle_rows("MultiTurnRewrite-v0", {"language": language, "difficulty": "easy"}, n=40, seed=0)
    known = {message["content"] for row in rows for message in row.messages}
    drills = copy_drills(rows, 60, seed=0)
    assert len(drills) == 60
    answers = []
    for drill in drills:
        for question, answer in zip(drill.messages[1::2], drill.messages[2::2], strict=True):
            assert (question["role"], answer["role"]) == ("user", "assistant")
            assert question["content"].endswith(answer["content"])
            answers.append(answer["content"])
    assert len(set(answers)) > 0.95 * len(answers)
    assert not known & set(answers)


def test_a_drill_ends_before_the_first_rewrite() -> None:
    rows = [demonstration(("where is it", "where is it"), ("S: here\nU: and he", "U: and he"), ("when", "when is he"))]
    (drill,) = copy_drills(rows, 1, seed=0)
    assert len(drill.messages) == 5
    assert drill.messages[3]["content"].startswith("S: here\n")


def test_the_frame_of_the_question_stays() -> None:
    (drill,) = copy_drills([demonstration(("S: yes\nU: go on", "go on"))], 1, seed=0)
    assert drill.messages[0] == {"role": "system", "content": "do"}
    assert drill.messages[1]["content"].startswith("S: yes\nU: ")


def test_without_repetitions_there_is_nothing_to_drill() -> None:
    assert copy_drills([demonstration(("how are you", "fine"))], 5, seed=0) == []


def test_the_same_seed_drills_the_same() -> None:
    rows = oracle_rows("MultiTurnRewrite-v0", {"difficulty": "tiny"}, n=20, seed=0)
    assert copy_drills(rows, 9, seed=1) == copy_drills(rows, 9, seed=1) != copy_drills(rows, 9, seed=2)
