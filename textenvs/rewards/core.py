"""The reward protocol: what a turn is worth, and a user's callable under a name and guarded.

A reward is any callable from a `Turn` to a number or a `Score`. `Scored` gives a plain callable a name and
catches what it does wrong; those of `fusion` and `modules` fuse several into one.

A reward that cannot be computed is *missing*: its part is NaN and the score is not valid. It is never a 0,
and a 0.0 is never missing.
"""

from __future__ import annotations

import abc
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

from textenvs.faults import Fault
from textenvs.messages import Turn

logger = logging.getLogger("textenvs.rewards")


class Score(NamedTuple):
    """What one turn is worth.

    Attributes:
        value: the fused reward; finite. Where `valid` is false it is the fusion of the valid parts if the
            operator has one, else 0.0, and must not be learned from.
        parts: the named numbers it was fused from; NaN where a part could not be computed.
        valid: whether every part that the value needs could be computed.
        fault: what went wrong, where that is known.
    """

    value: float
    parts: Mapping[str, float]
    valid: bool = True
    fault: Fault | None = None

    @classmethod
    def missing(cls, part_names: Iterable[str], fault: Fault) -> Self:
        """Return the score of a turn about which nothing is known."""
        return cls(0.0, dict.fromkeys(part_names, math.nan), valid=False, fault=fault)


RewardFunction = Callable[[Turn], "float | Score"]
"""What a user writes."""


@runtime_checkable
class BatchReward(Protocol):
    """A callable that would rather score many turns at once (a network, an endpoint)."""

    def score_batch(self, turns: Sequence[Turn]) -> Sequence[float | Score]:
        """Return one score per turn, in order."""
        ...


@runtime_checkable
class CheckedReward(Protocol):
    """A callable that depends on something which may be away (an endpoint)."""

    def check(self) -> None:
        """Raise a `UsageError` if it could not be asked now."""
        ...


class Reward(abc.ABC):
    """A reward with a name, whose failures are caught.

    Attributes:
        name: what its value is called among the parts of a fusion.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abc.abstractmethod
    def score_batch(self, turns: Sequence[Turn]) -> list[Score]:
        """Return one score per turn, in order; never raises for what a reward function does."""

    @property
    @abc.abstractmethod
    def part_names(self) -> tuple[str, ...]:
        """The names of the parts, as far as they are known before the first score."""

    @property
    def batches(self) -> bool:
        """Whether many turns in one call cost less than the same turns one by one."""
        return True

    def __call__(self, turn: Turn) -> Score:
        """Score one turn."""
        return self.score_batch((turn,))[0]

    def check(self) -> None:  # noqa: B027 (most rewards depend on nothing)
        """Look before a long run whether the reward could be asked now.

        Raises:
            UsageError: if not; the message says why.
        """

    def set_progress(self, progress: float) -> None:  # noqa: B027 (most rewards do not care)
        """Tell how far training has come, from 0.0 to 1.0; called before each update, while nothing is scored.

        The one way in which a reward learns of training: it may move its weights, or take in what it has seen.
        """

    def state(self) -> dict[str, Any]:
        """Return what the reward has learned, as JSON values, for a checkpoint; empty where it learns nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027 (most rewards have nothing to restore)
        """Go on with what `state` returned."""


class Scored(Reward):
    """A user's callable, under a name and guarded.

    A number becomes ``Score(value, {name: value})``; a `Score` is passed on. An exception, a NaN, an infinity
    or something that is no number, also in a part, makes the part NaN and the score invalid, and is named in the
    log: the first time as a warning, afterwards at debug level.

    Args:
        function: a plain callable; if it has `score_batch`, whole batches go there.
        name: of the part; by default the function's own.
        part_names: of the parts of the `Score` it returns, if it returns one.
    """

    def __init__(
        self, function: RewardFunction, name: str | None = None, part_names: Sequence[str] | None = None
    ) -> None:
        super().__init__(name or getattr(function, "__name__", type(function).__name__))
        self.function = function
        self._part_names = tuple(part_names or (self.name,))
        self._warned: set[str] = set()

    @property
    def part_names(self) -> tuple[str, ...]:
        """As given, or the reward's own name."""
        return self._part_names

    @property
    def batches(self) -> bool:
        """Whether the function takes batches."""
        return isinstance(self.function, BatchReward)

    def check(self) -> None:
        """Have the function look, where it offers that."""
        if isinstance(self.function, CheckedReward):
            self.function.check()

    def __call__(self, turn: Turn) -> Score:
        """Score one turn."""
        try:
            return self._checked(self.function(turn))
        except Exception as error:
            return self._missing(error)

    def score_batch(self, turns: Sequence[Turn]) -> list[Score]:
        """Score the turns, in one call where the function offers it."""
        if not isinstance(self.function, BatchReward):
            return [self(turn) for turn in turns]
        try:
            results = self.function.score_batch(turns)
            if len(results) != len(turns):
                raise ValueError(f"score_batch returned {len(results)} scores for {len(turns)} turns")
        except Exception as error:
            return [self._missing(error) for _ in turns]
        return [self._checked(result) for result in results]

    def _checked(self, result: float | Score) -> Score:
        try:
            if isinstance(result, Score):
                return self._checked_score(result)
            if isinstance(result, str | bytes):  # float() would read a number out of it
                raise TypeError(f"it returned the text {result!r:.40}")
            value = float(result)
        except (TypeError, ValueError, AttributeError) as error:
            return self._missing(error)
        if math.isfinite(value):
            return Score(value, {self.name: value})
        return self._not_finite(value, {})

    def _checked_score(self, score: Score) -> Score:
        """Return a score whose value is finite and whose parts are numbers, of which some may be missing."""
        infinite = any(map(math.isinf, score.parts.values()))
        if math.isfinite(score.value) and not infinite:
            return score
        parts = {name: part if math.isfinite(part) else math.nan for name, part in score.parts.items()}
        return self._not_finite(score.value, parts)

    def _not_finite(self, value: float, parts: Mapping[str, float]) -> Score:
        self._report(ValueError(f"it returned {value}" if not math.isfinite(value) else "a part of it is infinite"))
        return Score(0.0, parts or dict.fromkeys(self._part_names, math.nan), False, Fault.REWARD_NOT_FINITE)

    def _missing(self, error: Exception) -> Score:
        self._report(error)
        return Score.missing(self._part_names, Fault.REWARD_FAILED)

    def _report(self, error: Exception) -> None:
        kind = type(error).__name__
        level = logging.DEBUG if kind in self._warned else logging.WARNING
        self._warned.add(kind)
        logger.log(level, "reward %r could not be computed and counts as missing: %s: %s", self.name, kind, error)

    def __repr__(self) -> str:
        return self.name
