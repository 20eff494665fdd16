"""Credit against stable-baselines3's own rollouts, on an environment where every turn is one token.

Episodes are played by the collector, with a time limit around the environment, and scored by a policy. Then
stable-baselines3 collects the same transitions, with the same values, by its own `collect_rollouts`.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy

from agents.algorithms.actor_critic import gae_credit
from agents.algorithms.ppo import PPOConfig
from agents.rollout.collector import Collector
from agents.rollout.episode import EpisodeRequest
from agents.rollout.sampling import SamplingParams
from agents.trainer.scoring import score_batch
from agents.trajectory import TokenBatch
from tests.agents.build import tiny_policy
from tests.agents.probes import observation


class Talk(gym.Env[Any, str]):
    """Answers every action with a word, pays a random reward, and ends by itself now and then."""

    observation_space = spaces.Dict()
    action_space = spaces.Text(8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.said: tuple[tuple[str, str], ...] = (("user", "a"),)
        return observation("", *self.said), {"task_id": str(seed)}

    def step(self, action: str) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.said = (*self.said, ("assistant", action), ("user", "b c"))
        info = {"reward_parts": {}, "reward_valid": 1.0, "invalid_action": 0.0, "task_id": "", "stop": "failure"}
        ends = bool(self.np_random.random() < 0.2)
        return observation("", *self.said), float(self.np_random.normal()), ends, False, info


class Replay(gym.Env[np.ndarray, int]):
    """Plays the episodes of a batch again; an observation is the number of the state."""

    observation_space = spaces.Box(0, np.inf, (1,))
    action_space = spaces.Discrete(2)

    def __init__(self, batch: TokenBatch) -> None:
        self.episodes = iter(batch.trajectories)
        self.state = -1

    def reset(self, *, seed=None, options=None):
        self.episode = next(self.episodes, self.__dict__.get("episode"))
        self.turns = iter(self.episode.turns)
        self.left = len(self.episode.turns)
        return self.next_state(), {}

    def next_state(self) -> np.ndarray:
        self.state += 1
        return np.array([self.state], dtype=np.float32)

    def step(self, action):
        self.left -= 1
        ended = self.left == 0
        truncated = ended and not self.episode.terminated
        return self.next_state(), next(self.turns).reward, ended and not truncated, truncated, {}


class Table(ActorCriticPolicy):
    """Looks the values up by the number of the state."""

    values: torch.Tensor

    def forward(self, obs, deterministic=False):
        return torch.zeros(len(obs), dtype=torch.long), self.predict_values(obs), torch.zeros(len(obs))

    def predict_values(self, obs):
        return self.values[obs.long()]


@pytest.fixture(scope="module")
def batch() -> TokenBatch:
    policy = tiny_policy()
    assert policy.critic is not None
    with torch.no_grad():
        policy.critic.output.weight.normal_(generator=torch.Generator().manual_seed(0))
    source = [gym.wrappers.TimeLimit(Talk(), max_episode_steps=4)]
    collector = Collector(policy, source, SamplingParams(1.0, max_new_tokens=1))
    episodes = collector.collect([EpisodeRequest(group_id=i, seed=i) for i in range(16)], update=0)
    return score_batch(policy, TokenBatch.of(episodes), 4096, critic=True, reference=False)


def test_the_episodes_have_one_token_per_turn_and_both_kinds_of_end(batch: TokenBatch) -> None:
    assert batch.turn_end.all()
    assert len(batch) == sum(len(episode.turns) for episode in batch.trajectories)
    assert {episode.terminated for episode in batch.trajectories} == {True, False}
    assert (np.abs(batch.bootstrap) > 0).tolist() == [episode.truncated for episode in batch.trajectories]


LAMBDAS = {"token": ["gae_lambda"], "turn": ["turn_lambda"], "nested": ["gae_lambda", "turn_lambda"]}
"""The lambdas that each level of credit has."""


@pytest.mark.parametrize(("gamma", "gae_lambda"), [(1.0, 0.95), (0.9, 0.95), (0.99, 1.0), (0.9, 0.0)])
@pytest.mark.parametrize("level", ["token", "turn", "nested"])
def test_gae_and_returns_are_theirs_bit_by_bit(batch: TokenBatch, level: Any, gamma: float, gae_lambda: float) -> None:
    steps = len(batch)
    model = PPO(Table, Replay(batch), n_steps=steps, batch_size=steps, gamma=gamma, gae_lambda=gae_lambda, device="cpu")
    ends = np.flatnonzero(np.append(np.diff(batch.trajectory_index), 1)) + 1
    # The last one belongs to the state that the environment is reset to at the end: it must not matter.
    model.policy.values = torch.from_numpy(np.append(np.insert(batch.values, ends, batch.bootstrap), np.float32(99)))
    _, callback = model._setup_learn(steps)
    model.collect_rollouts(model.env, callback, model.rollout_buffer, steps)

    config = PPOConfig(
        credit_level=level,
        turn_gamma=gamma,
        normalize_advantage=False,
        **dict.fromkeys(LAMBDAS[level], gae_lambda),
    )
    ours = gae_credit(batch, config)
    np.testing.assert_array_equal(ours.advantages, model.rollout_buffer.advantages[:, 0])
    np.testing.assert_array_equal(ours.returns, model.rollout_buffer.returns[:, 0])
