"""What an agent that listens can know: a box of possible wants, and where the conversation stands.

Everything that a user of `agenda` says restricts single slots. So what is left is a *box*: for every slot the set of
values that may be wanted there, as bits, with one more bit for "nothing in particular". The prior over goals,
restricted to the box, is the posterior; only a value that was told just now, and may have been a slip, has two
candidates of different weight until the next message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textenvs.envs.dialogue.knowledge import KnowledgeBase, Wants
from textenvs.users.agenda import TOLD, VAGUE, Course, burdened, opened
from textenvs.users.core import FREE, Act, Heard, Move
from textenvs.users.habits import Habits

Box = tuple[int, ...]
"""By slot, the bits of the values that may be wanted; bit ``size`` stands for `FREE`."""


class Belief(NamedTuple):
    """An information state.

    Attributes:
        course: where the conversation stands, as far as it can be seen.
        box: what may be wanted.
        fresh: the slot whose value was told just now and may be a slip; `FREE` where there is none.
        heard: that value.
    """

    course: Course
    box: Box = ()
    fresh: int = FREE
    heard: int = FREE


def bit(value: int, size: int) -> int:
    """Return the bit of a value of a slot with so many."""
    return 1 << (size if value == FREE else value)


def everything(size: int) -> int:
    """Return the bits of everything that may be wanted of a slot with so many values."""
    return (1 << (size + 1)) - 1


def within(wants: Sequence[int], box: Sequence[int], sizes: Sequence[int]) -> bool:
    """Say whether a box allows these wants."""
    return all(bits & bit(want, size) for want, bits, size in zip(wants, box, sizes, strict=True))


def box_of(wants: Sequence[int], sizes: Sequence[int]) -> Box:
    """Return the box that allows these wants and no others."""
    return tuple(bit(want, size) for want, size in zip(wants, sizes, strict=True))


def wants_in(box: Sequence[int], sizes: Sequence[int]) -> Wants | None:
    """Return the only wants that a box allows; None where there are several."""
    if any(bits & (bits - 1) for bits in box):
        return None
    return tuple(FREE if bits >> size else bits.bit_length() - 1 for bits, size in zip(box, sizes, strict=True))


def told_values(belief: Belief, sizes: Sequence[int]) -> Wants:
    """Return by slot the only value that may be wanted, taking the user at its word; `FREE` where there are several."""
    single = [bits.bit_length() - 1 if not bits & (bits - 1) else FREE for bits in _taken_at_its_word(belief, sizes)]
    return tuple(FREE if value == size else value for value, size in zip(single, sizes, strict=True))


def believe(kb: KnowledgeBase, goal: int, acts: Sequence[Act], strain: int) -> Belief:
    """Return what is known after a request.

    Args:
        kb: what there is.
        goal: number of the goal.
        acts: of the message with the request; the slots that it informs about are told.
        strain: so far.
    """
    told = {act.slot: act.value for act in acts if act.kind == "inform"}
    course = opened(goal, [slot in told for slot in range(len(kb.sizes))], strain)
    stated = tuple(told.get(slot, FREE) for slot in range(len(kb.sizes)))
    if not kb.possible(stated):
        return Belief(course, box_of(stated, kb.sizes))
    box = tuple(bit(told[slot], size) if slot in told else everything(size) for slot, size in enumerate(kb.sizes))
    return Belief(course, box)


def learn(kb: KnowledgeBase, belief: Belief, move: Move, acts: Sequence[Act], course: Course, slips: bool) -> Belief:
    """Return what is known after the user's answer to a move that did not end the goal.

    Args:
        kb: what there is.
        belief: before the move.
        move: of the agent.
        acts: of the user's answer.
        course: before the answer, with the questions and the strain that the move has added.
        slips: whether a value that is told on being asked may be a slip.
    """
    box, fresh, heard = list(_taken_at_its_word(belief, kb.sizes)), FREE, FREE
    for act in acts:
        if act.slot == FREE:
            continue
        size = kb.sizes[act.slot]
        if act.kind == "vague":
            box[act.slot] &= bit(act.value, size) | bit(act.value + 1, size)
            course = course.tell(act.slot, VAGUE)
            continue
        if act.kind == "change":
            box = [
                bits if told == TOLD else bit(FREE, n) for bits, told, n in zip(box, course.told, kb.sizes, strict=True)
            ]
            course = course._replace(changed=True)
        if act.kind == "reject" and (course.told[act.slot] != TOLD or acts[0] == Act("correct", act.slot, act.value)):
            _narrow(box, kb, move.candidate, act.slot)
        course = course.tell(act.slot)
        box[act.slot] = bit(act.value, size)
        if act.kind == "inform" and slips and act.slot == move.slot:
            box[act.slot] = belief.box[act.slot] & (box[act.slot] | bit((act.value - 1) % size, size))
            fresh, heard = act.slot, act.value
    return Belief(course, tuple(box), fresh, heard)


def follow(kb: KnowledgeBase, belief: Belief, heard: Heard, acts: Sequence[Act], habits: Habits, angry: bool) -> Belief:
    """Return what is known after any answer of the user.

    Args:
        kb: what there is.
        belief: before the move.
        heard: the move and what was right about it.
        acts: of the user's answer.
        habits: of the bank that the user is from.
        angry: whether the user is angry.
    """
    course, kinds = belief.course, {act.kind for act in acts}
    met = heard.verdict == "right" or (course.phase == "waiting" and heard.move.kind == "offer")
    if course.phase != "gone" and not met:
        course = burdened(course, heard, acts, habits.bear(angry))
    if "request" in kinds:
        return believe(kb, course.goal + 1, acts, course.strain)
    if course.phase == "goal" and (not met or "change" in kinds):
        return learn(kb, belief, heard.move, acts, course, habits.slips > 0.0)
    waits = not kinds & {"thank", "silent"} and course.phase != "gone"
    return Belief(Course(course.goal, "waiting" if waits else "gone", (), strain=course.strain))


def _taken_at_its_word(belief: Belief, sizes: Sequence[int]) -> Box:
    """Return the box in which the value that was told last was no slip."""
    if belief.fresh == FREE:
        return belief.box
    told = bit(belief.heard, sizes[belief.fresh])
    return (*belief.box[: belief.fresh], told, *belief.box[belief.fresh + 1 :])


def _narrow(box: list[int], kb: KnowledgeBase, candidate: int, slot: int) -> None:
    """Take in that this slot is the first in which a candidate is not what is wanted."""
    for earlier in range(slot):
        size = kb.sizes[earlier]
        box[earlier] &= bit(kb.rows[candidate][earlier], size) | bit(FREE, size)
