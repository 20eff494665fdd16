"""The oracle against brute force over users and words, and what its values mean."""

from __future__ import annotations

import pytest

from tests.textenvs.envs.dialogue.brute import actions, cases, catalogue_of, habits_with, optimum
from textenvs.envs.dialogue.knowledge import KnowledgeBase
from textenvs.envs.dialogue.oracle import oracle_of
from textenvs.envs.dialogue.voice import Voice
from textenvs.users.core import Act
from textenvs.users.habits import Habits

TWO = KnowledgeBase((3, 2), ((0, 0), (1, 1)), (0.6, 0.4))
THREE = KnowledgeBase((2, 2), ((0, 0), (0, 1), (1, 1)), (0.5, 0.3, 0.2))
ONE = KnowledgeBase((2,), ((0,), (1,)), (0.7, 0.3))


@pytest.mark.parametrize(
    ("kb", "turns", "habits"),
    [
        (TWO, 3, habits_with(vague=0.3, free=0.2)),
        (TWO, 4, habits_with(slips=0.25)),
        (TWO, 3, habits_with(volunteers=0.4, free=0.3, patience=(3, 5))),
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
    for probability, belief in oracle.process.openings():
        told = [Act("inform", s, b.bit_length() - 1) for s, b in enumerate(belief.box) if belief.course.told[s]]
        p, value = expected.pop(voice.say(0, (Act("request"), *told)))
        assert probability == pytest.approx(p)
        assert oracle.value(belief, turns) == pytest.approx(value, abs=1e-9), told
    assert not expected
