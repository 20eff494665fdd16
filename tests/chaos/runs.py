"""The runs that are killed: one through the Python face, small enough for every test run, and one from the shell's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from agents import GRPO, PPO, TRPO
from agents.algorithms.settings import Checkpoints, Curriculum, Exploration, Filters, Importance, KLControl
from agents.cli import main
from agents.policies.critic import CriticKind
from agents.trainer.agent import Agent
from agents.trainer.checkpoint import checkpoints, newest_good
from agents.trainer.generators import seed_generators
from tests.agents.build import tiny_policy
from tests.agents.probes import PROBES, ProbeEnv

EPISODES = 24


def probe() -> ProbeEnv:
    return PROBES["conditional"].env()


def small(folder: Path, resume: bool) -> None:
    """Train the smallest model on the smallest environment, with a checkpoint wherever there can be one."""
    _train(PPO, folder, resume, "head", n_epochs=2, n_minibatches=2, kl_coef=0.05, lr_schedule="linear")


def threaded(folder: Path, resume: bool) -> None:
    """The same with every environment in a thread of its own, which takes as long as it likes."""
    _train(PPO, folder, resume, "head", workers="thread", deterministic=True)


def natural(folder: Path, resume: bool) -> None:
    """The same by natural gradient, with a critic of its own, and items that come back by their success."""
    curriculum = Curriculum(boost=4.0, pool=16)
    _train(TRPO, folder, resume, "separate", n_epochs=2, n_minibatches=2, curriculum=curriculum)


def grouped(folder: Path, resume: bool) -> None:
    """The same by groups: controlled divergence and entropy, a mixed sampler, groups that are drawn again."""
    _train(
        GRPO,
        folder,
        resume,
        None,
        group_size=4,
        kl_coef=0.05,
        kl_control=KLControl(target=0.02),
        exploration=Exploration(epsilon=0.1, entropy_target=1.0, final_temperature=0.8),
        filters=Filters(resample_rounds=1),
        importance=Importance(cap=2.0),
    )


def _train(algorithm: type[Agent], folder: Path, resume: bool, critic: CriticKind | None, **settings: Any) -> None:
    torch.set_num_threads(1)
    seed_generators(0)
    place, _ = newest_good(checkpoints(folder / "checkpoints")) if resume else (None, [])
    if place is not None:
        where = {name: settings[name] for name in ("workers", "deterministic") if name in settings}
        agent = algorithm.load(place, probe, run_dir=folder, **where)
    else:
        agent = algorithm(
            tiny_policy(critic=critic),
            probe,
            run_dir=folder,
            n_episodes_per_update=8,
            max_new_tokens=2,
            learning_rate=3e-3,
            checkpoints=Checkpoints(every=1, inside=True),
            **settings,
        )
    agent.learn(EPISODES, resume=True).save(folder / "checkpoint")


COMMAND = (
    *("train", "ppo", "--init", "sft", "--env.difficulty", "tiny", "--env.language", "en", "--sft.rows", "16"),
    *("--set", "tiny.hidden_size=32", "--set", "tiny.layers=1", "--set", "tiny.heads=2", "--set", "tiny.copying=false"),
    *(
        "--n-episodes-per-update",
        "8",
        "--n-epochs",
        "2",
        "--n-minibatches",
        "2",
        "--episodes",
        "48",
        "--kl-coef",
        "0.05",
    ),
    *("--eval.episodes", "4", "--max-new-tokens", "4", "--learning-rate", "1e-3", "--set", "sft.batch_size=8"),
    *("--checkpoints.every", "1", "--set", "checkpoints.inside=true", "--set", "threads=1"),
)
"""A whole small run: warm-up, evaluation, training, evaluation, report."""


def command(folder: Path, resume: bool) -> None:
    """Run `COMMAND`, or resume what it began."""
    started = resume and (folder / "config.json").exists()
    where = ("--resume", str(folder)) if started else ("--out", str(folder))
    status = main([*(COMMAND[:2] if started else COMMAND), *where])
    assert status == 0, status
