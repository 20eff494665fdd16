"""Tasks, who gets which, and what a verdict becomes."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agents.evaluation.results import EpisodeScore
from agents.feedback.admission import Outcome
from agents.feedback.labelling.queue import LabelQueue
from agents.feedback.labelling.tasks import Played, questions
from agents.feedback.labelling.verdict import Verdict
from agents.feedback.refusals import Reason, Refusal
from agents.feedback.signals import Signals, signals
from agents.feedback.store import Store
from agents.trajectory import TurnRecord
from tests.agents.feedback.labelling.conftest import question
from tests.agents.feedback.records import event, shown
from textenvs.errors import ConfigError


def episode(*messages: tuple[str, str], turns: int, index: int = 0) -> EpisodeScore:
    said = tuple({"role": role, "content": content} for role, content in messages)
    turn = TurnRecord(reward=0.0, parts={}, valid=True, temperature=1.0, finish_reason="stop")
    return EpisodeScore(index, f"item {index}", "", 1.0, 0.0, (turn,) * turns, "success", said)


def judge(queue: LabelQueue, task: str, by: str, **said: Any) -> list[Outcome | Refusal]:
    return list(queue.judge(Verdict(impression_id=task, annotator=by, **said)))


def test_answers_to_the_same_conversation_make_a_question() -> None:
    asked, own = ("user", "问"), ("assistant", "an older turn")
    played = [
        Played("v1", episode(("system", "Do."), own, asked, ("assistant", "a"), turns=1), "Do."),
        Played("v2", episode(own, asked, ("assistant", "b"), ("user", "more"), ("assistant", "c"), turns=2), "Do."),
        Played("v2", episode(own, asked, ("assistant", "a"), ("user", "more"), ("assistant", "d"), turns=2), "Do."),
        Played("v1", episode(own, asked, ("assistant", "a"), turns=1, index=1), "Do."),
        Played("v1", episode(turns=0)),
    ]
    found = questions(played)
    assert [one.answers for one in found] == [{"a": "v1", "b": "v2"}, {"c": "v2"}, {"d": "v2"}, {"a": "v1"}]
    assert [message.content for message in found[0].conversation] == ["Do.", "an older turn", "问"]
    assert [message.content for message in found[2].conversation] == ["Do.", "an older turn", "问", "a", "more"]


def test_a_queue_is_filled_once_and_survives(store: Store, queue: LabelQueue) -> None:
    first = queue.add([question(0), question(1), question(0)])
    assert first[0] == first[2] != first[1]
    again = LabelQueue(store, seed=9)
    assert again.add([question(1), question(2)])[0] == first[1]
    assert [one.impression.id for one in queue.interactions()] == [one.impression.id for one in again.interactions()]
    assert LabelQueue(store, "def_ult").progress("me").tasks == 0
    store.append([shown("elsewhere")])
    assert queue.progress("me").tasks == 3


def test_the_order_says_nothing_and_of_many_answers_some_are_drawn(queue: LabelQueue) -> None:
    texts = tuple(f"answer {number}" for number in range(8))
    tasks = queue.add([question(number, *texts) for number in range(60)], most=2)
    assert {len(task.candidates) for task in tasks} == {2}
    assert {candidate.propensity for task in tasks for candidate in task.candidates} == {0.25}
    firsts = Counter(task.candidates[0].policy_version for task in tasks)
    assert len(firsts) == 8
    orders = Counter(tuple(queue.order(task, name)) for task in tasks for name in ("x", "y"))
    assert min(orders[0, 1], orders[1, 0]) > 30
    assert any(queue.order(task, "x") != queue.order(task, "y") for task in tasks)
    assert queue.order(tasks[0], "x") == queue.order(tasks[0], "x")


def test_everybody_gets_what_still_wants_votes(queue: LabelQueue) -> None:
    a, b, c = (task.id for task in queue.add(map(question, range(3))))
    assert queue.next("x").id == a  # type: ignore[union-attr]
    assert queue.next("x", {a}).id == b  # type: ignore[union-attr]
    assert judge(queue, b, "x", best=0) == [Outcome.STORED]
    assert queue.next("y").id == b  # type: ignore[union-attr] # what another has judged comes first
    judge(queue, b, "y", alike=True)
    assert queue.next("z").id == a  # type: ignore[union-attr]
    assert (queue.progress("x").finished, queue.progress("x").mine, queue.progress("z").mine) == (1, 1, 0)
    for name in (a, c):
        judge(queue, name, "x", best=1)
    assert queue.next("x") is None


def test_what_cannot_be_taken_is_refused(queue: LabelQueue) -> None:
    (task,) = queue.add([question(0)])
    assert [refusal.reason for refusal in judge(queue, "label/none", "x", best=0)] == [Reason.UNKNOWN_IMPRESSION]  # type: ignore[union-attr]
    for said in ({"best": 2}, {"scores": [{"position": 5, "score": 1.0}]}, {"order": (0, 7)}):
        assert [refusal.reason for refusal in judge(queue, task.id, "x", **said)] == [Reason.UNKNOWN_POSITION]  # type: ignore[union-attr]
    judge(queue, task.id, "x", best=0)
    assert [refusal.reason for refusal in judge(queue, task.id, "x", best=1)] == [Reason.CONFLICT]  # type: ignore[union-attr]
    for nothing in ({}, {"best": 0, "alike": True}, {"scores": [{"position": 0, "score": 2.0}]}):
        with pytest.raises(ValidationError):
            Verdict(impression_id=task.id, annotator="x", **nothing)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        Verdict(impression_id=task.id, annotator="x y", best=0)


@pytest.mark.parametrize("wrong", [{"name": "a/b"}, {"name": ""}, {"votes": 0}])
def test_a_queue_that_cannot_be(store: Store, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        LabelQueue(store, **wrong)


def learned(tmp_path: Path, **said: Any) -> tuple[Signals, list[str]]:
    """What is learned from one verdict about three answers, and those as they are stored."""
    store = Store(tmp_path / "l.db")
    queue = LabelQueue(store)
    (task,) = queue.add([question(0, "一", "二", "三")])
    judge(queue, task.id, "x", **said)
    found = signals(store.interactions())
    store.close()
    return found, [candidate.text for candidate in task.candidates]


def test_the_best_is_preferred_to_every_other(tmp_path: Path) -> None:
    found, texts = learned(tmp_path, best=1)
    pairs = [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in found.preference]
    assert pairs == [(texts[1], texts[0]), (texts[1], texts[2])]
    assert [row["reward"] for row in found.rewards] == [-1, 1, -1]
    assert not found.unpaired


def test_an_order_is_preferred_pair_by_pair(tmp_path: Path) -> None:
    found, texts = learned(tmp_path, order=(2, 0, 1))
    pairs = [(row["chosen"][0]["content"], row["rejected"][0]["content"], row["margin"]) for row in found.preference]
    assert pairs == [(texts[2], texts[0], 0.5), (texts[2], texts[1], 1.0), (texts[0], texts[1], 0.5)]


def test_no_difference_is_worth_nothing_and_known(tmp_path: Path) -> None:
    found, _ = learned(tmp_path, alike=True)
    assert [row["reward"] for row in found.rewards] == [0, 0, 0]
    assert not found.preference
    assert not found.unpaired


def test_scores_and_corrections(tmp_path: Path) -> None:
    scores = [{"position": 0, "score": 1.0}, {"position": 1, "score": 0.0}, {"position": 2, "part": "p", "score": 0.5}]
    found, texts = learned(tmp_path, scores=scores, corrections=[{"position": 1, "text": "对"}])
    assert {(row["completion"][0]["content"], row["label"]) for row in found.unpaired} == {
        (texts[0], True),
        (texts[1], False),
        ("对", True),
    }
    pairs = {(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in found.preference}
    assert pairs == {("对", texts[1]), (texts[0], texts[1])}
    assert [row["messages"][-1]["content"] for row in found.sft] == ["对"]
    assert [message["role"] for message in found.sft[0]["messages"]] == ["system", "user", "assistant"]


def test_other_events_count_as_votes_of_those_who_made_them(store: Store, queue: LabelQueue) -> None:
    (task,) = queue.add([question(0)])
    store.append([event("click", of=task.id, position=0)])
    assert queue.next("x") == task
    store.append([event("click", "e1", of=task.id, position=0, user_id="x")])
    assert queue.next("x") is None
    assert math.isclose(queue.progress("x").mine, 1)
