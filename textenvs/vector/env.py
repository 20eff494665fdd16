"""TextVectorEnv: many environments side by side, none of which waits for another."""

from __future__ import annotations

import copy
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, cast, get_args

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from textenvs.core import TextEnv
from textenvs.errors import ConfigError, EnvironmentFaultError, check_known
from textenvs.rewards.core import Reward
from textenvs.settlement import Info
from textenvs.vector.batching import stack_infos, stack_observations
from textenvs.vector.slots import Step
from textenvs.vector.stage import Stage
from textenvs.vector.supply import EnvSource, Supply
from textenvs.vector.workers import WorkerKind

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Batch = tuple[Any, FloatArray, BoolArray, BoolArray, Info]

RESET_ATTEMPTS = 3
"""How often in a row `reset` may fail before it is an error: a world that cannot begin is no data."""


class TextVectorEnv(VectorEnv[Any, Any, NDArray[Any]]):
    """A vector of environments that are played in workers and scored in the parent.

    Gymnasium's face is `reset` and `step`. An environment whose episode ends is reset in the same step; what it
    ended with stands in ``infos["final_obs"]`` and ``infos["final_info"]``. ``step({index: action})`` plays some of
    the environments and returns a batch of these alone; ``infos["env_id"]`` says which.

    Who does not want to wait uses `begin`, `send` and `receive`: any number of environments may be at work, and
    whichever are ready are returned. Nothing is reset there unasked.

    An environment that raises, dies or exceeds the time limit ends its episode: truncated, its reward invalid,
    its `stop` naming what happened. It is replaced by a new one. A reward that fails or is late is missing, and the
    episode goes on.

    Args:
        env: an id, a function that makes an environment, environments that are made already, or a `Supply`.
        num_envs: how many; as many as are made already, if not given, or 1.
        workers: ``"inline"``, ``"thread"`` or ``"process"``; see `WorkerKind`. Environments and workers begin when
            they are first needed.
        step_timeout_s: time limit of one `reset`, `step` or reward, in seconds. Threads that exceed it are left
            behind and go on until their call returns; processes are killed.
        env_kwargs: for `gymnasium.make`, with an id.

    Attributes:
        supply: where the environments come from.

    Raises:
        UsageError: if an argument is out of range, or the workers cannot do what is asked of them.
    """

    def __init__(
        self,
        env: EnvSource | Supply,
        num_envs: int | None = None,
        *,
        workers: WorkerKind = "inline",
        step_timeout_s: float | None = None,
        env_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.closed = True  # until there is something to close
        check_known("workers", workers, get_args(WorkerKind))
        if step_timeout_s is not None and not step_timeout_s > 0:
            raise ConfigError(f"step_timeout_s={step_timeout_s}: a time limit is a number of seconds above 0")
        if step_timeout_s is not None and workers == "inline":
            raise ConfigError(
                f"step_timeout_s={step_timeout_s} needs workers='process' (or 'thread'): nobody could interrupt an "
                "environment that is played in the caller's own thread"
            )
        self.supply = env if isinstance(env, Supply) else Supply(env, env_kwargs)
        self.num_envs = num_envs or self.supply.size or 1
        if self.supply.size is not None and self.num_envs > self.supply.size:
            raise ConfigError(f"num_envs={num_envs}, but {self.supply.size} environments were given")
        first = self.supply.first
        self.metadata = {**first.metadata, "autoreset_mode": AutoresetMode.SAME_STEP}
        self.render_mode = first.render_mode
        self._stage = Stage(self.supply, self.num_envs, workers, step_timeout_s)
        self._later: deque[Step] = deque()
        self._seeds: list[int | None] = [None] * self.num_envs
        self._options: list[dict[str, Any] | None] = [None] * self.num_envs
        self._faults = [0] * self.num_envs
        self.closed = False

    # A batch of many spaces takes a while to make, and those who send and receive have no use for it.

    @cached_property
    def single_observation_space(self) -> gym.Space[Any]:  # type: ignore[override]
        """The space of one environment's observations."""
        return self.supply.first.observation_space

    @cached_property
    def single_action_space(self) -> gym.Space[Any]:  # type: ignore[override]
        """The space of one environment's actions."""
        return self.supply.first.action_space

    @cached_property
    def observation_space(self) -> gym.Space[Any]:  # type: ignore[override]
        """The space of a batch of observations."""
        return batch_space(self.single_observation_space, self.num_envs)

    @cached_property
    def action_space(self) -> gym.Space[Any]:  # type: ignore[override]
        """The space of a batch of actions."""
        return batch_space(self.single_action_space, self.num_envs)

    @property
    def reward(self) -> Reward | None:
        """The reward that is asked in the parent for every environment; None where each asks one of its own."""
        first = self.supply.first.unwrapped
        return first.reward if self.supply.splits and isinstance(first, TextEnv) else None

    def set_progress(self, progress: float) -> None:
        """Tell the reward how far training has come, from 0.0 to 1.0; see `Reward.set_progress`.

        Environments that score themselves (wrapped ones, and such as were made already) have rewards of their own,
        which are told before the next episode. Each of these learns only from what it has scored itself.
        """
        if self.reward is None:
            self._stage.set_progress(progress)
        else:
            self.reward.set_progress(progress)

    # Waiting for whichever is ready

    def begin(self, index: int, *, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Ask one environment for an episode; its step comes from `receive`.

        Args:
            index: of the environment.
            seed: for its `reset`.
            options: for its `reset`, such as ``{"index": i}``.

        Raises:
            AlreadyPendingCallError: if the environment is still busy.
        """
        self._stage.begin(index, seed, options)

    def send(self, actions: Mapping[int, Any]) -> None:
        """Ask for actions to be played, by the number of the environment; the steps come from `receive`.

        Raises:
            ResetNeededError: if an environment has no episode in which to play.
            AlreadyPendingCallError: if an environment is still busy.
        """
        self._stage.send(actions)

    def receive(self, *, early: bool = False) -> list[Step]:
        """Wait until a step is there, and return all that are; an empty list if nothing was asked for.

        The steps of one environment come in order.

        Args:
            early: hand out a step as soon as the world has moved, without its reward (`Step.settled` is False),
                and again with it (`Step.moved` is False). The next action may be sent in between: the world does
                not wait for its judge.
        """
        if self._later:
            steps = list(self._later)
            self._later.clear()
            return steps
        return self._stage.receive(early=early)

    def discard(self) -> None:
        """Forget whatever was asked for and has not been received; environments that are busy are replaced."""
        self._later.clear()
        self._stage.discard()

    # Gymnasium's face

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, Info]:
        """Begin an episode in every environment.

        Args:
            seed: one for each environment, or the first of consecutive ones.
            options: for every environment; a sequence under ``"index"`` names an item for each.

        Raises:
            EnvironmentFaultError: if an environment fails again and again.
        """
        super().reset(seed=seed if isinstance(seed, int) else None)
        self.discard()
        self._seeds = self._one_each(
            "seeds", [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else seed
        )
        self._faults = [0] * self.num_envs
        indices = self._one_each("indices", (options or {}).get("index"))
        self._options = [
            {**options, "index": index} if options and "index" in options else options for index in indices
        ]
        for index, own in enumerate(self._seeds):
            self.begin(index, seed=own, options=self._options[index])
        _, opened = self._gather(set(), set(range(self.num_envs)))
        self._options = [None] * self.num_envs
        steps = [opened[index] for index in range(self.num_envs)]
        return self._stack(steps), stack_infos([step.info for step in steps])

    def step(self, actions: Mapping[int, Any] | Sequence[Any]) -> Batch:
        """Play one action in each environment, or in those that a mapping names.

        Returns:
            Gymnasium's 5-tuple of batches, in the order in which the actions were given.

        Raises:
            EnvironmentFaultError: if an environment fails again and again at its reset.
        """
        chosen = dict(actions) if isinstance(actions, Mapping) else dict(enumerate(actions))
        if not isinstance(actions, Mapping) and len(chosen) != self.num_envs:
            raise ConfigError(f"{len(chosen)} actions for {self.num_envs} environments; a mapping plays some of them")
        self.send(chosen)
        played, opened = self._gather(set(chosen), set())
        steps = [played[index] for index in chosen]
        seen = [opened.get(step.index, step) for step in steps]
        infos = stack_infos([_with_final(step, opened.get(step.index)) for step in steps])
        infos["env_id"] = np.array(list(chosen), dtype=np.int64)
        return (
            self._stack(seen),
            np.array([step.reward for step in steps], dtype=np.float64),
            np.array([step.terminated for step in steps], dtype=np.bool_),
            np.array([step.truncated for step in steps], dtype=np.bool_),
            infos,
        )

    def call(self, name: str, *args: Any) -> tuple[Any, ...]:
        """Return an attribute of every environment, or what it returns if it can be called."""
        return tuple(self._stage.call(name, args))

    def render(self) -> tuple[Any, ...] | None:
        """Return what every environment shows."""
        return self.call("render")

    def close_extras(self, **kwargs: Any) -> None:
        """End every worker."""
        self._stage.close()

    # Inside

    def _gather(self, playing: set[int], opening: set[int]) -> tuple[dict[int, Step], dict[int, Step]]:
        """Receive the step of every environment that plays, and the first of an episode from every one that opens.

        One whose episode ends opens at once, while others still play.
        """
        played: dict[int, Step] = {}
        opened: dict[int, Step] = {}
        failures: Counter[int] = Counter()
        while playing or opening:
            for step in self._stage.receive(early=False):
                index = step.index
                if index in playing:
                    playing.discard(index)
                    played[index] = step
                elif index in opening:
                    opening.discard(index)
                    opened[index] = step
                    failures[index] += step.fault is not None
                else:
                    self._later.append(step)  # of an environment that `send` has set to work
                    continue
                if failures[index] == RESET_ATTEMPTS:
                    raise EnvironmentFaultError(
                        f"environment {index} failed {RESET_ATTEMPTS} times to begin an episode"
                    )
                if step.ended:
                    opening.add(index)
                    self._begin_again(step)
        return played, opened

    def _begin_again(self, step: Step) -> None:
        """Reset an environment whose episode has ended; one that was replaced gets a seed of its slot's own."""
        seed, options = self._seeds[step.index], self._options[step.index]
        if step.fault is None or step.fault.stop is None:
            seed = None
        elif seed is not None:
            self._faults[step.index] += 1
            seed = int(np.random.SeedSequence((seed, self._faults[step.index])).generate_state(1)[0])
        self.begin(step.index, seed=seed, options=options)

    def _one_each(self, what: str, values: Any) -> list[Any]:
        """Return one of `values` for each environment: as many are given, or one for all."""
        if values is None or not isinstance(values, Sequence | np.ndarray):
            return [values] * self.num_envs
        listed = list(cast("Sequence[Any]", values))
        if len(listed) != self.num_envs:
            raise ConfigError(f"{len(listed)} {what} for {self.num_envs} environments; give one for each")
        return listed

    def _stack(self, steps: Sequence[Step]) -> Any:
        return stack_observations(self.single_observation_space, [step.observation for step in steps])


def _with_final(step: Step, opened: Step | None) -> Info:
    """Return the info of a step; of one that ended its episode, the next one's with what it ended with."""
    if opened is None:
        return step.info
    return {**opened.info, "final_obs": copy.deepcopy(step.observation), "final_info": step.info}
