"""What is wanted, given what is known: the prior over goals within a box, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence

from textenvs.envs.dialogue.beliefs import Belief, Box, wants_in, within
from textenvs.envs.dialogue.knowledge import KnowledgeBase, Wants
from textenvs.users.agenda import TOLD
from textenvs.users.core import FREE


class Posterior:
    """What is wanted, given a belief.

    Args:
        kb: what there is.
        prior: over goals that can be had, each weighted by how likely a request leaves it untold.
        slips: the probability that a value is told wrongly.
    """

    def __init__(self, kb: KnowledgeBase, prior: dict[Wants, float], slips: float) -> None:
        self.kb = kb
        self._prior = prior
        self._slips = slips
        self._known: dict[tuple[Box, int, int], tuple[tuple[Wants, float], ...]] = {}

    def goals(self, belief: Belief) -> tuple[tuple[Wants, float], ...]:
        """Return everything that may be wanted, with probabilities.

        Where nothing that can be had is left, it is what was told, and nothing in particular beyond.
        """
        key = belief.box, belief.fresh, belief.heard
        if key not in self._known:
            self._known[key] = self._restricted(belief)
        return self._known[key]

    def _restricted(self, belief: Belief) -> tuple[tuple[Wants, float], ...]:
        only = wants_in(belief.box, self.kb.sizes)
        if only is not None:
            return ((only, 1.0),)
        weighted = [
            (wants, weight * self._likelihood(wants, belief))
            for wants, weight in self._prior.items()
            if within(wants, belief.box, self.kb.sizes)
        ]
        total = sum(weight for _, weight in weighted)
        if not total:
            return ((_told(belief.box, self.kb.sizes), 1.0),)
        return tuple((wants, weight / total) for wants, weight in weighted)

    def _likelihood(self, wants: Wants, belief: Belief) -> float:
        if belief.fresh == FREE:
            return 1.0
        return 1.0 - self._slips if wants[belief.fresh] == belief.heard else self._slips

    # What follows from taking the user at its word

    def plain(self, belief: Belief) -> tuple[Wants, ...]:
        """Return what may be wanted if the value that was told last was no slip, as far as that can be."""
        goals = self.goals(belief)
        literal = [wants for wants, _ in goals if belief.fresh == FREE or wants[belief.fresh] == belief.heard]
        return tuple(literal or [wants for wants, _ in goals])

    def sure(self, belief: Belief) -> list[int]:
        """Return the candidates that are right whatever is wanted."""
        goals = self.plain(belief)
        return [number for number in range(len(self.kb.rows)) if all(self.kb.right(number, one) for one in goals)]

    def hopeless(self, belief: Belief) -> bool:
        """Say whether nothing that may be wanted can be had."""
        return not any(self.kb.possible(wants) for wants in self.plain(belief))

    def useful(self, belief: Belief) -> list[int]:
        """Return the slots that are worth a question: knowing their values could rule a candidate out.

        There are none where some candidate is right whatever is wanted, or nothing can be had.
        """
        if self.sure(belief) or self.hopeless(belief):
            return []
        goals = self.plain(belief)
        every = self._candidates(goals)
        return [
            slot
            for slot, told in enumerate(belief.course.told)
            if told != TOLD and any(self._candidates(part) != every for part in _split(goals, slot))
        ]

    def _candidates(self, goals: Sequence[Wants]) -> set[int]:
        return {number for wants in goals for number in self.kb.matching(wants)}


def _told(box: Box, sizes: Sequence[int]) -> Wants:
    """Return the wants of which a box leaves no doubt, `FREE` elsewhere."""
    single = [bits.bit_length() - 1 if bits & (bits - 1) == 0 else size for bits, size in zip(box, sizes, strict=True)]
    return tuple(FREE if place == size else place for place, size in zip(single, sizes, strict=True))


def _split(goals: Sequence[Wants], slot: int) -> list[list[Wants]]:
    """Return the goals by what they want of a slot."""
    return [[wants for wants in goals if wants[slot] == value] for value in {wants[slot] for wants in goals}]
