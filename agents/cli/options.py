"""Groups of options that several commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agents.algorithms.config import LRSchedule
from agents.policies.ensemble_name import EnsembleName
from textenvs.errors import UsageError
from textenvs.seeding import check_split

if TYPE_CHECKING:
    from agents.evaluation.held_out import HeldOut
    from agents.finetune import SFTConfig
    from agents.rollout.engine import Engine
    from agents.rows.mixture import MixtureConfig
    from envs_registry.suites import Suite


_REWARD_MODELS = "agents.policies.reward_model"


@dataclass(frozen=True)
class EnvOptions:
    """Which environment, and how it is set up. What is not given keeps the environment's own default."""

    id: str = "MultiTurnRewrite-v0"
    """Id of the environment; `textenvs list` names them all."""
    corpus: Path | None = None
    """File of real dialogues to play instead of generated ones."""
    language: str | None = None
    """Language of the dialogues: zh, en or mixed."""
    difficulty: str | None = None
    """Named difficulty level of generated dialogues."""
    history_source: str | None = None
    """On corpora, whether later turns see the user's words (original) or the agent's rewrites (own)."""
    instruction: str | None = None
    """What the agent is told, in place of the environment's own instruction; "" tells it nothing."""
    kwargs: str = "{}"
    """Any further settings of the environment, as a JSON object."""

    def settings(self) -> dict[str, Any]:
        """Return the keyword arguments for `gymnasium.make`.

        Raises:
            UsageError: if `kwargs` is no JSON object, or the corpus is no file.
        """
        if self.corpus is not None and not self.corpus.is_file():
            raise UsageError(f"--env.corpus {str(self.corpus)!r}: there is no such file")
        named = {
            "corpus": str(self.corpus) if self.corpus else None,
            "language": self.language,
            "difficulty": self.difficulty,
            "history_source": self.history_source,
            "instruction": self.instruction,
        }
        given = {name: value for name, value in named.items() if value is not None}
        return {**given, **json_object(self.kwargs, "--env.kwargs")}


@dataclass(frozen=True)
class RewardOptions:
    """What an action is worth. Without any, the environment's own fusion of its parts."""

    fn: str | None = None
    """A reward of your own, as package.module:function, or a reward model's folder; --reward is short for it. Folders
    between commas are an ensemble, and a number behind an @ its gate: where the models disagree by more than that, the
    least score is paid. The working directory is searched too."""
    weights: str | None = None
    """A weighted sum: --reward.weights.PART 0.4 for each, or a JSON object of parts or package.module:function."""
    timing: str | None = None
    """When the reward is paid: turn or episode."""

    def settings(self) -> dict[str, Any]:
        """Return the keyword arguments for `gymnasium.make`.

        Raises:
            UsageError: if both `fn` and `weights` are given, or the weights are no JSON object.
        """
        if self.fn is not None and self.weights is not None:
            raise UsageError("give either --reward.fn or --reward.weights; weights may name functions too")
        spec = None if self.fn is None else _reward_name(self.fn)
        if self.weights is not None:
            weights = json_object(self.weights, "--reward.weights")
            spec = {_reward_name(name): weight for name, weight in weights.items()}
        if spec is not None:
            search_working_directory()
        given = {"reward": spec, "reward_timing": self.timing}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class EngineOptions:
    """What generates in training: this process, or a model's server."""

    url: str | None = None
    """A server's address and the name of its model, as URL#MODEL; without it, this process generates."""
    dialect: Literal["vllm", "sglang"] = "vllm"
    """What the server speaks."""
    folder: Path | None = None
    """For the weights it is given; it sees them under the same path. A temporary one, if not given."""

    def open(self) -> Engine | None:
        """Return the engine; None stands for this process.

        Raises:
            ConfigError: if the address is none.
        """
        if self.url is None:
            return None
        from agents.rollout.server import ServerEngine

        return ServerEngine(self.url, self.dialect, self.folder)


