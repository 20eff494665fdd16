"""The oracle against brute force over users and words, and what its values mean."""

from __future__ import annotations

import pytest

from tests.textenvs.envs.dialogue.brute import actions, cases, catalogue_of, habits_with, optimum
from textenvs.envs.dialogue.beliefs import Belief
from textenvs.envs.dialogue.dials import dials_of, habits_of
from textenvs.envs.dialogue.knowledge import KnowledgeBase
from textenvs.envs.dialogue.oracle import Oracle, oracle_of
from textenvs.envs.dialogue.process import Process
from textenvs.envs.dialogue.voice import Voice
from textenvs.envs.dialogue.world import shelf
from textenvs.users.agenda import Course
from textenvs.users.core import Act, Move
from textenvs.users.habits import Habits

TWO = KnowledgeBase((3, 2), ((0, 0), (1, 1)), (0.6, 0.4))
THREE = KnowledgeBase((2, 2), ((0, 0), (0, 1), (1, 1)), (0.5, 0.3, 0.2))
ONE = KnowledgeBase((2,), ((0,), (1,)), (0.7, 0.3))


@pytest.mark.parametrize(
    ("kb", "turns", "habits"),
    [
        (TWO, 3, habits_with(vague=0.3, free=0.2)),
        (TWO, 4, habits_with(slips=0.25)),
        (TWO, 3, habits_with(volunteers=0.4, free=0.3, patience=(3, 4))),
        (THREE, 4, habits_with(changes=0.4, impossible=0.2)),
        (ONE, 4, habits_with(changes=0.4, slips=0.2, free=0.2)),
        (ONE, 4, habits_with(stated=0.0, more=0.5, most_goals=2, partings=(0.4, 0.4, 0.2))),
    ],
    ids=["vague", "slips", "volunteers", "changes", "slips-and-changes", "several-goals"],
)
def test_agrees_with_brute_force_on_every_opening(kb: KnowledgeBase, turns: int, habits: Habits) -> None:
    expected = optimum(cases(kb, habits, turns), actions(kb))
    oracle = oracle_of(kb, habits, False)
    voice = Voice(catalogue_of(kb), ("recommend",), "calm", (0,), 0)
    assert sum(p for p, _ in expected.values()) == pytest.approx(1.0)
    for probability, belief in oracle.process.openings:
        told = [Act("inform", s, b.bit_length() - 1) for s, b in enumerate(belief.box) if belief.course.told[s]]
        p, value = expected.pop(voice.say(0, (Act("request"), *told)))
        assert probability == pytest.approx(p)
        assert oracle.value(belief, turns) == pytest.approx(value, abs=1e-9), told
    assert not expected


def test_a_handover_ends_the_conversation_wherever_it_comes() -> None:
    # As `DialogueEpisode` plays it: to hand over a user who waits, or is gone, is to take leave of it.
    oracle = oracle_of(ONE, habits_with(stated=0.0, more=0.5, most_goals=2, partings=(0.4, 0.4, 0.2)), False)
    for phase in ("waiting", "gone"):
        belief = Belief(Course(0, phase, (), strain=1))  # type: ignore[arg-type]
        left = [oracle.worth(belief, Move(kind), 3) for kind in ("end", "handover")]  # type: ignore[arg-type]
        assert left[0] == left[1]
        assert oracle.value(belief, 3) >= left[0]


def test_situations_stand_for_many_information_states() -> None:
    dials = dials_of("small")
    oracle = Oracle(Process(shelf(dials, 0), habits_of("train", dials), angry=False))
    assert oracle.start(dials.turns) == pytest.approx(0.8885780980842475, abs=1e-12)  # as every state apart gave it
    assert len(oracle.process._situations) * 25 < oracle.n_states < 1_000_000
