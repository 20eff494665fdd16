"""What `accelerate launch` runs in the tests, and what the test of shards runs alone: the same trainings.

As a program: ``shards_program FOLDER`` first trains what `program` has, with all weights on every rank, as if the
launcher's file had said nothing of FSDP. Then ``FOLDER/shards``: every case of its own in parts, the rest of
``FOLDER/shards/one``, and a run of the command. Each rank writes the weights that it has when a training is over.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import save_file
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from agents import GRPO, PPO, Callback
from agents.cli.main import main as command
from agents.distributed.ranks import join_ranks
from agents.distributed.sharding import FSDP
from agents.distributed.shards import Shards
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.tiny import TinyConfig, build_tiny
from agents.trainer.agent import Agent
from agents.trainer.callbacks import CheckpointWriter
from tests.agents.distributed.program import GROUPED, KL, SMALL, LetterEnv, train_all, trained, weights

LORA = {"r": 4, "init_lora_weights": "gaussian"}
CASES: Mapping[str, tuple[type[Agent], dict[str, Any], dict[str, Any]]] = {
    "ppo": (PPO, {"critic": "head"}, {**KL, "n_minibatches": 3, "value_warmup_updates": 1}),
    "ppo-lora": (PPO, {"critic": "separate", "lora": LORA}, KL),
    "grpo": (GRPO, {"critic": None}, {**GROUPED, "n_minibatches": 2}),
    "grpo-lora": (GRPO, {"critic": None, "lora": LORA}, GROUPED),
}
"""All weights and adapters, both references, activations kept and computed again (without a critic), and a critic
beside the policy's trunk or on it, there alone for the first update."""

FEW = {**SMALL, "n_episodes_per_update": 8}
LAYERS, UPDATES = 2, 2
SHAPE = TinyConfig(vocab_size=262, hidden_size=32, layers=LAYERS, heads=2, context_length=256)

RUN = (
    *("train", "ppo", "--init", "none", "--env.difficulty", "tiny", "--env.language", "en", "--sft.rows", "8"),
    *("--set", "tiny.hidden_size=32", "--set", "tiny.layers=1", "--set", "tiny.heads=2", "--set", "tiny.copying=false"),
    *("--n-episodes-per-update", "4", "--episodes", "8", "--eval.episodes", "2", "--max-new-tokens", "3"),
    *("--checkpoints.every", "1", "--set", "convergence.every=1", "--set", "threads=1"),
)
"""A training that evaluates and saves on the first rank alone, before, in the midst and afterwards."""


def policy(**options: Any) -> CausalLMPolicy:
    """Return a model whose turns end at many different lengths."""
    made = build_tiny((), SHAPE, **options)
    made.settings = made.settings.replace(recompute=made.critic is None)
    made.chat.stop_ids = (*made.chat.stop_ids, *range(0, 200, 6))
    return made


def agent_of(case: str) -> Agent:
    kind, options, settings = CASES[case]
    return kind(policy(**options), LetterEnv, **FEW, **settings)


class Held(Callback):
    """Sees what the first rank holds when weights have just changed."""

    def __init__(self) -> None:
        self.figures: dict[str, int] = {}

    def on_pause(self, agent: Agent) -> None:
        holding, under_way = agent.trainer.updater.holding, agent.trainer.under_way
        if under_way is not None and under_way.position:
            assert isinstance(holding, Shards)
            twin = cast(CausalLMPolicy, holding.policy).model
            parts = list(twin.parameters())
            moments = [value for state in holding.optimizer.state.values() for value in state.values() if value.dim()]
            self.figures = {
                "whole": sum(weight.numel() for weight in agent.policy.model.parameters()),
                "weights": sum(part.to_local().numel() for part in parts if isinstance(part, DTensor)),
                "moments": sum(value.to_local().numel() for value in moments if isinstance(value, DTensor)),
                "layers": sum(isinstance(module, FSDPModule) for module in twin.modules()),
            }


def main(folder: Path) -> None:
    """Train every case as one of several ranks."""
    launched = os.environ.pop(FSDP)
    train_all(folder)
    os.environ[FSDP] = launched
    for case in CASES:
        agent = agent_of(case)
        rows = trained(agent)
        save_file(weights(agent), folder / "shards" / f"{case}-{agent.ranks.rank}.safetensors")
        agent.save(folder / "shards" / "two" / case)
        if agent.ranks.first:
            (folder / "shards" / f"{case}.json").write_text(json.dumps(rows))
    go_on(folder / "shards")
    sys.exit(command([*RUN, "--out", str(folder / "shards" / "run")]))


def go_on(folder: Path) -> None:
    """Go on from one process's checkpoint, and save inside the updates."""
    held = Held()
    agent = GRPO.load(folder / "one", LetterEnv)
    agent.policy.chat.stop_ids = policy(critic=None).chat.stop_ids
    writer = CheckpointWriter(folder / "inside", 1, inside=True, keep=9)
    agent.learn(2 * UPDATES * FEW["n_episodes_per_update"], callback=[held, writer], resume=True)
    save_file(weights(agent), folder / f"resumed-{agent.ranks.rank}.safetensors")
    if join_ranks().first:
        (folder / "held.json").write_text(json.dumps(held.figures))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
