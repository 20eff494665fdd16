"""Bounds on what can be had: what a clairvoyant would expect, who knows every goal as soon as there is one."""

from __future__ import annotations

from functools import cache

from textenvs.envs.dialogue.beliefs import Belief
from textenvs.envs.dialogue.process import Process
from textenvs.envs.dialogue.situations import Option
from textenvs.envs.dialogue.stakes import TURN, final_value, move_cost
from textenvs.users.agenda import NEEDLESS, TIRING, WRONG, Course


class Clairvoyant:
    """Upper bounds by full information, in which no user changes its mind either.

    Args:
        process: the decision process.

    Attributes:
        open: bounds an open goal, by its number and the strain so far.
        after_goal: bounds a goal that has just been met, likewise.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._bearable = process.habits.bear(process.angry)
        self.open = cache(self._open)
        self.after_goal = cache(self._after_goal)

    def value(self, belief: Belief) -> float:
        """Return a bound on what can be expected of a belief: every open goal is met with the next move."""
        course = belief.course
        if course.phase == "goal":
            return self.open(course.goal, course.strain)
        if course.phase == "gone":
            return final_value(1.0, course.strain, False) - TURN
        return self._waiting(course.goal, course.strain)

    def worth(self, option: Option, goal: int, strain: int, asked: int) -> float:
        """Return a bound on what can be expected of a move in a conversation whose goal is open.

        Args:
            option: the move.
            goal: number of the goal.
            strain: so far.
            asked: questions about the goal so far.
        """
        kind = option.move.kind
        if kind == "ask":
            tiring = TIRING if asked >= self._bearable else 0
            return self.open(goal, strain + tiring + (NEEDLESS if option.needless else 0)) - TURN
        if kind in ("recommend", "refuse"):
            wrong = self.open(goal, strain + WRONG) - move_cost(True)
            return option.right * self.open(goal, strain) + (1.0 - option.right) * wrong
        return self.open(goal, strain)

    def _open(self, goal: int, strain: int) -> float:
        """Bound an open goal: it is met with one move, or is impossible and handed over."""
        handed_over = final_value(self._process.share(goal + 1, goal + 1), strain, False)
        return max(self.after_goal(goal, strain), handed_over) - TURN

    def _after_goal(self, goal: int, strain: int) -> float:
        process, final = self._process, final_value(1.0, strain, False)
        last, (thank, wait, silent) = process.last(goal), process.habits.parting_chances
        eager = process.habits.eager
        waits = (1.0 - last) * (1.0 - eager) + last * wait
        value = last * (thank * final + silent * (final - TURN)) + (
            waits * self._waiting(goal, strain) if waits else 0.0
        )
        return value + ((1.0 - last) * eager * self.open(goal + 1, strain) if last < 1.0 else 0.0)

    def _waiting(self, goal: int, strain: int) -> float:
        process = self._process
        more, waiting = process.more(goal), Course(goal, "waiting", (), strain=strain)
        offered = (1.0 - more) * final_value(1.0, strain, False) + (more * self.open(goal + 1, strain) if more else 0.0)
        return max(offered, final_value(process.completion(waiting), strain, False)) - TURN
