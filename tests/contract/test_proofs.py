"""The long proofs can be run: they import, have names of their own, and their commands parse."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import pytest

from agents.algorithms.registry import find_algorithm
from agents.cli.settings import settings_of
from agents.cli.train import read_options, resolve
from agents.rollout.episode import EpisodeRequest
from tests.benchmarks.ray import break_even
from tests.proofs.contest import CONTEST, OWN, SECONDS, SHARED, Contest, UntilSpent, _changed
from tests.proofs.learning import Learning
from tests.proofs.ray_kills import Training
from tests.proofs.retrieval import arguments, write_files
from tests.proofs.rewrite import REWRITE_ZH
from tests.proofs.runs import PROOFS
from tests.proofs.time_to_success import Course

LEARNING = [proof for proof in PROOFS if isinstance(proof, Learning)]


def test_every_proof_has_a_name_of_its_own() -> None:
    names = [proof.name for proof in PROOFS]
    assert len(names) == len(set(names))
    assert all(proof.seeds for proof in PROOFS)


@pytest.mark.parametrize("proof", LEARNING, ids=lambda proof: proof.name)
def test_what_a_learning_proof_runs_can_be_typed(proof: Learning) -> None:
    options = read_options(find_algorithm(proof.algorithm), [*proof.shared, *proof.own, "--seed", "3"])
    experiment = resolve(options, proof.algorithm)
    assert experiment.sft is not None
    assert experiment.config.seed == 3
    assert proof.command.startswith(f"textenvs train {proof.algorithm} --config examples/")


@pytest.mark.parametrize("entrant", CONTEST, ids=lambda entrant: entrant.name)
def test_a_contest_has_the_settings_that_it_names(entrant: Contest) -> None:
    config = entrant.config(seed=3)
    values = {name: setting.value for name, setting in settings_of(config).items()}
    assert values.items() >= {**SHARED, **OWN.get(entrant.algorithm, {}), "seed": 3}.items()
    assert {name: getattr(config, name) for name in entrant.settings} == entrant.settings
    told = _changed(config, type(config)())
    assert json.loads(json.dumps(told)) == told
    assert {name.split(".")[0] for name in told} >= entrant.settings.keys()


@pytest.mark.parametrize(("seconds", "updates"), [(3.0, 20), (7.0, 9), (45.0, 1), (200.0, 1)])
def test_a_contest_ends_with_the_update_nearest_to_its_time(
    seconds: float, updates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = SimpleNamespace(update=0)
    agent: Any = SimpleNamespace(trainer=trainer)
    monkeypatch.setattr("tests.proofs.contest.time", SimpleNamespace(process_time=lambda: seconds * trainer.update))
    clock, going = UntilSpent(), True
    clock.on_training_start(agent)
    while going:
        trainer.update += 1
        going = clock.on_update(agent, {})
    assert (trainer.update, clock.spent) == (updates, seconds * updates)
    assert SECONDS == 60


def test_what_the_proof_on_real_dialogues_runs_can_be_typed() -> None:
    options = read_options(find_algorithm("ppo"), [*REWRITE_ZH.arguments, "--seed", "3"])
    assert (options.init, options.settings.seed) == ("sft", 3)
    assert options.eval.episodes == 1000
    assert REWRITE_ZH.command.startswith("textenvs train ppo --env.id MultiTurnRewrite-v0 --env.corpus ../shared/data/")


def test_what_the_proof_with_a_search_engine_writes_can_be_trained_on(tmp_path: Path) -> None:
    files = write_files(tmp_path, 3, {"train": 30, "test": 5})
    command, algorithm, *flags = arguments(files)
    experiment = resolve(read_options(find_algorithm(algorithm), flags), algorithm)
    assert (command, experiment.episodes) == ("train", 4096)
    env = gym.make(experiment.env_id, **{**experiment.env_kwargs, "split": "test", "portion": (0.0, 1.0)}).unwrapped
    assert env.n_items == 5
    env.reset(options={"index": 0})
    assert env.step(env.oracle_action())[4]["reward_parts"]["recall"] == 1.0


def test_a_success_is_reached_where_it_is_first_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    course = Course(policy=SimpleNamespace(mark_updated=lambda: None), held_out=SimpleNamespace(measure=None))  # type: ignore[arg-type]
    found = iter([0.6, 0.76, 0.74, 0.8])
    estimate = lambda policy: {"greedy": SimpleNamespace(success=SimpleNamespace(estimate=next(found)))}  # noqa: E731
    monkeypatch.setattr(course.held_out, "measure", estimate)
    while not course.over:
        course.went_on(2.0)
    assert [point[:2] for point in course.curve] == [(2, 4.0), (4, 8.0), (6, 12.0), (8, 16.0)]
    assert [course.reached(goal) for goal in (0.6, 0.75, 0.8, 0.9)] == [4.0, 8.0, 16.0, float("inf")]


def test_episodes_out_of_their_place_are_counted() -> None:
    asked = [EpisodeRequest(group_id=0, index=3), EpisodeRequest(group_id=1, index=4)]
    third, fourth = (SimpleNamespace(task_id=f"echo/{r.index}", group_id=r.group_id) for r in asked)
    batches: Any = [[third, fourth], [third, third], [fourth, third], [third]]
    assert [Training([], {}, [batch], [asked]).misplaced() for batch in batches] == [0, 1, 2, 1]


def test_actors_break_even_where_the_waiting_that_they_share_makes_up_for_what_they_cost() -> None:
    pause_s = break_even(here=0.1, there=0.13, actors=4) / 1000
    inline, shared = 0.1 + 3 * pause_s, 0.13 + 3 * pause_s / 4  # an episode has three steps
    assert inline == pytest.approx(shared, abs=1e-3)
    assert break_even(here=0.1, there=0.09, actors=2) == 0.0
