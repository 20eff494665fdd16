"""What `accelerate launch` runs in the tests, and what the test runs alone: the same trainings.

`train_all` trains every case, resumes what lies in ``FOLDER/one`` and writes what came of it; only the first rank's
policy is saved, and each rank's weights are written apart. `shards_program` calls it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from agents import A2C, GRPO, PPO, TRPO, Callback, Curriculum, Filters, Importance
from agents.algorithms.settings.trust_region import TrustRegion
from agents.distributed.ranks import join_ranks
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.tiny import TinyConfig, build_tiny
from agents.trainer.agent import Agent
from tests.toy import EchoEnv
from textenvs import Turn
from textenvs.rewards import RewardFunction

SMALL: dict[str, Any] = {
    "n_episodes_per_update": 16,
    "max_new_tokens": 6,
    "microbatch_tokens": 160,
    "learning_rate": 1e-4,
    "max_context": 100,
}
KL: dict[str, Any] = {"kl_coef": 0.05, "entropy_coef": 0.01}
GROUPED: dict[str, Any] = {"group_size": 4, **KL}

CASES: Mapping[str, tuple[type[Agent], dict[str, Any]]] = {
    "ppo": (PPO, {**KL, "n_epochs": 2, "n_minibatches": 3}),
    "a2c": (A2C, KL),
    "trpo": (TRPO, {"trust_region": TrustRegion(cg_steps=3)}),
    "grpo": (GRPO, {**GROUPED, "n_minibatches": 2, "importance": Importance(cap=2.0, level="sequence")}),
    "bnpo": (GRPO, {**GROUPED, "loss_type": "bnpo", "filters": Filters(mask_overlong=True, resample_rounds=1)}),
    "dr_grpo": (GRPO, {**GROUPED, "loss_type": "dr_grpo", "curriculum": Curriculum(boost=4.0, pool=6)}),
    "gspo": (GRPO, {**GROUPED, "loss_type": "gspo"}),
}
"""Every normaliser, every term of the losses, a critic in the trunk and one beside it, and the natural gradient."""

UPDATES = 2


class LetterEnv(EchoEnv):
    """Echo, paid by what is said however wrong it is, so that the advantages are hardly ever 0."""

    def parts(self) -> Mapping[str, RewardFunction]:
        return {"exact": letters, "brief": letters}


def letters(turn: Turn) -> float:
    return sum(letter.isalpha() for letter in turn.answer) / 4 + 0.1 * len(turn.answer)


def policy(**options: Any) -> CausalLMPolicy:
    """Return a model whose turns end at many different lengths."""
    made = build_tiny((), TinyConfig(vocab_size=262, hidden_size=32, layers=1, heads=2, context_length=256), **options)
    made.chat.stop_ids = (*made.chat.stop_ids, *range(0, 200, 6))
    return made


class Kept(Callback):
    """Keeps the metrics."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        self.rows.append(dict(metrics))


def agent_of(case: str, run_dir: Path | None = None) -> Agent:
    kind, settings = CASES[case]
    critic = {"ppo": "head", "trpo": "head", "a2c": "separate"}.get(case)
    made = policy(critic=critic)
    if case == "trpo":
        # Conjugate gradients amplify rounding a hundredfold; in double precision what is left of it is no excuse.
        made.model.double()
        made.make_twice_differentiable()
    return kind(made, LetterEnv, run_dir=run_dir, **SMALL, **settings)


def trained(agent: Agent, updates: int = UPDATES, resume: bool = False) -> list[dict[str, float]]:
    kept = Kept()
    agent.learn(updates * agent.settings.n_episodes_per_update, callback=kept, resume=resume)
    agent.close()
    return kept.rows


def weights(agent: Agent) -> dict[str, torch.Tensor]:
    return {name: weight.detach().contiguous() for name, weight in agent.policy.trainable_parameters()}


def train_all(folder: Path) -> None:
    """Train every case as one of several ranks."""
    ranks = join_ranks()
    for case in CASES:
        agent = agent_of(case, folder / "two" / case)
        rows = trained(agent)
        save_file(weights(agent), folder / f"{case}-{ranks.rank}.safetensors")
        if ranks.first:
            (folder / f"{case}.json").write_text(json.dumps(rows))
        agent.save(folder / "two" / case / "agent")
    resumed = GRPO.load(folder / "one", LetterEnv)
    resumed.policy.chat.stop_ids = policy().chat.stop_ids
    trained(resumed, 2 * UPDATES, resume=True)
    save_file(weights(resumed), folder / f"resumed-{ranks.rank}.safetensors")
    drawn = ranks.gather(random.random())  # noqa: S311
    if ranks.first:
        (folder / "drawn.json").write_text(json.dumps(drawn))
