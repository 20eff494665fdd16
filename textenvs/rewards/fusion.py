"""Rewards made of named children, as modules are of modules: `WeightedSum`, `Product` and `Gate`; more in `modules`."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from textenvs.errors import RewardSpecError
from textenvs.faults import Fault
from textenvs.messages import Turn
from textenvs.rewards.core import Reward, RewardFunction, Score, Scored

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
