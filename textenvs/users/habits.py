"""Habits: the ranges from which the users of a bank are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textenvs.dice import Dice
from textenvs.errors import ConfigError
from textenvs.users.agenda import Goal, Manner, Parting, Persona
from textenvs.users.core import ANSWERS

_PROBABILITIES = (
    "stated",
    "free",
    "impossible",
    "vague",
    "slips",
    "volunteers",
    "clueless",
    "changes",
    "more",
    "eager",
    "angry",
    "chatty",
)


@dataclass(frozen=True, slots=True)
class Habits:
    """How the users of a bank behave. Probabilities, unless something else is said.

    Attributes:
        stated: that a request tells a slot about which something is wanted.
        free: that nothing is wanted about a slot.
        impossible: that what is wanted cannot be had.
        vague: that a slot's value is told vaguely at first.
        slips: that a value is told wrongly, and corrected with the next message.
        volunteers: that an answer adds another slot.
        clueless: that a user who wants nothing about a slot has no idea, rather than no preference.
        changes: that a user changes its mind about a goal that is met.
        more: that another goal follows, as long as there are not `most_goals`.
        eager: that a user goes on to it at once.
        angry: that a user is angry: its tolerance and its least and greatest patience are one lower.
        chatty: that a user says more than is needed.
        most_goals: most goals of a user, a number.
        partings: relative frequencies of what a user does when everything is done: thank, acknowledge and wait, say
            nothing any more.
        patience: least and greatest strain at which a user leaves, all of them equally likely.
        tolerance: how many questions about one goal a user takes without strain, a number.
    """

    stated: float = 0.2
    free: float = 0.1
    impossible: float = 0.15
    vague: float = 0.2
    slips: float = 0.05
    volunteers: float = 0.15
    clueless: float = 0.4
    changes: float = 0.4
    more: float = 0.35
    eager: float = 0.5
    angry: float = 0.2
    chatty: float = 0.3
    most_goals: int = 2
    partings: tuple[float, float, float] = (0.4, 0.35, 0.25)
    patience: tuple[int, int] = (6, 8)
    tolerance: int = 3

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: if one is not as documented.
        """
        for name in _PROBABILITIES:
            self._check(name, 0.0 <= getattr(self, name) <= 1.0, "a probability")
        self._check("most_goals", self.most_goals >= 1, "at least 1")
        self._check("partings", min(self.partings) >= 0.0 < sum(self.partings), "three weights >= 0, one of them > 0")
        self._check("patience", 2 <= self.patience[0] <= self.patience[1], "2 <= least <= greatest")
        self._check("tolerance", self.tolerance >= 1, "at least 1")

    def _check(self, name: str, good: bool, wanted: str) -> None:
        if not good:
            raise ConfigError(f"Habits({name}={getattr(self, name)!r}): give {wanted}")

    @property
    def parting_chances(self) -> tuple[float, float, float]:
        """The probabilities of thanking, waiting and saying nothing any more, when everything is done."""
        thank, wait, silent = (weight / sum(self.partings) for weight in self.partings)
        return thank, wait, silent

    def leaves(self, before: int, after: int, angry: bool) -> float:
        """Return the probability that a user leaves when its strain rises, given that it has not left before.

        Args:
            before: strain at which it was still there.
            after: strain now.
            angry: whether it is angry.
        """
        least, greatest = (bound - angry for bound in self.patience)
        still = [patience for patience in range(least, greatest + 1) if patience > before]
        return sum(patience <= after for patience in still) / len(still) if still else 1.0

    def bear(self, angry: bool) -> int:
        """Return how many questions about one goal a user takes without strain."""
        return self.tolerance - angry

    def draw_number(self, dice: Dice) -> int:
        """Draw how many goals a user has."""
        number = 1
        while number < self.most_goals and dice.chance(self.more):
            number += 1
        return number

    def draw_goal(self, wants: Sequence[int], stated: Sequence[bool], sizes: Sequence[int], dice: Dice) -> Goal:
        """Draw how a user goes about a goal.

        Args:
            wants: by slot, the value that is wanted.
            stated: by slot, whether the request tells it.
            sizes: how many values each slot has.
            dice: where the randomness comes from.
        """
        intent = dice.pick(ANSWERS)
        manners = tuple(self._draw_manner(dice) for _ in sizes)
        change: list[int] = []
        if dice.chance(self.changes):
            left = list(range(len(sizes)))
            while left:
                change.append(left.pop(dice.below(len(left))))
        shifts = tuple(1 + dice.below(size - 1) for size in sizes)
        eager = dice.chance(self.eager)
        return Goal(intent, tuple(wants), tuple(stated), manners, tuple(change), shifts, eager)

    def draw_persona(self, goals: Sequence[Goal], angry: bool, dice: Dice) -> Persona:
        """Draw a user that has these goals."""
        parting: Parting = ("thank", "acknowledge", "silent")[dice.weighted(self.partings)]
        patience = dice.between(*self.patience) - angry
        return Persona(tuple(goals), patience, self.bear(angry), parting)

    def _draw_manner(self, dice: Dice) -> Manner:
        return Manner(
            dice.chance(self.vague),
            dice.chance(self.slips),
            dice.chance(self.volunteers),
            dice.chance(self.clueless),
        )
