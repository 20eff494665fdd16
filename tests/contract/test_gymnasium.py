"""Every id of the catalogue is a Gymnasium environment: made, vectorised, wrapped, specified, pickled."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import NormalizeReward, RecordEpisodeStatistics, TimeLimit, TransformReward

import textenvs  # noqa: F401 (registers the ids)
from envs_registry import CATALOG
from tests.conftest import ROOT
from textenvs.errors import UnknownNameError

IDS = [entry.id for entry in CATALOG]
CERTAIN = [env_id for env_id in IDS if gym.make(env_id, disable_env_checker=True).unwrapped.oracle_is_certain]
UNCERTAIN = [env_id for env_id in IDS if env_id not in CERTAIN]


def play(env: gym.Env[Any, str], index: int, actions: list[str]) -> list[Any]:
    """One episode, with the oracle where `actions` has run out."""
    steps: list[Any] = [env.reset(options={"index": index})]
    for turn in range(64):
        action = actions[turn] if turn < len(actions) else env.unwrapped.oracle_action()  # type: ignore[attr-defined]
        steps.append(env.step(action))
        if steps[-1][2]:
            return steps
    raise AssertionError("the episode does not end")


@pytest.mark.parametrize("env_id", IDS)
def test_passes_check_env(env_id: str) -> None:
    check_env(gym.make(env_id, render_mode="ansi").unwrapped)


@pytest.mark.parametrize("env_id", IDS)
def test_made_by_module_and_id(env_id: str) -> None:
    assert gym.make(f"textenvs:{env_id}").spec is not None


@pytest.mark.parametrize("env_id", CERTAIN)
def test_oracle_succeeds_with_the_greatest_reward(env_id: str) -> None:
    env = gym.make(env_id)
    for index in range(50):
        steps = play(env, index, [])[1:]
        assert [step[1] for step in steps] == [env.unwrapped.reward_range[1]] * len(steps)  # type: ignore[attr-defined]
        assert steps[-1][4]["success"] == 1.0


@pytest.mark.parametrize("env_id", UNCERTAIN)
def test_an_oracle_that_cannot_be_certain_is_far_better_than_every_baseline(env_id: str) -> None:
    env: Any = gym.make(env_id).unwrapped
    returns: dict[str, float] = {}
    successes = 0
    for name, act in env.baselines().items():
        returns[name] = 0.0
        for index in range(100):
            observation, _ = env.reset(options={"index": index})
            ended, info = False, {"success": 0.0}
            while not ended:
                observation, reward, ended, _, info = env.step(act(observation))
                returns[name] += reward / 100
            successes += name == "oracle" and info["success"] == 1.0
    best = returns.pop("oracle")
    assert successes >= 95
    assert max(returns.values()) < 0.6 * best


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vectorised(env_id: str, mode: str) -> None:
    kwargs = {"shared_memory": False} if mode == "async" else {}
    envs = gym.make_vec(env_id, num_envs=3, vectorization_mode=mode, vector_kwargs=kwargs)
    single = [gym.make(env_id) for _ in range(3)]
    try:
        observations, _ = envs.reset(seed=[1, 2, 3])
        expected = [env.reset(seed=seed)[0] for env, seed in zip(single, (1, 2, 3), strict=True)]
        assert list(observations["history"]) == [one["history"] for one in expected]
        observations, rewards, _, _, infos = envs.step(("a", "b", "c"))
        steps = [env.step(action) for env, action in zip(single, "abc", strict=True)]
        assert list(observations["history"]) == [step[0]["history"] for step in steps]
        np.testing.assert_array_equal(rewards, [step[1] for step in steps])
        assert infos["reward_valid"].tolist() == [1.0, 1.0, 1.0]
    finally:
        envs.close()


@pytest.mark.parametrize("env_id", IDS)
def test_wrappers(env_id: str) -> None:
    env = RecordEpisodeStatistics(gym.make(env_id))
    steps = play(env, 3, [])
    assert steps[-1][4]["episode"]["l"] == len(steps) - 1
    assert steps[-1][4]["episode"]["r"] == pytest.approx(sum(step[1] for step in steps[1:]))
    doubled = TransformReward(gym.make(env_id), lambda reward: 2 * reward)
    assert [s[1] for s in play(doubled, 3, [])[1:]] == [2 * s[1] for s in steps[1:]]
    NormalizeReward(gym.make(env_id)).reset(seed=0)
    cut = TimeLimit(gym.make(env_id), max_episode_steps=1)
    cut.reset(options={"index": 3})
    _, _, terminated, truncated, _ = cut.step("no")
    assert truncated or terminated
    assert env.get_wrapper_attr("oracle_action") is not None


@pytest.mark.parametrize("env_id", IDS)
def test_spec_survives_json(env_id: str) -> None:
    for reward in (None, "tests.toy:brief", {"tests.toy:brief": 0.5}):
        env = gym.make(env_id, reward=reward, split="test")
        assert env.spec is not None
        again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
        assert play(again, 5, ["x"])[1][1:] == play(env, 5, ["x"])[1][1:]


@pytest.mark.parametrize("env_id", IDS)
def test_spec_of_a_callable_says_how_to_name_it(env_id: str) -> None:
    from tests.toy import brief

    env = gym.make(env_id, reward=brief)
    assert play(env, 1, ["x"])[1][4]["reward_parts"] == {"brief": 1.0}
    assert env.spec is not None
    with pytest.raises(ValueError, match=r'reward="tests\.toy:brief"'):
        env.spec.to_json()


@pytest.mark.parametrize("env_id", IDS)
def test_unknown_reward_part_names_the_nearest(env_id: str) -> None:
    known = sorted(gym.make(env_id).unwrapped.parts())[0]  # type: ignore[attr-defined]
    with pytest.raises(UnknownNameError, match=known):
        gym.make(env_id, reward={known + "x": 1.0})


@pytest.mark.parametrize("env_id", IDS)
def test_pickled_mid_episode(env_id: str) -> None:
    env = gym.make(env_id).unwrapped
    env.reset(options={"index": 9})
    twin = pickle.loads(pickle.dumps(env))  # noqa: S301 (our own bytes)
    assert twin.step("no")[:4] == env.step("no")[:4]


@pytest.mark.parametrize("env_id", IDS)
def test_snapshot_mid_episode(env_id: str) -> None:
    env = gym.make(env_id).unwrapped
    for index in range(20):
        env.reset(options={"index": index})
        frozen = env.snapshot()  # type: ignore[attr-defined]
        first = env.step("no")
        env.restore(frozen)  # type: ignore[attr-defined]
        assert env.step("no") == first


WITNESS = """
import gymnasium as gym, hashlib, json, sys, textenvs
def witness(env_id, interleave):
    env, sibling = gym.make(env_id), gym.make(env_id)
    digest, steps, seed = hashlib.sha256(), 0, 0
    while steps < 1000:
        obs, info = env.reset(seed=seed)
        if interleave: sibling.reset(seed=seed + 1)
        done = False
        while not done:
            action = env.unwrapped.oracle_action() if steps % 3 else obs["history"][-1]["content"][:9]
            obs, reward, done, cut, info = env.step(action)
            if interleave and not sibling.unwrapped._ended: sibling.step("no")
            text = json.dumps([obs["instruction"], [dict(m) for m in obs["history"]], reward, done, cut, info])
            digest.update(text.encode()); steps += 1
        seed += 1
    return digest.hexdigest()
