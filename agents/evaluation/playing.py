"""One held-out item, played by a function and written down as it is said and paid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from agents.evaluation.results import EpisodeScore
from agents.rollout.recording import turn_record
from agents.trajectory import TurnRecord
from textenvs.core import Observation
from textenvs.errors import EndpointError
from textenvs.messages import Stop

Act = Callable[[Observation], str]


@dataclass(frozen=True, slots=True)
class Job:
    """One episode to play.

    Attributes:
        index: of the item.
        member: number of the episode among those of the same item.
    """

    index: int
    member: int


class Witness(gym.Wrapper[Any, Any, Any, Any]):
    """Writes down the conversation of the episode that is being played, whatever view of it the policy has.

    Args:
        env: a text environment.

    Attributes:
        observation: the latest.
        turns: one record per action so far.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation: Any = None
        self.turns: list[TurnRecord] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, and an empty record."""
        self.observation, info = self.env.reset(seed=seed, options=options)
        self.turns = []
        return self.observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Play an action and write down what it was worth."""
        self.observation, reward, terminated, truncated, info = self.env.step(action)
        self.turns.append(turn_record(float(reward), info, temperature=0.0, finish_reason="stop"))
        return self.observation, float(reward), terminated, truncated, info


def play(act: Callable[[Any], Any], view: gym.Env[Any, Any], witness: Witness, job: Job, group: str) -> EpisodeScore:
    """Play one item; where an endpoint fails, the episode ends there and says nothing.

    Args:
        act: from observations of the view to its actions.
        view: what is played.
        witness: in which the view ends; itself, where the text is played.
        job: which item.
        group: name that the episode carries.
    """
    observation, info = view.reset(options={"index": job.index})
    ended = False
    while not ended:
        try:
            action = act(observation)
        except EndpointError:
            info = {**info, "success": float("nan"), "stop": Stop.GENERATION_FAILED}
            break
        observation, _, terminated, truncated, info = view.step(action)
        ended = terminated or truncated
    turns = tuple(witness.turns)
    valid = ended and all(turn.valid for turn in turns)
    return EpisodeScore(
        index=job.index,
        task_id=str(info["task_id"]),
        group=group,
        success=float(info["success"]),
        episode_return=sum(turn.reward for turn in turns) if valid else float("nan"),
        turns=turns,
        stop=str(info["stop"] or Stop.TRUNCATED),
        messages=tuple(dict(message) for message in witness.observation["history"]),
        member=job.member,
    )
