"""The law of the users of a bank, seen from outside: what may be said to a move, and how probably.

The user's own law (`agenda.react`) is run for everything that may be wanted and every manner of answering it, so there
is no second model of the user to go wrong.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import cache

from textenvs.envs.dialogue.beliefs import Belief
from textenvs.envs.dialogue.knowledge import KnowledgeBase, Wants
from textenvs.envs.dialogue.posterior import Posterior
from textenvs.users.agenda import Course, Manner, changeable, changed, neighbours, react, slip_of
from textenvs.users.core import FREE, Act, Heard, Move
from textenvs.users.habits import Habits

Acts = tuple[Act, ...]


class Law:
    """What the users of one bank may say about one knowledge base.

    Args:
        kb: what there is.
        habits: of the users.
        posterior: what may be wanted.
    """

    def __init__(self, kb: KnowledgeBase, habits: Habits, posterior: Posterior) -> None:
        self._kb = kb
        self._habits = habits
        self._posterior = posterior
        self._manners = cache(self._manners_of)

    def answers(self, belief: Belief, heard: Heard) -> tuple[float, dict[Acts, float]]:
        """Return what may be said to a move while a goal is open; what sounds the same is one.

        Args:
            belief: before it.
            heard: the move, with the verdict that it has if it does not meet the goal.

        Returns:
            The probability that the goal is met for good, and those of everything else that may be said.
        """
        met, sounds = 0.0, dict[Acts, float]()
        for wants, weight in self._posterior.goals(belief):
            course = belief.course._replace(slipped=_slipped(belief, wants))
            if self.right(heard.move, wants):
                said = list(self._changes(course, wants))
                met += weight * (1.0 - sum(share for share, _ in said))
            else:
                said = self._reactions(course, wants, heard)
            for share, acts in said:
                sounds[acts] = sounds.get(acts, 0.0) + weight * share
        return met, sounds

    def right(self, move: Move, wants: Wants) -> bool:
        """Say whether a move gives what is wanted: a recommendation, or an end to what cannot be had."""
        if move.kind in ("refuse", "handover"):
            return not self._kb.possible(wants)
        return move.kind == "recommend" and self._kb.right(move.candidate, wants)

    def _reactions(self, course: Course, wants: Wants, heard: Heard) -> list[tuple[float, Acts]]:
        """Return what may be said by a user who does not get what it wants."""
        asked = heard.move.slot if heard.move.kind == "ask" else FREE
        return [
            (share, react(course, wants, self._kb.sizes, manner, heard)[0])
            for share, manner in self._manners(asked, wants[asked] if asked != FREE else FREE)
        ]

    def _manners_of(self, slot: int, want: int) -> list[tuple[float, Manner]]:
        """Return the manners in which a question about a slot may be answered, as far as they can be told apart."""
        if slot == FREE:
            return [(1.0, Manner())]
        size, habits = self._kb.sizes[slot], self._habits
        vague = habits.vague if want != FREE and neighbours(want, size) is not None else 0.0
        slips = habits.slips if want != FREE and slip_of(want, size) != want else 0.0
        chances = (vague, slips, habits.volunteers)
        found: list[tuple[float, Manner]] = []
        for flips in itertools.product((False, True), repeat=3):
            share = math.prod(p if flip else 1.0 - p for flip, p in zip(flips, chances, strict=True))
            if share:
                found.append((share, Manner(*flips)))
        return found

    def _changes(self, course: Course, wants: Wants) -> Iterator[tuple[float, Acts]]:
        """Yield the changes of mind that may follow a right answer."""
        slots = changeable(course, wants) if not course.changed else []
        for slot in slots:
            heals = course.slipped
            first = () if heals in (FREE, slot) else (Act("correct", heals, wants[heals]),)
            for shift in range(1, self._kb.sizes[slot]):
                value = changed(course, wants, self._kb.sizes, slot, shift)[slot]
                share = self._habits.changes / len(slots) / (self._kb.sizes[slot] - 1)
                yield share, (*first, Act("change", slot, value))


def _slipped(belief: Belief, wants: Wants) -> int:
    return belief.fresh if belief.fresh != FREE and wants[belief.fresh] != belief.heard else FREE
