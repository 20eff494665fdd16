"""The mutation table: each named bug with the oracles and invariants that have to notice it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tests.agents import test_trajectory
from tests.agents.advantages import test_gae
from tests.agents.algorithms import test_grpo
from tests.agents.losses import test_kl
from tests.agents.mutations import bugs
from tests.agents.rollout import test_collector, test_local
from tests.agents.trainer import test_scoring, test_update
from tests.property import test_credit

Check = Callable[[], None]
"""A test without arguments: it passes, or it raises."""


@dataclass(frozen=True)
class Mutation:
    """One bug.

    Attributes:
        plant: puts it into the code.
        checks: tests that pass without it and fail with it, by name.
        probes: what is learned without it and not with it: (probe, algorithm).
    """

    plant: Callable[[pytest.MonkeyPatch], None]
    checks: dict[str, Check]
    probes: tuple[tuple[str, str], ...] = field(default=())

    @property
    def name(self) -> str:
        """The bug's name in words."""
        return self.plant.__name__.replace("_", " ")

    @property
    def what(self) -> str:
        """What it does, in a sentence."""
        return (self.plant.__doc__ or "").strip().partition("\n")[0]


def _split_gradient() -> None:
    test_update.test_any_split_into_micro_batches_gives_the_same_gradient("grpo", {})


def _values() -> None:
    test_scoring.test_values_belong_to_the_state_before_each_token(test_scoring.valued_policy())


def _sampler() -> None:
    with tempfile.TemporaryDirectory() as folder:
        test_local.test_the_sampler_says_what_the_trainer_says("full", Path(folder))


def _observations() -> None:
    example = test_credit.test_observation_tokens_change_no_advantage.hypothesis.inner_test
    example(case="ppo", seed=0, count=1000, where=0.5)


def _order() -> None:
    example = test_credit.test_the_order_of_the_episodes_changes_no_advantage.hypothesis.inner_test
    example(case="grpo", seed=0, order=list(np.random.default_rng(0).permutation(8)))


MUTATIONS = (
    Mutation(
        bugs.gae_through_observations,
        {"test_observation_tokens_change_no_advantage": _observations},
        (("long_reply", "ppo"),),
    ),
    Mutation(
        bugs.reward_on_the_wrong_token,
        {
            "test_each_reward_sits_on_its_turns_last_action_token": (
                test_trajectory.test_each_reward_sits_on_its_turns_last_action_token
            ),
            "test_table_by_hand": test_gae.test_table_by_hand,
        },
        (("constant", "reinforce"),),
    ),
    Mutation(
        bugs.inverted_mask,
        {
            "test_an_episode_leaves_its_tokens_masks_and_rewards": (
                test_collector.test_an_episode_leaves_its_tokens_masks_and_rewards
            ),
            "test_each_turns_tokens_are_what_the_world_heard": (
                test_collector.test_each_turns_tokens_are_what_the_world_heard
            ),
        },
        (("conditional", "grpo"),),
    ),
    Mutation(bugs.missing_temperature, {"test_the_sampler_says_what_the_trainer_says": _sampler}),
    Mutation(
        bugs.mean_of_each_micro_batch,
        {"test_any_split_into_micro_batches_gives_the_same_gradient": _split_gradient},
    ),
    Mutation(
        bugs.wrong_group,
        {
            "test_every_token_of_an_episode_has_its_advantage": (
                test_grpo.test_every_token_of_an_episode_has_its_advantage
            ),
            "test_rloo_compares_with_the_others": test_grpo.test_rloo_compares_with_the_others,
        },
        (("constant", "grpo"),),
    ),
    Mutation(bugs.interleaved_groups, {"test_the_order_of_the_episodes_changes_no_advantage": _order}),
    Mutation(
        bugs.k1_in_the_loss,
        {
            "test_the_kl_loss_is_weighted_by_the_ratio_off_policy": (
                test_kl.test_the_kl_loss_is_weighted_by_the_ratio_off_policy
            )
        },
    ),
    Mutation(bugs.values_off_by_one, {"test_values_belong_to_the_state_before_each_token": _values}),
    Mutation(
        bugs.stop_token_untrained,
        {"test_a_sampled_stop_token_is_trained": test_collector.test_a_sampled_stop_token_is_trained},
    ),
    Mutation(
        bugs.stale_prefix_cache,
        {"test_a_weight_update_voids_what_was_cached": test_local.test_a_weight_update_voids_what_was_cached},
    ),
)
"""Every bug that the trainers of the field have shipped, and what notices it here."""