def _reward_name(name: str) -> str:
    """Return the name of a reward as environments take it: folders of reward models become what loads them."""
    if folder := _reward_model(name):
        return f"{_REWARD_MODELS}:RewardModel:{folder}"
    named = EnsembleName.read(name)
    folders = [_reward_model(folder) for folder in named.folders]
    if not any(folders):
        return name
    found = [folder for folder in folders if folder is not None]
    if len(found) < len(folders):
        raise UsageError(f"--reward {name}: {named.folders[folders.index(None)]!r} is no folder of a reward model")
    return f"{_REWARD_MODELS}:RewardEnsemble:{named._replace(folders=tuple(found))}"


def _reward_model(name: str) -> str | None:
    """Return the folder of the reward model that a name stands for; None if it stands for none."""
    places = (Path(name), Path(name) / "checkpoint")
    return next((str(place.absolute()) for place in places if (place / "reward_model.json").is_file()), None)


@dataclass(frozen=True)
class EvalOptions:
    """How the policy is measured, before and after, on items that training never sees."""

    episodes: int = 200
    """Held-out items per group."""
    samples: int = 0
    """Sampled episodes per item, beside the greedy one."""
    groups: str = "{}"
    """Parts to evaluate and report apart, as JSON: names to environment settings."""
    split: str = "test"
    """Which items."""

    def suite(self, env_id: str, settings: Mapping[str, Any]) -> Suite:
        """Return the items of one environment as a suite, a slice for each group.

        Raises:
            UsageError: if the split or a group is none.
        """
        from agents.evaluation.runner import one_slice
        from envs_registry.suites import Suite

        split, groups = check_split(self.split), json_object(self.groups, "--eval.groups") or {"": {}}
        parts = [one_slice(env_id, {**settings, **more}, split, self.episodes, group=g) for g, more in groups.items()]
        return Suite(env_id, tuple(one for part in parts for one in part.slices))

    def held_out(
        self,
        env_id: str,
        settings: Mapping[str, Any],
        *,
        text_scores: bool,
        max_new_tokens: int,
        seed: int,
        temperature: float = 1.0,
    ) -> HeldOut:
        """Return the protocol of the measurement.

        Raises:
            UsageError: if the split or a group is none.
        """
        from agents.evaluation.held_out import HeldOut

        groups = json_object(self.groups, "--eval.groups")
        return HeldOut(
            env_id=env_id,
            groups={name: {**settings, **more} for name, more in groups.items()} or {"": settings},
            episodes=self.episodes,
            samples=self.samples,
            temperature=temperature,
            max_new_tokens=max_new_tokens,
            text_scores=text_scores,
            split=check_split(self.split),
            seed=seed,
        )


@dataclass(frozen=True)
class AnnotatorOptions:
    """Who demonstrates, how well, and how much."""

    rows: int | None = None
    """Demonstrations; all of its share of a corpus, or 2,000 of generated dialogues, if not given."""
    demonstrator: str = "oracle"
    """Which of the environment's baselines demonstrates."""
    lapses: float = 0.0
    """How careless the annotator is: the probability, at every turn, of doing what `lapse` says."""
    lapse: str = "careless"
    """Which of the environment's baselines plays in a lapse."""
    drills: float = 0.0
    """Drills to add, as a share of the demonstrations; they help a model from scratch to copy new names."""
    word_noise: float = 0.0
    """Share of the demonstrations in which users' words give way to unknown ones; helps a model from scratch."""

    def __post_init__(self) -> None:
        """Refuse to demonstrate nothing.

        Raises:
            UsageError: if there are no rows, or fewer drills than none.
        """
        if (self.rows is not None and self.rows < 1) or self.drills < 0:
            raise UsageError(f"sft rows={self.rows}, drills={self.drills}: at least 1 row, and no fewer drills than 0")


