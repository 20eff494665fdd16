"""How difficult the generated dialogues are: the dials, and named settings of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from textenvs.envs.rewrite.grammar.frames import INTENTS
from textenvs.envs.rewrite.grammar.menu import OPERATORS
from textenvs.errors import ConfigError, check_known


@dataclass(frozen=True, slots=True)
class Dials:
    """What the planner of dialogues aims at. Shares are of all user turns.

    Attributes:
        turns: least and greatest number of requests.
        reference: share of turns with a pronoun, a demonstrative, an ordinal ...
        ellipsis: share of turns with something left out altogether. A turn can have both, so that the share of
            unchanged turns is free within ``1 - reference - ellipsis <= unchanged``.
        unchanged: share of turns that need no rewrite; the first turn of a dialogue always is one of them.
        reach: how many user turns back an antecedent may stand.
        distractors: how many other things of a restored thing's type the dialogue may hold.
        prelude: least and greatest number of exchanges that took place before the agent came in.
        intents: what users ask for.
        operators: which operators are in use.
        several: share of turns with two requests in one utterance.
        shift: share of topic changes that are announced.
        echo: share of replies that repeat what they are about.
        patience: how many wrong answers make the user leave.
    """

    turns: tuple[int, int] = (3, 8)
    reference: float = 0.385
    ellipsis: float = 0.5
    unchanged: float = 0.19
    reach: int = 8
    distractors: int = 4
    prelude: tuple[int, int] = (0, 0)
    intents: tuple[str, ...] = tuple(INTENTS)
    operators: tuple[str, ...] = OPERATORS
    several: float = 0.08
    shift: float = 0.3
    echo: float = 0.3
    patience: int = 3

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            UnknownNameError: if there is no such intent or operator.
            ConfigError: if a dial is out of range.
        """
        for intent in self.intents:
            check_known("intent", intent, INTENTS)
        for operator in self.operators:
            check_known("operator", operator, OPERATORS)
        self._check("turns", 1 <= self.turns[0] <= self.turns[1] <= 8, "1 <= least <= greatest <= 8")
        self._check("prelude", 0 <= self.prelude[0] <= self.prelude[1] <= 4, "0 <= least <= greatest <= 4")
        for share in ("reference", "ellipsis", "unchanged", "several", "shift", "echo"):
            self._check(share, 0.0 <= getattr(self, share) <= 1.0, "a share in [0, 1]")
        self._check("distractors", 0 <= self.distractors <= 8, "0 to 8")
        self._check("reach", self.reach >= 1, "at least 1")
        self._check("patience", self.patience >= 1, "at least 1")
        self._check("intents", bool(self.intents), "at least one intent")

    def _check(self, name: str, good: bool, wanted: str) -> None:
        if not good:
            raise ConfigError(f"Dials({name}={getattr(self, name)!r}): give {wanted}")


_SMALL = ("where", "arrive", "weight", "phone", "home", "status", "total", "price", "rate", "breakfast")

LEVELS = MappingProxyType(
    {
        "tiny": Dials(
            turns=(2, 2),
            reference=0.25,
            ellipsis=0.2,
            unchanged=0.55,
            reach=1,
            distractors=1,
            intents=_SMALL,
            operators=("pronoun", "zero", "vp_ellipsis", "correction"),
            several=0.0,
            shift=0.0,
            echo=0.0,
            patience=2,
        ),
        "easy": Dials(turns=(2, 4), distractors=2, reach=3, several=0.0, shift=0.1, unchanged=0.34, echo=0.0),
        "medium": Dials(),
        "hard": Dials(turns=(5, 8), prelude=(0, 2), unchanged=0.18, several=0.15, reference=0.42, ellipsis=0.52),
    }
)  # fmt: skip
"""The named levels of difficulty."""


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
