"""One experiment from start to report, small: what it leaves in its folder."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import pytest
from rich.console import Console

from agents import PPO, Convergence
from agents.algorithms.ppo import PPOConfig
from agents.cli.experiment import Experiment, begin, finish, prepare_folder
from agents.evaluation.held_out import HeldOut
from tests.agents.build import tiny_policy

ECHO = "EchoForExperiments-v0"


@pytest.fixture
def echo() -> Iterator[str]:
    gym.register(ECHO, "tests.toy:EchoEnv")
    yield ECHO
    gym.registry.pop(ECHO)


def test_evaluations_in_training_use_the_valid_split_and_keep_the_best(echo: str, tmp_path: Path) -> None:
    convergence = Convergence(every=1, episodes=3, patience=1)
    settings = PPOConfig(n_episodes_per_update=4, max_new_tokens=2, learning_rate=1e-6, convergence=convergence)
    experiment = Experiment(
        agent=PPO,
        config=settings,
        env_id=echo,
        env_kwargs={},
        episodes=40,
        held_out=HeldOut(echo, episodes=2, max_new_tokens=2),
        sft=None,
        folder=tmp_path / "run",
        record={"command": "train"},
        command="textenvs train ppo",
    )
    prepare_folder(experiment.folder, overwrite=False)
    console = Console(file=io.StringIO())
    start = time.perf_counter() - 1000
    outcome = finish(experiment, begin(experiment, tiny_policy(), [], console), console, start)
    lines = [json.loads(line) for line in (experiment.folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["converged"] for line in lines] == [0, 1], "a policy that hardly moves has converged at once"
    best = PPO.load(experiment.folder / "best")
    assert best.settings == settings
    assert experiment.valid_return(best).n == 3
    assert 1000 < outcome.seconds < 1100, "the warm-up counts too"
    assert outcome.tables[0].title.startswith("test items")
    update = best.trainer.update
    assert outcome.measured == f"the best agent by held-out return, of update {update} of 2 (best/)"
    assert f"After: {outcome.measured}." in (experiment.folder / "report.html").read_text()
    card = (experiment.folder / "best" / "README.md").read_text()
    assert "test items" in card
    assert "textenvs train ppo" in card
    assert re.search(r"^\| success % \|( [^|]*\d \\\[[^|]*\d\\\] \|){3}$", card, re.MULTILINE), "all with intervals"
    assert "test items" not in (experiment.folder / "checkpoint" / "README.md").read_text()
    prepare_folder(experiment.folder, overwrite=True)
    assert list(experiment.folder.iterdir()) == []
