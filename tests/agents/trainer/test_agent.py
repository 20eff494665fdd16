"""The agents: stable-baselines3's idiom, settings as keywords, save and load, callbacks, Ctrl-C."""

from __future__ import annotations

import inspect
import io
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

import agents
from agents import GRPO, PPO, Callback
from agents.algorithms.ppo import PPOConfig
from agents.algorithms.registry import ALGORITHMS
from agents.algorithms.settings import Checkpoints, Exploration, KLControl
from agents.policies.causal_lm import CausalLMPolicy
from agents.trainer.agent import Agent, TrainingInterrupted
from agents.trainer.agents import AGENTS, agent_class
from agents.trainer.callbacks import ProgressBar
from agents.trainer.checkpoint import verify_folder
from tests.agents.build import tiny_policy
from tests.agents.probes import PROBES, ProbeEnv
from textenvs.errors import CheckpointError, ConfigError, UnknownNameError

SMALL: dict[str, Any] = {"n_episodes_per_update": 8, "max_new_tokens": 2, "learning_rate": 1e-3}


def probe() -> ProbeEnv:
    return PROBES["conditional"].env()


def ppo(policy: CausalLMPolicy | None = None, **settings: Any) -> PPO:
    return PPO(policy or tiny_policy(), probe, **{**SMALL, **settings})


def weights(agent: Agent) -> list[torch.Tensor]:
    return [parameter.detach().clone() for _, parameter in agent.policy.trainable_parameters()]


class Recorder(Callback):
    """Writes down what it is told; may stop or interrupt."""

    def __init__(self, stop_at: int | None = None, interrupt_at: int | None = None) -> None:
        self.stop_at, self.interrupt_at = stop_at, interrupt_at
        self.told: list[str] = []
        self.metrics: list[dict[str, float]] = []

    def on_training_start(self, agent: Agent) -> None:
        self.told.append("start")

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> bool | None:
        self.told.append("update")
        self.metrics.append(dict(metrics))
        if len(self.metrics) == self.interrupt_at:
            raise KeyboardInterrupt
        return False if len(self.metrics) == self.stop_at else None

    def on_training_end(self, agent: Agent) -> None:
        self.told.append("end")


@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_every_setting_is_a_keyword_with_the_configs_default(agent: type[Agent]) -> None:
    config = agent.algorithm.config
    parameters = inspect.signature(agent).parameters
    assert list(parameters)[:2] == ["policy", "env"]
    for setting in fields(config):
        assert parameters[setting.name].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[setting.name].default == setting.default
    assert len(fields(config)) <= 40


def test_settings_by_keyword_by_config_or_not_both() -> None:
    assert ppo(kl_coef=0.02).settings == PPOConfig(**SMALL, kl_coef=0.02)
    config = PPOConfig(**SMALL, gae_lambda=0.5)
    agent = PPO(tiny_policy(), probe, config=config)
    assert agent.settings == config
    assert agent.gae_lambda == 0.5
    with pytest.raises(ConfigError, match="gae_lambda is given both"):
        PPO(tiny_policy(), probe, config=config, gae_lambda=0.9)


def test_what_cannot_work_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="needs a critic"):
        ppo(tiny_policy(critic=None))
    with pytest.raises(ConfigError, match="needs a reference"):
        ppo(tiny_policy(reference=None), kl_coef=0.1)
    with pytest.raises(ConfigError, match="env_kwargs"):
        PPO(tiny_policy(), probe, env_kwargs={"language": "zh"})
    with pytest.raises(UnknownNameError, match="grpo"):
        agent_class("gpro")


def test_every_algorithm_has_an_agent_that_agents_exports() -> None:
    assert AGENTS.keys() == ALGORITHMS.keys()
    for name, agent in AGENTS.items():
        assert agent.algorithm is ALGORITHMS[name]
        assert getattr(agents, agent.__name__) is agent


