"""No setting is ignored: of every algorithm, each one changes what a short run does, or is refused by its name."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agents import Callback
from agents.algorithms.registry import ALGORITHMS
from agents.algorithms.settings import (
    Checkpoints,
    Convergence,
    Curriculum,
    Exploration,
    Filters,
    Importance,
    KLControl,
    TrustRegion,
)
from agents.policies.tiny import build_tiny
from agents.trainer.agent import Agent
from agents.trainer.agents import AGENTS
from tests.agents.probes import TINIEST, Probe, ProbeEnv
from tests.chaos.kills import TIMES
from textenvs.errors import ConfigError

PROBE = Probe(
    "any", ("a", "b"), lambda opening, said: sum(map(ord, "".join(said))) % 2 == 0, updates=0, replies=("more",)
)

SHORT: Mapping[str, Any] = {"n_episodes_per_update": 8, "max_new_tokens": 2, "learning_rate": 1e-2}
"""What every run is given."""

CHANGED: Mapping[str, tuple[Any, Mapping[str, Any]]] = {
    "learning_rate": (2e-2, {}),
    "lr_schedule": ("linear", {}),
    "warmup_updates": (2, {}),
    "critic_lr_scale": (3.0, {}),
    "weight_decay": (0.5, {}),
    "max_grad_norm": (1e-3, {}),
    "n_episodes_per_update": (16, {}),
    "group_size": (2, {}),
    "n_epochs": (3, {}),
    "n_minibatches": (4, {}),
    "microbatch_tokens": (8, {}),
    "clip_range": (1e-5, {"n_epochs": 3}),
    "clip_range_high": (1e-5, {"n_epochs": 3}),
    "dual_clip": (1.3, {"n_epochs": 4, "clip_range": 0.01, "learning_rate": 0.1}),
    "clip_range_value": (1e-4, {}),
    "entropy_coef": (0.1, {}),
    "kl_coef": (0.3, {}),
    "kl_placement": ("loss", {"kl_coef": 0.3}),
    "kl_estimator": ("k3", {"kl_coef": 0.3}),
    "target_kl": (1e-9, {"n_minibatches": 2}),
    "temperature": (0.7, {}),
    "max_new_tokens": (3, {}),
    "max_context": (10, {}),
    "seed": (1, {}),
    "credit_level": ("turn", {}),
    "token_gamma": (0.5, {}),
    "turn_gamma": (0.5, {}),
    "gae_lambda": (0.5, {}),
    "turn_lambda": (0.5, {"credit_level": "nested"}),
    "group_baseline": (True, {"group_size": 4}),
    "normalize_advantage": (False, {}),
    "value_coef": (0.1, {}),
    "value_warmup_updates": (1, {}),
    "loss_type": ("dr_grpo", {}),
    "scale_advantage": ("none", {}),
    "dr_grpo_tokens": (16, {"loss_type": "dr_grpo"}),
    "part_weights": ({"right": 1.0}, {}),
    "trust_region": (TrustRegion(max_kl=0.1), {}),
    "checkpoints": (Checkpoints(every=1), {}),
    "importance": (Importance(cap=0.5), {}),
    "kl_control": (KLControl(target=0.1, horizon=16), {"kl_coef": 0.3}),
    "exploration": (Exploration(final_temperature=0.5), {}),
    "filters": (Filters(mask_overlong=True), {}),
    "curriculum": (Curriculum(boost=5.0, pool=4), {}),
    "convergence": (Convergence(every=1), {}),
}
"""A value that is not the default, and what has to be set beside it, before and after, for it to matter."""

OTHER = {("grpo", "kl_placement"): ("reward", {"kl_coef": 0.3})}
"""Where an algorithm's default is the value above."""

REFUSED = "refused: "

FITTING: Mapping[str, Mapping[str, Any]] = {
    "rloo": {"group_size": 4},
    "grpo": {"group_size": 4},
}

PAIRS = [(name, field.name) for name, algorithm in ALGORITHMS.items() for field in dataclasses.fields(algorithm.config)]


class Log(Callback):
    def __init__(self) -> None:
        self.lines: list[dict[str, float]] = []

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        self.lines.append({name: value for name, value in metrics.items() if name not in TIMES})


@functools.cache
def unchanged(name: str, beside: tuple[tuple[str, Any], ...]) -> str:
    return outcome(name, dict(beside))


def outcome(name: str, settings: Mapping[str, Any]) -> str:
    """Return all that two updates leave, figures, weights and files, or why there are none."""
    log, given = Log(), {**SHORT, **FITTING.get(name, {}), **settings}
    with tempfile.TemporaryDirectory() as folder:
        try:
            agent = AGENTS[name](build_tiny((), TINIEST), lambda: ProbeEnv(PROBE), run_dir=folder, **given)
            agent.learn(2 * agent.settings.n_episodes_per_update, callback=log)
        except ConfigError as refusal:
            return f"{REFUSED}{refusal}"
        files = sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))
    weights = [weight.double().sum().item() for _, weight in agent.policy.trainable_parameters()]
    return repr((log.lines, weights, files))


def accepts(name: str, **settings: Any) -> bool:
    try:
        ALGORITHMS[name].config(**settings)
    except (ConfigError, TypeError):
        return False
    return True


@pytest.mark.parametrize(("name", "setting"), PAIRS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_setting_changes_something_or_is_refused(name: str, setting: str) -> None:
    value, wanted = OTHER.get((name, setting), CHANGED[setting])
    beside = {one: given for one, given in wanted.items() if accepts(name, **{one: given})}
    before = unchanged(name, tuple(beside.items()))
    after = outcome(name, {**beside, setting: value})
    assert setting in after if after.startswith(REFUSED) else after != before


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ppo", {"turn_lambda": 0.5}),
        ("ppo", {"gae_lambda": 0.5, "credit_level": "turn"}),
        ("a2c", {"token_gamma": 0.5, "credit_level": "turn"}),
        ("grpo", {"dr_grpo_tokens": 16}),
        ("grpo", {"clip_range": 0.1, "loss_type": "cispo", "clip_range_high": 4.0}),
        ("reinforce", {"target_kl": 0.1}),
    ],
)
def test_what_would_not_be_read_is_refused(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"^{next(iter(settings))}="):
        ALGORITHMS[name].config(**settings)


@pytest.mark.parametrize("name", ["a2c", "trpo", "reinforce"])
def test_who_clips_nothing_has_no_clip_range(name: str) -> None:
    assert "clip_range" not in {field.name for field in dataclasses.fields(ALGORITHMS[name].config)}
