"""The exact optimum at the small size: dynamic programming over information states.

The best that an agent can do which knows the knowledge base and the user bank, but of the user only what it says. At
full size there are too many states; see `bounds`.
"""

from __future__ import annotations

import math
from functools import lru_cache

from textenvs.envs.dialogue.beliefs import Belief
from textenvs.envs.dialogue.bounds import Clairvoyant
from textenvs.envs.dialogue.knowledge import KnowledgeBase
from textenvs.envs.dialogue.process import Process, process_of
from textenvs.envs.dialogue.stakes import final_value
from textenvs.users.core import Move
from textenvs.users.habits import Habits


class Oracle:
    """Optimal values and moves, worked out where they are asked for and kept.

    Args:
        process: the decision process.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self._bound = Clairvoyant(process)
        self._best: dict[tuple[Belief, int], tuple[float, Move]] = {}

    @property
    def n_states(self) -> int:
        """How many information states (with the turns left) have been worked out so far."""
        return len(self._best)

    def value(self, belief: Belief, turns: int) -> float:
        """Return the most that can be expected.

        Args:
            belief: what is known.
            turns: how many are left.
        """
        if turns == 0:
            return final_value(self.process.completion(belief), belief.course.strain, False)
        return self._solved(belief, turns)[0]

    def best(self, belief: Belief, turns: int) -> Move:
        """Return a best move; at least one turn must be left."""
        return self._solved(belief, turns)[1]

    def worth(self, belief: Belief, move: Move, turns: int) -> float:
        """Return what can be expected of a move and the best ones after it."""
        total = 0.0
        for probability, reward, after in self.process.branches(belief, move):
            total += probability * (reward if after is None else reward + self.value(after, turns - 1))
        return total

    def start(self, turns: int) -> float:
        """Return the optimum's expected return before the first request is known."""
        return sum(probability * self.value(belief, turns) for probability, belief in self.process.openings())

    def _solved(self, belief: Belief, turns: int) -> tuple[float, Move]:
        key = belief, turns
        if key not in self._best:
            self._best[key] = self._solve(belief, turns)
        return self._best[key]

    def _solve(self, belief: Belief, turns: int) -> tuple[float, Move]:
        """Try the moves, the most promising first, for as long as another one could be better."""
        moves = self.process.moves(belief)
        if belief.course.phase != "goal":
            return max(((self.worth(belief, move, turns), move) for move in moves), key=_first)
        best = (-math.inf, moves[0])
        for bound, move in sorted(
            ((self._bound.worth(belief, move), move) for move in moves), key=_first, reverse=True
        ):
            if bound > best[0]:
                best = max(best, (self._worth_above(belief, move, turns, best[0]), move), key=_first)
        return best

    def _worth_above(self, belief: Belief, move: Move, turns: int, least: float) -> float:
        """Return the worth of a move, or anything below `least` as soon as it cannot reach that."""
        branches = self.process.branches(belief, move)
        hopes = [p * (r if after is None else r + self._bound.value(after)) for p, r, after in branches]
        total = sum(hopes)
        for (probability, reward, after), hope in zip(branches, hopes, strict=True):
            if total <= least:
                return -math.inf
            if after is not None:
                total += probability * (reward + self.value(after, turns - 1)) - hope
        return total


def _first(pair: tuple[float, Move]) -> float:
    return pair[0]


@lru_cache(maxsize=64)
def oracle_of(kb: KnowledgeBase, habits: Habits, angry: bool) -> Oracle:
    """Return the oracle of a knowledge base and a user bank; those used last are kept with what they have learned."""
    return Oracle(process_of(kb, habits, angry))
