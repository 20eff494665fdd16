"""How far training has come reaches every reward, wherever its environment is played and whatever is around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import pytest

from tests.toy import EchoEnv
from textenvs import Turn
from textenvs.rewards import Schedule, Scored
from textenvs.vector import TextVectorEnv
from textenvs.wrappers import Choices

STEEP = {"one": [(0.0, 0.0), (1.0, 1.0)]}


def one(turn: Turn) -> float:
    return 1.0


def rising() -> EchoEnv:
    """An environment that pays as much as training has come."""
    return EchoEnv(reward=Schedule({"one": one}, STEEP))


def wrapped() -> gym.Env[Any, Any]:
    """The same in two wrappers, so that it scores itself."""
    return gym.Wrapper(gym.wrappers.TimeLimit(rising(), 9))


def paid(envs: TextVectorEnv) -> list[float]:
    envs.reset(seed=1)
    return envs.step(["red"] * envs.num_envs)[1].tolist()


@pytest.mark.parametrize(
    ("make", "workers"),
    [
        (lambda: TextVectorEnv(rising, 2), "inline"),
        (lambda: TextVectorEnv(wrapped, 2), "inline"),
        (lambda: TextVectorEnv(wrapped, 2, workers="thread"), "thread"),
        (lambda: TextVectorEnv(wrapped, 1, workers="process"), "process"),
        (lambda: TextVectorEnv([rising(), wrapped()]), "inline"),
    ],
)
def test_every_environment_is_told_before_its_next_episode(make: Callable[[], TextVectorEnv], workers: str) -> None:
    envs = make()
    assert set(paid(envs)) == {0.0}
    envs.set_progress(0.5)
    assert set(paid(envs)) == {0.5}
    envs.set_progress(1.0)
    assert set(paid(envs)) == {1.0}
    envs.close()


class Counting(Scored):
    """Counts how often it is told."""

    def __init__(self) -> None:
        super().__init__(one)
        self.told: list[float] = []

    def set_progress(self, progress: float) -> None:
        self.told.append(progress)


class Fragile(gym.Wrapper):
    """Breaks at its third reset."""

    resets = 0

    def reset(self, **how: Any) -> Any:
        self.resets += 1
        if self.resets == 3:
            raise RuntimeError("broken")
        return super().reset(**how)


def test_it_is_told_once_and_one_in_its_place_anew() -> None:
    rewards: list[Counting] = []

    def make() -> gym.Env[Any, Any]:
        rewards.append(Counting())
        return Fragile(EchoEnv(reward=rewards[-1]))

    envs = TextVectorEnv(make, 1)
    envs.set_progress(0.25)
    for _ in range(3):
        envs.reset(seed=1)
    envs.set_progress(0.5)
    envs.reset(seed=1)
    assert [reward.told for reward in rewards] == [[0.25], [0.25, 0.5]]


class Foreign(gym.Env[int, int]):
    """An environment of somebody who knows nothing of this."""

    observation_space = action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        return 0, {}


def test_whoever_does_not_want_to_know_is_left_alone() -> None:
    envs = TextVectorEnv(Foreign, 2)
    envs.set_progress(0.5)
    assert envs.reset(seed=1)[0].tolist() == [0, 0]


def test_gymnasiums_own_ways_reach_it() -> None:
    envs = gym.vector.SyncVectorEnv([wrapped, wrapped])
    envs.call("set_progress", 0.5)
    small = Choices(gym.make("DialogueStrategy-v0", difficulty="small", reward=Schedule({"one": one}, STEEP)))
    small.get_wrapper_attr("set_progress")(0.5)
    for env in (*envs.envs, small):
        assert env.get_wrapper_attr("reward")(Turn("", (), "red")).value == 0.5
