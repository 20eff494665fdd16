"""Both languages compiled: how things are named, referred to and put into sentences."""

from __future__ import annotations

from functools import cache

from textenvs.envs.rewrite.grammar.chinese import CHINESE
from textenvs.envs.rewrite.grammar.english import ENGLISH
from textenvs.envs.rewrite.grammar.frames import INTENTS, Act, Entity, Type
from textenvs.envs.rewrite.grammar.language import CUTS, Cut, Opener, Shell, Wordings, by_gender
from textenvs.envs.rewrite.grammar.templates import Hole, Template, parse_template
from textenvs.envs.rewrite.types import Language

WORDINGS: dict[Language, Wordings] = {"zh": CHINESE, "en": ENGLISH}

_INFLECTED = frozenset(["head", "plural", "name"])  # of "name", nothing but the name can stand there
_ABSORBED = frozenset(["in", "to", "at"])
_MOVING = frozenset(["in", "to", "at", "on", "from", "到", "去", "从"])
_OBJECTS = {"he": "him", "she": "her"}
_POSSESSIVES = {"he": "his", "she": "her"}


class Surface:
    """One language, compiled.

    Attributes:
        language: which one.
        words: its tables.
        templates: of every intent, its cores.
        cuts: of every intent, core and slot, the ways in which that slot can be left out.
    """

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self.words = WORDINGS[language]
        self.templates: dict[str, tuple[Template, ...]] = {
            name: tuple(parse_template(text, INTENTS[name].slots) for text in cores)
            for name, cores in self.words.cores.items()
        }
        self.cuts: dict[str, tuple[tuple[tuple[Cut, ...], ...], ...]] = {
            name: tuple(
                tuple(self._cuts(hole, INTENTS[name].types[hole.slot]) for hole in template.holes)
                for template in templates
            )
            for name, templates in self.templates.items()
        }

    def name(self, entity: Entity, form: str) -> str:
        """Return an entity's customary name in a form (case or preposition)."""
        return entity.name_in(form) if form in _INFLECTED else self.formed(entity.name, form)

    def reference(self, hole: Hole, kind: Type, cut: Cut, gender: str = "", rank: int = 0) -> str | None:
        """Return what stands in a hole for a thing that is left out, or None if the language has nothing.

        Args:
            hole: where it would stand.
            kind: the thing's type.
            cut: how it is left out.
            gender: of a person.
            rank: place in the list that an ordinal counts, from 0.
        """
        if cut == "zero" or (cut == "return" and hole.droppable):
            return ""
        form = hole.form
        if cut == "one":
            return {"head": "one", "plural": "of them"}.get(form) if (kind, cut) in self.words.references else None
        if form in _INFLECTED:
            return None
        if cut == "ordinal":
            names = self.words.ordinals.get(kind)
            return None if names is None else self.formed(names[rank], form)
        forms = self.words.references.get((kind, "pronoun" if cut == "return" else cut))
        if forms is None:
            return None
        return self._inflected(by_gender(forms, gender), form, cut)

    def prepositional(self, form: str) -> bool:
        """Say whether a form is a preposition that may stand in front of a thing without its predicate."""
        return form in _MOVING

    def shells(self, shell: Shell, act: Act) -> tuple[str, ...]:
        """Return the wordings of a shell for an act."""
        return self.words.likewise if shell == "vp_ellipsis" and act != "ask" else self.words.shells[shell]

    def opener(self, act: Act, number: int) -> Opener:
        """Return an opener of an act."""
        return self.words.openers[act][number]

    def sentence(self, text: str, end: str) -> str:
        """Return a text as a sentence: single spaces, a capital at the start, the end mark."""
        if self.language == "en":
            text = " ".join(text.split()).replace(" ,", ",")
            text = text[:1].upper() + text[1:]
        return text + end

    def formed(self, name: str, form: str) -> str:
        """Return a name or reference with its case ending or preposition."""
        if not form or form in _INFLECTED:
            return name
        if form in ("'s", "的"):
            return name + form
        return f"{form} {name}" if self.language == "en" else form + name

    def _inflected(self, word: str, form: str, cut: Cut) -> str | None:
        if self.language == "zh":
            return self.formed(word, form)
        if cut == "locative":
            return word if form in _ABSORBED else f"from {word}" if form == "from" else None
        if cut == "temporal":
            return word
        if form == "'s":
            return _POSSESSIVES.get(word)
        if form == "at" and cut in ("pronoun", "return"):
            return None
        return self.formed(_OBJECTS.get(word, word) if form else word, form)

    def _cuts(self, hole: Hole, kind: Type) -> tuple[Cut, ...]:
        closed = set[Cut]() if hole.droppable else {"zero"}
        if (kind, "demonstrative") not in self.words.references or kind == "city":
            closed.add("return")
        return tuple(cut for cut in CUTS if cut not in closed and self.reference(hole, kind, cut) is not None)


@cache
def surface(language: Language) -> Surface:
    """Return a compiled language; made once."""
    return Surface(language)
