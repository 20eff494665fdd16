"""Reads the generated world by its wordings, as its service does: what may stand where, never what is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache, reduce
from typing import NamedTuple

from textenvs.envs.rewrite.grammar.frames import INTENTS, Type
from textenvs.envs.rewrite.grammar.language import CUTS, Shell
from textenvs.envs.rewrite.grammar.surface import Surface, surface
from textenvs.envs.rewrite.grammar.templates import Hole, Template
from textenvs.envs.rewrite.reading.names import shapes, things_in
from textenvs.envs.rewrite.reading.sketch import SAID, STANDS, Sketch, Slot, Thing, parted
from textenvs.envs.rewrite.types import Language

_SHELLS: tuple[Shell, ...] = ("vp_ellipsis", "correction", "fragment")


class WordingReader:
    """Knows the generated world's names, templates and shells."""

    def things(self, text: str, language: Language) -> tuple[Thing, ...]:
        """Return what a text names, in order."""
        return things_in(text, language)

    def sketch(self, text: str, language: Language) -> Sketch:
        """Return an utterance with its slots: those of its template, or the one of its shell."""
        return _sketch(text, language)


class _Pattern(NamedTuple):
    """A template as an expression, with what can stand in its slots, in the order in which they stand."""

    expression: re.Pattern[str]
    literals: tuple[str, ...]
    empty: tuple[Slot, ...]
    stand_ins: tuple[Mapping[str, Slot], ...]

    def slot(self, number: int, text: str) -> Slot:
        """Return a slot with what was found in it."""
        empty = self.empty[number]
        found = empty._replace(text=text, state=SAID) if text else empty
        return self.stand_ins[number].get(text.lower(), found)


@lru_cache(maxsize=1 << 12)
def _sketch(text: str, language: Language) -> Sketch:
    body, end = parted(text)
    body = _without_lead(body, language)
    clauses = [_clause(piece, language) for piece in body.split(surface(language).words.joiner)]
    if None not in clauses:
        found = reduce(lambda a, b: _joined(a, b, surface(language).words.joiner), filter(None, clauses))
    else:
        found = _shelled(body, language) or Sketch((body,))
    return found._replace(literals=(*found.literals[:-1], found.literals[-1] + end))


def _joined(first: Sketch, second: Sketch, joiner: str) -> Sketch:
    middle = first.literals[-1] + joiner + second.literals[0]
    return Sketch((*first.literals[:-1], middle, *second.literals[1:]), first.slots + second.slots)


def _without_lead(body: str, language: Language) -> str:
    found = _leads(language).match(body)
    return body[found.end() :] if found else body


@cache
def _leads(language: Language) -> re.Pattern[str]:
    words = surface(language).words
    leads = [re.escape(lead) for lead in (*words.repeats, *words.shifts)]
    leads += [re.escape(lead).replace(r"\{noun\}", "[^,]*") for lead in words.returns]
    return re.compile("|".join(leads), re.IGNORECASE)


# Clauses


def _clause(piece: str, language: Language) -> Sketch | None:
    """Return a clause by the first template whose slots hold what can stand there, behind an opener or none."""
    opener = _openers(language).match(piece)
    for start in {opener.end() if opener else 0, 0}:
        for pattern in _patterns(language):
            found = pattern.expression.fullmatch(piece, start)
            if found is not None:
                slots = tuple([pattern.slot(number, text) for number, text in enumerate(found.groups())])
                return Sketch((piece[:start] + pattern.literals[0], *pattern.literals[1:]), slots)
    return None


@cache
def _openers(language: Language) -> re.Pattern[str]:
    texts = {opener.text for openers in surface(language).words.openers.values() for opener in openers} - {""}
    return re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True))), re.IGNORECASE)


@cache
def _patterns(language: Language) -> tuple[_Pattern, ...]:
    tables = surface(language)
    return tuple(
        _pattern(tables, template, INTENTS[name].types)
        for name, templates in tables.templates.items()
        for template in templates
    )


