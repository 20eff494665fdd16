"""What a conversation is worth: one formula for the reward and for the oracle.

    return = COMPLETION * completion + SATISFACTION * (satisfaction - 1) / 4
             - TURN * turns - WRONG * wrong answers - LEFT * (the user left) - UNTIDY * (a message was not tidy)

*Completion* is the share of the user's goals that were met. *Satisfaction* lies between 1 and 5:

    satisfaction = 1 + 4 * completion * max(0, 1 - strain / ENOUGH)

where the strain counts what was not needed: every question that could not change the answer, every repeated one,
every question beyond what the user takes, everything that made no sense, every wrong answer, and those against what
the user had told or corrected twice (weights in `textenvs.users.agenda`). A turn that the best conversation with this
user would have is no strain. So excess turns, repeats, unneeded questions and ignored corrections all lower it.

A message is *tidy* if it does its one thing and nothing else (see `textenvs.tidiness`). The users of rules understand
the others as well, so this is what keeps padding, hedging and several answers at once from being worth a right one.
The moves that the oracle chooses among are all tidy.
"""

from __future__ import annotations

COMPLETION, SATISFACTION, TURN, WRONG, LEFT, UNTIDY = 0.6, 0.4, 0.02, 0.5, 0.3, 0.5
"""Weights of the parts."""

ENOUGH = 8
"""The strain at which nothing is left of the satisfaction."""


def satisfaction(completion: float, strain: int) -> float:
    """Return how satisfied a user is, in [1, 5]; linear in `completion`.

    Args:
        completion: share of its goals that were met.
        strain: at the end.
    """
    return 1.0 + 4.0 * completion * max(0.0, 1.0 - strain / ENOUGH)


def final_value(completion: float, strain: int, left: bool) -> float:
    """Return what the end of a conversation is worth, without the costs on the way.

    Args:
        completion: share of the user's goals that were met, or its expectation.
        strain: at the end.
        left: whether the user left.
    """
    satisfied = (satisfaction(completion, strain) - 1.0) / 4.0
    return COMPLETION * completion + SATISFACTION * satisfied - LEFT * left


def move_cost(wrong: bool) -> float:
    """Return what one move costs, whatever comes of it."""
    return TURN + WRONG * wrong
