"""The exact optimum at the small size: dynamic programming over information states.

The best that an agent can do which knows the knowledge base and the user bank, but of the user only what it says. At
full size there are too many states; see `bounds`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from textenvs.envs.dialogue.beliefs import Belief
from textenvs.envs.dialogue.bounds import Clairvoyant
from textenvs.envs.dialogue.endings import Endings
from textenvs.envs.dialogue.knowledge import KnowledgeBase
from textenvs.envs.dialogue.process import Process, process_of
from textenvs.envs.dialogue.situations import Option, Outcomes, Situation
from textenvs.envs.dialogue.stakes import move_cost
from textenvs.users.core import Move
from textenvs.users.habits import Habits


class Count(NamedTuple):
    """What counts about an open goal beside its situation.

    Attributes:
        goal: its number.
        strain: of the user so far.
        asked: questions about this goal so far.
        turns: how many are left.
    """

    goal: int
    strain: int
    asked: int
    turns: int


class Oracle:
    """Optimal values and moves, worked out where they are asked for and kept.

    Args:
        process: the decision process.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self._bound = Clairvoyant(process)
        self._bearable = process.habits.bear(process.angry)
        self._endings = Endings(process, self._requested)
        self._best: dict[tuple[Situation, Count], tuple[float, Move]] = {}

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
        if belief.course.phase != "goal":
            return self._endings.value(belief.course, turns)
        return self._open(self.process.situation(belief), _count(belief, turns))

    def best(self, belief: Belief, turns: int) -> Move:
        """Return a best move; at least one turn must be left."""
        if belief.course.phase != "goal":
            return self._endings.best(belief.course, turns)
        return self._solved(self.process.situation(belief), _count(belief, turns))[1]

    def worth(self, belief: Belief, move: Move, turns: int) -> float:
        """Return what can be expected of a move and the best ones after it."""
        if belief.course.phase != "goal":
            return self._endings.worth(belief.course, move, turns)
        option = Option(move, self.process.chance(belief, move))
        return self._worth(self.process.situation(belief), option, _count(belief, turns))

    def start(self, turns: int) -> float:
        """Return the optimum's expected return before the first request is known."""
        return self._requested(0, 0, turns)

    def _requested(self, goal: int, strain: int, turns: int) -> float:
        """Return the value of a goal whose request is about to be made."""
        count = Count(goal, strain, 0, turns)
        return sum(probability * self._open(situation, count) for probability, situation in self.process.requests)

    def _open(self, situation: Situation, count: Count) -> float:
        if not count.turns:
            return self._endings.stopped(count.goal, count.strain)
        return self._solved(situation, count)[0]

    def _solved(self, situation: Situation, count: Count) -> tuple[float, Move]:
        asked = count.asked if situation.asks else 0  # where nothing is left to ask, it matters no more
        key = situation, Count(count.goal, count.strain, asked, count.turns)
        if key not in self._best:
            self._best[key] = self._solve(*key)
        return self._best[key]

    def _solve(self, situation: Situation, count: Count) -> tuple[float, Move]:
        """Try the moves, the most promising first, for as long as another one could be better."""
        bounds = [self._bound.worth(option, *count[:3]) for option in situation.options]
        best, chosen = -math.inf, situation.options[0].move
        for number in sorted(range(len(bounds)), key=bounds.__getitem__, reverse=True):
            if bounds[number] <= best:
                break
            option = situation.options[number]
            worth = self._worth(situation, option, count, best)
            if worth > best:
                best, chosen = worth, option.move
        return best, chosen

    def _worth(self, situation: Situation, option: Option, count: Count, least: float = -math.inf) -> float:
        """Return the worth of a move, or anything below `least` as soon as it cannot reach that."""
        if option.move.kind in ("end", "handover"):
            return self._endings.leave(count.goal, count.strain, option.right) - move_cost(False)
        return self._played(self.process.outcomes(situation, option.move), count, least)

    def _played(self, outcomes: Outcomes, count: Count, least: float) -> float:
        """Begin with a bound, and put the value of one thing that may come of a move after the other in its place."""
        goal, strain, asked, turns = count
        tired = asked >= self._bearable
        asked = min(asked + outcomes.question, self._bearable)
        hoped = outcomes.met * self._bound.after_goal(goal, strain)
        total = hoped - move_cost(False) * outcomes.met
        stays: list[tuple[float, float, Count, tuple[tuple[float, Situation], ...]]] = []
        for replies in outcomes.replies:
            strained = strain + (replies.tiring if tired else replies.strain)
            leaves = self._endings.leaves(strain, strained)
            hope = self._bound.open(goal, strained)
            after = leaves * self._endings.left(goal, strained) + (1.0 - leaves) * hope if leaves else hope
            total += replies.probability * (after - move_cost(replies.wrong))
            stays.append((1.0 - leaves, hope, Count(goal, strained, asked, turns - 1), replies.after))
        for probability, hope, later, situations in stays:
            for share, situation in situations if probability else ():
                if total <= least:
                    return -math.inf
                total += probability * share * (self._open(situation, later) - hope)
        if not outcomes.met or total <= least:
            return total
        return total + outcomes.met * self._endings.met(goal, strain, turns - 1) - hoped


def _count(belief: Belief, turns: int) -> Count:
    course = belief.course
    return Count(course.goal, course.strain, course.asked, turns)


@lru_cache(maxsize=64)
def oracle_of(kb: KnowledgeBase, habits: Habits, angry: bool) -> Oracle:
    """Return the oracle of a knowledge base and a user bank; those used last are kept with what they have learned."""
    return Oracle(process_of(kb, habits, angry))