if __name__ == "__main__":
    print(witness(sys.argv[1], False))
"""


@pytest.mark.parametrize("env_id", IDS)
def test_a_thousand_steps_are_byte_identical_everywhere(env_id: str) -> None:
    scope: dict[str, Any] = {"__name__": "witness"}
    exec(WITNESS, scope)  # noqa: S102 (our own text, run here and in the other process)
    here = scope["witness"](env_id, False)
    assert scope["witness"](env_id, True) == here, "a sibling environment changed the episodes"
    for hash_seed in ("0", "4242"):
        other = subprocess.run(
            [sys.executable, "-c", WITNESS, env_id],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
        )
        assert other.stdout.strip() == here, f"PYTHONHASHSEED={hash_seed}"


@pytest.mark.parametrize("env_id", IDS)
def test_no_item_is_shared_between_seeds_or_splits(env_id: str) -> None:
    seen: dict[str, tuple[str, int]] = {}
    for split, seed in (("train", 0), ("train", 1), ("valid", 0), ("test", 0)):
        env = gym.make(env_id, split=split, disable_env_checker=True).unwrapped
        hashes = set()
        env.reset(seed=seed)
        for _ in range(10_000):
            env.reset()
            hashes.add(env.item_hash())  # type: ignore[attr-defined]
        assert len(hashes) == 10_000, f"{split} {seed} repeats itself"
        shared = hashes & seen.keys()
        assert not shared, f"{split} {seed} shares {len(shared)} items with {seen[next(iter(shared))]}"
        seen.update(dict.fromkeys(hashes, (split, seed)))


@pytest.mark.parametrize("env_id", IDS)
def test_infos_are_json(env_id: str) -> None:
    json.dumps([step[-1] for step in play(gym.make(env_id), 0, [])])
