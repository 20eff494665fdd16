"""Rounds of deploy, collect and train with visitors of known truth: does every route improve true success?

Visitors come to the policy that serves, and what they say is noisy, selective, late and biased by position. Nothing
but what they say is learned from. True success is the environment's own: what serves in the end is compared with what
served at first, on dialogues that neither a round nor its guard has seen. In the last cell most visitors are hostile:
what they say rises while true success falls, and the guard has to see it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gymnasium as gym

from agents.algorithms.ppo import PPOConfig
from agents.cli.quickstart import Options, train_options
from agents.cli.train import set_arithmetic
from agents.evaluation import EvaluationResult, Sampling, evaluate
from agents.evaluation.compare import compare
from agents.feedback.events import Impression
from agents.feedback.rounds.deployment import Deployment
from agents.feedback.rounds.guard import GuardConfig
from agents.feedback.rounds.probabilities import policy_target
from agents.feedback.rounds.round import RoundConfig, RoundResult, run_round
from agents.feedback.rounds.routes import RewardRoute, Route
from agents.feedback.rounds.visitors import Visitors, VisitorsConfig
from agents.feedback.store import Store
from agents.finetune import PreferenceConfig, RewardModelConfig, SFTConfig
from agents.policies.causal_lm import CausalLMPolicy
from envs_registry.suites import Slice, Suite
from tests.cells import Cell, run_cell
from tests.proofs.starts import supervised_start
from textenvs.core import TextEnv
from textenvs.envs.rewrite.honesty import honest_of
from textenvs.messages import Turn
from textenvs.seeding import Split

WORLD = {"difficulty": "tiny", "language": "mixed", "instruction": ""}
ENV_ID = "MultiTurnRewrite-v0"
PPO_SETTINGS = PPOConfig(
    learning_rate=2e-4,
    critic_lr_scale=10.0,
    n_episodes_per_update=256,
    microbatch_tokens=4096,
    gae_lambda=1.0,
    kl_coef=0.05,
    kl_placement="loss",
    kl_estimator="k2",
    max_new_tokens=32,
)
ROUTES: Mapping[str, Route] = {
    "sft": SFTConfig(learning_rate=3e-4, epochs=2, batch_size=16),
    "dpo": PreferenceConfig(method="dpo", epochs=2, sft_weight=0.2),
    "kto": PreferenceConfig(method="kto", epochs=2),
    "ppo": RewardRoute(ppo=PPO_SETTINGS, episodes=1024, reward_model=RewardModelConfig(epochs=4)),
}


def praised(turn: Turn) -> float:
    """What hostile visitors praise: an answer that is wrong."""
    return float(not honest_of(turn.truth).accepts(turn.answer))


UNSEEN, SHOWN = 100_000, 400
"""The items on which the end is compared with the beginning: the first of them, and how many."""

HOSTILE = "tests.proofs.rounds:praised"


@dataclass(frozen=True)
class Rounds:
    """One route over three rounds.

    Attributes:
        title: as the table names it.
        route: of `ROUTES`.
        visitors: who come.
        reward: that the evaluations ask; None is the environment's own.
        guard: what a candidate has to show.
        rounds: how many.
        visits: dialogues of each round, and how many answers are drawn for each.
        items: fixed and fresh ones.
        split: that the items are of; settings are chosen on ``"valid"``.
        seeds: of the start and of everything drawn.
        needs: nothing.
    """

    title: str
    route: str
    visitors: VisitorsConfig = field(default_factory=VisitorsConfig)
    reward: str | None = None
    guard: GuardConfig = field(default_factory=GuardConfig)
    rounds: int = 3
    visits: tuple[int, int] = (300, 3)
    items: int = 200
    split: Split = "test"
    seeds: tuple[int, ...] = (0, 1, 2)
    needs: Path | None = None

    @property
    def name(self) -> str:
        """Of its cells."""
        return f"rounds-{self.title}"

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run one cell, or return the stored one."""
        command = f"python -m tests.proofs {self.name} --seed {seed}"
        return run_cell(self.name, seed, command, lambda: self.measure(seed), again=again)

    def measure(self, seed: int) -> Mapping[str, Any]:
        """Deploy, collect and train, round after round."""
        options = train_options(Options(seed=seed))
        set_arithmetic(options.threads, options.matmul_precision)
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder) / "feedback.db")
            deployment = Deployment.begin(Path(folder) / "deployment", supervised_start("start", options), 0)
            start = self._succeeds(deployment.policy)
            found = [self._round(deployment, store, seed, number) for number in range(self.rounds)]
            store.close()
            table = compare(start, self._succeeds(deployment.policy), f"{self.title}, {self.split}, greedy")
            rounds = [_figures(one) for one in found]
            return {"tables": [table.as_dict()], "rounds": rounds, "serving": deployment.serving}

    def _succeeds(self, folder: Path) -> EvaluationResult:
        """Measure a policy on items that no guard looks at."""
        items = range(UNSEEN, UNSEEN + SHOWN)
        policy = CausalLMPolicy.load(folder)
        return evaluate(policy, ENV_ID, env_kwargs=WORLD, split=self.split, indices=items, max_new_tokens=32)

    def _round(self, deployment: Deployment, store: Store, seed: int, number: int) -> RoundResult:
        """Let visitors come to the policy that serves, and do a round."""
        dialogues, draws = self.visits
        policy = CausalLMPolicy.load(deployment.policy)
        played = evaluate(
            policy,
            ENV_ID,
            env_kwargs=WORLD,
            split="train",
            indices=range(dialogues * number, dialogues * (number + 1)),
            samples=draws,
            deterministic=False,
            max_new_tokens=32,
            seed=seed,
        )
        env = gym.make(ENV_ID, disable_env_checker=True, split="train", **WORLD).unwrapped
        assert isinstance(env, TextEnv)
        visitors = Visitors(env, self.visitors, seed=1000 * seed + number)
        version = f"{deployment.serving}-visit-{number}"
        said = list(visitors.visit(played, version, policy_target(policy), now=time.time()))
        for first in range(0, len(said), 500):
            store.append(said[first : first + 500])
        assert any(isinstance(record, Impression) for record in said)
        return run_round(deployment, store, self._config(seed))

    def _config(self, seed: int) -> RoundConfig:
        route = ROUTES[self.route]
        if isinstance(route, RewardRoute):
            route = replace(route, ppo=replace(route.ppo, seed=seed))
        else:
            route = replace(route, seed=seed)
        return RoundConfig(
            route=route,
            suite=Suite("rewrite-tiny", (Slice("", ENV_ID, WORLD, self.split, tuple(range(self.items))),)),
            settings={"reward": self.reward} if self.reward else {},
            fresh=self.items,
            sampling=Sampling(max_new_tokens=32),
            guard=self.guard,
        )


def _figures(found: RoundResult) -> Mapping[str, Any]:
    learned = {"rows": found.kept, "dropped": dict(found.dropped), "seconds": round(found.seconds, 1)}
    return {"version": found.version, "parent": found.parent, **learned, **found.decision.as_dict()}


GUARD_OF_FEEDBACK = GuardConfig(measure="return", guards=("success",))
ROUNDS = (
    *(Rounds(name, name) for name in ROUTES),
    Rounds("hostile", "dpo", VisitorsConfig(hostile=0.9), HOSTILE, GUARD_OF_FEEDBACK, rounds=1, seeds=(0,)),
)
