"""A reward model on MultiTurnRewrite-v0: trained on generated pairs, used as the only reward, and over-optimised."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agents import Callback
from agents.cli.experiment import Experiment
from agents.cli.quickstart import Options, train_options
from agents.cli.settings import with_values
from agents.cli.train import resolve, set_arithmetic
from agents.finetune.calibration import Calibration, calibrate
from agents.finetune.graded import graded_pairs
from agents.finetune.preferences import PreferencePair
from agents.finetune.reward_model import train_reward_model
from agents.finetune.reward_model_config import RewardModelConfig
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.reward_model import RewardModel, save_reward_model
from agents.policies.reward_network import RewardNetwork
from agents.trainer.agent import Agent
from tests.cells import Cell, run_cell
from tests.proofs.starts import FOLDER, supervised_start
from textenvs.messages import Turn

PAIRS, HELD_OUT_PAIRS = 3000, 600
"""Pairs of the train split that the model learns from, and pairs of the test split that it is judged on."""

TRAINING = RewardModelConfig(epochs=1.5, learning_rate=1e-3, held_out=0.0)

EPISODES = 2048
"""Of each of the two policies."""

UNBOUNDED = {"kl_coef": 0.0, "learning_rate": 1e-3, "n_episodes_per_update": 64}
"""What the run without a leash changes: no divergence is charged for, and the steps are long and many."""


class Curve(Callback):
    """Keeps what the over-optimisation is seen by.

    Attributes:
        rows: of every update the model's mean score, the true success, and whether the alarm is raised.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        alarm = "reward hacking" in agent.trainer.health.active
        figures = {name: round(metrics[key], 4) for name, key in FIGURES.items() if math.isfinite(metrics[key])}
        self.rows.append({**figures, "alarm": float(alarm)})


FIGURES = {"score": "reward/reward_model", "success": "success", "kl": "kl"}


@dataclass(frozen=True)
class RewardModelProof:
    """One seed: the reward model, PPO on it alone, and the run without a leash.

    Attributes:
        name: of its cells.
        seeds: of the start, the pairs, the items and the sampling.
        needs: nothing.
    """

    name: str = "reward-model"
    seeds: tuple[int, ...] = (0, 1, 2)
    needs: Path | None = None
    unbounded: Mapping[str, Any] = field(default_factory=lambda: UNBOUNDED)

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run one cell, or return the stored one."""
        command = f"python -m tests.proofs {self.name} --seed {seed}"
        return run_cell(self.name, seed, command, lambda: self.measure(seed), again=again)

    def measure(self, seed: int) -> Mapping[str, Any]:
        """Train the model, then two policies on it."""
        options = train_options(Options(seed=seed))
        set_arithmetic(options.threads, options.matmul_precision)
        experiment = resolve(options, "ppo")
        start = supervised_start("start", options)
        model, trained = reward_model(experiment, start, seed)
        bounded, unbounded = (self.optimise(experiment, start, model, changes) for changes in ({}, self.unbounded))
        return {"reward_model": trained, "with_kl": bounded, "without_kl": {**unbounded, "settings": self.unbounded}}

    def optimise(
        self, experiment: Experiment, start: Path, model: RewardModel, changes: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Train a policy on the model's score alone; return its curve, and before against after on held-out items."""
        policy = CausalLMPolicy.load(start)
        held_out = replace(
            experiment.held_out,
            groups={name: {**settings, "reward": model} for name, settings in experiment.held_out.groups.items()},
        )
        config = with_values(experiment.config, changes)
        before, curve = held_out.measure(policy), Curve()
        agent = experiment.agent(
            policy, experiment.env_id, env_kwargs={**experiment.env_kwargs, "reward": model}, config=config
        )
        agent.learn(total_episodes=EPISODES, callback=curve)
        table = held_out.compare(before, held_out.measure(policy))[0]
        return {"tables": [table.as_dict()], "curve": curve.rows}


def reward_model(experiment: Experiment, start: Path, seed: int) -> tuple[RewardModel, Mapping[str, Any]]:
    """Train a reward model on the trunk of the supervised start, and measure it on pairs of the test split."""
    policy = CausalLMPolicy.load(start)
    network = RewardNetwork.on(policy.model, seed)
    pairs = pairs_of(experiment, "train", PAIRS, seed)
    metrics = train_reward_model(network, policy.chat, pairs, replace(TRAINING, seed=seed))
    folder = FOLDER / f"reward-model-{seed}"
    save_reward_model(folder, network, policy.tokenizer, metrics.settings)
    model = RewardModel(folder)
    found = judged(model, pairs_of(experiment, "test", HELD_OUT_PAIRS, seed), metrics.settings.spread)
    return model, {
        "pairs": metrics.rows,
        "seconds": round(metrics.seconds, 1),
        "accuracy": found.interval.as_dict(),
        "calibration_error": round(found.error, 4),
        "log_loss": round(found.log_loss, 4),
        "bins": [list(one) for one in found.bins],
    }


def pairs_of(experiment: Experiment, split: str, count: int, seed: int) -> list[PreferencePair]:
    """Return pairs of a split."""
    return graded_pairs(experiment.env_id, {**experiment.env_kwargs, "split": split}, count, seed=seed)


def judged(model: RewardModel, pairs: list[PreferencePair], spread: float) -> Calibration:
    """Measure the saved model, through the reward that it is."""
    sides = (
        [spread * score for score in model.score_batch([turn_of(pair, answer(pair)) for pair in pairs])]
        for answer in (lambda pair: pair.chosen, lambda pair: pair.rejected)
    )
    return calibrate(*sides)


def turn_of(pair: PreferencePair, answer: str) -> Turn:
    """Return the turn in which an answer to a pair's prompt was given."""
    instruction = pair.prompt[0].content if pair.prompt[0].role == "system" else ""
    return Turn(instruction, pair.prompt[bool(instruction) :], answer, tools=pair.tools)


REWARD_MODEL = RewardModelProof()
