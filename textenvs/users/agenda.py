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

Parting = Literal["thank", "acknowledge", "silent"]
"""What a user does when everything is done: thank and leave, take note and wait, or say nothing any more."""

Voice = Callable[[int, tuple[Act, ...]], str]
"""Puts the acts of one message into words, given the number of the goal that is spoken of."""


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
        parting: what it does when everything is done.
    """

    goals: tuple[Goal, ...]
    patience: int
    tolerance: int
    parting: Parting


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


def react(course: Course, wants: Sequence[int], sizes: Sequence[int], manner: Manner, heard: Heard) -> Reaction:
    """Return how a user takes a move that does not meet its goal.

    Args:
        course: before the move; its phase is ``"goal"``.
        wants: the values that are wanted.
        sizes: how many values each slot has.
        manner: in which a question is answered.
        heard: the move.

    Returns:
        The acts of the user's message, and the course after it but for questions and strain (see `burdened`).
    """
    acts = () if course.slipped == FREE else (Act("correct", course.slipped, wants[course.slipped]),)
    if heard.move.kind == "ask" and heard.move.slot != FREE:
        more, after = _answer(course._replace(slipped=FREE), wants, sizes, manner, heard.move.slot)
        return (*acts, *more), after
    if heard.move.kind in ANSWERS and heard.verdict == "wrong":
        slot, _ = violated(course, wants, heard.offered)
        return (*acts, Act("reject", slot, wants[slot])), course._replace(slipped=FREE).tell(slot)
    puzzled = heard.move.kind in ("ask", "unclear")
    return (*acts, Act("puzzled" if puzzled else "insist")), course._replace(slipped=FREE)


def _answer(course: Course, wants: Sequence[int], sizes: Sequence[int], manner: Manner, slot: int) -> Reaction:
    if course.told[slot] == TOLD:
        return (Act("repeat", slot, wants[slot]),), course
    act = _answer_for(course, wants, sizes, manner, slot)
    slipped = act.kind == "inform" and act.value != wants[slot]
    course = course.tell(slot, VAGUE if act.kind == "vague" else TOLD)._replace(slipped=slot if slipped else FREE)
    if not manner.volunteers or UNTOLD not in course.told:
        return (act,), course
    more = course.told.index(UNTOLD)
    kind = "dont_care" if wants[more] == FREE else "inform"
    return (act, Act(kind, more, wants[more])), course.tell(more)


def _answer_for(course: Course, wants: Sequence[int], sizes: Sequence[int], manner: Manner, slot: int) -> Act:
    want, size = wants[slot], sizes[slot]
    if want == FREE:
        return Act("unknown" if manner.clueless else "dont_care", slot)
    lower = neighbours(want, size)
    if manner.vague and lower is not None and course.told[slot] == UNTOLD:
        return Act("vague", slot, lower)
    return Act("inform", slot, slip_of(want, size) if manner.slips else want)


def burdened(course: Course, heard: Heard, acts: Sequence[Act], tolerance: int) -> Course:
    """Return a course with the questions and the strain that a move adds.

    Args:
        course: before the move; a goal is open, or the user waits.
        heard: a move that does not meet the goal.
        acts: the user's answer to it.
        tolerance: how many questions about a goal are no strain.
    """
    strain, asked = course.strain, course.asked
    if heard.move.kind == "ask" and heard.move.slot != FREE and course.phase == "goal":
        repeated = any(act.kind == "repeat" for act in acts)
        strain += REPEATED if repeated else NEEDLESS if heard.needless else 0
        strain += TIRING if asked >= tolerance else 0
        asked = min(asked + 1, tolerance)
    elif heard.verdict in ("wrong", "other_kind"):
        strain += WRONG + (IGNORING if _ignored(course, acts) else 0)
    else:
        strain += PUZZLING
    return course._replace(strain=strain, asked=asked)


def _ignored(course: Course, acts: Sequence[Act]) -> bool:
    """Say whether an answer was turned down because of something that the user had told, and rightly."""
    healed = [act.slot for act in acts if act.kind == "correct"]
    return any(act.kind == "reject" and course.told[act.slot] == TOLD and act.slot not in healed for act in acts)


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
        if self.course.phase == "gone":
            return self._say((Act("silent"),))
        if self.course.phase == "waiting" and heard.move.kind == "offer":
            return self._say(self._go_on())
        if heard.verdict == "right":
            return self._say(self._meet())
        acts, after = self._react(heard) if self.course.phase == "goal" else ((Act("puzzled"),), self.course)
        burden = burdened(self.course, heard, acts, self._persona.tolerance)
        self.course = after._replace(asked=burden.asked, strain=burden.strain)
        return self._say(acts)

    def fork(self) -> Self:
        """Return an independent copy: everything inside is immutable."""
        return copy.copy(self)

    # What the user does

    def _say(self, acts: tuple[Act, ...]) -> Said:
        if self.course.strain >= self._persona.patience:
            acts = (*acts, Act("leave"))
        return Said(self._voice(self.course.goal, acts), acts)

    def _request(self, number: int) -> tuple[Act, ...]:
        goal = self._persona.goals[number]
        self.wants = goal.wants
        told = [stated and want != FREE for stated, want in zip(goal.stated, goal.wants, strict=True)]
        self.course = opened(number, told, self.course.strain)
        return (Act("request"), *(Act("inform", slot, goal.wants[slot]) for slot, one in enumerate(told) if one))

    def _react(self, heard: Heard) -> Reaction:
        manner = self.goal.manners[heard.move.slot]
        return react(self.course, self.wants, self._sizes, manner, heard)

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
