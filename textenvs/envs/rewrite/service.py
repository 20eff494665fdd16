"""The simulated service: it answers what the rewrite asks, whatever the user meant."""

from __future__ import annotations

from dataclasses import dataclass

from textenvs.envs.rewrite.grammar.frames import LISTING, NAMING, Clause, Entity
from textenvs.envs.rewrite.grammar.recognizer import Reading
from textenvs.envs.rewrite.grammar.surface import Surface
from textenvs.envs.rewrite.knowledge import Knowledge


@dataclass(frozen=True, slots=True)
class Reply:
    """What the service says.

    Attributes:
        text: its words.
        told: the things that they mention.
        listed: those that stand in a list.
    """

    text: str
    told: tuple[Entity, ...] = ()
    listed: tuple[Entity, ...] = ()


def answer(surface: Surface, knowledge: Knowledge, clauses: tuple[Clause, ...], *, echo: bool) -> Reply:
    """Answer one or several requests.

    Args:
        surface: the language.
        knowledge: the facts.
        clauses: what is asked.
        echo: whether to repeat what it is about.
    """
    replies = [_answer_one(surface, knowledge, clause, echo=echo or len(clauses) > 1) for clause in clauses]
    if len(replies) == 1:
        return replies[0]
    joint = "" if surface.language == "zh" else " "
    told = tuple(entity for reply in replies for entity in reply.told)
    return Reply(joint.join([reply.text for reply in replies]), told)


def respond(surface: Surface, knowledge: Knowledge, reading: Reading) -> Reply:
    """Answer a rewrite as it was understood, saying what about, or ask back."""
    if reading.clauses:
        return answer(surface, knowledge, reading.clauses, echo=True)
    if reading.missing is not None:
        return Reply(surface.words.which.format(noun=surface.words.nouns[reading.missing]))
    return Reply(surface.words.pardon)


def _answer_one(surface: Surface, knowledge: Knowledge, clause: Clause, *, echo: bool) -> Reply:
    kind, subject = clause.intent.answer, clause.fill[0]
    things = knowledge.named(clause)
    if kind in NAMING and not things:
        return Reply(surface.sentence(surface.words.nothing.format(x=subject.name), ""), (subject,))
    value = _listed(surface, [thing.name for thing in things]) if things else knowledge.figure(clause)
    text = surface.words.replies[kind][echo].format(x=subject.name, v=value)
    return Reply(
        surface.sentence(text, ""),
        (subject, *things) if echo else things,
        things if kind in LISTING else (),
    )


def _listed(surface: Surface, names: list[str]) -> str:
    comma, final = surface.words.listing
    return final.join([comma.join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
