"""The conversation as a Markov decision process over information states, in which nature draws what the user says."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from functools import cache, cached_property, lru_cache

from textenvs.envs.dialogue.beliefs import Belief, believe, learn
from textenvs.envs.dialogue.knowledge import KnowledgeBase, Wants, goals, has_impossible, impossible
from textenvs.envs.dialogue.law import Acts, Law
from textenvs.envs.dialogue.posterior import Posterior
from textenvs.envs.dialogue.situations import Option, Outcomes, Replies, Situation
from textenvs.users.agenda import TOLD, Course, burdened
from textenvs.users.core import FREE, Act, Heard, Move, MoveKind, Verdict
from textenvs.users.habits import Habits

OFFER, END, REFUSE, HANDOVER = Move("offer"), Move("end"), Move("refuse"), Move("handover")


_VERDICTS: dict[MoveKind, Verdict] = {
    "recommend": "wrong",
    "refuse": "wrong",
    "book": "other_kind",
    "explain": "other_kind",
}
"""The verdict on a move that does not meet the goal."""


class Process:
    """The decision process of users of one bank over one knowledge base.

    Every request is taken to be for a recommendation: ``"recommend"`` is the kind of answer that is wanted, and
    ``"book"`` and ``"explain"`` are others.

    Args:
        kb: what there is.
        habits: of the users.
        angry: whether the user is angry, which can be heard.
    """

    def __init__(self, kb: KnowledgeBase, habits: Habits, angry: bool) -> None:
        self.kb = kb
        self.habits = habits
        self.angry = angry
        self.prior = goals(kb, habits.free)
        untold = {wants: p * (1.0 - habits.stated) ** _constrained(wants) for wants, p in self.prior.items()}
        self.posterior = Posterior(kb, untold, habits.slips)
        self._law = Law(kb, habits, self.posterior)
        self._situations: dict[Belief, Situation] = {}
        self.share = cache(self._share)

    @cached_property
    def openings(self) -> tuple[tuple[float, Belief], ...]:
        """Every request with which a user may begin, as what is known after it, with probabilities."""
        found = _requests(self.kb, self.prior, self.habits)
        return tuple((probability, believe(self.kb, 0, _telling(told), 0)) for told, probability in found.items())

    @cached_property
    def requests(self) -> tuple[tuple[float, Situation], ...]:
        """The situations after these requests, with probabilities."""
        return tuple((probability, self.situation(belief)) for probability, belief in self.openings)

    def situation(self, belief: Belief) -> Situation:
        """Return the situation in which an open goal is; always the same one for the same belief."""
        alike = belief._replace(course=belief.course._replace(goal=0, strain=0, asked=0))
        if alike not in self._situations:
            options = self._options(alike)
            asks = any(option.move.kind == "ask" for option in options)
            self._situations[alike] = Situation(alike, options, asks)
        return self._situations[alike]

    def outcomes(self, situation: Situation, move: Move) -> Outcomes:
        """Return everything that may come of a move that does not end the conversation."""
        if move not in situation.outcomes:
            situation.outcomes[move] = self._play(situation.belief, move)
        return situation.outcomes[move]

    def chance(self, belief: Belief, move: Move) -> float:
        """Return the probability that an answer, refusal or handover is right."""
        return sum(weight for wants, weight in self.posterior.goals(belief) if self._law.right(move, wants))

    # How many goals there are

    def completion(self, course: Course) -> float:
        """Return the expected share of the user's goals that are met, if the conversation ends here."""
        goal = course.goal
        if course.phase == "goal":
            return self.share(goal, goal + 1)
        more = self.more(goal) if course.phase == "waiting" else 0.0
        return 1.0 - more + more * self.share(goal + 1, goal + 2)

    def more(self, goal: int) -> float:
        """Return the probability that a user who waits after this goal has another one."""
        follows = self.habits.more * (1.0 - self.habits.eager) if goal + 1 < self.habits.most_goals else 0.0
        done = self.last(goal) * self.habits.parting_chances[1]
        return follows / (follows + done) if follows else 0.0

    def last(self, goal: int) -> float:
        """Return the probability that this goal is the user's last."""
        return 1.0 if goal + 1 >= self.habits.most_goals else 1.0 - self.habits.more

    def _share(self, met: int, least: int) -> float:
        """Return the expected share of goals that are met, given how many are and that there are at least so many."""
        share, still = 0.0, 1.0
        for number in range(least, self.habits.most_goals + 1):
            last = self.last(number - 1)
            share += still * last * met / number
            still *= 1.0 - last
        return share

    # One move

    def _options(self, belief: Belief) -> tuple[Option, ...]:
        """Return the moves among which the best one is.

        Left out are those that another one beats whatever comes: a question that has been answered, an answer against
        what was told or of another kind than was asked for, and words that make no sense. They tell nothing (but time
        passing does, while a slip may be pending: then an offer out of place is the cheapest way to wait).
        """
        useful = self.posterior.useful(belief)
        asks = [
            Option(Move("ask", slot), needless=slot not in useful)
            for slot, told in enumerate(belief.course.told)
            if told != TOLD
        ]
        answers = [Move("recommend", FREE, number) for number in self.kb.matching(self._told(belief))]
        hopeless = self.chance(belief, REFUSE)
        refusals = [Option(move, hopeless) for move in (REFUSE, HANDOVER)] if hopeless else []
        waits = [Option(OFFER)] if belief.fresh != FREE else []
        return (*asks, *(Option(move, self.chance(belief, move)) for move in answers), *refusals, Option(END), *waits)

    def _told(self, belief: Belief) -> Wants:
        """Return what was told for good, `FREE` elsewhere."""
        pairs = zip(self.posterior.plain(belief)[0], belief.course.told, strict=True)
        return tuple(FREE if told != TOLD or slot == belief.fresh else want for slot, (want, told) in enumerate(pairs))

    def _play(self, belief: Belief, move: Move) -> Outcomes:
        offered = self.kb.rows[move.candidate] if move.candidate != FREE else ()
        needless = move.kind == "ask" and move.slot not in self.posterior.useful(belief)
        heard = Heard("", move, _VERDICTS.get(move.kind, ""), offered, needless)
        met, sounds = self._law.answers(belief, heard)
        alike = defaultdict[tuple[bool, int, int], list[tuple[float, Situation]]](list)
        for acts, probability in sounds.items():
            kind, after = self._hear(belief, heard, acts)
            alike[kind].append((probability, after))
        replies = [Replies(*kind, sum(p for p, _ in after), tuple(after)) for kind, after in alike.items()]
        return Outcomes(met, tuple(replies), move.kind == "ask" and move.slot != FREE)

    def _hear(self, belief: Belief, heard: Heard, acts: Acts) -> tuple[tuple[bool, int, int], Situation]:
        """Return how an answer strains the user (see `Replies`), and what is known after it."""
        after = learn(self.kb, belief, heard.move, acts, belief.course, self.habits.slips > 0.0)
        if acts[-1].kind == "change":
            return (False, 0, 0), self.situation(after)
        most = self.habits.bear(self.angry)
        asked = (belief.course, belief.course._replace(asked=most))
        strain, tiring = (burdened(course, heard, acts, most).strain for course in asked)
        return (heard.verdict != "", strain, tiring), self.situation(after)