def _pattern(tables: Surface, template: Template, types: tuple[Type, ...]) -> _Pattern:
    literals = tuple(re.split(r"\{\d\}", template.pattern))
    holes = [template.holes[slot] for slot in template.order]
    kinds: list[Type] = [types[hole.slot] for hole in holes]
    stand_ins = [dict(_stand_ins(tables, hole, kind)) for hole, kind in zip(holes, kinds, strict=True)]
    fitting = [_fitting(tables, hole, kind, ins) for hole, kind, ins in zip(holes, kinds, stand_ins, strict=True)]
    # Beside a slot that is left empty a space is missing too.
    first, *others = [re.escape(literal.strip()) for literal in literals]
    woven = [f" ?({slot}) ?{literal}" for slot, literal in zip(fitting, others, strict=True)]
    return _Pattern(
        re.compile(first + "".join(woven), re.IGNORECASE),
        literals,
        tuple(Slot(kind, hole.form) for hole, kind in zip(holes, kinds, strict=True)),
        tuple(stand_ins),
    )


def _fitting(tables: Surface, hole: Hole, kind: Type, stand_ins: Iterable[str]) -> str:
    """Return the expression of what can stand in a hole."""
    before, after = tables.formed("\0", hole.form).split("\0")
    name = re.escape(before) + shapes(tables.language)[kind] + re.escape(after)
    return "|".join([name, *map(re.escape, stand_ins), *[""] * hole.droppable])


def _stand_ins(tables: Surface, hole: Hole, kind: Type) -> Iterator[tuple[str, Slot]]:
    for cut in CUTS:
        for gender in "mf" if kind == "person" else ("",):
            for rank in range(len(tables.words.ordinals.get(kind, ()))) if cut == "ordinal" else (-1,):
                text = tables.reference(hole, kind, cut, gender, rank)
                if text:
                    yield text.lower(), Slot(kind, hole.form, text, STANDS, gender, rank)


# Shells


def _shelled(body: str, language: Language) -> Sketch | None:
    """Return the slot of the thing that is new in an utterance of which nothing else is left."""
    for shell, before, after in _shells(language):
        fits = body.lower().startswith(before) and body.lower().endswith(after)
        slot = _new(body[len(before) : len(body) - len(after)].strip(), language) if fits else None
        if slot is not None:
            return Sketch((body[: len(before)], body[len(body) - len(after) :]), (slot,), shell)
    return None


@cache
def _shells(language: Language) -> tuple[tuple[Shell, str, str], ...]:
    """Return the words around the new thing, for every wording; the bare thing comes last."""
    found = dict.fromkeys(_halves(surface(language)))
    return tuple(sorted(found, key=lambda item: -len(item[1] + item[2])))


def _halves(tables: Surface) -> Iterator[tuple[Shell, str, str]]:
    for shell in _SHELLS:
        for wording in (*tables.shells(shell, "ask"), *tables.shells(shell, "do")):
            before, after = re.split(r"\{\w+\}", wording.lower())
            yield shell, before, after


def _new(text: str, language: Language) -> Slot | None:
    for form in ("", *_forms(language)):
        for thing in things_in(text, language):
            if text.lower() == thing.formed(form, language).lower():
                return Slot(thing.kind, form, text, SAID, thing.gender)
        for ordinals in surface(language).words.ordinals.values():
            for rank, ordinal in enumerate(ordinals):
                if text.lower() == surface(language).formed(ordinal, form):
                    return Slot("", form, text, STANDS, rank=rank)
    return None


@cache
def _forms(language: Language) -> tuple[str, ...]:
    """Return the prepositions that a thing can bring along."""
    tables = surface(language)
    forms = {hole.form for templates in tables.templates.values() for one in templates for hole in one.holes}
    return tuple(sorted(form for form in forms if form and tables.prepositional(form)))
