"""Failures are data: worlds that raise and hang, rewards that are no numbers, and a run that learns from the rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from agents import GRPO, PPO, Callback
from agents.algorithms import grpo
from agents.policies.tiny import TinyConfig, build_tiny
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.engine import Completion
from agents.rollout.local import LocalEngine
from agents.rollout.sampling import SamplingParams
from agents.trainer.agent import Agent
from agents.trajectory import TokenBatch, Trajectory
from tests.chaos.worlds import ChaoticEnv, reward_fault, world_fault
from tests.toy import WORDS, EchoEnv
from textenvs.faults import Fault

LIMIT_S = {"thread": 0.5, "process": 1.0}
"""What a step may take in seconds; it takes a hundredth of that, unless it hangs or the machine is very busy."""
GROUP = 4

STOPS = {"environment_raised": "error", "environment_timed_out": "timed_out", "": ""}


def policy() -> Any:
    size = TinyConfig(vocab_size=320, hidden_size=32, layers=1)
    return build_tiny([f"Repeat the word. {' '.join(WORDS)}"] * 3, size)


def requests(groups: int) -> list[EpisodeRequest]:
    return [EpisodeRequest(group, member, index=group) for group in range(groups) for member in range(GROUP)]


@pytest.fixture(scope="module", params=[("thread", 16, None), ("process", 6, 4)], ids=["thread", "process"])
def played(request: pytest.FixtureRequest) -> Iterator[tuple[list[Trajectory], Counter[Fault]]]:
    """Groups of four episodes of chaos, and what was counted."""
    workers, groups, live = request.param
    limit = LIMIT_S[workers]
    params = SamplingParams(max_new_tokens=4)
    collector = Collector(policy(), ChaoticEnv, params, workers=workers, max_live=live, step_timeout_s=limit)
    yield collector.collect(requests(groups)), collector.counts
    collector.close()


def actions(trajectory: Trajectory) -> list[str]:
    return [message["content"] for message in trajectory.messages if message["role"] == "assistant"]


def fates(trajectory: Trajectory) -> list[tuple[str, str]]:
    """What the world and the reward must have done with each action, by their own rules."""
    index = int(trajectory.task_id.split("/")[1])
    return [
        (world_fault(index, turn, action), reward_fault(index, turn, action))
        for turn, action in enumerate(actions(trajectory))
    ]


def test_every_failure_is_counted_where_it_happened(played: tuple[list[Trajectory], Counter[Fault]]) -> None:
    trajectories, counts = played
    expected: Counter[str] = Counter()
    for trajectory in trajectories:
        for world, reward in fates(trajectory):
            expected[world or reward] += 1
    del expected[""]
    assert {fault.value: count for fault, count in counts.items()} == expected
    assert len(expected) == 4, "the sample has every kind of failure"


def test_a_failed_episode_says_how_and_its_turns_are_invalid(played: tuple[list[Trajectory], Counter[Fault]]) -> None:
    for trajectory in played[0]:
        worlds = [world for world, _ in fates(trajectory)]
        assert not any(worlds[:-1])
        assert trajectory.failed == bool(worlds[-1])
        assert trajectory.stop == (STOPS[worlds[-1]] or trajectory.stop)
        assert [turn.valid for turn in trajectory.turns] == [not any(fate) for fate in fates(trajectory)]
        assert all(np.isfinite(turn.reward) for turn in trajectory.turns)


def test_advantages_are_those_of_the_survivors(played: tuple[list[Trajectory], Counter[Fault]]) -> None:
    survivors = [trajectory for trajectory in played[0] if not trajectory.failed]
    batch = TokenBatch.of(survivors)
    credit = grpo.credit(batch, grpo.GRPOConfig(n_episodes_per_update=64, group_size=GROUP))
    returns: dict[int, list[float]] = defaultdict(list)
    for trajectory in survivors:
        if trajectory.valid:
            returns[trajectory.group_id].append(sum(turn.reward for turn in trajectory.turns))
    assert {len(group) for group in returns.values()} > {GROUP}, "some groups have lost members, and some have not"
    for place, trajectory in enumerate(survivors):
        mine = batch.trajectory_index == place
        assert credit.mask[mine].all() == trajectory.valid
        if trajectory.valid:
            group = np.array(returns[trajectory.group_id])
            spread = group.std(ddof=1) + 1e-4 if len(group) > 1 else 1.0
            expected = (trajectory.episode_return - group.mean()) / spread
            np.testing.assert_allclose(credit.advantages[mine], expected, rtol=1e-4, atol=1e-5)
    trained = sum(trajectory.action_tokens for trajectory in survivors if trajectory.valid)
    assert credit.mask.sum() == trained


class Recorder(Callback):
    def __init__(self) -> None:
        self.metrics: list[dict[str, float]] = []

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        self.metrics.append(dict(metrics))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("algorithm", [PPO, GRPO])
@pytest.mark.parametrize("workers", ["thread", "process"])
def test_a_run_finishes_with_finite_weights(algorithm: type[PPO] | type[GRPO], workers: Any) -> None:
    updates, episodes = (3, 32) if workers == "thread" else (2, 4)
    agent = algorithm(
        policy(),
        ChaoticEnv,
        n_episodes_per_update=episodes,
        group_size=GROUP,
        max_new_tokens=4,
        learning_rate=1e-2,
        workers=workers,
        step_timeout_s=LIMIT_S[workers],
    )
    before = [parameter.detach().clone() for _, parameter in agent.policy.trainable_parameters()]
    recorder = Recorder()
    agent.learn(updates * episodes, callback=recorder)
    agent.close()
    after = [parameter for _, parameter in agent.policy.trainable_parameters()]
    assert all(bool(torch.isfinite(parameter).all()) for parameter in after)
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert len(recorder.metrics) == updates
    last = recorder.metrics[-1]
    assert {f"faults/{fault.value}" for fault in Fault} <= last.keys()
    lost = sum(last[f"faults/{fault.value}"] for fault in Fault if fault.stop)
    assert lost == sum(metrics["dropped_episodes"] for metrics in recorder.metrics)
    if workers == "thread":
        assert all(last[f"faults/{name}"] > 0 for name in ("environment_raised", "environment_timed_out"))
        assert all(last[f"faults/{name}"] > 0 for name in ("reward_failed", "reward_not_finite"))


class Unreliable(LocalEngine):
    """Every fifth turn comes back broken."""

    def poll(self) -> list[Completion]:
        return [self.spoilt(completion) for completion in super().poll()]

    def spoilt(self, completion: Completion) -> Completion:
        match completion.handle % 15:
            case 3:
                return Completion(completion.handle, [], [], "error")
            case 8:
                nothing = [float("nan")] * len(completion.token_ids)
                return Completion(completion.handle, completion.token_ids, nothing, "stop")
            case _:
                return completion


def test_a_turn_without_tokens_or_probabilities_is_a_failed_generation() -> None:
    model = policy()
    collector = Collector(model, EchoEnv, SamplingParams(max_new_tokens=4), engine=Unreliable(model))
    trajectories: Sequence[Trajectory] = collector.collect(requests(8))
    failed = [place for place, trajectory in enumerate(trajectories) if trajectory.failed]
    assert failed == [place for place in range(32) if place % 15 in (3, 8)]
    assert {trajectories[place].stop for place in failed} == {"generation_failed"}
    assert collector.counts == {Fault.GENERATION_FAILED: len(failed)}
    assert all(np.isfinite(s.behavior_logprobs).all() for t in trajectories for s in t.segments)
