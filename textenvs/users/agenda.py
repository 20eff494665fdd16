"""A simulated user of rules: seeded, free and auditable, after the agenda-based users of Schatzmann et al. (2007).

Its law is small on purpose, so that what an agent can know of it is small too and the best policy can be computed:

- A question about a slot is answered for that slot alone: by its value; by two neighbouring values if the user is
  vague (asked again, it says which); by "any" or "no idea" if nothing is wanted there. Now and then it misspeaks and
  names the value after the right one; its next message corrects that. Now and then it volunteers the next slot that
  it has not told.
- A wrong answer is turned down because of one slot, whose value is told: one that it has told before if there is such
  (then the agent ignored it), else the first that is violated.
- After the first right answer it may change its mind about one value it has told; slots that it has not told have
  ceased to matter then.
- What annoys it adds to its *strain*. Where the strain reaches its patience, it leaves.

Nothing is told that was not asked for, volunteered or violated: `AgendaUser` says what its acts hold and no more.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

from textenvs.users.core import ANSWERS, FREE, Act, Heard, MoveKind, Said

UNTOLD, VAGUE, TOLD = 0, 1, 2
"""How much of a slot the user has told: nothing, two neighbouring values, all."""

NEEDLESS, REPEATED, PUZZLING, WRONG, IGNORING, TIRING = 2, 3, 2, 2, 2, 1
"""Strain of a question that could not change the answer, of one that has been answered, of words that make no sense
here, of a wrong answer, of one that goes against what was told (on top), and of every question beyond the tolerance."""

Phase = Literal["goal", "waiting", "gone"]
"""A goal is open; the last one is met and the user waits; the user says nothing any more."""

Voice = Callable[[tuple[Act, ...]], str]
"""Puts the acts of one message into words."""


class Manner(NamedTuple):
    """How a user answers a question about one slot.

    Attributes:
        vague: whether it first says only which two neighbours the value is one of.
        slips: whether it misspeaks when it names the value.
        volunteers: whether it adds the next slot that it has not told.
        clueless: whether it has no idea, rather than no preference, where nothing is wanted.
    """

    vague: bool = False
    slips: bool = False
    volunteers: bool = False
    clueless: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing that a user wants.

    Attributes:
        intent: the kind of answer that is wanted, one of `ANSWERS`.
        wants: by slot, the value that is wanted, or `FREE`.
        stated: by slot, whether the request tells it (if something is wanted there).
        manners: by slot, how a question about it is answered.
        change: the slots in the order in which the user would change its mind; empty if it does not.
        shifts: by slot, by how many values it would move then.
        eager: whether the user goes on to this goal at once, when the one before is met, rather than wait.
    """

    intent: MoveKind
    wants: tuple[int, ...]
    stated: tuple[bool, ...]
    manners: tuple[Manner, ...]
    change: tuple[int, ...] = ()
    shifts: tuple[int, ...] = ()
    eager: bool = False


@dataclass(frozen=True, slots=True)
class Persona:
    """A user, as drawn.

    Attributes:
        goals: one after the other.
        patience: the strain at which it leaves.
        tolerance: how many questions about one goal it takes without strain.
        parting: what it does when everything is done: thank, wait, or say nothing any more.
    """

    goals: tuple[Goal, ...]
    patience: int
    tolerance: int
    parting: Literal["thank", "acknowledge", "silent"]


class Course(NamedTuple):
    """Where a conversation stands. All of it but `slipped` can be seen by an agent that listens.

    Attributes:
        goal: number of the goal, from 0; of the goal that has been met, outside the phase ``"goal"``.
        phase: see `Phase`.
        told: by slot, one of `UNTOLD`, `VAGUE`, `TOLD`.
        slipped: the slot in which the last message was a slip; `FREE` where none was.
        asked: questions about this goal so far.
        strain: so far.
        changed: whether the user has changed its mind about this goal.
    """

    goal: int
    phase: Phase
    told: tuple[int, ...]
    slipped: int = FREE
    asked: int = 0
    strain: int = 0
    changed: bool = False

    def tell(self, slot: int, how_much: int = TOLD) -> Course:
        """Return the course with one more slot told."""
        return self._replace(told=(*self.told[:slot], how_much, *self.told[slot + 1 :]))


Reaction = tuple[tuple[Act, ...], Course]