@dataclass(frozen=True)
class SFTOptions(AnnotatorOptions):
    """The supervised warm-up, with --init sft."""

    tasks: str = "{}"
    """What differs in single tasks of a mixture, a JSON object such as '{"toolcall": {"rows": 5000, "drills": 0.5}}' of
    the settings above; a task that does not say how many rows has its share of them."""
    share: float = 0.5
    """Share of a corpus's train split that the warm-up draws from; reinforcement learning gets the rest."""
    epochs: float = 1.0
    """Passes over the demonstrations."""
    learning_rate: float = 1e-3
    """Peak learning rate; 1e-3 suits the embedded model, 1e-5 to 2e-4 a pretrained one."""
    lr_schedule: LRSchedule = "cosine"
    """How it falls after its warm-up: cosine, linear, constant, or low_and_slow (agents/trainer/schedules.py)."""
    batch_size: int = 32
    """Conversations per optimiser step."""
    microbatch_size: int | None = None
    """Conversations per forward and backward pass, to bound memory; all of a step's, if not given."""
    packing: bool = False
    """Lay short conversations end to end, so that fewer tokens are padding; no gradient changes by it."""
    checkpoint_every: int = 200
    """Steps between two checkpoints of `textenvs sft`."""
    bf16: bool = False
    """Multiply matrices in bfloat16; the weights stay what they are."""
    prompt_weight: float = 0.0
    """Weight of the prompt's tokens in the loss: some helps a model built from nothing, a pretrained one needs none."""

    def config(self, seed: int) -> SFTConfig:
        """Return the settings of the warm-up itself.

        Raises:
            ConfigError: if a value is out of range.
        """
        from agents.finetune import SFTConfig

        return SFTConfig(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            lr_schedule=self.lr_schedule,
            batch_size=self.batch_size,
            microbatch_size=self.microbatch_size,
            packing=self.packing,
            checkpoint_every=self.checkpoint_every,
            prompt_weight=self.prompt_weight,
            bf16=self.bf16,
            seed=seed,
        )

    def share_settings(self, env: EnvOptions) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the environment settings of the warm-up's and of reinforcement learning's share of a corpus.

        Raises:
            UsageError: if the share is none.
        """
        if not 0 < self.share < 1:
            raise UsageError(f"--sft.share share={self.share}: give a share between 0 and 1, ends excluded")
        if env.corpus is None:
            return {}, {}
        return {"portion": (0.0, self.share)}, {"portion": (self.share, 1.0)}


@dataclass(frozen=True)
class MixOptions:
    """In what shares kinds of rows are learned."""

    shares: str | None = None
    """Shares by kind, a JSON object of weights such as '{"tool_call": 2, "no_call": 1}'; other kinds are left out."""
    temperature: float | None = None
    """Shares that grow as rows^temperature: at 1 all rows count alike, at 0 all kinds."""
    most_epochs: float = 4.0
    """The most passes over any kind; the mixture ends before one would have more."""
    epochs: str = "{}"
    """The most passes over single kinds, as a JSON object."""

    def config(self) -> MixtureConfig | None:
        """Return the shares; None where neither shares nor a temperature are given, and every row counts alike.

        Raises:
            UsageError: if an object is none, or a number is out of range.
        """
        if self.shares is None and self.temperature is None:
            return None
        from agents.rows.mixture import MixtureConfig

        return MixtureConfig(
            shares=None if self.shares is None else json_object(self.shares, "--mix.shares"),
            temperature=0.5 if self.temperature is None else self.temperature,
            epochs=json_object(self.epochs, "--mix.epochs"),
            most_epochs=self.most_epochs,
        )


def json_object(text: str, flag: str) -> Mapping[str, Any]:
    """Return the JSON object that an option holds.

    Raises:
        UsageError: if it is none.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{flag} {text!r} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(f"{flag} {text!r} must be a JSON object, such as '{{\"max_turns\": 4}}'")
    return value


def search_working_directory() -> None:
    """Let a reward be imported from where the command is run, as ``python -m`` would."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
