"""What honest rewriters say who are not perfect, and what dishonest ones put in the right words' place."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import combinations
from typing import Protocol

from textenvs.core import Honest
from textenvs.envs.rewrite.types import RewriteTruth
from textenvs.messages import strip_thinking
from textenvs.rewards.measures import normalize

MOST_WORDINGS = 16
"""Most accepted rewrites that are named; a meaning can have hundreds."""


class Rewriting(Protocol):
    """An episode that knows the truth of its current turn."""

    @property
    def truth(self) -> RewriteTruth:
        """The hidden truth of the current utterance."""
        ...


def honest_of(truth: RewriteTruth) -> Honest:
    """Return the honest answers to one turn, and its rivals: wrong antecedents, and things in each other's place."""
    return Honest(
        truth.graded if len(truth.restored) > 1 else (truth.gold,),
        lambda action: normalize(strip_thinking(action), truth.language) in truth.accepted,
        tuple(dict.fromkeys(_rivals(truth))),
        tuple(heapq.nsmallest(MOST_WORDINGS, truth.accepted)),
    )


def _rivals(truth: RewriteTruth) -> Iterator[str]:
    said = [_said(truth.gold, slot.aliases) for slot in truth.restored]
    for slot, form in zip(truth.restored, said, strict=True):
        yield from (truth.gold.replace(form, rival) for rival in slot.rivals if form)
    groups = [[_said(truth.gold, forms) for forms in group] for group in truth.alike] or [said]
    for group in groups:
        yield from (_swapped(truth.gold, one, other) for one, other in combinations(group, 2) if _can_swap(one, other))


def _said(gold: str, forms: tuple[str, ...]) -> str:
    """Return the form that stands in the reference just once, as it is written there; empty if there is none."""
    folded = gold.lower()
    form = next((form.lower() for form in forms if folded.count(form.lower()) == 1), "")
    return gold[folded.index(form) :][: len(form)]


def _can_swap(one: str, other: str) -> bool:
    return bool(one and other) and one not in other and other not in one


def _swapped(text: str, one: str, other: str) -> str:
    return text.replace(one, "\n").replace(other, one).replace("\n", other)
