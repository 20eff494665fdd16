"""Exact resume: from wherever a run can be saved, it ends bit for bit like the run that was never stopped."""

from __future__ import annotations

import json
import random
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents import GRPO, PPO, Callback
from agents.algorithms.base import Credit
from agents.trainer.agent import Agent, TrainingInterrupted
from agents.trainer.buffer import load_update, save_update
from agents.trainer.generators import capture_generators
from agents.trainer.interrupts import deferred_interrupt
from agents.trainer.update import UpdateState
from agents.trajectory import TokenBatch
from tests.agents.build import random_trajectories, tiny_policy
from tests.agents.probes import PROBES, ProbeEnv
from tests.chaos.kills import TIMES

EPISODES = 16
SETTINGS: dict[str, Any] = {
    "n_episodes_per_update": 8,
    "group_size": 2,
    "n_epochs": 2,
    "n_minibatches": 2,
    "max_new_tokens": 2,
    "learning_rate": 3e-3,
    "lr_schedule": "linear",
    "kl_coef": 0.05,
}


class Noisy(ProbeEnv):
    """Its reward draws from every generator there is, its own included."""

    def step(self, action: str) -> Any:
        seen, reward, terminated, truncated, info = super().step(action)
        own = float(self.np_random.random())
        noise = [own, random.random(), np.random.rand(), float(torch.rand(()))]  # noqa: NPY002, S311
        return seen, reward + 0.1 * sum(noise), terminated, truncated, info


def probe() -> ProbeEnv:
    return Noisy(PROBES["conditional"])


def build(agent: type[Agent], folder: Path, env: Any = probe) -> Agent:
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(7)
    return agent(tiny_policy(), env, run_dir=folder, **SETTINGS)


def metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run without its times."""
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]


def tensors(agent: Agent) -> dict[str, torch.Tensor]:
    """Return every weight and all that the optimiser knows."""
    updater = agent.trainer.updater
    moments = {
        f"{name}.{key}": value
        for name, parameter in updater.named_parameters
        for key, value in updater.optimizer.state[parameter].items()
    }
    return {**dict(agent.policy.trainable_parameters()), **moments}


def assert_equal(one: Agent, other: Agent) -> None:
    ours, theirs = tensors(one), tensors(other)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert one.trainer.saved == other.trainer.saved


class SaveEverywhere(Callback):
    """Saves at every pause, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places: list[Path] = []

    def on_pause(self, agent: Agent) -> None:
        place = self.folder / str(len(self.places))
        agent.save(place)
        self.places.append(place)


@pytest.mark.parametrize("kind", [PPO, GRPO])
def test_a_run_goes_on_exactly_from_every_point_where_it_can_be_saved(kind: type[Agent], tmp_path: Path) -> None:
    saver = SaveEverywhere(tmp_path / "saves")
    whole = build(kind, tmp_path / "whole").learn(EPISODES, callback=saver)
    assert len(saver.places) == 2 * (1 + 4 + 1)
    inside = [place for place in saver.places if (place / "training" / "rollout.safetensors").exists()]
    assert len(inside) == 2 * (1 + 4)
    for place in saver.places:
        (tmp_path / "metrics.jsonl").write_bytes((tmp_path / "whole" / "metrics.jsonl").read_bytes())
        torch.manual_seed(0)
        resumed = kind.load(place, probe, run_dir=tmp_path).learn(EPISODES, resume=True)
        assert_equal(resumed, whole)
        assert metrics(tmp_path) == metrics(tmp_path / "whole")


def test_the_comparison_can_fail(tmp_path: Path) -> None:
    """Without the optimiser's state, or without the generators, the same comparison goes red."""
    saver = SaveEverywhere(tmp_path / "saves")
    whole = build(PPO, tmp_path / "whole").learn(EPISODES, callback=saver)
    forgetful = PPO.load(saver.places[3], probe)
    forgetful.trainer.updater.optimizer.state.clear()
    elsewhere = PPO.load(saver.places[5], probe)
    torch.manual_seed(1)
    elsewhere.trainer.saved = replace(elsewhere.trainer.saved, generators=capture_generators())
    for resumed in (forgetful, elsewhere):
        resumed.learn(EPISODES, resume=True)
        with pytest.raises(AssertionError):
            assert_equal(resumed, whole)


