"""Agent: what `PPO` and its siblings have in common, in the idiom of stable-baselines3."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from agents.algorithms.base import AnyAlgorithm
from agents.algorithms.config import TrainConfig
from agents.distributed.ranks import Ranks, join_ranks
from agents.distributed.ray_workers import RayWorkers
from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.engine import Engine
from agents.rollout.local import LocalEngine
from agents.rollout.sampling import SamplingParams, stream_key
from agents.trainer.callbacks import (
    Callback,
    CallbackList,
    Callbacks,
    CheckpointWriter,
    HealthLog,
    HealthWriter,
    MetricsWriter,
    ProgressBar,
)
from agents.trainer.card import ResultRow
from agents.trainer.checkpoint import checkpoints
from agents.trainer.collectors import AnyCollector, open_collector
from agents.trainer.convergence import HeldOutEvaluation
from agents.trainer.environments import Environments, EnvSource, open_environments
from agents.trainer.items import ItemSequence
from agents.trainer.loop import Trainer
from agents.trainer.samples import SampleWriter
from agents.trainer.saving import read_record, record_of, restore_trainer, save_trainer, write_card
from textenvs import Observation
from textenvs.errors import CheckpointError, ConfigError
from textenvs.vector import WorkerKind


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C ended the training.

    Attributes:
        saved_in: the checkpoint that was written; None if the agent has no run folder.
    """

    def __init__(self, saved_in: Path | None) -> None:
        missing = "the agent has no run_dir, or no rank has all of its weights"
        where = f"the agent is saved in {saved_in}" if saved_in else f"nothing is saved: {missing}"
        super().__init__(f"training was interrupted; {where}")
        self.saved_in = saved_in


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Agent:
    """A policy, an environment and the settings of an algorithm; the machinery is `trainer`.

    A concrete agent also inherits from its algorithm's config, so that every setting is an explicit keyword and, as
    in stable-baselines3, an attribute: ``PPO(policy, env, learning_rate=2e-5).learning_rate``.

    Args:
        policy: to be trained.
        env: the id of an environment, a function that makes one, or a single environment (slower: it plays one
            episode at a time).
        env_kwargs: for `gymnasium.make`, with an id.
        config: all settings at once, instead of single keywords.
        run_dir: folder for ``metrics.jsonl``, ``samples.jsonl`` and checkpoints; nothing is written without it.
        workers: where environments are played: ``"inline"``, or each in a ``"thread"`` or a ``"process"`` of its own;
            or by Ray's actors, see `RayWorkers`.
        step_timeout_s: seconds that one environment step or one reward may take; needs threads or processes.
        deterministic: repeat to the bit, on a CPU, with threads and processes too: they are scheduled by counts, as
            ``"inline"`` always is, and no longer by the clock.
        engine: what generates, such as a `ServerEngine`; None is this process, with the policy's own model.

    Raises:
        ConfigError: if a setting is out of range, is given both in `config` and as a keyword, or asks for a critic
            that the policy lacks.
    """

    algorithm: ClassVar[AnyAlgorithm]

    policy: CausalLMPolicy = field(kw_only=False)
    env: EnvSource = field(kw_only=False)
    env_kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    config: TrainConfig | None = None
    run_dir: str | Path | None = None
    workers: WorkerKind | RayWorkers = "inline"
    step_timeout_s: float | None = None
    deterministic: bool = False
    engine: Engine | None = None

    def __post_init__(self) -> None:
        """Take over the settings of `config`, and set up the trainer so that mistakes show here and not in `learn`."""
        for setting in dataclasses.fields(self.algorithm.config) if self.config else ():
            given, configured = getattr(self, setting.name), getattr(self.config, setting.name)
            if given not in (setting.default, configured):
                raise ConfigError(f"{setting.name} is given both in config and as a keyword; give it once")
            object.__setattr__(self, setting.name, configured)
        _ = self.trainer

    @cached_property
    def settings(self) -> TrainConfig:
        """All settings, as the algorithm's config."""
        config = self.algorithm.config
        return config(**{setting.name: getattr(self, setting.name) for setting in dataclasses.fields(config)})

    @cached_property
    def trainer(self) -> Trainer:
        """The loop, with its optimiser and its counts."""
        settings = self.settings
        if settings.kl_coef > 0 and self.policy.settings.reference is None:
            raise ConfigError(
                f"kl_coef={settings.kl_coef} needs a reference and this policy has none; "
                "build it with reference='auto', or set kl_coef=0"
            )
        envs = self.environments
        items = ItemSequence(settings.seed, envs.named_items, envs.n_items, envs.shares)
        return Trainer(self.policy, self.collector, self.algorithm, settings, items, self.ranks)

    @cached_property
    def ranks(self) -> Ranks:
        """The processes that train together; only the first calls back, writes and shows."""
        return join_ranks()

    @cached_property
    def environments(self) -> Environments:
        """Where the environments come from."""
        return open_environments(self.env, self.env_kwargs)

    @cached_property
    def collector(self) -> AnyCollector:
        """What plays the episodes."""
        return open_collector(
            self.policy,
            self.environments,
            self.settings,
            workers=self.workers,
            step_timeout_s=self.step_timeout_s,
            deterministic=self.deterministic,
            engine=self.engine,
            ranks=self.ranks,
        )

    def close(self) -> None:
        """Close the environments, and end the processes that play them."""
        self.collector.close()

    def learn(
        self, total_episodes: int, *, callback: Callbacks = None, progress: bool = False, resume: bool = False
    ) -> Self:
        """Train.

        Args:
            total_episodes: how many to play, rounded up to whole updates.
            callback: one or several; any of them may stop the training.
            progress: show it, on standard error.
            resume: count the episodes before a checkpoint against `total_episodes` and go on along the same
                learning-rate schedule, instead of training for that many more along a new one.

        Raises:
            ConfigError: if `convergence` asks for evaluations and no callback makes them.
            TrainingInterrupted: on Ctrl-C, after a checkpoint was saved in the run folder.
        """
        trainer = self.trainer
        self._check_measured(callback)
        trainer.plan(math.ceil(total_episodes / self.settings.n_episodes_per_update), resume=resume)
        told = [*CallbackList(callback).callbacks, *self._own_callbacks(progress)] if self.ranks.first else []
        callbacks = CallbackList(told)
        try:
            callbacks.on_training_start(self)
            trainer.run(
                lambda metrics: callbacks.on_update(self, metrics),
                lambda: callbacks.on_pause(self),
            )
        except KeyboardInterrupt as interrupt:
            trainer.restore(trainer.saved)
            raise TrainingInterrupted(self._save_interrupted()) from interrupt
        finally:
            callbacks.on_training_end(self)
        return self

    def predict(self, observation: Observation, deterministic: bool = True) -> tuple[str, None]:
        """Return the agent's next action, and None for the state that a recurrent policy would have.

        Args:
            observation: of a text environment.
            deterministic: the likeliest token every time; otherwise sample as the next rollout would, epsilon apart.
        """
        settings = self.settings
        params = SamplingParams(self.trainer.temperature, settings.max_new_tokens, greedy=deterministic)
        engine = LocalEngine(self.policy)
        engine.append(0, self.policy.chat.prompt_ids(observation))
        engine.submit(0, params, stream_key(settings.seed, next(self._predictions)))
        return self.policy.chat.action_text(engine.poll()[0].token_ids), None

    def save(self, path: str | Path) -> None:
        """Write a folder with everything that `load` needs; it is whole or not there.

        transformers (or peft, with an adapter) and vLLM load the policy from it as it is; README.md is its model card.
        Of several ranks, the first writes.
        """
        if self.ranks.first:
            save_trainer(Path(path), self.policy, self.trainer, record_of(self.trainer, self.env, self.env_kwargs))

    def write_card(self, path: str | Path, results: Mapping[str, Sequence[ResultRow]], command: str = "") -> None:
        """Write the model card of a saved agent again, with what an evaluation found.

        Args:
            path: of the folder that `save` wrote.
            results: tables by title.
            command: that made the agent, if it was made from the command line.
        """
        record = record_of(self.trainer, self.env, self.env_kwargs)
        write_card(Path(path), self.policy, self.trainer, record, results, command)

    @classmethod
    def load(
        cls,
        path: str | Path,
        env: EnvSource | None = None,
        *,
        env_kwargs: Mapping[str, Any] | None = None,
        run_dir: str | Path | None = None,
        workers: WorkerKind | RayWorkers = "inline",
        step_timeout_s: float | None = None,
        deterministic: bool = False,
        engine: Engine | None = None,
        device: str | None = None,
    ) -> Self:
        """Load what `save` wrote, with the optimiser and the counts.

        Args:
            path: of the folder.
            env: to go on with; the one that was saved, if not given.
            env_kwargs: for `gymnasium.make`; the saved ones, if `env` is not given.
            run_dir: as for a new agent.
            workers: as for a new agent.
            step_timeout_s: as for a new agent.
            deterministic: as for a new agent.
            engine: as for a new agent.
            device: such as ``"cuda"``; None takes a GPU where there is one.

        Raises:
            CheckpointError: if the folder is damaged or of another algorithm, or its environment cannot be made again.
        """
        record = read_record(Path(path))
        if record.algorithm != cls.algorithm.name:
            raise CheckpointError(f"{path} holds an agent of {record.algorithm!r}, not of {cls.algorithm.name!r}")
        source, kwargs = (env, env_kwargs or {}) if env is not None else (record.env, record.env_kwargs)
        if source is None:
            raise CheckpointError(f"{path} does not say how to make its environment; give it: load(path, env)")
        policy = CausalLMPolicy.load(path, device=device)
        config = cls.algorithm.config.from_mapping(record.config)
        agent = cls(
            policy,
            source,
            env_kwargs=kwargs,
            config=config,
            run_dir=run_dir,
            workers=workers,
            step_timeout_s=step_timeout_s,
            deterministic=deterministic,
            engine=engine,
        )
        restore_trainer(Path(path), agent.trainer, record)
        return agent

    @cached_property
    def _predictions(self) -> Iterator[int]:
        """Numbers the predictions, so that each samples with noise of its own."""
        return itertools.count()

    def _check_measured(self, callback: Callbacks) -> None:
        """Refuse to evaluate without somebody who does."""
        every = self.settings.convergence.every
        if every and not any(isinstance(one, HeldOutEvaluation) for one in CallbackList(callback).callbacks):
            raise ConfigError(
                f"convergence.every={every} needs a measurement: learn(..., callback=HeldOutEvaluation(measure)), "
                "where measure(agent) plays held-out items"
            )

    def _own_callbacks(self, progress: bool) -> list[Callback]:
        """Return what the agent itself wants done at every update."""
        own: list[Callback] = [ProgressBar(self.trainer.remaining)] if progress else []
        own.append(HealthLog())
        if self.run_dir is not None:
            folder = Path(self.run_dir)
            own += [MetricsWriter(folder / "metrics.jsonl"), HealthWriter(folder / "health.jsonl")]
            own.append(SampleWriter(folder / "samples.jsonl"))
            own.append(self._checkpoint_writer(folder))
        return own

    def _checkpoint_writer(self, run_dir: str | Path) -> CheckpointWriter:
        settings = self.settings
        return CheckpointWriter(
            Path(run_dir) / "checkpoints",
            settings.checkpoints.every,
            inside=settings.checkpoints.inside,
            keep=settings.checkpoints.keep,
        )

    def _save_interrupted(self) -> Path | None:
        """Save the agent as it was last whole; a rollout that was cut short is played again from its start.

        Where the weights lie in parts, which the other ranks no longer bring, the newest checkpoint stands.
        """
        if self.run_dir is None or not self.ranks.first:
            return None
        writer = self._checkpoint_writer(self.run_dir)
        if self.trainer.updater.holding.savable:
            return writer.save(self)
        return next(reversed(checkpoints(writer.folder)), None)
