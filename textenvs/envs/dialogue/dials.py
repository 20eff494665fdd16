"""How large the generated conversations are, and how the users of each bank behave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from textenvs.errors import ConfigError, check_known
from textenvs.seeding import Split
from textenvs.users.habits import Habits


@dataclass(frozen=True, slots=True)
class Dials:
    """The size of a world.

    Attributes:
        slots: how many slots there are, 1 to 4.
        values: how many values each of them has, 2 to 4.
        candidates: how many things there are, 2 to 10.
        turns: most actions of the agent.
        goals: most goals of a user.
        shelves: how many different knowledge bases (as frames) there are; None draws one for each conversation.
        exact: whether the optimum is computed; it needs the world to be small.
    """

    slots: int = 4
    values: int = 4
    candidates: int = 8
    turns: int = 20
    goals: int = 3
    shelves: int | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: if a dial is out of range.
        """
        self._check("slots", 1 <= self.slots <= 4, "1 to 4")
        self._check("values", 2 <= self.values <= 4, "2 to 4")
        room = min(10, self.values**self.slots)
        self._check("candidates", 2 <= self.candidates <= room, f"2 to {room}, so that no two of them are alike")
        self._check("turns", self.turns >= 1, "at least 1")
        self._check("goals", self.goals >= 1, "at least 1")
        self._check("shelves", self.shelves is None or self.shelves >= 1, "at least 1, or None")
        self._check(
            "exact", not self.exact or (self.goals <= 2 and self.turns <= 10), "goals <= 2 and turns <= 10 then"
        )

    def _check(self, name: str, good: bool, wanted: str) -> None:
        if not good:
            raise ConfigError(f"Dials({name}={getattr(self, name)!r}): give {wanted}")


LEVELS: Mapping[str, Dials] = MappingProxyType(
    {
        "small": Dials(slots=3, values=3, candidates=6, turns=10, goals=2, shelves=3, exact=True),
        "full": Dials(),
    }
)
"""The named levels of difficulty."""

TRAINING = Habits()
EVALUATION = Habits(
    stated=0.15,
    free=0.15,
    impossible=0.12,
    vague=0.3,
    slips=0.08,
    volunteers=0.05,
    clueless=0.6,
    changes=0.42,
    more=0.4,
    eager=0.4,
    angry=0.3,
    chatty=0.4,
    partings=(0.3, 0.4, 0.3),
    patience=(4, 5),
    tolerance=4,
)

BANKS: Mapping[Split, Habits] = MappingProxyType({"train": TRAINING, "valid": EVALUATION, "test": EVALUATION})
"""The habits of each split's users: no range of the training bank is one of the evaluation bank."""


def dials_of(difficulty: str | Dials) -> Dials:
    """Return the dials of a level.

    Args:
        difficulty: one of `LEVELS`, or dials of one's own.

    Raises:
        UnknownNameError: if there is no such level.
    """
    if isinstance(difficulty, Dials):
        return difficulty
    check_known("difficulty", difficulty, LEVELS)
    return LEVELS[difficulty]


def habits_of(users: Split, dials: Dials) -> Habits:
    """Return the habits of a bank's users, with no more goals than the world has."""
    return replace(BANKS[users], most_goals=dials.goals)
