"""Rollouts on a real Ray of this machine: the same episodes as in this process, also where actors die."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray", reason="the extra textenvs[ray] is not installed")

import ray

from agents import GRPO, Curriculum, Importance
from agents.distributed import ray_collector
from agents.distributed.ray_collector import RayCollector
from agents.distributed.ray_workers import RayWorkers
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.sampling import SamplingParams
from agents.trajectory import Trajectory
from tests.agents.distributed.program import SMALL, Kept, LetterEnv, policy
from textenvs.errors import ConfigError, EnvironmentFaultError

PARAMS = SamplingParams(temperature=0.9, max_new_tokens=6)
REQUESTS = [EpisodeRequest(group_id=g, member=m, index=g) for g in range(6) for m in range(2)]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")  # 15 by default, which starves on a busy machine
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=1 << 27)
        yield
        ray.shutdown()


def tokens(episodes: list[Trajectory]) -> list[list[int]]:
    return [segment.token_ids.tolist() for episode in episodes for segment in episode.segments]


class SlowEnv(LetterEnv):
    """Takes its time, so that there is somebody to kill."""

    def advance(self, action: str) -> Any:
        time.sleep(0.1)
        return super().advance(action)


@pytest.fixture(scope="module")
def players() -> Iterator[RayCollector]:
    made = RayCollector(policy(critic=None), SlowEnv, {}, PARAMS, RayWorkers(cpus=0.5, actors=1, tries=5))
    yield made
    made.close()


def test_actors_play_what_this_process_plays_before_and_after_an_update(players: RayCollector) -> None:
    here = Collector(players.policy, LetterEnv, PARAMS)
    for update in range(2):
        far, near = players.collect(REQUESTS, update), here.collect(REQUESTS, update)
        assert tokens(far) == tokens(near)
        assert [e.episode_return for e in far] == [e.episode_return for e in near]
        assert {episode.weights_version for episode in far} == {update}
        for one, other in zip(far, near, strict=True):
            for mine, theirs in zip(one.segments, other.segments, strict=True):
                np.testing.assert_allclose(mine.behavior_logprobs, theirs.behavior_logprobs, atol=1e-5)
        for _, weight in players.policy.trainable_parameters():
            weight.data.mul_(1.05)
        players.policy.mark_updated()


def test_episodes_of_an_actor_that_dies_are_played_again_to_the_same_bits(players: RayCollector) -> None:
    whole = players.collect(REQUESTS, 7)
    deaths = players.deaths
    killer = threading.Timer(0.3, lambda: ray.kill(players.actors[0], no_restart=False))
    killer.start()
    again = players.collect(REQUESTS, 7)  # there is no other actor: this one has to come back
    killer.join()
    assert players.deaths == deaths + 1
    assert tokens(again) == tokens(whole)
    assert [(e.task_id, e.group_id) for e in again] == [(f"echo/{r.index}", r.group_id) for r in REQUESTS]
    for one, other in zip(again, whole, strict=True):
        for mine, theirs in zip(one.segments, other.segments, strict=True):
            np.testing.assert_array_equal(mine.behavior_logprobs, theirs.behavior_logprobs)


def test_episodes_that_are_lost_with_the_machine_that_held_them_are_played_again(
    players: RayCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, deaths = players.collect(REQUESTS[:2], 8), players.deaths
    real, lost = ray.get, [ray.exceptions.ObjectLostError("00", None, "")]

    def get(reference: Any) -> Any:
        if lost:
            raise lost.pop()
        return real(reference)

    monkeypatch.setattr(ray, "get", get)
    assert tokens(players.collect(REQUESTS[:2], 8)) == tokens(whole)
    assert players.deaths == deaths + 1


def test_actors_that_stay_away_are_waited_for_longer_and_longer(
    players: RayCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def away(reference: Any) -> Any:
        raise ray.exceptions.ActorUnavailableError("being started again", None)

    with monkeypatch.context() as patch:
        patch.setattr(ray_collector, "PAUSE_S", (0.1, 0.5))
        patch.setattr(ray_collector, "time", SimpleNamespace(sleep=pauses.append))
        patch.setattr(ray, "get", away)
        deaths = players.deaths
        with pytest.raises(EnvironmentFaultError, match="lost 5 actors"):
            players.collect(REQUESTS[:2], 9)
    assert players.deaths == deaths + 1  # one that is away does not die anew
    assert pauses == pytest.approx([0.2, 0.4, 0.5, 0.5])
    assert len(players.collect(REQUESTS[:2], 9)) == 2


def test_the_weights_are_put_into_the_store_once_a_version(
    players: RayCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[Any] = []
    real = ray.put
    monkeypatch.setattr(ray, "put", lambda value: put.append(value) or real(value))
    players.policy.mark_updated()
    for update in (10, 11):
        players.collect(REQUESTS[:2], update)
    assert len(put) == 1
    assert set(put[0]) == {name for name, _ in players.policy.trainable_parameters()}


def test_an_agent_trains_with_episodes_at_most_so_stale() -> None:
    settings = {**SMALL, "group_size": 4, "importance": Importance(cap=2.0)}
    agent = GRPO(policy(critic=None), LetterEnv, workers=RayWorkers(actors=2, cpus=0.5, staleness=1), **settings)
    kept, beside = Kept(), Kept()
    agent.learn(3 * 16, callback=kept)
    agent.close()
    assert [row["staleness"] for row in kept.rows] == [0, 1, 1]
    GRPO(policy(critic=None), LetterEnv, **settings).learn(16, callback=beside)
    for name in ("episode_return", "policy_loss", "importance", "grad_norm"):
        assert kept.rows[0][name] == pytest.approx(beside.rows[0][name], abs=1e-5), name


def test_what_cannot_be_played_ahead_is_refused() -> None:
    stale: dict[str, Any] = {"workers": RayWorkers(actors=1, staleness=1), "group_size": 4, **SMALL}
    with pytest.raises(ConfigError, match=r"staleness=1.*importance\.cap"):
        GRPO(policy(critic=None), LetterEnv, **stale)
    with pytest.raises(ConfigError, match="curriculum"):
        GRPO(policy(critic=None), LetterEnv, importance=Importance(cap=2.0), curriculum=Curriculum(boost=2.0), **stale)
    with pytest.raises(ConfigError, match="give an id"):
        GRPO(policy(critic=None), LetterEnv(), workers=RayWorkers(actors=1), **SMALL)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"ray\.cpus=0"):
        RayWorkers(cpus=0)
