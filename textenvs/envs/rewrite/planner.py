"""Plans a dialogue: which requests, about what, and what each of them leaves out."""

from __future__ import annotations

from collections.abc import Sequence

from textenvs.envs.rewrite.dials import Dials
from textenvs.envs.rewrite.grammar.dice import Dice
from textenvs.envs.rewrite.grammar.discourse import Discourse, Event, antecedents, distance, mentioned
from textenvs.envs.rewrite.grammar.entities import WORD_TYPES, Cast
from textenvs.envs.rewrite.grammar.frames import LISTING, NAMING, Clause, Entity, Intent, Type
from textenvs.envs.rewrite.grammar.language import Cut, Shell
from textenvs.envs.rewrite.grammar.menu import Group, Option, in_split, menu, openers
from textenvs.envs.rewrite.grammar.reduction import NOTHING, Part, Reduction, Utterance, spoken
from textenvs.envs.rewrite.types import Language
from textenvs.seeding import Split

_TRIES = 12
_VARIANTS = 6  # a multiple of every number of wordings that a variant chooses from
_ALONE: frozenset[Cut] = frozenset(["zero", "one", "return"])  # these look at the turn before, not beside themselves


class Planner:
    """Draws the requests of one dialogue, one after the other.

    Args:
        language: of the dialogue.
        split: whose names, templates and operator combinations.
        dials: how difficult.
        dice: where the choices come from.

    Attributes:
        cast: everything the dialogue can talk about.
        answers: for every request so far whose answer names things, those things.
        discourse: the turns so far, as they go if nothing goes wrong.
        utterances: what the user says in them.
        echoes: whether the service repeats what its answer is about.
    """

    def __init__(self, language: Language, split: Split, dials: Dials, dice: Dice) -> None:
        self.cast = Cast(language, split, dice)
        self.answers: dict[Clause, tuple[Entity, ...]] = {}
        self.discourse: Discourse = ()
        self.utterances: list[Utterance] = []
        self.echoes: list[bool] = []
        self._split: Split = split
        self._dials = dials
        self._dice = dice
        self._menu = menu(language, split, dials.intents, dials.cores)
        self._asked: set[Clause] = set()

    def plan(self, turns: int) -> None:
        """Plan this many requests."""
        shares = _later_shares(self._dials, turns)
        for turn in range(turns):
            wish = self._dice.weighted(shares) if turn else 0
            part = self._reduced(wish) or self._plain(self._menu.plain)
            self._happen(self._dressed(part))

    # One clause

    def _reduced(self, wish: int) -> Part | None:
        """Return a clause with something left out: 1 reference, 2 ellipsis, 3 both; None if that cannot be."""
        groups = ((), self._menu.reference, self._menu.ellipsis, self._menu.both)[wish]
        for _ in range(_TRIES if wish else 0):
            shelled = wish > 1 and (not groups or self._dice.chance(0.6))
            part = self._shelled(by_ordinal=wish == 3) if shelled else self._chosen(groups)
            if part is not None:
                return part
        return None

    def _chosen(self, groups: Sequence[Group]) -> Part | None:
        """Take an option of the menu if what it leaves out has an antecedent."""
        option = self._dice.pick(self._dice.pick(groups))
        fill: list[Entity | None] = []
        rank = 0
        for kind, cut in zip(option.intent.types, option.cuts, strict=True):
            found = () if cut is None else antecedents(self.discourse, cut, kind)
            if cut is not None and not found:
                return None
            at = self._dice.below(len(found)) if found else 0
            rank = at if cut == "ordinal" else rank
            fill.append(found[at] if found else None)
        if not all(entity is None or self._reaches(entity.stem) for entity in fill):
            return None
        return self._part(option, fill, Reduction(option.cuts, variant=self._dice.below(_VARIANTS), rank=rank))

    def _shelled(self, *, by_ordinal: bool) -> Part | None:
        """Ask the same again about something else, with the predicate left out."""
        dice, before = self._dice, self.utterances[-1].parts
        last = before[0]
        intent, fill = last.clause.intent, list[Entity | None](last.clause.fill)
        slot = dice.below(len(fill))
        kind = intent.types[slot]
        shell: Shell = "vp_ellipsis" if by_ordinal or dice.chance(0.75) else "correction"
        if len(before) > 1 or (shell == "vp_ellipsis" and kind in ("count", "nights")):
            return None
        listed = antecedents(self.discourse, "ordinal", kind) if by_ordinal else ()
        operators = (*(["ordinal"] if by_ordinal else []), shell)
        if (by_ordinal and not listed) or not in_split(self._split, intent, last.core, operators):
            return None
        rank = dice.below(len(listed)) if listed else 0
        cut: Cut | None = "ordinal" if by_ordinal else None
        cuts = tuple([cut if i == slot else None for i in range(len(fill))])
        fill[slot] = listed[rank] if listed else self._other_than(fill[slot], kind)
        if not all(self._reaches(e.stem) for i, e in enumerate(fill) if e is not None and (i != slot or listed)):
            return None
        option = Option(intent, last.core, cuts)
        return self._part(option, fill, Reduction(cuts, shell, slot, dice.below(_VARIANTS), rank), last.opener)

    def _plain(self, options: Group) -> Part:
        """Return a clause in full."""
        for _ in range(_TRIES):
            option = self._dice.pick(options)
            part = self._part(option, [None] * len(option.intent.slots), NOTHING)
            if part is not None:
                return part
        raise AssertionError("the planner found nothing to ask")

    def _part(
        self, option: Option, fill: Sequence[Entity | None], reduction: Reduction, opener: int | None = None
    ) -> Part | None:
        """Fill the open slots; None if this was asked before or its answer would name too many things."""
        whole: list[Entity] = []
        for kind, entity in zip(option.intent.types, fill, strict=True):
            whole.append(self._fresh(kind, [*whole, *[e for e in fill if e is not None]]) if entity is None else entity)
        clause = Clause(option.intent, tuple(whole))
        if clause in self._asked or len(set(whole)) < len(whole) or not self._answerable(option.intent):
            return None
        if opener is None:
            opener = self._dice.pick(openers(self._split, option.intent, option.core))
        return Part(clause, option.core, opener, reduction)

    # The whole utterance

    def _dressed(self, part: Part) -> Utterance:
        """Add what surrounds a clause: a second one, or the announcement of a new topic."""
        dice, reduction = self._dice, part.reduction
        if reduction.shell is None and "return" not in reduction.cuts:
            if dice.chance(self._dials.several):
                second = self._second(part)
                if second is not None:
                    return Utterance((part, second))
            if self.discourse and self._new_topic(part.clause) and dice.chance(self._dials.shift):
                return Utterance((part,), shift=dice.below(_VARIANTS))
        return Utterance((part,))

    def _second(self, first: Part) -> Part | None:
        """Return a second request about other kinds of things, in full or with its own references."""
        taken = set(first.clause.intent.types)
        for _ in range(_TRIES):
            part = self._chosen(self._menu.reference) if self.discourse and self._menu.reference else None
            part = part or self._plain(self._menu.plain)
            if taken.isdisjoint(part.clause.intent.types) and _ALONE.isdisjoint(part.reduction.cuts):
                return part
        return None

    def _happen(self, utterance: Utterance) -> None:
        """Let the turn take place: things are mentioned, the service answers."""
        echo = self._dice.chance(self._dials.echo) or len(utterance.parts) > 1
        told: list[Entity] = []
        for clause in utterance.frame:
            self._asked.add(clause)
            told += [clause.fill[0]] if echo else []
            told += self._answered(clause)
        listing = len(utterance.parts) == 1 and utterance.frame[0].intent.answer in LISTING
        asked = tuple(entity for clause in utterance.frame for entity in clause.fill)
        named = spoken(utterance) | {entity.stem for entity in told}
        listed = self.answers[utterance.frame[0]] if listing else ()
        self.discourse = (*self.discourse, Event(utterance.frame, asked, tuple(told), listed, named))
        self.utterances.append(utterance)
        self.echoes.append(echo)

    def _answered(self, clause: Clause) -> tuple[Entity, ...]:
        """Draw the things that the answer to a request names."""
        kind = NAMING.get(clause.intent.answer)
        if kind is None:
            return ()
        if clause.intent.answer in LISTING:
            room = self._room(kind)
            count = self._dice.between(2, min(5, room))
            self.answers[clause] = tuple([self.cast.draw(kind) for _ in range(count)])
        else:
            self.answers[clause] = (self._fresh(kind, clause.fill),)
        return self.answers[clause]

    # Things

    def _fresh(self, kind: Type, taken: Sequence[Entity]) -> Entity:
        """Return a thing to talk about: mostly a new one, as far as the dial for distractors allows."""
        known = [entity for entity in mentioned(self.discourse, kind) if entity not in taken]
        if kind in WORD_TYPES or not known or (self._room(kind) > 0 and self._dice.chance(0.75)):
            return self.cast.draw(kind)
        return self._dice.pick(known)

    def _other_than(self, entity: Entity | None, kind: Type) -> Entity:
        return self._fresh(kind, [] if entity is None else [entity])

    def _room(self, kind: Type) -> int:
        """Return how many more things of a type the dialogue may mention."""
        return self._dials.distractors + 1 - len(mentioned(self.discourse, kind))

    def _answerable(self, intent: Intent) -> bool:
        kind = NAMING.get(intent.answer)
        return kind is None or intent.answer not in LISTING or self._room(kind) >= 2

    def _reaches(self, stem: str) -> bool:
        return 1 <= distance(self.discourse, stem) <= self._dials.reach

    def _new_topic(self, clause: Clause) -> bool:
        before = {entity.type for entity in self.discourse[-1].asked}
        return before.isdisjoint(clause.intent.types)


def _later_shares(dials: Dials, turns: int) -> tuple[float, float, float, float]:
    """Return the shares of unchanged, reference, ellipsis and both among all turns but the first."""
    both = max(0.0, dials.reference + dials.ellipsis + dials.unchanged - 1.0)
    unchanged = max(0.0, dials.unchanged * turns - 1.0) / turns
    return unchanged, dials.reference - both, dials.ellipsis - both, both
