"""The reduction operators: what an utterance leaves out, how it then reads, and what it has to mean."""

from __future__ import annotations

from typing import NamedTuple

from textenvs.envs.rewrite.grammar.discourse import Discourse, antecedents
from textenvs.envs.rewrite.grammar.frames import Clause, Entity, Frame
from textenvs.envs.rewrite.grammar.language import Cut, Shell
from textenvs.envs.rewrite.grammar.surface import Surface
from textenvs.envs.rewrite.grammar.templates import Template


class Reduction(NamedTuple):
    """What is left out of one clause.

    Attributes:
        cuts: for every slot how it is left out, None where it is said; ``()`` says them all.
        shell: the wording that replaces predicate and all slots but one, or None.
        kept: the slot that stays in a shell; -1 if none does.
        variant: which of the wordings for it, any number.
        rank: what an ordinal counts to, from 0.
    """

    cuts: tuple[Cut | None, ...] = ()
    shell: Shell | None = None
    kept: int = 0
    variant: int = 0
    rank: int = 0

    def cut(self, slot: int) -> Cut | None:
        """Return how a slot itself is left out (in a shell the slots that went with the predicate are not cut)."""
        return self.cuts[slot] if self.cuts else None

    def silent(self, slot: int) -> bool:
        """Say whether a slot cannot be read off the utterance."""
        return (bool(self.cuts) and self.cuts[slot] is not None) or (self.shell is not None and slot != self.kept)

    @property
    def operators(self) -> tuple[str, ...]:
        """The names of the operators at work."""
        names: list[str] = [self.shell] if self.shell else []
        names += [cut for cut in self.cuts if cut]
        return tuple(sorted(names))


NOTHING = Reduction()


class Part(NamedTuple):
    """One clause with its wording.

    Attributes:
        clause: what it means.
        core: which core.
        opener: which opener.
        reduction: what is left out.
    """

    clause: Clause
    core: int
    opener: int
    reduction: Reduction = NOTHING


class Utterance(NamedTuple):
    """What the user says in one turn.

    Attributes:
        parts: one clause, or several.
        shift: which lead announces a new topic, or None.
        repeat: which lead says that this was asked before, or None.
    """

    parts: tuple[Part, ...]
    shift: int | None = None
    repeat: int | None = None

    @property
    def frame(self) -> Frame:
        """What it means."""
        return tuple([part.clause for part in self.parts])

    @property
    def operators(self) -> tuple[str, ...]:
        """The names of all operators at work, sorted."""
        names = [name for part in self.parts for name in part.reduction.operators]
        if self.shift is not None:
            names.append("shift")
        if len(self.parts) > 1:
            names.append("several")
        return tuple(sorted(names))

    @property
    def reduced(self) -> bool:
        """Whether anything is left out."""
        return any(part.reduction != NOTHING for part in self.parts)


def say(surface: Surface, utterance: Utterance) -> str:
    """Return what the user says."""
    bodies = [body(surface, part) for part in utterance.parts]
    return _sentence(surface, utterance, bodies, _lead(surface, utterance))


def say_in_full(surface: Surface, utterance: Utterance) -> str:
    """Return the same with nothing left out: the gold rewrite."""
    bodies = [full_body(surface, part) for part in utterance.parts]
    return _sentence(surface, utterance, bodies, _lead(surface, utterance, returning=False), full=True)


def say_without(surface: Surface, utterance: Utterance, number: int, missing: int | None) -> str:
    """Return an honest but incomplete rewrite, in which one thing stays as the user left it.

    Args:
        surface: the language.
        utterance: what the user said.
        number: which of its parts has the thing.
        missing: its slot; None for the predicate.
    """
    bodies = [full_body(surface, part) for part in utterance.parts]
    bodies[number] = body_without(surface, utterance.parts[number], missing)
    return _sentence(surface, utterance, bodies, "", full=missing is not None)


def full_body(surface: Surface, part: Part) -> str:
    """Return a clause with every slot said, without opener."""
    template = surface.templates[part.clause.intent.name][part.core]
    return template.fill(_names(surface, part, template))


def body(surface: Surface, part: Part) -> str:
    """Return a clause as it is said, without opener."""
    template = surface.templates[part.clause.intent.name][part.core]
    if part.reduction.shell is not None:
        return _shelled(surface, part, template)
    return template.fill([_slot(surface, part, template, slot) for slot in range(len(template.holes))])


def body_without(surface: Surface, part: Part, missing: int | None) -> str:
    """Return a clause in which all is restored but one thing.

    Args:
        surface: the language.
        part: the clause.
        missing: the slot that stays as the user left it; None for the predicate.
    """
    template = surface.templates[part.clause.intent.name][part.core]
    names = _names(surface, part, template)
    if missing is None:
        wordings = surface.shells("vp_ellipsis", part.clause.intent.act)
        joint = " " if surface.language == "en" else ""
        said = joint.join([names[slot] for slot in template.order])
        return wordings[part.reduction.variant % len(wordings)].format(x=said, bare=said)
    cut = part.reduction.cut(missing)
    names[missing] = "" if cut is None else _slot(surface, part, template, missing)
    return template.fill(names)


