"""Two real processes that each hold half of the weights (`examples/fsdp2.yaml`) make the update that one makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from agents import GRPO, TRPO, Callback
from agents.algorithms.ppo import ALGORITHM, PPOConfig
from agents.algorithms.settings.checkpoints import Checkpoints
from agents.distributed.ranks import Ranks
from agents.distributed.replicas import Replicas
from agents.distributed.sharding import Sharding
from agents.distributed.shards import Shards, _layers, hold
from agents.policies.scripted import ScriptedPolicy
from agents.trainer.agent import Agent, TrainingInterrupted
from agents.trainer.checkpoint import checkpoint_name
from agents.trainer.update import Updater
from tests.agents.distributed.program import GROUPED, LetterEnv, trained, weights
from tests.agents.distributed.shards_program import CASES, FEW, LAYERS, UPDATES, agent_of, policy
from tests.agents.distributed.test_ranks import close
from textenvs.errors import CheckpointError, ConfigError

SHARDED = Ranks(0, 2, sharding=Sharding())


@pytest.fixture(scope="module")
def four_updates() -> dict[str, torch.Tensor]:
    """The weights after twice as many updates, by one process without a pause."""
    whole = agent_of("grpo")
    trained(whole, 2 * UPDATES)
    return weights(whole)


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_with_half_of_the_weights_make_the_update_of_one(two_ranks: Path, case: str) -> None:
    alone = agent_of(case)
    before = {name: weight.clone() for name, weight in weights(alone).items()}
    rows = trained(alone, UPDATES)
    one, two = (load_file(two_ranks / "shards" / f"{case}-{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    close(one, weights(alone), atol=1e-6)
    assert max(float((one[name] - before[name]).abs().max()) for name in one) > 1e-5
    seconds = {"tokens_per_s"} | {name for name in rows[0] if name.endswith("_s")}
    for mine, theirs in zip(rows, json.loads((two_ranks / "shards" / f"{case}.json").read_text()), strict=True):
        for name in mine.keys() - seconds:
            assert theirs[name] == pytest.approx(mine[name], rel=1e-4, abs=1e-5, nan_ok=True), name


def test_a_rank_holds_half_of_the_weights_and_half_of_the_moments_while_they_change(two_ranks: Path) -> None:
    held = json.loads((two_ranks / "shards" / "held.json").read_text())
    numbers = sum(weight.numel() for weight in agent_of("grpo").policy.model.parameters())
    assert held["whole"] == 0, "no rank has all weights"
    assert held["weights"] == pytest.approx(numbers / 2, rel=0.01)
    assert held["moments"] == 2 * held["weights"]
    assert held["layers"] == LAYERS, "each is gathered by itself"


def test_a_checkpoint_of_one_process_goes_on_in_parts(two_ranks: Path, four_updates: dict[str, torch.Tensor]) -> None:
    for rank in (0, 1):
        close(load_file(two_ranks / "shards" / f"resumed-{rank}.safetensors"), four_updates, atol=2e-6)


@pytest.mark.parametrize("place", ["two/grpo", f"inside/update-{UPDATES:08d}-000001"])
def test_a_checkpoint_of_parts_goes_on_in_one_process(
    two_ranks: Path, four_updates: dict[str, torch.Tensor], place: str
) -> None:
    alone = GRPO.load(two_ranks / "shards" / place, LetterEnv)
    alone.policy.chat.stop_ids = policy(critic=None).chat.stop_ids
    trained(alone, 2 * UPDATES, resume=True)
    assert alone.trainer.update == 2 * UPDATES
    close(weights(alone), four_updates, atol=2e-6)


def test_the_command_trains_in_parts_and_evaluates_on_the_first_rank(two_ranks: Path) -> None:
    run = two_ranks / "shards" / "run"
    assert [json.loads(line)["update"] for line in (run / "metrics.jsonl").read_text().splitlines()] == [0, 1]
    assert (run / "report.html").is_file()
    assert (run / "best").is_dir()


def test_every_rank_makes_as_many_passes_as_any_other() -> None:
    made = policy(critic=None)
    rounds: list[list[tuple[int, float]]] = []
    for rank in range(3):
        holding = hold(made, torch.optim.AdamW(made.model.parameters()), Ranks(rank, 3, sharding=Sharding()))
        rounds.append(list(holding.rounds([5, 6, 7, 8])))
    assert rounds == [[(5, 1.0), (8, 1.0)], [(6, 1.0), (5, 0.0)], [(7, 1.0), (5, 0.0)]]


def test_what_parts_cannot_do_is_refused() -> None:
    eager = policy(critic="head")
    eager.make_twice_differentiable()
    with pytest.raises(ConfigError, match="trpo needs every weight on every rank"):
        Updater(eager, TRPO.algorithm, TRPO.algorithm.config(), SHARDED)
    optimizer = torch.optim.AdamW(eager.model.parameters())
    with pytest.raises(ConfigError, match="not a ScriptedPolicy"):
        hold(ScriptedPolicy("silent", lambda _: ""), optimizer, SHARDED)  # type: ignore[type-var]
    with pytest.raises(ConfigError, match="the model has no NoSuchLayer"):
        _layers(eager.model, eager.model, Sharding(layers=("NoSuchLayer",)))


class CtrlC(Callback):
    """Interrupts after the second update."""

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        if metrics["update"]:
            raise KeyboardInterrupt


def test_after_ctrl_c_the_newest_checkpoint_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {**FEW, **GROUPED, "checkpoints": Checkpoints(every=1)}
    agent = GRPO(policy(critic=None), LetterEnv, run_dir=tmp_path, **settings)
    monkeypatch.setattr(Replicas, "savable", False)
    with pytest.raises(TrainingInterrupted) as interrupted:
        agent.learn(3 * FEW["n_episodes_per_update"], callback=CtrlC())
    assert interrupted.value.saved_in == tmp_path / "checkpoints" / checkpoint_name(1)


def test_weights_in_parts_are_saved_only_while_the_other_ranks_listen() -> None:
    holding = Updater(policy(critic="head"), ALGORITHM, PPOConfig(), SHARDED).holding
    assert isinstance(holding, Shards)
    with holding.whole() as moments:
        assert not any(moments.values()), "before training nothing is in parts"
    holding._root = torch.nn.Module()
    assert not holding.savable
    with pytest.raises(CheckpointError, match="the others do not listen"), holding.whole():
        pass
