"""Demonstrators of dialogues: one nearly as good as the best known policy, and one who answers too soon."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

import pytest

from textenvs.envs.dialogue.assess import should_ask
from textenvs.envs.dialogue.dials import LEVELS
from textenvs.envs.dialogue.env import DialogueStrategy
from textenvs.envs.dialogue.types import Language, TurnTruth
from textenvs.users.core import ANSWERS


def dialogues(name: str, language: Language) -> tuple[list[float], list[list[tuple[TurnTruth, str]]]]:
    """The returns of a hundred dialogues, and their turns."""
    env = DialogueStrategy(difficulty=replace(LEVELS["small"], exact=False), language=language, style="tags")
    act, returns, played = env.baselines()[name], list[float](), list[list[tuple[TurnTruth, str]]]()
    for index in range(100):
        observation, _ = env.reset(options={"index": index})
        turns, total, ended = list[tuple[TurnTruth, str]](), 0.0, False
        while not ended:
            words = act(observation)
            turn = env.advance(words)
            observation, reward, ended, _, _ = env.settle(turn, env.reward(turn))
            total += reward
            turns.append((turn.truth, words))
        returns.append(total)
        played.append(turns)
    return returns, played


@pytest.mark.parametrize("language", ["en", "zh"])
def test_to_describe_the_answer_costs_next_to_nothing(language: Language) -> None:
    returns, played = dialogues("describing", language)
    assert fmean(returns) > 0.8
    answers = [(truth, words) for turns in played for truth, words in turns if truth.move.kind in ANSWERS]
    assert len(answers) > 100
    for truth, words in answers:
        assert sum(name in words for name in truth.item.catalogue.names) == (not any(truth.belief.course.told))


def test_the_careless_answer_before_they_know_enough() -> None:
    returns, played = dialogues("careless", "en")
    assert 0.4 < fmean(returns) < 0.7
    moves = [truth for turns in played for truth, _ in turns if truth.belief.course.phase == "goal"]
    needed = [truth for truth in moves if should_ask(truth, exact=False)]
    assert 0.2 < fmean(truth.move.kind == "ask" for truth in needed) < 0.8
    assert sum(truth.wrong for truth in moves) > 30
    assert not any(truth.move.kind == "offer" for turns in played for truth, _ in turns)
