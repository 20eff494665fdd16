"""The runs that are killed: one through the Python face, small enough for every test run, and one from the shell's."""

from __future__ import annotations

from pathlib import Path

import torch

from agents import PPO
from agents.algorithms.settings import Checkpoints
from agents.cli import main
from agents.trainer.checkpoint import checkpoints, newest_good
from agents.trainer.generators import seed_generators
from tests.agents.build import tiny_policy
from tests.agents.probes import PROBES, ProbeEnv

EPISODES = 24


def probe() -> ProbeEnv:
    return PROBES["conditional"].env()


def small(folder: Path, resume: bool) -> None:
    """Train the smallest model on the smallest environment, with a checkpoint wherever there can be one."""
    torch.set_num_threads(1)
    seed_generators(0)
    place, _ = newest_good(checkpoints(folder / "checkpoints")) if resume else (None, [])
    if place is not None:
        agent = PPO.load(place, probe, run_dir=folder)
    else:
        agent = PPO(
            tiny_policy(),
            probe,
            run_dir=folder,
            n_episodes_per_update=8,
            n_epochs=2,
            n_minibatches=2,
            max_new_tokens=2,
            learning_rate=3e-3,
            lr_schedule="linear",
            kl_coef=0.05,
            checkpoints=Checkpoints(every=1, inside=True),
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
