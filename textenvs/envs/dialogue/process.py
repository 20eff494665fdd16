"""The conversation as a Markov decision process over information states.

A state is a `Belief`; nature draws what the user's next message is. The user's own law (`agenda.react`) is run for
everything that may be wanted and every manner of answering it, so there is no second model of the user to go wrong.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from textenvs.envs.dialogue.beliefs import Belief, believe, learn
from textenvs.envs.dialogue.knowledge import KnowledgeBase, Wants, goals, has_impossible, impossible
from textenvs.envs.dialogue.posterior import Posterior
from textenvs.envs.dialogue.stakes import final_value, move_cost
from textenvs.users.agenda import TOLD, Course, Manner, burdened, changeable, changed, neighbours, react, slip_of
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


class Branch(NamedTuple):
    """One thing that may come of a move.

    Attributes:
        probability: of it.
        reward: what is paid with it.
        belief: what is known then; None where the conversation has ended.
    """

    probability: float
    reward: float
    belief: Belief | None


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
        self._openings: dict[Wants, float] = {}
        self._closings: dict[tuple[int, int], list[Branch]] = {}
        self._branches: dict[tuple[Belief, Move], list[Branch]] = {}

    def openings(self, goal: int = 0, strain: int = 0) -> Iterator[tuple[float, Belief]]:
        """Yield every request with which a goal may begin, with probabilities.

        Args:
            goal: number of the goal.
            strain: so far.
        """
        self._openings = self._openings or _requests(self.kb, self.prior, self.habits)
        for told, probability in self._openings.items():
            acts = [Act("inform", slot, value) for slot, value in enumerate(told) if value != FREE]
            yield probability, believe(self.kb, goal, acts, strain)

    def moves(self, belief: Belief) -> list[Move]:
        """Return the moves among which the best one is.

        Left out are those that another one beats whatever comes: a question that has been answered, an answer against
        what was told or of another kind than was asked for, and words that make no sense. They tell nothing (but time
        passing does, while a slip may be pending: then an offer out of place is the cheapest way to wait).
        """
        if belief.course.phase == "waiting":
            return [OFFER, END]
        if belief.course.phase == "gone":
            return [END]
        told = belief.course.told
        asks = [Move("ask", slot) for slot in range(len(told)) if told[slot] != TOLD]
        answers = [
            Move("recommend", FREE, number) for number in range(len(self.kb.rows)) if self._holds(number, belief)
        ]
        refusals = [REFUSE, HANDOVER] if self._may_be_impossible(belief) else []
        return [*asks, *answers, *refusals, END, *([OFFER] if belief.fresh != FREE else [])]

    def branches(self, belief: Belief, move: Move) -> list[Branch]:
        """Return everything that may come of a move, each thing once."""
        key = belief, move
        if key not in self._branches:
            self._branches[key] = self._branch(belief, move)
        return self._branches[key]

    def _branch(self, belief: Belief, move: Move) -> list[Branch]:
        if move.kind == "end":
            return [self._ended(belief, self.completion(belief))]
        if belief.course.phase != "goal":
            return (
                self._offered(belief)
                if belief.course.phase == "waiting" and move == OFFER
                else self._idle(belief, move)
            )
        if move.kind == "handover":
            met = sum(weight for wants, weight in self.posterior.goals(belief) if not self.kb.possible(wants))
            share = met * self.share(belief.course.goal + 1, belief.course.goal + 1)
            return [self._ended(belief, share + (1.0 - met) * self.completion(belief))]
        return self._played(belief, move)

    def completion(self, belief: Belief) -> float:
        """Return the expected share of the user's goals that are met, if the conversation ends here."""
        goal = belief.course.goal
        if belief.course.phase == "goal":
            return self.share(goal, goal + 1)
        more = self.more(goal) if belief.course.phase == "waiting" else 0.0
        return 1.0 - more + more * self.share(goal + 1, goal + 2)

    def more(self, goal: int) -> float:
        """Return the probability that a user who waits after this goal has another one."""
        follows = self.habits.more * (1.0 - self.habits.eager) if goal + 1 < self.habits.most_goals else 0.0
        done = self.last(goal) * self.habits.parting_chances[1]
        return follows / (follows + done) if follows else 0.0

    def last(self, goal: int) -> float:
        """Return the probability that this goal is the user's last."""
        return 1.0 if goal + 1 >= self.habits.most_goals else 1.0 - self.habits.more

    def share(self, met: int, least: int) -> float:
        """Return the expected share of goals that are met, given how many are and that there are at least so many."""
        share, still = 0.0, 1.0
        for number in range(least, self.habits.most_goals + 1):
            last = self.last(number - 1)
            share += still * last * met / number
            still *= 1.0 - last
        return share

    def chance(self, belief: Belief, move: Move) -> float:
        """Return the probability that an answer or refusal is right."""
        return sum(weight for wants, weight in self.posterior.goals(belief) if self._right(move, wants))

    # One move

    def _played(self, belief: Belief, move: Move) -> list[Branch]:
        """Run the user's law for everything that may be wanted, and put together what sounds the same."""
        offered = self.kb.rows[move.candidate] if move.candidate != FREE else ()
        needless = move.kind == "ask" and move.slot not in self.posterior.useful(belief)
        heard = Heard("", move, _VERDICTS.get(move.kind, ""), offered, needless)
        met, sounds = 0.0, dict[tuple[Act, ...], float]()
        for wants, weight in self.posterior.goals(belief):
            course = belief.course._replace(slipped=self._slipped(belief, wants))
            if self._right(move, wants):
                changes = list(self._changes(course, wants))
                met += weight * (1.0 - sum(share for share, _ in changes))
            else:
                changes = [
                    (share, react(course, wants, self.kb.sizes, manner, heard)[0])
                    for share, manner in self._manners(wants, course, move)
                ]
            for share, acts in changes:
                sounds[acts] = sounds.get(acts, 0.0) + weight * share
        found = [branch for acts, p in sounds.items() for branch in self._heard(belief, heard, acts, p)]
        return [*found, *(b._replace(probability=b.probability * met) for b in self._closing(belief.course) if met)]

    def _heard(self, belief: Belief, heard: Heard, acts: tuple[Act, ...], probability: float) -> Iterator[Branch]:
        """Yield what follows from an answer: what is known then, or that the user has had enough."""
        if acts[-1].kind == "change":
            wrong, course = False, belief.course
        else:
            wrong = heard.verdict != ""
            course = burdened(belief.course, heard, acts, self.habits.bear(self.angry))
        leaves = self.habits.leaves(belief.course.strain, course.strain, self.angry)
        if leaves:
            reward = final_value(self.completion(belief), course.strain, True) - move_cost(wrong)
            yield Branch(probability * leaves, reward, None)
        if leaves < 1.0:
            after = learn(self.kb, belief, heard.move, acts, course, self.habits.slips > 0.0)
            yield Branch(probability * (1.0 - leaves), -move_cost(wrong), after)

    def _closing(self, course: Course) -> list[Branch]:
        """Return what may come once a goal is met for good."""
        key = course.goal, course.strain
        if key not in self._closings:
            self._closings[key] = list(self._after_goal(*key))
        return self._closings[key]

    def _after_goal(self, goal: int, strain: int) -> Iterator[Branch]:
        cost, habits = -move_cost(False), self.habits
        last = self.last(goal)
        for probability, opening in self.openings(goal + 1, strain) if last < 1.0 else ():
            yield Branch((1.0 - last) * habits.eager * probability, cost, opening)
        thank, wait, silent = habits.parting_chances
        yield Branch(last * thank, final_value(1.0, strain, False) + cost, None)
        waits = (1.0 - last) * (1.0 - habits.eager) + last * wait
        yield Branch(waits, cost, Belief(Course(goal, "waiting", (), strain=strain)))
        yield Branch(last * silent, cost, Belief(Course(goal, "gone", (), strain=strain)))

    def _offered(self, belief: Belief) -> list[Branch]:
        more, strain, cost = self.more(belief.course.goal), belief.course.strain, -move_cost(False)
        following = [Branch(more * p, cost, one) for p, one in self.openings(belief.course.goal + 1, strain)]
        return [*(following if more else ()), Branch(1.0 - more, final_value(1.0, strain, False) + cost, None)]

    def _idle(self, belief: Belief, move: Move) -> list[Branch]:
        """Return what comes of a move for which there is no occasion, as no goal is open."""
        if belief.course.phase == "gone":
            return [Branch(1.0, -move_cost(False), belief)]
        course = burdened(belief.course, Heard("", move), (), self.habits.bear(self.angry))
        leaves = self.habits.leaves(belief.course.strain, course.strain, self.angry)
        left = final_value(self.completion(belief), course.strain, True) - move_cost(False)
        stays = Branch(1.0 - leaves, -move_cost(False), Belief(course))
        return [Branch(leaves, left, None), stays] if leaves else [stays]

    def _ended(self, belief: Belief, completion: float) -> Branch:
        return Branch(1.0, final_value(completion, belief.course.strain, False) - move_cost(False), None)

    # What may be wanted, and how it is said

    def _right(self, move: Move, wants: Wants) -> bool | None:
        if move.kind == "refuse":
            return not self.kb.possible(wants)
        return self.kb.right(move.candidate, wants) if move.kind == "recommend" else None

    def _slipped(self, belief: Belief, wants: Wants) -> int:
        return belief.fresh if belief.fresh != FREE and wants[belief.fresh] != belief.heard else FREE

    def _manners(self, wants: Wants, course: Course, move: Move) -> Iterator[tuple[float, Manner]]:
        """Yield the manners in which this question may be answered, as far as they can be told apart."""
        if move.kind != "ask" or move.slot == FREE:
            yield 1.0, Manner()
            return
        want, size, habits = wants[move.slot], self.kb.sizes[move.slot], self.habits
        vague = habits.vague if want != FREE and neighbours(want, size) is not None else 0.0
        slips = habits.slips if want != FREE and slip_of(want, size) != want else 0.0
        chances = (vague, slips, habits.volunteers)
        for flips in itertools.product((False, True), repeat=3):
            share = math.prod(p if flip else 1.0 - p for flip, p in zip(flips, chances, strict=True))
            if share:
                yield share, Manner(*flips)

    def _changes(self, course: Course, wants: Wants) -> Iterator[tuple[float, tuple[Act, ...]]]:
        """Yield the changes of mind that may follow a right answer."""
        slots = changeable(course, wants) if not course.changed else []
        for slot in slots:
            heals = course.slipped
            first = () if heals in (FREE, slot) else (Act("correct", heals, wants[heals]),)
            for shift in range(1, self.kb.sizes[slot]):
                value = changed(course, wants, self.kb.sizes, slot, shift)[slot]
                share = self.habits.changes / len(slots) / (self.kb.sizes[slot] - 1)
                yield share, (*first, Act("change", slot, value))

    def _holds(self, candidate: int, belief: Belief) -> bool:
        """Say whether a candidate has everything that was told, be it a slip or not."""
        return all(self.kb.right(candidate, self._told(wants, belief)) for wants in self.posterior.plain(belief)[:1])

    def _told(self, wants: Wants, belief: Belief) -> Wants:
        pairs = zip(wants, belief.course.told, strict=True)
        return tuple(FREE if told != TOLD or slot == belief.fresh else want for slot, (want, told) in enumerate(pairs))

    def _may_be_impossible(self, belief: Belief) -> bool:
        return any(not self.kb.possible(wants) for wants, _ in self.posterior.goals(belief))


@lru_cache(maxsize=64)
def process_of(kb: KnowledgeBase, habits: Habits, angry: bool) -> Process:
    """Return the decision process of a knowledge base and a user bank; those used last are kept."""
    return Process(kb, habits, angry)


def _constrained(wants: Sequence[int]) -> int:
    return sum(want != FREE for want in wants)


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
