"""Routes: the ways in which a policy learns from feedback, by the settings of the stage that does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from agents.algorithms.ppo import PPOConfig
from agents.finetune.preference import train_on_preferences
from agents.finetune.preference_config import PreferenceConfig
from agents.finetune.preference_rows import read_labels, read_pairs
from agents.finetune.reward_model import train_reward_model
from agents.finetune.reward_model_config import RewardModelConfig
from agents.finetune.supervised import SFTConfig, sft
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.reward_model import save_reward_model
from agents.policies.reward_network import RewardNetwork
from agents.policies.storage import PolicySettings
from agents.rows.demonstration import Demonstration
from agents.rows.files import RowFile
from agents.rows.kinds import FEEDBACK
from agents.rows.mixture import MixtureConfig
from agents.rows.on_demand import Joined, Mapped
from agents.trainer.agents import PPO
from envs_registry.suites import Slice

REPLAY = "replay"
"""The kind of the demonstrations that are mixed among corrections."""
REWARD_MODEL = "reward-model"
"""Folder of a round's reward model."""


@dataclass(frozen=True, kw_only=True)
class RewardRoute:
    """A reward model from pairs, and PPO against it.

    Attributes:
        ppo: settings of the policy's training.
        episodes: of it.
        reward_model: settings of the reward model's training.
        kept: a reward model that is there already, which is not trained again; None trains one in every round.
    """

    stage: ClassVar[str] = "ppo"

    ppo: PPOConfig = field(default_factory=PPOConfig)
    episodes: int = 2000
    reward_model: RewardModelConfig = field(default_factory=RewardModelConfig)
    kept: Path | None = None


Route = SFTConfig | PreferenceConfig | RewardRoute
"""SFT on corrections, DPO on pairs, KTO on single answers, PPO against a model of the pairs."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What there is to learn from.

    Attributes:
        file: of rows, of the form that the route learns from.
        replay: demonstrations that are mixed among corrections, so that what the policy can do is not forgotten; the
            other routes are held by their reference.
        share: of the feedback in every batch of that mixture.
        world: the environment that reinforcement learning plays, on its train split.
        folder: of the round, for what is made beside the policy.
    """

    file: Path
    replay: Sequence[Demonstration]
    share: float
    world: Slice
    folder: Path


def rows_of(route: Route) -> str:
    """Return the name of the file of rows that a route learns from."""
    if isinstance(route, SFTConfig):
        return "sft"
    pairs = isinstance(route, RewardRoute) or route.method == "dpo"
    return "preference" if pairs else "unpaired"


def load_learner(folder: Path, route: Route, device: str | None) -> CausalLMPolicy:
    """Load the policy that is to be trained; for PPO with a critic and a reference, fresh ones where it has none."""
    saved = PolicySettings.read(folder)
    if isinstance(route, RewardRoute):
        saved = saved.replace(critic=saved.critic or "head", reference=saved.reference or "copy")
    return CausalLMPolicy.load(folder, device=device, settings=saved)


def learn(policy: CausalLMPolicy, route: Route, lesson: Lesson) -> Mapping[str, Any]:
    """Train the policy in place, and return what is worth knowing about it.

    Args:
        policy: to be trained.
        route: how.
        lesson: from what.
    """
    if isinstance(route, SFTConfig):
        rows, mixture = _mixed(RowFile(lesson.file), lesson, route.epochs)
        return sft(policy, rows, route, mixture=mixture)._asdict()
    if isinstance(route, RewardRoute):
        return _reinforce(policy, route, lesson)
    answers = read_pairs(lesson.file) if route.method == "dpo" else read_labels(lesson.file)
    return _plain(train_on_preferences(policy, answers, route)._asdict())


def _mixed(
    rows: Sequence[Demonstration], lesson: Lesson, epochs: float
) -> tuple[Sequence[Demonstration], MixtureConfig | None]:
    if not lesson.replay:
        return rows, None
    shares = {FEEDBACK: lesson.share, REPLAY: 1 - lesson.share}
    both = Joined(
        Mapped(part, partial(replace, kind=kind)) for part, kind in ((rows, FEEDBACK), (lesson.replay, REPLAY))
    )
    return both, MixtureConfig(shares=shares, most_epochs=max(epochs, MixtureConfig.most_epochs))


def _reinforce(policy: CausalLMPolicy, route: RewardRoute, lesson: Lesson) -> Mapping[str, Any]:
    """Train a reward model unless one is kept, and the policy against it."""
    folder, facts = route.kept, dict[str, Any]()
    if folder is None:
        folder = lesson.folder / REWARD_MODEL
        network = RewardNetwork.on(policy.model, route.reward_model.seed)
        found = train_reward_model(network, policy.chat, read_pairs(lesson.file), route.reward_model)
        save_reward_model(folder, network, policy.tokenizer, found.settings)
        measured = found.held_out.pairs
        held_out = {"pairs": measured, "accuracy": found.held_out.accuracy if measured else None}
        facts = {"pairs": found.rows, "held_out": held_out, "loss": found.loss}
    reward = f"agents.policies.reward_model:RewardModel:{folder.absolute()}"
    settings = {**lesson.world.settings, "split": "train", "reward": reward}
    PPO(policy, lesson.world.env_id, env_kwargs=settings, config=route.ppo).learn(total_episodes=route.episodes)
    return {"reward_model": str(folder), **facts, "episodes": route.episodes}


def _plain(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**facts, "refused": {reason: len(where) for reason, where in facts["refused"].items()}}