def in_full(utterance: Utterance) -> tuple[Part, ...]:
    """Return the parts of an utterance with nothing left out."""
    return tuple([part._replace(reduction=NOTHING) for part in utterance.parts])


def holds(utterance: Utterance, discourse: Discourse) -> bool:
    """Say whether everything that is left out has exactly one antecedent, which is the one that is meant."""
    return all(_resolves(part, discourse) for part in utterance.parts)


def spoken(utterance: Utterance) -> frozenset[str]:
    """Return the stems of the things whose names are heard, and the names of the intents that are put in words."""
    heard: list[str] = []
    for part in utterance.parts:
        fill, reduction = part.clause.fill, part.reduction
        heard += [entity.stem for slot, entity in enumerate(fill) if reduction is NOTHING or not reduction.silent(slot)]
        if reduction.shell is None:
            heard.append(part.clause.intent.name)
    return frozenset(heard)


def _resolves(part: Part, discourse: Discourse) -> bool:
    reduction = part.reduction
    for entity, cut in zip(part.clause.fill, reduction.cuts, strict=False):
        if cut is not None:
            found = antecedents(discourse, cut, entity.type)
            if entity not in (found[reduction.rank : reduction.rank + 1] if cut == "ordinal" else found):
                return False
    return reduction.shell is None or _continues(part, discourse)


def _continues(part: Part, discourse: Discourse) -> bool:
    """Say whether the last turn asked the same but for the slot that the shell keeps."""
    if not discourse or len(discourse[-1].frame) != 1:
        return False
    last = discourse[-1].frame[0]
    same: list[bool] = [a == b for a, b in zip(last.fill, part.clause.fill, strict=False)]
    others = [equal for slot, equal in enumerate(same) if slot != part.reduction.kept]
    return last.intent == part.clause.intent and all(others)


def _names(surface: Surface, part: Part, template: Template) -> list[str]:
    """Return the surface of every slot, all of them said."""
    return [surface.name(entity, hole.form) for entity, hole in zip(part.clause.fill, template.holes, strict=True)]


def _slot(surface: Surface, part: Part, template: Template, slot: int) -> str:
    entity, hole = part.clause.fill[slot], template.holes[slot]
    cut = part.reduction.cut(slot)
    if cut is None:
        return surface.name(entity, hole.form)
    return surface.reference(hole, entity.type, cut, entity.gender, part.reduction.rank) or ""


def _shelled(surface: Surface, part: Part, template: Template) -> str:
    reduction, slot = part.reduction, part.reduction.kept
    wordings = surface.shells(reduction.shell or "vp_ellipsis", part.clause.intent.act)
    wording = wordings[reduction.variant % len(wordings)]
    if slot < 0:
        return wording
    entity, hole = part.clause.fill[slot], template.holes[slot]
    bare = _bare(surface, entity, reduction.cut(slot), reduction.rank)
    formed = surface.formed(bare, hole.form)
    return wording.format(x=formed if surface.prepositional(hole.form) else bare, bare=bare)


def _bare(surface: Surface, entity: Entity, cut: Cut | None, rank: int) -> str:
    return entity.name if cut is None else surface.words.ordinals[entity.type][rank]


def _lead(surface: Surface, utterance: Utterance, *, returning: bool = True) -> str:
    words = surface.words
    if utterance.repeat is not None:
        return words.repeats[utterance.repeat % len(words.repeats)]
    if utterance.shift is not None:
        return words.shifts[utterance.shift % len(words.shifts)]
    first = utterance.parts[0]
    if returning and "return" in first.reduction.cuts:
        kind = first.clause.fill[first.reduction.cuts.index("return")].type
        noun = words.references[kind, "demonstrative"][0]
        return words.returns[first.reduction.variant % len(words.returns)].format(noun=noun)
    return ""


def _sentence(surface: Surface, utterance: Utterance, bodies: list[str], lead: str, *, full: bool = False) -> str:
    first, last = utterance.parts[0], utterance.parts[-1]
    act = last.clause.intent.act
    opener = surface.opener(first.clause.intent.act, first.opener)
    if first.reduction.shell is not None and not full:
        asking = act == "ask" and first.reduction.shell == "vp_ellipsis"
        return surface.sentence(lead + bodies[0], surface.words.ends["ask" if asking else "do"])
    end = opener.end or surface.words.ends[act]
    return surface.sentence(lead + opener.text + surface.words.joiner.join(bodies), end)


def changed_slot(before: Clause, after: Clause) -> int | None:
    """Return the only slot in which two clauses of one intent differ, or None."""
    if before.intent != after.intent:
        return None
    differing = [slot for slot, (a, b) in enumerate(zip(before.fill, after.fill, strict=True)) if a != b]
    return differing[0] if len(differing) == 1 else None