def neighbours(value: int, size: int) -> int | None:
    """Return the lower one of the two values that a vague answer names; None where a value has no neighbour.

    Args:
        value: that is wanted.
        size: how many values the slot has. They are paired from the lowest; the last one may be left over.
    """
    lower = value - value % 2
    return lower if lower + 1 < size else None


def slip_of(value: int, size: int) -> int:
    """Return what the user says who misspeaks: the value after the right one, the first after the last."""
    return (value + 1) % size


def violated(course: Course, wants: Sequence[int], offered: Sequence[int]) -> tuple[int, bool]:
    """Return because of which slot an answer is turned down, and whether the user has told that slot.

    Args:
        course: before the answer.
        wants: the values that are wanted.
        offered: the candidate's values.

    Returns:
        The first violated slot that was told (the one that was a slip is not), else the first violated one;
        `FREE` if none is.
    """
    wrong = [slot for slot, want in enumerate(wants) if want not in (FREE, offered[slot])]
    told = [slot for slot in wrong if course.told[slot] == TOLD and slot != course.slipped]
    return (told or wrong or [FREE])[0], bool(told)


def react(course: Course, wants: Sequence[int], sizes: Sequence[int], manner: Manner, tolerance: int, heard: Heard) -> Reaction:
    """Return how a user takes a move that does not meet its goal.

    Args:
        course: before the move; its phase is ``"goal"``.
        wants: the values that are wanted.
        sizes: how many values each slot has.
        manner: in which a question is answered.
        tolerance: how many questions are no strain.
        heard: the move.

    Returns:
        The acts of the user's message, and the course after it. Whether the strain is too much is not looked at.
    """
    before, heals = course._replace(slipped=FREE), course.slipped
    acts = () if heals == FREE else (Act("correct", heals, wants[heals]),)
    if heard.move.kind == "ask" and heard.move.slot != FREE:
        more, after = _answer(before, wants, sizes, manner, tolerance, heard)
    elif heard.move.kind in ANSWERS and heard.verdict == "wrong":
        more, after = _turn_down(course, wants, heard)
    else:
        puzzled = heard.move.kind in ("ask", "unclear")
        more, after = (Act("puzzled" if puzzled else "insist"),), before._replace(strain=before.strain + PUZZLING)
    return (*acts, *more), after


def _answer(
    course: Course, wants: Sequence[int], sizes: Sequence[int], manner: Manner, tolerance: int, heard: Heard
) -> Reaction:
    slot, asked = heard.move.slot, course.asked + 1
    strain = course.strain + (TIRING if asked > tolerance else 0)
    course = course._replace(asked=min(asked, tolerance))
    if course.told[slot] == TOLD:
        return (Act("repeat", slot, wants[slot]),), course._replace(strain=strain + REPEATED)
    course = course._replace(strain=strain + (NEEDLESS if heard.needless else 0))
    lower = neighbours(wants[slot], sizes[slot])
    if wants[slot] == FREE:
        acts, course = (Act("unknown" if manner.clueless else "dont_care", slot),), course.tell(slot)
    elif manner.vague and lower is not None and course.told[slot] == UNTOLD:
        acts, course = (Act("vague", slot, lower),), course.tell(slot, VAGUE)
    elif manner.slips:
        acts, course = (Act("inform", slot, slip_of(wants[slot], sizes[slot])),), course.tell(slot)
        course = course._replace(slipped=slot)
    else:
        acts, course = (Act("inform", slot, wants[slot]),), course.tell(slot)
    if manner.volunteers and UNTOLD in course.told:
        more = course.told.index(UNTOLD)
        kind = "dont_care" if wants[more] == FREE else "inform"
        acts, course = (*acts, Act(kind, more, wants[more])), course.tell(more)
    return acts, course


def _turn_down(course: Course, wants: Sequence[int], heard: Heard) -> Reaction:
    slot, ignored = violated(course, wants, heard.offered)
    strain = course.strain + WRONG + (IGNORING if ignored else 0)
    return (Act("reject", slot, wants[slot]),), course._replace(strain=strain, slipped=FREE).tell(slot)


def changed(course: Course, wants: Sequence[int], sizes: Sequence[int], slot: int, shift: int) -> tuple[int, ...]:
    """Return what is wanted after a change of mind.

    Args:
        course: before it; only slots that were told go on to matter.
        wants: what was wanted.
        sizes: how many values each slot has.
        slot: that the user changes, told and wanted.
        shift: by how many values, at least 1 and less than there are.
    """
    kept = [want if told == TOLD else FREE for want, told in zip(wants, course.told, strict=True)]
    kept[slot] = (wants[slot] + shift) % sizes[slot]
    return tuple(kept)


