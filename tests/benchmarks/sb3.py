"""stable-baselines3's PPO on the token view beside `agents.PPO`: the same network, 1,024 tokens written, one epoch.

Both make four steps of their optimiser. Theirs sees a token as a step of an environment, so that the whole context is
run again for every token, in the rollout and in the update; that is what is compared.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

import stable_baselines3
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from agents import PPO
from agents.policies.causal_lm import CausalLMPolicy
from agents.sb3.policy import TokenPolicy
from agents.sb3.views import token_view
from tests.benchmarks.training import Ours, Parts, medians, ratios, timed
from tests.benchmarks.workloads import FixedEnv, Workload, policy

WORK = Workload(groups=32, size=1, turns=1, prompt=96, written=32)
ENVIRONMENTS = 8
STEPS = 4
"""Of the optimiser, in the one epoch."""
REPEATS = 2


class Theirs:
    """stable-baselines3's PPO, untouched, eight environments at a time."""

    def __init__(self, language_model: CausalLMPolicy) -> None:
        tokens = WORK.episodes * WORK.written
        view = DummyVecEnv([lambda: _view(language_model) for _ in range(ENVIRONMENTS)])
        self._model = stable_baselines3.PPO(
            TokenPolicy,
            view,
            n_steps=tokens // ENVIRONMENTS,
            batch_size=tokens // STEPS,
            n_epochs=1,
            learning_rate=1e-6,
            device="cpu",
            policy_kwargs={"language_model": language_model},
        )
        self._tokens = tokens
        self._update = 0.0
        self._train = self._model.train
        self._model.train = self._timed_train  # type: ignore[method-assign]

    def step(self) -> Parts:
        _, whole = timed(lambda: self._model.learn(self._tokens))
        return whole - self._update, self._update

    def _timed_train(self) -> None:
        _, self._update = timed(self._train)


def _view(language_model: CausalLMPolicy) -> Any:
    return token_view(FixedEnv(WORK), language_model, max_new_tokens=WORK.written, context_length=WORK.length)


def measure() -> Mapping[str, Any]:
    """Return each one's seconds, and theirs in units of ours."""
    torch.set_num_threads(1)
    contenders = {
        "sb3": Theirs(policy()).step,
        "ours": Ours(WORK, policy(critic="head"), algorithm=PPO, n_epochs=1, n_minibatches=STEPS).step,
    }
    taken: dict[str, list[Parts]] = {name: [] for name in contenders}
    for _ in range(REPEATS + 1):
        for name, step in contenders.items():
            gc.collect()
            taken[name].append(step())
    measured = {name: parts[1:] for name, parts in taken.items()}
    figures: dict[str, Any] = {name: [round(part, 3) for part in medians(parts)] for name, parts in measured.items()}
    return {**figures, "sb3_to_ours": [round(ratio, 1) for ratio in ratios(measured["sb3"], measured["ours"])]}
