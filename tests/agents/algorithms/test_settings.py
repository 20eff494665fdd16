"""The records of settings: refused where they cannot work, and the same after a way through JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
import tyro

from agents.algorithms.grpo import GRPOConfig
from agents.algorithms.ppo import PPOConfig
from agents.algorithms.settings import Convergence, Curriculum, Exploration, Filters, Importance, KLControl
from textenvs.errors import ConfigError, UnknownNameError


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Exploration(epsilon=1.0), r"exploration\.epsilon=1\.0"),
        (lambda: Exploration(epsilon_top_k=0), r"exploration\.epsilon_top_k=0"),
        (lambda: Exploration(final_temperature=0.0), r"exploration\.final_temperature=0\.0"),
        (lambda: Exploration(entropy_target=-1.0), r"exploration\.entropy_target=-1\.0"),
        (lambda: Exploration(entropy_step=0.0), r"exploration\.entropy_step=0\.0"),
        (lambda: Filters(resample_rounds=-1), r"filters\.resample_rounds=-1"),
        (lambda: Curriculum(boost=0.5), r"curriculum\.boost=0\.5"),
        (lambda: Curriculum(low=0.8, high=0.2), r"curriculum\.low=0\.8"),
        (lambda: Curriculum(pool=0), r"curriculum\.pool=0"),
        (lambda: Curriculum(momentum=0.0), r"curriculum\.momentum=0\.0"),
        (lambda: Convergence(every=-1), r"convergence\.every=-1"),
        (lambda: Convergence(every=1, episodes=1), r"convergence\.episodes=1"),
        (lambda: Convergence(patience=2), r"needs convergence\.every"),
        (lambda: Importance(cap=0.0), r"importance\.cap=0\.0"),
        (lambda: KLControl(target=0.0), r"kl_control\.target=0\.0"),
        (lambda: KLControl(horizon=0), r"kl_control\.horizon=0"),
        (lambda: PPOConfig(kl_control=KLControl(target=0.1)), r"needs a kl_coef"),
        (lambda: PPOConfig(exploration=Exploration(epsilon=0.1)), r"needs importance\.cap"),
        (lambda: PPOConfig(filters=Filters(resample_rounds=1)), r"needs a group_size"),
        (lambda: PPOConfig(warmup_updates=-1), r"warmup_updates=-1"),
    ],
)
def test_impossible_settings_are_refused_with_the_reason(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_a_configuration_is_the_same_after_json() -> None:
    config = GRPOConfig(
        seed=3,
        importance=Importance(cap=2.0, level="sequence"),
        exploration=Exploration(epsilon=0.1, final_temperature=0.7),
        curriculum=Curriculum(boost=4.0),
        filters=Filters(resample_rounds=2),
        convergence=Convergence(every=5, patience=3),
    )
    assert GRPOConfig.from_mapping(json.loads(json.dumps(asdict(config)))) == config


def test_a_wrong_name_inside_a_record_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"'exploration\.epsilon'"):
        PPOConfig.from_mapping({"exploration": {"epsilom": 0.1}})
    with pytest.raises(ConfigError, match=r"filters=3: must be a mapping of mask_overlong, resample_rounds"):
        PPOConfig.from_mapping({"filters": 3})


def test_the_command_line_reaches_inside_the_records() -> None:
    args = ["--exploration.epsilon", "0.2", "--importance.cap", "2", "--filters.mask-overlong"]
    assert tyro.cli(PPOConfig, args=args) == PPOConfig(
        exploration=Exploration(epsilon=0.2), importance=Importance(cap=2.0), filters=Filters(mask_overlong=True)
    )
