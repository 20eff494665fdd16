"""Probes: tasks so small that a right algorithm learns them in seconds, and a wrong one does not.

A probe is a record: what the world says, what the answers are worth, and within how many updates every algorithm has
to have learned it. The environment is plain Gymnasium, not a `TextEnv`, so its items are named by seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import gymnasium as gym
from gymnasium import spaces

from agents.policies.tiny import TinyConfig

SMALL = TinyConfig(vocab_size=262, hidden_size=32, layers=1, heads=4, context_length=128)
"""The model that takes most probes. Its tokens are bytes."""

TINIEST = TinyConfig(vocab_size=262, hidden_size=16, layers=1, heads=1, context_length=1200)
"""The model for long conversations: it can hardly attend, so whoever learns with it has the credit right."""

Judge = Callable[[str, Sequence[str]], bool]
"""Whether all that was said in an episode was right, given how it opened."""


@dataclass(frozen=True)
class Probe:
    """One task; its reward is 1 or 0 and is paid when the episode ends.

    Attributes:
        name: of the task.
        openings: what an episode may begin with; each is as likely as the others.
        judge: of what was said.
        updates: within which every algorithm has to solve it.
        episodes: per update.
        learning_rate: for all algorithms.
        replies: what the world says between two actions, of which there is one more.
        vocabulary: answers that a policy is taught before, each as likely after every opening; chance alone would
            need too long to find a single token.
        model: that the algorithms train.
    """

    name: str
    openings: tuple[str, ...]
    judge: Judge
    updates: int
    episodes: int = 64
    learning_rate: float = 1e-2
    replies: tuple[str, ...] = ()
    vocabulary: str = ""
    model: TinyConfig = SMALL

    def env(self) -> ProbeEnv:
        """Return an environment that plays it."""
        return ProbeEnv(self)


def _lower(opening: str, said: Sequence[str]) -> bool:
    """Say a lower-case letter first, whatever is shown and whatever comes later."""
    return said[0].isascii() and said[0].islower()


def _same(opening: str, said: Sequence[str]) -> bool:
    """Say what is shown first."""
    return said[0] == opening[0]


def _by_case(opening: str, said: Sequence[str]) -> bool:
    """Say a lower-case letter when "a" is shown, and an upper-case one when "b" is."""
    return said[0].isascii() and (said[0].islower() if opening == "a" else said[0].isupper())


def _e(opening: str, said: Sequence[str]) -> bool:
    """Say "e" first, whatever comes later."""
    return said[0] == "e"


PAIRS = tuple(f"{first}{second}" for first, second in permutations("efg", 2))
"""Every answer stands first and second equally often: knowing which letters are shown does not tell the first."""

LONG = "more" * 250
"""1,000 tokens."""

PROBES = {
    probe.name: probe
    for probe in (
        Probe("constant", ("a", "b"), _lower, updates=40),
        Probe("copy", PAIRS, _same, updates=240, episodes=128, learning_rate=3e-3, vocabulary="efg"),
        Probe("conditional", ("a", "b"), _by_case, updates=60),
        Probe("first_turn", ("a", "b"), _lower, updates=50, replies=("more", "more")),
        Probe("long_reply", ("a",), _e, updates=40, episodes=8, replies=(LONG,), vocabulary="efgh", model=TINIEST),
    )
}
"""By name: constant answer; copy the first token; answer by the prompt; the first of three turns decides; the first of
two turns decides, and 1,000 tokens of the world stand between them."""


class ProbeEnv(gym.Env[Any, str]):
    """Plays a probe."""

    observation_space = spaces.Dict()
    action_space = spaces.Text(8)

    def __init__(self, probe: Probe) -> None:
        self.probe = probe

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        openings = self.probe.openings
        self.opening = openings[int(self.np_random.integers(len(openings)))]
        self.said: list[str] = []
        self.seen = observation("", ("user", self.opening))
        return self.seen, {"task_id": self.opening}

    def step(self, action: str) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        replies = self.probe.replies[len(self.said) : len(self.said) + 1]
        self.said.append(action)
        done = not replies
        reward = float(done and self.probe.judge(self.opening, self.said))
        self.seen = extended(self.seen, ("assistant", action), *(("user", reply) for reply in replies))
        info = {"success": reward, "reward_parts": {"right": reward}, "reward_valid": 1.0, "invalid_action": 0.0}
        stop = ("success" if reward else "failure") if done else ""
        return self.seen, reward, done, False, {**info, "task_id": self.opening, "stop": stop}


def observation(instruction: str, *messages: tuple[str, str]) -> dict[str, Any]:
    """Return an observation in the shape that text environments give."""
    return extended({"instruction": instruction, "tools": (), "history": ()}, *messages)


def extended(seen: dict[str, Any], *messages: tuple[str, str]) -> dict[str, Any]:
    """Return an observation with more messages."""
    more = tuple({"role": role, "content": text, "name": "", "call_id": ""} for role, text in messages)
    return {**seen, "history": (*seen["history"], *more)}
