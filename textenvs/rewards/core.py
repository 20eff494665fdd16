"""The reward protocol, and rewards that compose.

A reward is any callable from a `Turn` to a number or a `Score`. `Scored` gives a plain callable a name and
catches what it does wrong; `WeightedSum`, `Product` and `Gate` fuse several into one, and so do those of `modules`.

A reward that cannot be computed is *missing*: its part is NaN and the score is not valid. It is never a 0,
and a 0.0 is never missing.
"""

from __future__ import annotations

import abc
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

from textenvs.errors import RewardSpecError
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
    or something that is no number makes the part NaN and the score invalid, and is named in the log: the
    first time as a warning, afterwards at debug level.

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
        if isinstance(result, Score):
            if math.isfinite(result.value):
                return result
            return self._not_finite(result.value, result.parts)
        try:
            value = float(result)
        except (TypeError, ValueError) as error:
            return self._missing(error)
        if math.isfinite(value):
            return Score(value, {self.name: value})
        return self._not_finite(value, {})

    def _not_finite(self, value: float, parts: Mapping[str, float]) -> Score:
        self._report(ValueError(f"it returned {value}"))
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


ScoreHook = Callable[["Fusion", Sequence[Turn], Sequence[Score]], None]
"""What watches a fusion."""


class Fusion(Reward):
    """Base of rewards made of named children.

    The parts of a fusion are its children's values under the children's names; a child that has parts of its
    own adds them as ``child.part``.

    Args:
        children: by name; plain callables are wrapped in `Scored`.
        name: of the fusion.

    Raises:
        RewardSpecError: if there are no children.
    """

    def __init__(self, children: Mapping[str, Reward | RewardFunction], name: str) -> None:
        super().__init__(name)
        if not children:
            raise RewardSpecError(f"{type(self).__name__} needs at least one reward; none was given")
        self.children = {
            key: child if isinstance(child, Reward) else Scored(child, key) for key, child in children.items()
        }
        self._hooks: list[ScoreHook] = []

    @abc.abstractmethod
    def fuse(self, values: Mapping[str, float]) -> float:
        """Fuse the children's values, NaN where missing, into one number; NaN if it cannot be done."""

    @property
    def part_names(self) -> tuple[str, ...]:
        """The children's names, each followed by the parts of its own."""
        names: list[str] = []
        for key, child in self.children.items():
            names += [key, *(f"{key}.{part}" for part in child.part_names if part not in self._own(key))]
        return tuple(names)

    @property
    def batches(self) -> bool:
        """Whether a child does."""
        return any(child.batches for child in self.children.values())

    def score_batch(self, turns: Sequence[Turn]) -> list[Score]:
        """Score every child on every turn and fuse."""
        columns = {key: child.score_batch(turns) for key, child in self.children.items()}
        scores = [self._fused({key: column[i] for key, column in columns.items()}) for i in range(len(turns))]
        for hook in self._hooks:
            hook(self, turns, scores)
        return scores

    def add_hook(self, hook: ScoreHook) -> Callable[[], None]:
        """Have every batch of scores shown to a function, for logs and counts; it cannot change them.

        Args:
            hook: takes the fusion, the turns and their scores.

        Returns:
            A function that takes the hook away again.
        """
        self._hooks.append(hook)
        return lambda: self._hooks.remove(hook)

    def check(self) -> None:
        """Have every child look."""
        for child in self.children.values():
            child.check()

    def set_progress(self, progress: float) -> None:
        """Tell every child."""
        for child in self.children.values():
            child.set_progress(progress)

    def state(self) -> dict[str, Any]:
        """Return the states of the children that have one."""
        states = {key: child.state() for key, child in self.children.items()}
        return {"children": {key: state for key, state in states.items() if state}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the children."""
        for key, child in state.get("children", {}).items():
            self.children[key].restore(child)

    def _fused(self, scores: Mapping[str, Score]) -> Score:
        values = {key: score.value if score.valid else math.nan for key, score in scores.items()}
        parts = dict(values)
        for key, score in scores.items():
            own = self._own(key)
            parts.update({f"{key}.{part}": value for part, value in score.parts.items() if part not in own})
        fused = self.fuse(values)
        finite = math.isfinite(fused)
        valid = finite and not any(math.isnan(value) for value in values.values())
        faults = [score.fault for score in scores.values() if score.fault]
        fault = faults[0] if faults else Fault.REWARD_FAILED if math.isnan(fused) else Fault.REWARD_NOT_FINITE
        return Score(fused if finite else 0.0, parts, valid, None if valid else fault)

    def _own(self, key: str) -> tuple[str, ...]:
        """Return under which names a child reports nothing but its own value, which is a part already."""
        child = self.children[key]
        return () if isinstance(child, Fusion) else (key, child.name)

    def __repr__(self) -> str:
        inside = "\n".join(f"{key}: {child!r}" for key, child in self.children.items())
        return f"{type(self).__name__}(\n" + "\n".join("  " + line for line in inside.splitlines()) + "\n)"


class WeightedSum(Fusion):
    """The sum of the children's values, each times its weight. Missing children are left out.

    Args:
        children: by name.
        weights: by the same names; 1 for each if None.
        name: of the fusion.

    Raises:
        RewardSpecError: if the names differ or a weight is not finite.
    """

    def __init__(
        self,
        children: Mapping[str, Reward | RewardFunction],
        weights: Mapping[str, float] | None = None,
        name: str = "weighted_sum",
    ) -> None:
        super().__init__(children, name)
        self.weights = dict(weights) if weights is not None else dict.fromkeys(self.children, 1.0)
        if self.weights.keys() != self.children.keys():
            raise RewardSpecError(f"weights for {sorted(self.weights)}, rewards named {sorted(self.children)}")
        for key, weight in self.weights.items():
            if not math.isfinite(weight):
                raise RewardSpecError(f"the weight of {key!r} is {weight}; it must be a finite number")

    def fuse(self, values: Mapping[str, float]) -> float:
        """Return the weighted sum of the values that are there."""
        present = [self.weights[key] * value for key, value in values.items() if not math.isnan(value)]
        return math.fsum(present) if present else math.nan


class Product(Fusion):
    """The product of the children's values: every one of them is needed, none can be bought by another.

    Args:
        children: by name.
        name: of the fusion.
    """

    def __init__(self, children: Mapping[str, Reward | RewardFunction], name: str = "product") -> None:
        super().__init__(children, name)

    def fuse(self, values: Mapping[str, float]) -> float:
        """Return the product; NaN if a value is missing."""
        return math.prod(values.values())


class Gate(Fusion):
    """One reward that opens another: `reward` where `condition` reaches the threshold, else `closed`.

    Args:
        condition: what has to hold.
        reward: what is paid then.
        threshold: the least value of `condition` that opens.
        closed: what is paid otherwise.
        name: of the fusion.
    """

    def __init__(
        self,
        condition: Reward | RewardFunction,
        reward: Reward | RewardFunction,
        threshold: float = 0.5,
        closed: float = 0.0,
        name: str = "gate",
    ) -> None:
        super().__init__({"condition": condition, "reward": reward}, name)
        self.threshold = threshold
        self.closed = closed

    def fuse(self, values: Mapping[str, float]) -> float:
        """Return `reward` or `closed`; NaN if the condition is missing, or open onto a missing reward."""
        if math.isnan(values["condition"]):
            return math.nan
        return values["reward"] if values["condition"] >= self.threshold else self.closed