def test_learn_tells_callbacks_and_writes_metrics(tmp_path: Path) -> None:
    recorder = Recorder()
    agent = ppo(run_dir=tmp_path, checkpoints=Checkpoints(every=2))
    assert agent.learn(20, callback=recorder) is agent
    assert recorder.told == ["start", "update", "update", "update", "end"]
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["episodes"] for line in lines] == [8, 16, 24]
    assert lines[0]["kl"] is None
    assert lines[0]["ratio_max"] >= 1 - 1e-5
    assert lines[0]["sampler_gap_max"] < 1e-5
    expected = {"episode_return", "success", "entropy", "clip_fraction", "approx_kl", "explained_variance"}
    expected |= {"value_loss", "policy_loss", "grad_norm", "learning_rate", "response_tokens", "invalid_action_rate"}
    expected |= {"reward_valid_rate", "importance", "tokens_per_s", "rollout_s", "update_s", "reward/right"}
    assert expected <= lines[0].keys()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["update-00000002"]


def test_a_callback_can_stop_the_training() -> None:
    recorder, other = Recorder(stop_at=2), Recorder()
    ppo().learn(80, callback=[recorder, other])
    assert recorder.told == other.told == ["start", "update", "update", "end"]


def test_the_same_seed_gives_the_same_run() -> None:
    one, two, other = (ppo(seed=seed).learn(16) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(weights(one), weights(two), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


@pytest.mark.parametrize("settings", [{}, {"lora": {"r": 2, "target_modules": ["q_proj"]}, "reference": "adapter_off"}])
def test_a_resumed_run_ends_like_one_that_was_never_stopped(tmp_path: Path, settings: dict[str, Any]) -> None:
    options = {
        "kl_coef": 0.05,
        "kl_control": KLControl(target=0.01, horizon=20),
        "lr_schedule": "linear",
        "warmup_updates": 2,
    }
    whole = ppo(tiny_policy(**settings), **options).learn(48)
    half = ppo(tiny_policy(**settings), **options)
    half.learn(48, callback=Recorder(stop_at=3)).save(tmp_path / "half")
    resumed = PPO.load(tmp_path / "half", probe)
    first = Recorder()
    resumed.learn(48, callback=first, resume=True)
    assert len(first.metrics) == 3
    assert resumed.trainer.saved == whole.trainer.saved
    assert resumed.policy.weights_version == whole.policy.weights_version
    for one, two in zip(weights(resumed), weights(whole), strict=True):
        assert torch.equal(one, two)


def test_the_first_ratio_after_a_resume_is_one(tmp_path: Path) -> None:
    ppo(n_epochs=1, n_minibatches=1).learn(16).save(tmp_path / "a")
    recorder = Recorder()
    PPO.load(tmp_path / "a", probe).learn(8, callback=recorder)
    assert recorder.metrics[0]["ratio_max"] == pytest.approx(1.0, abs=1e-5)


def test_learn_again_trains_for_as_many_more() -> None:
    agent = ppo().learn(16)
    agent.learn(8)
    assert agent.trainer.update == 3


def test_beside_a_models_weights_lie_no_others(tmp_path: Path) -> None:
    """vLLM and SGLang load every safetensors file of a folder, and fail on weights that the model does not have."""
    ppo().save(tmp_path / "a")
    assert [path.name for path in (tmp_path / "a").glob("*.safetensors")] == ["model.safetensors"]
    theirs = {path.name for path in (tmp_path / "a" / "training").iterdir()}
    assert theirs >= {"critic.safetensors", "optimizer.safetensors", "state.json"}


def test_determinism_is_asked_of_the_collector_again_after_loading(tmp_path: Path) -> None:
    asked = {"workers": "thread", "deterministic": True}
    ppo(**asked).save(tmp_path / "a")
    assert [ppo(**asked).collector.waits_for_all, ppo(workers="thread").collector.waits_for_all] == [True, False]
    assert PPO.load(tmp_path / "a", probe, **asked).collector.waits_for_all


def test_load_refuses_damage_other_algorithms_and_a_lost_environment(tmp_path: Path) -> None:
    ppo().save(tmp_path / "a")
    verify_folder(tmp_path / "a")
    with pytest.raises(CheckpointError, match="'ppo', not of 'grpo'"):
        GRPO.load(tmp_path / "a", probe)
    with pytest.raises(CheckpointError, match="how to make its environment"):
        PPO.load(tmp_path / "a")
    (tmp_path / "a" / "training" / "optimizer.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"optimizer\.safetensors"):
        PPO.load(tmp_path / "a", probe)


def test_ctrl_c_saves_and_says_where(tmp_path: Path) -> None:
    recorder = Recorder(interrupt_at=2)
    with pytest.raises(TrainingInterrupted, match="update-00000002") as caught:
        ppo(run_dir=tmp_path).learn(80, callback=recorder)
    assert recorder.told[-1] == "end"
    assert caught.value.saved_in is not None
    assert PPO.load(caught.value.saved_in, probe).trainer.update == 2
    with pytest.raises(TrainingInterrupted, match="nothing is saved"):
        ppo().learn(80, callback=Recorder(interrupt_at=1))


def test_predict_is_repeatable_unless_it_samples() -> None:
    agent = ppo()
    seen, _ = probe().reset(seed=0)
    answers = {agent.predict(seen) for _ in range(3)}
    assert len(answers) == 1
    text, state = answers.pop()
    assert isinstance(text, str)
    assert state is None
    assert len({agent.predict(seen, deterministic=False) for _ in range(10)}) > 1


def test_predict_samples_at_the_temperature_that_training_has_reached() -> None:
    agent = ppo(temperature=50.0, exploration=Exploration(final_temperature=1e-6))
    seen, _ = probe().reset(seed=0)
    at_start = {agent.predict(seen, deterministic=False) for _ in range(10)}
    agent.learn(16)
    at_end = {agent.predict(seen, deterministic=False) for _ in range(10)}
    assert len(at_start) > 1
    assert at_end == {agent.predict(seen)}


class Faulty(ProbeEnv):
    """Raises in every third episode, and cannot score every other one."""

    def __init__(self) -> None:
        super().__init__(PROBES["constant"])
        self.episodes = 0

    def step(self, action: str) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.episodes += 1
        if self.episodes % 3 == 0:
            raise RuntimeError("worker lost")
        seen, reward, terminated, truncated, info = super().step(action)
        lost = self.episodes % 2 == 0
        return seen, float("nan") if lost else reward, terminated, truncated, {**info, "reward_valid": float(not lost)}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_failures_are_data(agent: type[Agent]) -> None:
    recorder = Recorder()
    trained = agent(tiny_policy(), Faulty(), group_size=4, **SMALL).learn(24, callback=recorder)
    assert recorder.metrics[-1]["faults/environment_raised"] >= 6
    assert sum(metrics["dropped_episodes"] for metrics in recorder.metrics) >= 6
    assert 0 < recorder.metrics[0]["reward_valid_rate"] < 1
    assert all(torch.isfinite(weight).all() for weight in weights(trained))
    assert all(np.isfinite(metrics["episode_return"]) for metrics in recorder.metrics)


def test_an_update_in_which_every_episode_fails_changes_nothing() -> None:
    class Dead(ProbeEnv):
        def step(self, action: str) -> Any:
            raise RuntimeError("no world")

    agent = PPO(tiny_policy(), lambda: Dead(PROBES["constant"]), **SMALL)
    before = weights(agent)
    agent.learn(8)
    assert all(torch.equal(a, b) for a, b in zip(weights(agent), before, strict=True))


def test_progress_is_plain_lines_without_a_terminal() -> None:
    stream = io.StringIO()
    agent = ppo()
    agent.learn(24, callback=ProgressBar(updates=3, console=Console(file=stream, width=200)))
    lines = stream.getvalue().splitlines()
    assert [line.split("  ")[0] for line in lines] == ["update 1/3", "update 2/3", "update 3/3"]
    assert "entropy" in lines[0]
