"""Bounds on what can be had: what a clairvoyant would expect, who knows every goal as soon as there is one."""

from __future__ import annotations

from functools import cache

from textenvs.envs.dialogue.beliefs import Belief
from textenvs.envs.dialogue.process import Process
from textenvs.envs.dialogue.stakes import TURN, final_value, move_cost
from textenvs.users.agenda import NEEDLESS, TIRING, WRONG, Course
from textenvs.users.core import Move


class Clairvoyant:
    """Upper bounds by full information, in which no user changes its mind either.

    Args:
        process: the decision process.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._after_goal = cache(self._after_goal)

    def value(self, belief: Belief) -> float:
        """Return a bound on what can be expected of a belief: every open goal is met with the next move."""
        course = belief.course
        if course.phase == "goal":
            return self._open(course.goal, course.strain)
        if course.phase == "gone":
            return final_value(1.0, course.strain, False) - TURN
        return self._waiting(course.goal, course.strain)

    def worth(self, belief: Belief, move: Move) -> float:
        """Return a bound on what can be expected of a move in a conversation whose goal is open."""
        course, process = belief.course, self._process
        if move.kind == "ask":
            tiring = TIRING if course.asked >= process.habits.bear(process.angry) else 0
            needless = 0 if move.slot in process.posterior.useful(belief) else NEEDLESS
            return -TURN + self._open(course.goal, course.strain + tiring + needless)
        if move.kind in ("recommend", "refuse"):
            right = process.chance(belief, move)
            wrong = self._open(course.goal, course.strain + WRONG) - move_cost(True)
            return right * self._open(course.goal, course.strain) + (1.0 - right) * wrong
        return self.value(belief)

    def _open(self, goal: int, strain: int) -> float:
        """Bound an open goal: it is met with one move, or is impossible and handed over."""
        handed_over = final_value(self._process.share(goal + 1, goal + 1), strain, False)
        return max(self._after_goal(goal, strain), handed_over) - TURN

    def _after_goal(self, goal: int, strain: int) -> float:
        process, final = self._process, final_value(1.0, strain, False)
        last, (thank, wait, silent) = process.last(goal), process.habits.parting_chances
        eager = process.habits.eager
        waits = (1.0 - last) * (1.0 - eager) + last * wait
        value = last * (thank * final + silent * (final - TURN)) + (
            waits * self._waiting(goal, strain) if waits else 0.0
        )
        return value + ((1.0 - last) * eager * self._open(goal + 1, strain) if last < 1.0 else 0.0)

    def _waiting(self, goal: int, strain: int) -> float:
        process = self._process
        more, waiting = process.more(goal), Belief(Course(goal, "waiting", (), strain=strain))
        offered = (1.0 - more) * final_value(1.0, strain, False) + (
            more * self._open(goal + 1, strain) if more else 0.0
        )
        return max(offered, final_value(process.completion(waiting), strain, False)) - TURN
