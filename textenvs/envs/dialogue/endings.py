"""What a conversation is worth while no goal is open: between two goals, and at its ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from textenvs.envs.dialogue.process import END, OFFER, Process
from textenvs.envs.dialogue.stakes import final_value, move_cost
from textenvs.users.agenda import Course, burdened
from textenvs.users.core import Heard, Move

Requested = Callable[[int, int, int], float]
"""Returns the value of a goal whose request is about to be made, by its number, the strain and the turns left."""


class Endings:
    """Values around goals: a handful of numbers decide.

    Args:
        process: the decision process.
        requested: see `Requested`.

    Attributes:
        leaves: the probability that a user leaves, by its strain before and now.
        stopped: the value of a conversation that stops while a goal is open, by the goal and the strain.
        left: the same where it stops because the user leaves.
        met: the value of what follows when a goal has been met, by the goal, the strain and the turns left.
    """

    def __init__(self, process: Process, requested: Requested) -> None:
        self._process = process
        self._requested = cache(requested)
        self.leaves = cache(self._leaves)
        self.stopped = cache(self._stopped)
        self.left = cache(self._left)
        self.met = cache(self._met)

    def leave(self, goal: int, strain: int, right: float) -> float:
        """Return the value of leaving while a goal is open, if that meets the goal with probability `right`."""
        share = self._process.share
        return final_value(right * share(goal + 1, goal + 1) + (1.0 - right) * share(goal, goal + 1), strain, False)

    def value(self, course: Course, turns: int) -> float:
        """Return the most that can be expected."""
        if not turns:
            return self._over(course)
        return max(self.worth(course, move, turns) for move in (OFFER, END))

    def best(self, course: Course, turns: int) -> Move:
        """Return a best move; at least one turn must be left."""
        return max((OFFER, END), key=lambda move: self.worth(course, move, turns))

    def worth(self, course: Course, move: Move, turns: int) -> float:
        """Return what can be expected of a move and the best ones after it."""
        if move.kind in ("end", "handover"):
            return self._over(course) - move_cost(False)
        if course.phase == "gone":
            return self.value(course, turns - 1) - move_cost(False)
        if move.kind == "offer":
            return self._offered(course.goal, course.strain, turns - 1) - move_cost(False)
        return self._puzzled(course, move, turns - 1) - move_cost(False)

    def _leaves(self, before: int, after: int) -> float:
        return self._process.habits.leaves(before, after, self._process.angry)

    def _stopped(self, goal: int, strain: int) -> float:
        return self.leave(goal, strain, 0.0)

    def _left(self, goal: int, strain: int) -> float:
        return final_value(self._process.share(goal, goal + 1), strain, True)

    def _over(self, course: Course) -> float:
        return final_value(self._process.completion(course), course.strain, False)

    def _offered(self, goal: int, strain: int, turns: int) -> float:
        """Return the value of what follows an offer: another request, or thanks."""
        more, done = self._process.more(goal), final_value(1.0, strain, False)
        return more * self._requested(goal + 1, strain, turns) + (1.0 - more) * done if more else done

    def _puzzled(self, course: Course, move: Move, turns: int) -> float:
        """Return the value of what follows a move for which there is no occasion."""
        process = self._process
        after = burdened(course, Heard("", move), (), process.habits.bear(process.angry))
        leaves = self.leaves(course.strain, after.strain)
        left = final_value(process.completion(course), after.strain, True)
        return leaves * left + (1.0 - leaves) * self.value(after, turns)

    def _met(self, goal: int, strain: int, turns: int) -> float:
        process = self._process
        last, (thank, wait, silent) = process.last(goal), process.habits.parting_chances
        eager = (1.0 - last) * process.habits.eager
        waits = (1.0 - last) * (1.0 - process.habits.eager) + last * wait
        value = last * thank * final_value(1.0, strain, False)
        value += last * silent * self.value(Course(goal, "gone", (), strain=strain), turns)
        value += waits * self.value(Course(goal, "waiting", (), strain=strain), turns)
        return value + (eager * self._requested(goal + 1, strain, turns) if eager else 0.0)