def changeable(course: Course, wants: Sequence[int]) -> list[int]:
    """Return the slots about which the user can change its mind: told, and something is wanted."""
    return [slot for slot, want in enumerate(wants) if want != FREE and course.told[slot] == TOLD]


def opened(goal: int, told: Sequence[bool], strain: int = 0) -> Course:
    """Return the course after a request.

    Args:
        goal: its number.
        told: which slots it tells.
        strain: so far.
    """
    return Course(goal, "goal", tuple(TOLD if one else UNTOLD for one in told), strain=strain)


class AgendaUser:
    """One user in one conversation; see the module's docstring for its law.

    Args:
        persona: as drawn.
        sizes: how many values each slot has.
        voice: puts acts into words.

    Attributes:
        course: where the conversation stands.
        wants: what is wanted now, by slot.
    """

    def __init__(self, persona: Persona, sizes: Sequence[int], voice: Voice) -> None:
        self._persona = persona
        self._sizes = tuple(sizes)
        self._voice = voice
        self.course = Course(0, "goal", ())
        self.wants: tuple[int, ...] = ()

    @property
    def goal(self) -> Goal:
        """The goal that is open, or was met last."""
        return self._persona.goals[self.course.goal]

    def open(self) -> Said:
        """Make the first request."""
        return self._say(self._request(0))

    def hear(self, heard: Heard) -> Said:
        """Answer a move."""
        if self.course.phase == "goal":
            return self._say(self._meet() if heard.verdict == "right" else self._react(heard))
        if self.course.phase == "gone":
            return self._say((Act("silent"),))
        if heard.move.kind == "offer":
            return self._say(self._go_on())
        self.course = self.course._replace(strain=self.course.strain + PUZZLING)
        return self._say((Act("puzzled"),))

    def fork(self) -> Self:
        """Return an independent copy: everything inside is immutable."""
        return copy.copy(self)

    # What the user does

    def _say(self, acts: tuple[Act, ...]) -> Said:
        if self.course.strain >= self._persona.patience:
            acts = (Act("leave"),)
        return Said(self._voice(acts), acts)

    def _request(self, number: int) -> tuple[Act, ...]:
        goal = self._persona.goals[number]
        self.wants = goal.wants
        told = [stated and want != FREE for stated, want in zip(goal.stated, goal.wants, strict=True)]
        self.course = opened(number, told, self.course.strain)
        return (Act("request"), *(Act("inform", slot, goal.wants[slot]) for slot, one in enumerate(told) if one))

    def _react(self, heard: Heard) -> tuple[Act, ...]:
        manner = self.goal.manners[heard.move.slot]
        acts, self.course = react(self.course, self.wants, self._sizes, manner, self._persona.tolerance, heard)
        return acts

    def _meet(self) -> tuple[Act, ...]:
        """Change one's mind about the goal that has been met, or be done with it."""
        told = changeable(self.course, self.wants)
        slots = () if self.course.changed else [slot for slot in self.goal.change if slot in told]
        if not slots:
            return self._part()
        slot, heals = slots[0], self.course.slipped
        acts = () if heals in (FREE, slot) else (Act("correct", heals, self.wants[heals]),)
        self.wants = changed(self.course, self.wants, self._sizes, slot, self.goal.shifts[slot])
        self.course = self.course._replace(changed=True, slipped=FREE)
        return (*acts, Act("change", slot, self.wants[slot]))

    def _part(self) -> tuple[Act, ...]:
        following = self.course.goal + 1
        if following < len(self._persona.goals):
            if self._persona.goals[following].eager:
                return self._request(following)
            kind = "acknowledge"
        else:
            kind = self._persona.parting
        self.course = self.course._replace(phase="gone" if kind in ("thank", "silent") else "waiting", slipped=FREE)
        return (Act(kind),)

    def _go_on(self) -> tuple[Act, ...]:
        """Take up an offer of further help."""
        following = self.course.goal + 1
        if following < len(self._persona.goals):
            return self._request(following)
        self.course = self.course._replace(phase="gone")
        return (Act("decline"), Act("thank"))
