"""What a decision about an open goal depends on, but for a few numbers; and what may come of each move.

A user answers a move in the same way whatever the number of its goal, its strain and the questions that it has had. So
all that may be said is worked out once for each *situation*, and the oracle counts goals, strain and questions beside
it: a few hundred situations stand for ten thousands of information states.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from textenvs.envs.dialogue.beliefs import Belief
from textenvs.users.core import Move


class Option(NamedTuple):
    """A move that may be the best one.

    Attributes:
        move: itself.
        right: the probability that it meets the goal; 0 of a question, and of taking leave.
        needless: whether it is a question that could not change the answer.
    """

    move: Move
    right: float = 0.0
    needless: bool = False


class Replies(NamedTuple):
    """Everything that a user may say to a move which strains it alike and leaves its goal open.

    Attributes:
        wrong: whether it says that an answer was wrong.
        strain: what the move adds to the user's strain.
        tiring: the same for a user who has been asked as often as it takes without strain.
        probability: of all of them.
        after: the situations that may follow, with probabilities.
    """

    wrong: bool
    strain: int
    tiring: int
    probability: float
    after: tuple[tuple[float, Situation], ...]


class Outcomes(NamedTuple):
    """Everything that may come of a move.

    Attributes:
        met: the probability that the goal is met, and the user does not change its mind.
        replies: what it may say otherwise.
        question: whether the move counts as a question.
    """

    met: float
    replies: tuple[Replies, ...]
    question: bool


@dataclass(slots=True, eq=False)
class Situation:
    """What can be known of an open goal, whatever its number, the strain and the questions so far.

    Attributes:
        belief: as of a first goal of a user at ease who has not been asked.
        options: the moves among which the best one is.
        asks: whether a question is among them: else it does not matter how many there have been.
        outcomes: of the moves that have been looked at.
    """

    belief: Belief
    options: tuple[Option, ...]
    asks: bool
    outcomes: dict[Move, Outcomes] = field(default_factory=dict[Move, Outcomes])
