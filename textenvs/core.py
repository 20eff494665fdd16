"""TextEnv: the turn loop that every environment shares, and the one place that returns Gymnasium's 5-tuple."""

from __future__ import annotations

import abc
import hashlib
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, SupportsIndex, cast, get_args

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from textenvs.episode import Episode
from textenvs.errors import ConfigError, ResetNeededError, UnknownNameError, check_known
from textenvs.messages import Message, Stop, Turn, strip_thinking
from textenvs.rewards.core import Reward, RewardFunction, Score
from textenvs.rewards.spec import RewardSpec, build_reward
from textenvs.seeding import Split, check_split, draw_index
from textenvs.settlement import Account, Info, Observation, RewardTiming, StepResult, opening_info
from textenvs.spaces import UnicodeText, observation_space
from textenvs.spec import TextEnvSpec

Baseline = Callable[[Observation], str]


@dataclass(frozen=True, slots=True)
class Honest:
    """What is known about answers beside the best one: the yardstick of `textenvs.rewards.exploits`.

    Attributes:
        answers: answers given in good faith, the weakest among them; never empty.
        accepts: whether an action is as right as the best one, in other words.
        rivals: actions that look right and are wrong, such as one about another thing of the same type.
        wordings: other wordings of the best action, as right as it.
    """

    answers: tuple[str, ...]
    accepts: Callable[[str], bool]
    rivals: tuple[str, ...] = ()
    wordings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An episode frozen at one point, by `TextEnv.snapshot`."""

    episode: Episode
    history: tuple[Message, ...]
    turn: int
    account: Account
    ended: bool
    generator_state: Mapping[str, Any]


class TextEnv(gym.Env[Observation, str], abc.ABC):
    """A text environment.

    `step` has two halves, so that slow rewards can be batched and workers stay light: `advance` moves the world
    and never looks at the reward, `settle` makes Gymnasium's 5-tuple, and ``step = settle(reward(advance))``.

    An implementer provides `make_episode`, `parts` and `default_reward`, and sets `family`.

    Attributes:
        family: short name of the family; part of every item's key.
        reward_range: least and greatest reward of one step with the default reward and ``reward_timing="turn"``.
        oracle_is_certain: whether the oracle knows the hidden truth, so that it succeeds on every item. One that knows
            no more than an agent can is the best in expectation only.
        return_range: least and greatest sum of an episode's rewards, where a turn is paid for what the task gained by
            it; None where every turn is paid for itself.
        split: which items are drawn.
        reward: the reward that `step` asks.
        reward_timing: ``"turn"`` pays each turn's reward at once; ``"episode"`` pays 0.0 until the last turn, which
            pays the sum, so that the undiscounted return is the same (an episode that is cut from outside is
            never paid).

    Args:
        split: ``"train"``, ``"valid"`` or ``"test"``.
        reward: see `build_reward`; None is the family's default.
        reward_timing: when the reward is paid.
        render_mode: ``"ansi"`` returns the conversation as text, ``"human"`` prints it, None does neither.

    Raises:
        UsageError: if an argument has no such value; the message names the valid ones.
    """

    metadata = {"render_modes": ["ansi", "human"], "render_fps": 1}  # noqa: RUF012 (as Gymnasium declares it)
    family: ClassVar[str]
    reward_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    oracle_is_certain: ClassVar[bool] = True
    return_range: ClassVar[tuple[float, float] | None] = None

    def __init__(
        self,
        *,
        split: Split = "train",
        reward: RewardSpec | None = None,
        reward_timing: RewardTiming = "turn",
        render_mode: str | None = None,
    ) -> None:
        self.split: Split = check_split(split)
        check_known("reward_timing", reward_timing, get_args(RewardTiming))
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise UnknownNameError.of("render_mode", render_mode, self.metadata["render_modes"])
        self.reward_timing: RewardTiming = reward_timing
        self.render_mode = render_mode
        self.reward: Reward = self.default_reward() if reward is None else build_reward(reward, self.parts())
        self.observation_space = cast("gym.Space[Observation]", observation_space())
        self.action_space = UnicodeText()
        self._spec: TextEnvSpec | None = None
        self._episode: Episode | None = None
        self._history: tuple[Message, ...] = ()
        self._turn = 0
        self._account = Account(reward_timing)
        self._ended = True

    @property
    def turns_stand_alone(self) -> bool:
        """Whether what a turn is paid says what it is worth, so that two actions can be compared by it here."""
        return self.reward_timing == "turn" and self.return_range is None

    # What an implementer provides

    @abc.abstractmethod
    def make_episode(self, index: int) -> Episode:
        """Return the item `index` of this environment's split, ready to be played."""

    @abc.abstractmethod
    def parts(self) -> Mapping[str, RewardFunction]:
        """Return the family's named reward parts."""

    @abc.abstractmethod
    def default_reward(self) -> Reward:
        """Return the family's own fusion of its parts."""

    def draw_index(self) -> int:
        """Draw the index of the next item from `np_random`; a finite corpus overrides this."""
        return draw_index(self.np_random)

    def baselines(self) -> Mapping[str, Baseline]:
        """Return scripted policies by name.

        ``"oracle"`` plays the current episode's best action. ``"careless"``, where a family has it, plays as an
        annotator does who spares himself work or thought; sub-optimal demonstrations are made with it.
        """
        return {"oracle": lambda observation: self.oracle_action()}

    # Gymnasium's face

    @property
    def spec(self) -> EnvSpec | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """How `gymnasium.make` made this environment; None if it did not."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._spec = None if spec is None else TextEnvSpec.of(spec)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, Info]:
        """Begin an episode.

        Args:
            seed: reseeds `np_random`, from which the item is drawn.
            options: ``{"index": i}`` names the item instead: the same one for every member of a group and for
                every policy under evaluation.

        Returns:
            The first observation, and an info whose reward parts are NaN.

        Raises:
            ConfigError: if the options have another key, or the index is no integer >= 0.
        """
        super().reset(seed=seed)
        index = self.draw_index() if options is None or not options else _index_of(options)
        self._episode = self.make_episode(index)
        self._history = self._episode.opening
        self._turn, self._account, self._ended = 0, Account(self.reward_timing), False
        if self.render_mode == "human":
            print(self._as_text())
        return self._observation(), opening_info(self._episode.task_id, self.reward.part_names)

    def step(self, action: str) -> StepResult:
        """Play one action: ``settle(turn, reward(turn))`` of ``turn = advance(action)``."""
        turn = self.advance(action)
        return self.settle(turn, self.reward(turn))

    def advance(self, action: str) -> Turn:
        """Move the world by one action, whatever its reward.

        Raises:
            ResetNeededError: before the first reset, or after the end of an episode.
            TypeError: if the action is no string.
        """
        if self._ended or self._episode is None:
            raise ResetNeededError("the episode has ended (or never began): call reset() before step()")
        if not isinstance(action, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"an action is a str, the text that the agent says; got {type(action).__name__}")
        outcome = self._episode.act(action)
        self._ended = outcome.stop is not Stop.RUNNING
        turn = Turn(
            self._episode.instruction,
            self._history,
            action,
            outcome.replies,
            outcome.calls,
            self._episode.tools,
            outcome.truth,
            self._turn,
            self._ended,
            float(outcome.success),
            outcome.invalid,
            outcome.stop,
            self._episode.task_id,
        )
        self._history = turn.after
        self._turn += 1
        return turn

    def settle(self, turn: Turn, score: Score) -> StepResult:
        """Turn the last `advance` and its score into ``(observation, reward, terminated, truncated, info)``.

        `truncated` is always False: the task's own turn budget terminates; only a limit from outside truncates.
        """
        if self.render_mode == "human":
            print(self._as_text(turn, score))
        return self._account.settle(turn, score, self._observation())

    def render(self) -> str | None:  # type: ignore[override]
        """Return the conversation so far as text in mode ``"ansi"``; None otherwise (``"human"`` prints as it goes)."""
        return self._as_text() if self.render_mode == "ansi" else None

    # Beside Gymnasium's face

    def set_progress(self, progress: float) -> None:
        """Tell the reward how far training has come, from 0.0 to 1.0; see `Reward.set_progress`.

        Wrapped environments are told by ``env.get_wrapper_attr("set_progress")``, Gymnasium's vectors by
        ``envs.call("set_progress", progress)``, a `TextVectorEnv` by its own method.
        """
        self.reward.set_progress(progress)

    def oracle_action(self) -> str:
        """Return the best action at this point of the episode.

        Raises:
            ResetNeededError: before the first reset, or after the end of an episode.
        """
        if self._ended:
            raise ResetNeededError("the episode has ended (or never began): call reset() before oracle_action()")
        return self._current().oracle()

    def honest(self) -> Honest:
        """Return honest answers at this point of the episode; a family that knows weaker ones overrides this.

        Raises:
            ResetNeededError: before the first reset, or after the end of an episode.
        """
        best = self.oracle_action()
        return Honest((best,), lambda action: strip_thinking(action) == strip_thinking(best))

    def item_hash(self) -> str:
        """Return a hash of the current item's content: equal if and only if the task is the same."""
        return hashlib.blake2b(self._current().content().encode(), digest_size=16).hexdigest()

    def snapshot(self) -> Snapshot:
        """Freeze the episode at this point; see `restore`."""
        return Snapshot(
            self._current().fork(),
            self._history,
            self._turn,
            replace(self._account),
            self._ended,
            self.np_random.bit_generator.state,
        )

    def restore(self, snapshot: Snapshot) -> Observation:
        """Go back to a frozen point (any number of times) and return its observation."""
        self._episode = snapshot.episode.fork()
        self._history = snapshot.history
        self._turn = snapshot.turn
        self._account = replace(snapshot.account)
        self._ended = snapshot.ended
        self.np_random.bit_generator.state = snapshot.generator_state
        return self._observation()

    # Inside

    def _current(self) -> Episode:
        if self._episode is None:
            raise ResetNeededError("no episode has begun: call reset() first")
        return self._episode

    def _observation(self) -> Observation:
        episode = self._current()
        return {"instruction": episode.instruction, "tools": episode.tools, "history": self._history}

    def _as_text(self, turn: Turn | None = None, score: Score | None = None) -> str:
        shown = self._history if turn is None else self._history[len(turn.history) :]
        lines = [f"[{message.role}] {_printable(message.content)}" for message in shown]
        if score is not None:
            parts = " ".join(f"{name}={value:.2f}" for name, value in score.parts.items())
            lines.append(f"  reward {f'{score.value:.2f}' if score.valid else 'missing'} ({parts})")
        return "\n".join(lines)


def _index_of(options: dict[str, Any]) -> int:
    unknown = options.keys() - {"index"}
    if unknown:
        raise UnknownNameError.of("reset option", sorted(unknown)[0], ["index"])
    index = options["index"]
    if isinstance(index, bool) or not isinstance(index, SupportsIndex) or operator.index(index) < 0:
        raise ConfigError(f"options={{'index': {index!r}}}: an item's index is an integer >= 0")
    return operator.index(index)


def _printable(text: str) -> str:
    """Return untrusted text with everything that could steer a terminal shown as an escape."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape", "replace").decode() for c in text)
