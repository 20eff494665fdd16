"""What a language has to say for itself: the tables that `chinese` and `english` fill in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from textenvs.envs.rewrite.grammar.frames import Act, AnswerKind, Type

Cut = Literal["pronoun", "demonstrative", "locative", "temporal", "ordinal", "one", "zero", "return"]
"""How one slot can be left out: something stands for it, or (``"zero"``) nothing does; with ``"return"`` the
sentence is led in by the topic that it comes back to."""

CUTS: tuple[Cut, ...] = get_args(Cut)

Shell = Literal["vp_ellipsis", "correction", "fragment", "complaint"]
"""How a whole clause can be left out around the one slot that is new."""


@dataclass(frozen=True, slots=True)
class Opener:
    """How a sentence can begin without changing what it asks.

    Attributes:
        text: what it adds before the core.
        end: the punctuation it asks for at the end; ``""`` leaves the act's own.
    """

    text: str
    end: str = ""


@dataclass(frozen=True, slots=True)
class Wordings:
    """The tables of one language. Templates are written in the language of `templates`.

    Attributes:
        openers: five for each act.
        ends: the final punctuation of each act.
        cores: five wordings of every intent.
        cues: for every intent the phrases that give it away; each core holds one.
        negations: the phrases by which a `forbid` core negates.
        references: what stands for a thing of a type, by operator: one form, or (male, female).
        ordinals: how the n-th of a list is called, by type.
        shells: five wordings (complaints: two) around ``{x}`` (the new thing in its form) or ``{bare}`` (without its
            preposition).
        likewise: five wordings of ``"vp_ellipsis"`` where nothing is asked but something is to be done.
        shifts: leads that open a new topic.
        returns: leads that come back to one; ``{noun}`` is the demonstrative of its type.
        nouns: what a thing of a type is called in a question back.
        joiner: what stands between two requests of one utterance.
        replies: for every kind of answer, a short wording and one that repeats ``{x}``, the thing asked about;
            ``{v}`` is the value, ``{it}`` the pronoun.
        listing: what stands between the things of a list, and before the last one.
        nothing: the reply where there is nothing to list.
        which: the question back where a slot is missing; ``{noun}`` as above.
        pardon: the reply where nothing was understood.
        repeats: how a user begins to say the same request again.
        thanks: the last words of a user who got everything.
        farewells: the last words of a user who gives up, and of one whose time is over.
        speakers: labels of service and user.
        instruction: what the agent is told to do.
    """

    openers: Mapping[Act, tuple[Opener, ...]]
    ends: Mapping[Act, str]
    cores: Mapping[str, tuple[str, ...]]
    cues: Mapping[str, tuple[str, ...]]
    negations: tuple[str, ...]
    references: Mapping[tuple[Type, Cut], tuple[str, ...]]
    ordinals: Mapping[Type, tuple[str, ...]]
    shells: Mapping[Shell, tuple[str, ...]]
    likewise: tuple[str, ...]
    shifts: tuple[str, ...]
    returns: tuple[str, ...]
    nouns: Mapping[Type, str]
    joiner: str
    replies: Mapping[AnswerKind, tuple[str, str]]
    listing: tuple[str, str]
    nothing: str
    which: str
    pardon: str
    repeats: tuple[str, ...]
    thanks: str
    farewells: tuple[str, str]
    speakers: tuple[str, str]
    instruction: str


def by_gender(forms: tuple[str, ...], gender: str) -> str:
    """Return the form for a gender, where a language has two."""
    return forms[-1] if gender == "f" else forms[0]