@lru_cache(maxsize=64)
def process_of(kb: KnowledgeBase, habits: Habits, angry: bool) -> Process:
    """Return the decision process of a knowledge base and a user bank; those used last are kept."""
    return Process(kb, habits, angry)


def _constrained(wants: Sequence[int]) -> int:
    return sum(want != FREE for want in wants)


def _telling(told: Wants) -> list[Act]:
    return [Act("inform", slot, value) for slot, value in enumerate(told) if value != FREE]


def _requests(kb: KnowledgeBase, prior: dict[Wants, float], habits: Habits) -> dict[Wants, float]:
    """Return the probability of every request, as the values that it tells."""
    odd = habits.impossible if has_impossible(kb, habits.stated) else 0.0
    found = {wants: odd * weight for wants, weight in impossible(kb, habits.stated).items()} if odd else {}
    for wants, weight in prior.items():
        options = [
            ((FREE, 1.0),) if want == FREE else ((FREE, 1.0 - habits.stated), (want, habits.stated)) for want in wants
        ]
        for choice in itertools.product(*options):
            told = tuple(value for value, _ in choice)
            found[told] = found.get(told, 0.0) + (1.0 - odd) * weight * math.prod(p for _, p in choice)
    return {told: weight for told, weight in found.items() if weight}
