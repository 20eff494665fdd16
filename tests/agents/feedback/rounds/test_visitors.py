"""Visitors: what they do follows from what is right, and the log that they leave can be estimated from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents.evaluation.results import EpisodeScore, EvaluationResult
from agents.feedback.events import Click, Correction, Event, Impression, Thumb
from agents.feedback.off_policy import OffPolicyConfig, evaluate_offline
from agents.feedback.rounds.visitors import Visitors, VisitorsConfig
from agents.feedback.store import Interaction
from agents.trajectory import TurnRecord
from textenvs.core import TextEnv
from textenvs.errors import ConfigError
from textenvs.messages import Message

NOW = 1e9
PLAIN: dict[str, Any] = {
    "examination": (1.0,),
    "noise": 0.0,
    "hostile": 0.0,
    "speaks": 1.0,
    "corrects": 1.0,
    "delay_s": 0.0,
}
TURN = TurnRecord(reward=0.0, parts={}, valid=True, temperature=1.0, finish_reason="stop")


class Crowd:
    """A world, and a policy in it that is right with a known probability."""

    def __init__(self, skill: float) -> None:
        env = gym.make("MultiTurnRewrite-v0", disable_env_checker=True, language="en", difficulty="tiny").unwrapped
        assert isinstance(env, TextEnv)
        self.env, self.skill, self.wanted = env, skill, dict[tuple[Message, ...], str]()

    def play(self, items: int, draws: int) -> EvaluationResult:
        draw = np.random.default_rng(0)
        return EvaluationResult(tuple(self._episode(i, draw) for i in range(items) for _ in range(draws)))

    def _episode(self, index: int, draw: np.random.Generator) -> EpisodeScore:
        observation, _ = self.env.reset(options={"index": index})
        history, turns, last = tuple(observation["history"]), 0, False
        while not last:
            wanted = self.env.oracle_action()
            self.wanted[Message("system", observation["instruction"]), *history] = wanted
            turn = self.env.advance(wanted if draw.random() < self.skill else "...")
            history, turns, last = turn.after, turns + 1, turn.last
        said = tuple(dict(message) for message in history)
        return EpisodeScore(index, f"item {index}", "", 0.0, 0.0, (TURN,) * turns, "", said)

    def target(self, skill: float) -> Callable[[Impression], Sequence[float]]:
        def chances(impression: Impression) -> list[float]:
            wanted = self.wanted[impression.conversation]
            return [skill if one.text == wanted else 1 - skill for one in impression.candidates]

        return chances

    def log(self, items: int, draws: int, **config: Any) -> Iterator[Interaction]:
        """What is known now, an impression at a time."""
        visitors = Visitors(self.env, VisitorsConfig(**{**PLAIN, **config}), 0)
        told: list[tuple[Impression, list[Event]]] = []
        for record in visitors.visit(self.play(items, draws), "v1", self.target(self.skill), now=NOW):
            if isinstance(record, Impression):
                told.append((record, []))
            else:
                told[-1][1].append(record)
        return (Interaction(impression, tuple(events)) for impression, events in told)


def test_honest_visitors_say_what_is_right() -> None:
    crowd = Crowd(0.5)
    corrected = 0
    for one in crowd.log(40, 3):
        wanted = crowd.wanted[one.impression.conversation]
        texts = [candidate.text for candidate in one.impression.candidates]
        assert {texts[e.position]: e.up for e in one.events if isinstance(e, Thumb)} == {t: t == wanted for t in texts}
        assert [texts[e.position] for e in one.events if isinstance(e, Click)] == [t for t in texts if t == wanted]
        corrections = [event.text for event in one.events if isinstance(event, Correction)]
        assert corrections == ([] if wanted in texts else [wanted])
        corrected += len(corrections)
    assert corrected > 5


def test_the_log_recovers_the_value_of_another_policy() -> None:
    crowd, looks = Crowd(0.4), (1.0, 0.5)
    log = list(crowd.log(400, 2, examination=looks))
    for skill in (0.1, 0.9):
        found = evaluate_offline(log, crowd.target(skill), OffPolicyConfig(examination=looks), NOW)
        assert found.ips.low < skill < found.ips.high
        assert found.coverage.low < 1 < found.coverage.high
    assert not found.naive.low < skill < found.naive.high


def test_noise_silence_hostility_and_delay() -> None:
    crowd = Crowd(0.5)
    silent = list(crowd.log(10, 2, speaks=0.0))
    assert all(isinstance(event, Click) for one in silent for event in one.events)
    for one in crowd.log(10, 2, hostile=1.0):
        wanted = crowd.wanted[one.impression.conversation]
        ups = {one.impression.candidates[e.position].text: e.up for e in one.events if isinstance(e, Thumb)}
        assert ups == {text: text != wanted for text in ups}
    late = list(crowd.log(40, 2, delay_s=1e6))
    assert all(event.time <= NOW for one in late for event in one.events)
    assert sum(not one.events for one in late) > 20
    with pytest.raises(ConfigError):
        VisitorsConfig(noise=1.5)