class InterruptAt(Callback):
    """Sends Ctrl-C, once, at some call of one of its methods."""

    def __init__(self, hook: str, call: int) -> None:
        self.hook, self.left = hook, call

    def _called(self, hook: str) -> None:
        self.left -= hook == self.hook
        if self.left == 0:
            self.hook = ""
            signal.raise_signal(signal.SIGINT)

    def on_pause(self, agent: Agent) -> None:
        self._called("pause")

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        self._called("update")


@pytest.mark.parametrize(("hook", "call"), [("pause", 1), ("pause", 3), ("pause", 5), ("update", 1), ("update", 2)])
def test_ctrl_c_anywhere_leaves_a_checkpoint_that_goes_on_exactly(hook: str, call: int, tmp_path: Path) -> None:
    whole = build(PPO, tmp_path / "whole").learn(EPISODES)
    with pytest.raises(TrainingInterrupted) as caught:
        build(PPO, tmp_path / "cut").learn(EPISODES, callback=InterruptAt(hook, call))
    assert caught.value.saved_in is not None
    resumed = PPO.load(caught.value.saved_in, probe, run_dir=tmp_path / "cut").learn(EPISODES, resume=True)
    assert_equal(resumed, whole)
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")


def test_ctrl_c_in_a_rollout_leaves_the_state_before_it(tmp_path: Path) -> None:
    steps = 0

    class Interrupted(Noisy):
        def step(self, action: str) -> Any:
            nonlocal steps
            steps += 1
            if steps == 11:
                raise KeyboardInterrupt
            return super().step(action)

    whole = build(PPO, tmp_path / "whole").learn(EPISODES)
    cut = build(PPO, tmp_path / "cut", env=lambda: Interrupted(PROBES["conditional"]))
    with pytest.raises(TrainingInterrupted, match=r"update-00000001"):
        cut.learn(EPISODES)
    resumed = PPO.load(tmp_path / "cut" / "checkpoints" / "update-00000001", probe, run_dir=tmp_path / "cut")
    assert_equal(resumed.learn(EPISODES, resume=True), whole)
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")


def test_ctrl_c_waits_for_the_end_of_a_block() -> None:
    done = False

    def work() -> None:
        nonlocal done
        with deferred_interrupt():
            signal.raise_signal(signal.SIGINT)
            done = True

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_update_under_way_comes_back_bit_by_bit(tmp_path: Path) -> None:
    episodes = random_trajectories(np.random.default_rng(0), count=5)
    turn = replace(episodes[0].turns[0], parts={"a": float("nan"), "b": 0.1 + 0.2}, valid=False)
    messages = [{"role": "user", "content": '{"float": "nan"} \u2028 你好 \x00'}]
    episodes[0] = replace(episodes[0], turns=(turn, *episodes[0].turns[1:]), messages=messages)
    batch = TokenBatch.of(episodes)
    credit = Credit(np.arange(len(batch), dtype=np.float64), batch.values, batch.turn_valid)
    state = UpdateState(batch, credit, {"kl": float("nan"), "return": 0.1}, {"rollout_s": 1.5}, position=3)
    state.stats.terms["loss"] += [1.0, float("inf")]
    save_update(tmp_path, state)
    back = load_update(tmp_path)
    assert back is not None
    assert repr(back.stats) == repr(state.stats)
    assert repr((back.figures, back.seconds, back.position)) == repr((state.figures, state.seconds, state.position))
    assert repr(back.credit) == repr(state.credit)
    assert repr(replace(back.batch, trajectories=())) == repr(replace(batch, trajectories=()))
    for one, other in zip(back.batch.trajectories, batch.trajectories, strict=True):
        assert repr(replace(one, messages=tuple(one.messages))) == repr(replace(other, messages=tuple(other.messages)))
    assert load_update(tmp_path / "absent") is None
