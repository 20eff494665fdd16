"""What a language has to say for itself: the tables that `english` and `chinese` fill in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textenvs.envs.dialogue.types import Mood
from textenvs.tidiness import Frames
from textenvs.users.core import ActKind, MoveKind

Wordings = tuple[str, str, str, str, str]
"""Five wordings of one thing: the first three for training, the fourth for validation, the fifth for tests."""


@dataclass(frozen=True, slots=True)
class UserWords:
    """What users say. Every table has five wordings.

    Attributes:
        greetings: how a first request begins.
        requests: cores by intent; ``{thing}`` is the noun with the phrases of what is told.
        following: how a later request begins.
        acts: by kind of act, with ``{name}`` and ``{phrase}`` of the value, ``{other}`` its upper neighbour's name and
            ``{slot}`` the slot's.
        free: what is said in place of a repeated or volunteered value where nothing is wanted, with ``{slot}``.
        insisting: how a request is made again, by intent.
        moods: what stands before a message of an angry or chatty user.
    """

    greetings: Wordings
    requests: Mapping[MoveKind, Wordings]
    following: Wordings
    acts: Mapping[ActKind, Wordings]
    free: Wordings
    insisting: Mapping[MoveKind, Wordings]
    moods: Mapping[Mood, Wordings]


@dataclass(frozen=True, slots=True)
class AgentWords:
    """What agents are told, and how the oracle speaks.

    Attributes:
        instruction: what to do, with ``{noun}``.
        catalogue: what there is, with ``{slots}`` and ``{rows}``.
        plain: how to write, where the agent speaks freely.
        tags: how to write, where it writes tags.
        slot: how a slot and its values are listed.
        row: how a candidate is listed, with ``{name}``, ``{values}`` and ``{detail}``.
        moves: the oracle's words by kind of move, with ``{slot}``, ``{name}`` and ``{detail}``.
        described: answers that describe what they are about, by kind of move, with ``{thing}``.
        tag_names: what the tags are called, by kind of move.
    """

    instruction: str
    catalogue: str
    plain: str
    tags: str
    slot: str
    row: str
    moves: Mapping[MoveKind, str]
    described: Mapping[MoveKind, str]
    tag_names: Mapping[MoveKind, str]


@dataclass(frozen=True, slots=True)
class Cues:
    """By what an agent's free words are understood: regular expressions.

    Attributes:
        book: a booking.
        refuse: there is nothing suitable.
        handover: a person takes over.
        offer: further help.
        end: a farewell.
        question: a question without a question mark.
    """

    book: str
    refuse: str
    handover: str
    offer: str
    end: str
    question: str


@dataclass(frozen=True, slots=True)
class Words:
    """All words of one language.

    Attributes:
        user: of users.
        agent: of agents.
        cues: by which agents are understood.
        frames: the sentences of tidy agents by the kind of their move, with ``<slot>``, ``<values>``, ``<name>``,
            ``<detail>`` and ``<noun>``; see `textenvs.tidiness`.
        describing: the sentences of answers that describe what they are about, with ``<thing>``.
        described: the shape of such a description: a regular expression with ``<value>`` and ``<noun>``.
        space: what stands between two sentences.
        comma: what stands in a list.
        both: what stands between two phrases.
        after: whether phrases follow the noun.
    """

    user: UserWords
    agent: AgentWords
    cues: Cues
    frames: Frames
    describing: Frames
    described: str
    space: str
    comma: str
    both: str
    after: bool
