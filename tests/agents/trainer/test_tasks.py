"""Several tasks in one run: their shares in every update, their advantages apart, and going on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents import PPO
from agents.advantages.normalize import standardize, standardize_within
from agents.algorithms.actor_critic import gae_credit
from agents.algorithms.config import TrainConfig
from agents.algorithms.ppo import PPOConfig
from agents.algorithms.settings import Curriculum
from agents.trainer.items import ItemDraws, ItemSequence
from tests.agents.build import random_trajectories, scored, tiny_policy
from textenvs.errors import ConfigError

SHARES = {"a": 100.0, "b": 50.0, "c": 10.0}


def draws(groups: int = 64, group_size: int = 2, **settings: Any) -> ItemDraws:
    items = ItemSequence(seed=1, shares=SHARES)
    return ItemDraws(items, TrainConfig(n_episodes_per_update=groups * group_size, group_size=group_size, **settings))


@pytest.fixture
def echoes() -> Iterator[dict[str, Any]]:
    gym.register("EchoForTasks-v0", "tests.toy:EchoEnv")
    echo = {"id": "EchoForTasks-v0"}
    yield {"tasks": {"often": {**echo, "share": 3}, "seldom": {**echo, "share": 1}}}
    gym.registry.pop("EchoForTasks-v0")


def test_every_update_holds_the_shares_and_every_item_is_of_its_task() -> None:
    supply, total = draws(), sum(SHARES.values())
    seen: set[int] = set()
    for _ in range(5):
        requests = supply.requests(64)
        counts = Counter(request.task for request in requests)
        assert all(1 / 1.5 <= counts[task] / (128 * share / total) <= 1.5 for task, share in SHARES.items())
        for request in requests:
            assert request.index is not None
            assert list(SHARES)[request.index % 3] == request.task
            assert request.index < 2**62
        seen |= {request.index for request in requests if request.index is not None}
    assert len(seen) == 5 * 64


def test_draws_go_on_from_a_state() -> None:
    one, two = draws(), draws()
    one.requests(64)
    two.restore(json.loads(json.dumps(one.state())))
    assert one.requests(64) == two.requests(64)


def test_what_comes_next_is_known_before_it_is_drawn() -> None:
    supply = draws()
    supply.requests(64)
    second = supply.upcoming(2)
    supply.requests(64)
    assert supply.requests(64) == second


def test_an_update_too_small_for_the_shares_is_refused_and_so_is_a_curriculum() -> None:
    with pytest.raises(ConfigError, match="a batch of 4 cannot hold"):
        draws(groups=4)
    with pytest.raises(ConfigError, match="draws items by shares"):
        draws(curriculum=Curriculum(boost=2.0))


def test_advantages_are_normalised_in_each_task_apart() -> None:
    generator = np.random.default_rng(0)
    trajectories = random_trajectories(generator, count=12)
    tasks = [replace(one, task="ab"[place % 2]) for place, one in enumerate(trajectories)]
    loud = [
        replace(one, turns=tuple(replace(t, reward=100 * t.reward + 7) for t in one.turns)) if one.task == "b" else one
        for one in tasks
    ]
    batch = scored(loud, generator)
    credit = gae_credit(batch, PPOConfig())
    for task in (0, 1):
        own = credit.advantages[batch.task_index == task]
        assert abs(own.mean()) < 1e-5
        assert own.std(ddof=1) == pytest.approx(1.0, rel=1e-4)
    plain = scored(trajectories, np.random.default_rng(1))
    assert set(plain.task_index) == {0}
    raw = gae_credit(plain, PPOConfig(normalize_advantage=False)).advantages
    assert np.array_equal(gae_credit(plain, PPOConfig()).advantages, standardize(raw, plain.turn_valid))


def test_standardising_within_looks_at_nothing_else() -> None:
    values = np.array([1.0, 2.0, 3.0, 100.0, 300.0, np.nan, 5.0], dtype=np.float32)
    mask = np.array([True] * 5 + [False, True])
    found = standardize_within(values, mask, np.array([0, 0, 0, 1, 1, 1, 2]))
    assert found[:5] == pytest.approx([-1, 0, 1, -(2**-0.5), 2**-0.5], abs=1e-5)
    assert found[6] == 5.0, "one token has no variance"


def test_a_run_trains_on_several_tasks(echoes: dict[str, Any]) -> None:
    agent = PPO(tiny_policy(), "MixedTasks-v0", env_kwargs=echoes, n_episodes_per_update=8, max_new_tokens=2)
    seen: list[dict[str, float]] = []
    batch = agent.trainer.rollouts.play(0, 1.0, 0.0)[0]
    assert Counter(trajectory.task for trajectory in batch) == {"often": 6, "seldom": 2}
    assert all(trajectory.task_id.startswith(trajectory.task) for trajectory in batch)
    metrics = agent.trainer.step(lambda: seen.append({}))
    assert {"success/often", "success/seldom", "reward/often/exact"} <= metrics.keys()
