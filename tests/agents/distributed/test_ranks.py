"""Two real processes under `accelerate launch` make the update that one makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from agents import GRPO
from agents.distributed.ranks import ALONE, join_ranks
from tests.agents.distributed.program import CASES, SMALL, UPDATES, LetterEnv, agent_of, policy, trained, weights


def close(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor], atol: float) -> None:
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(one[name], two[name], atol=atol, rtol=0, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_make_the_update_of_one(two_ranks: Path, case: str) -> None:
    alone = agent_of(case)
    before = {name: weight.clone() for name, weight in weights(alone).items()}
    rows = trained(alone)
    one, two = (load_file(two_ranks / f"{case}-{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    close(one, weights(alone), atol=1e-6)
    assert max(float((one[name] - before[name]).abs().max()) for name in one) > 1e-5
    seconds = {"tokens_per_s"} | {name for name in rows[0] if name.endswith("_s")}
    for mine, theirs in zip(rows, json.loads((two_ranks / f"{case}.json").read_text()), strict=True):
        assert mine.keys() == theirs.keys()
        for name in mine.keys() - seconds:
            assert theirs[name] == pytest.approx(mine[name], rel=1e-4, abs=1e-5, nan_ok=True), name


def test_a_checkpoint_of_two_ranks_goes_on_with_one_and_the_other_way_round(two_ranks: Path) -> None:
    whole = agent_of("grpo")
    trained(whole, 2 * UPDATES)
    fewer = GRPO.load(two_ranks / "two" / "grpo" / "agent", LetterEnv)
    fewer.policy.chat.stop_ids = policy().chat.stop_ids
    trained(fewer, 2 * UPDATES, resume=True)
    assert fewer.trainer.update == 2 * UPDATES
    close(weights(fewer), weights(whole), atol=2e-6)
    close(load_file(two_ranks / "resumed-0.safetensors"), weights(whole), atol=2e-6)


def test_only_the_first_rank_writes_and_each_draws_its_own(two_ranks: Path) -> None:
    lines = (two_ranks / "two" / "grpo" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["update"] for line in lines] == [*range(UPDATES)]
    assert [json.loads(line)["episodes"] for line in lines] == [SMALL["n_episodes_per_update"] * n for n in (1, 2)]
    one, two = json.loads((two_ranks / "drawn.json").read_text())
    assert one != two


def test_one_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join_ranks() is ALONE
    assert ALONE.share([1, 2, 3]) == [1, 2, 3]
