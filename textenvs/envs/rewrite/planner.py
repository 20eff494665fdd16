"""Plans a dialogue: which requests, about what, and what each of them leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain

from textenvs.dice import Dice
from textenvs.envs.rewrite.dials import Dials
from textenvs.envs.rewrite.grammar.discourse import Discourse, antecedents, distance, event, mentioned
from textenvs.envs.rewrite.grammar.entities import Cast
from textenvs.envs.rewrite.grammar.frames import LISTING, NAMING, Clause, Entity, Intent, Type
from textenvs.envs.rewrite.grammar.language import Cut, Shell
from textenvs.envs.rewrite.grammar.menu import Choice, Group, Need, Option, menu, openers, shell_wordings
from textenvs.envs.rewrite.grammar.reduction import NOTHING, Part, Reduction, Utterance, spoken
from textenvs.envs.rewrite.types import Language
from textenvs.seeding import Split

_TRIES = 6
_WISHES = ((), (1, 2), (2, 1), (3, 1, 2))  # what to try, one after the other, for every wish
_VARIANTS = 10  # a multiple of every number of wordings that a variant chooses from
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
        self._language: Language = language
        self._split: Split = split
        self._dials = dials
        self._dice = dice
        self._menu = menu(language, split, dials.intents, dials.operators)
        self._asked: set[Clause] = set()
        self._topics: set[tuple[Intent, Entity]] = set()
        self._types: set[Type] = set()
        self._found: dict[Need, tuple[Entity, ...]] = {}
        self._met: frozenset[Need] | None = None

    def plan(self, turns: int) -> None:
        """Plan this many requests."""
        shares = _later_shares(self._dials, turns)
        for turn in range(turns):
            wish = self._dice.weighted(shares) if turn else 0
            self._found.clear()
            self._met = None
            part = next(filter(None, map(self._reduced, _WISHES[wish])), None) or self._plain()
            self._happen(self._dressed(part))

    # One clause

    def _reduced(self, kind: int) -> Part | None:
        """Return a clause with something left out: 1 reference, 2 ellipsis, 3 both; None if that cannot be."""
        groups = self._feasible((self._menu.reference, self._menu.ellipsis, self._menu.both)[kind - 1])
        shells = self._shells(by_ordinal=kind == 3) if kind > 1 else []
        for _ in range(_TRIES if groups or shells else 0):
            shelled = bool(shells) and (not groups or self._dice.chance(0.5))
            part = self._shelled(*self._dice.pick(shells)) if shelled else self._chosen(groups)
            if part is not None:
                return part
        return None

    def _feasible(self, choice: Choice) -> Sequence[Group]:
        """Return the groups whose needs have antecedents."""
        if self._met is None:
            needs = chain.from_iterable([self._menu.needs.get(kind, ()) for kind in self._types])
            self._met = frozenset([need for need in needs if self._antecedents(*need)])
        return choice.feasible(self._met)

    def _chosen(self, groups: Sequence[Group]) -> Part | None:
        """Take an option of a menu of which everything is feasible."""
        option = self._dice.pick(self._dice.pick(groups).options)
        fill: list[Entity | None] = [None] * len(option.cuts)
        rank = 0
        for slot, cut in enumerate(option.cuts):
            if cut is not None:
                found = self._antecedents(cut, option.intent.types[slot])
                at = self._dice.below(len(found))
                rank = at if cut == "ordinal" else rank
                fill[slot] = found[at]
        return self._part(option, fill, Reduction(option.cuts, variant=self._dice.below(_VARIANTS), rank=rank))

    def _shells(self, *, by_ordinal: bool) -> list[tuple[Shell, int, Cut | None]]:
        """Return how the last request can be asked again about something else: shell, new slot, how that is said."""
        last, *others = self.utterances[-1].parts
        intent, fill = last.clause
        if others or not self._reaches(intent.name):
            return []
        cut: Cut | None = "ordinal" if by_ordinal else None
        corrected = last.reduction.shell == "correction"
        shells: tuple[Shell, ...] = ("vp_ellipsis",) if by_ordinal or corrected else ("vp_ellipsis", "correction")
        return [
            (shell, slot, cut)
            for shell in shells
            if self._wordings(last, shell, cut)
            for slot, kind in enumerate(intent.types)
            if (shell == "correction" or _can_follow(intent, slot))
            and (cut is None or self._antecedents(cut, kind))
            and self._reaches(*[entity.stem for entity in fill if entity is not fill[slot]])
        ]

    def _wordings(self, part: Part, shell: Shell, cut: Cut | None) -> tuple[int, ...]:
        """Return which wordings of a shell are in use."""
        if shell not in self._dials.operators or (cut is not None and cut not in self._dials.operators):
            return ()
        return shell_wordings(self._language, self._split, part.clause.intent, part.core, shell, cut)

    def _shelled(self, shell: Shell, slot: int, cut: Cut | None) -> Part | None:
        """Ask the last request again about something else, with the predicate left out."""
        last = self.utterances[-1].parts[0]
        intent, fill = last.clause.intent, list[Entity | None](last.clause.fill)
        listed = () if cut is None else self._antecedents(cut, intent.types[slot])
        rank = self._dice.below(len(listed)) if listed else 0
        cuts: tuple[Cut | None, ...] = tuple([cut if i == slot else None for i in range(len(fill))])
        fill[slot] = listed[rank] if listed else None
        reduction = Reduction(cuts, shell, slot, self._dice.pick(self._wordings(last, shell, cut)), rank)
        return self._part(Option(intent, last.core, cuts), fill, reduction, last.clause.fill[slot], last.opener)

    def _plain(self, apart: frozenset[Type] = frozenset()) -> Part:
        """Return a clause in full, mentioning none of the types `apart`."""
        for _ in range(10 * _TRIES):
            option = self._dice.pick(self._menu.plain)
            if apart.isdisjoint(_touched(option.intent)):
                part = self._part(option, [None] * len(option.intent.slots), NOTHING)
                if part is not None:
                    return part
        raise AssertionError("the planner found nothing to ask")

    def _part(
        self,
        option: Option,
        fill: Sequence[Entity | None],
        reduction: Reduction,
        instead_of: Entity | None = None,
        opener: int | None = None,
    ) -> Part | None:
        """Fill the open slots; None if this was asked before or its answer would name too many things.

        Who asks the same about the same thing again, with another date or number, says no more than what is new.
        """
        taken = [entity for entity in (*fill, instead_of) if entity is not None]
        whole: list[Entity] = []
        for kind, given in zip(option.intent.types, fill, strict=True):
            entity = given or self._fresh(kind, [*whole, *taken] if whole else taken)
            if entity is None:
                return None
            whole.append(entity)
        clause = Clause(option.intent, tuple(whole))
        if clause in self._asked or len({*whole, instead_of}) <= len(whole) or not self._answerable(clause):
            return None
        if reduction.shell is None and (option.intent, whole[0]) in self._topics:
            return None
        if opener is None:
            opener = self._opener(option)
        return Part(clause, option.core, opener, reduction)

    def _opener(self, option: Option) -> int:
        """Return an opener that makes a template of the split; mostly none, where that is one."""
        able = openers(self._split, option.intent, option.core)
        return able[0] if able[0] == 0 and self._dice.chance(0.5) else self._dice.pick(able)

    # The whole utterance

    def _dressed(self, part: Part) -> Utterance:
        """Add what surrounds a clause: a second one, or the announcement of a new topic."""
        dice, reduction = self._dice, part.reduction
        if reduction.shell is None and "return" not in reduction.cuts:
            if dice.chance(self._dials.several):
                return Utterance((part, self._second(part)))
            if self.discourse and self._new_topic(part.clause) and dice.chance(self._dials.shift):
                return Utterance((part,), shift=dice.below(_VARIANTS))
        return Utterance((part,))

    def _second(self, first: Part) -> Part:
        """Return a second request about other kinds of things, in full or with its own references."""
        apart = _touched(first.clause.intent)
        groups = self._feasible(self._menu.reference) if first.reduction is not NOTHING else ()
        groups = [g for g in groups if all(cut not in _ALONE and kind not in apart for cut, kind in g.needs)]
        part = self._chosen(groups) if groups else None
        return part if part and apart.isdisjoint(_touched(part.clause.intent)) else self._plain(apart)

    def _happen(self, utterance: Utterance) -> None:
        """Let the turn take place: things are mentioned, the service answers."""
        frame = utterance.frame
        echo = self._dice.chance(self._dials.echo) or len(frame) > 1
        told: list[Entity] = []
        for clause in frame:
            subject = clause.fill[0]
            self._asked.add(clause)
            self._topics.add((clause.intent, subject))
            if echo:
                told.append(subject)
            told += self._answered(clause)
        listed = self.answers[frame[0]] if len(frame) == 1 and frame[0].intent.answer in LISTING else ()
        named = spoken(utterance).union([entity.stem for entity in told])
        happened = event(frame, tuple(told), listed, named)
        self.discourse = (*self.discourse, happened)
        self._types.update(happened.things)
        self.utterances.append(utterance)
        self.echoes.append(echo)

    def _answered(self, clause: Clause) -> tuple[Entity, ...]:
        """Draw the things that the answer to a request names."""
        kind = NAMING.get(clause.intent.answer)
        if kind is None:
            return ()
        if clause.intent.answer in LISTING:
            count = self._dice.between(2, min(5, self._supply(kind, clause.fill)[0]))
            self.answers[clause] = tuple([self.cast.draw(kind) for _ in range(count)])
        else:
            thing = self._fresh(kind, clause.fill)
            self.answers[clause] = () if thing is None else (thing,)
        return self.answers[clause]

    # Things

    def _antecedents(self, cut: Cut, kind: Type) -> tuple[Entity, ...]:
        """Return the antecedents within reach, looked up once a turn."""
        if kind not in self._types:
            return ()
        found = self._found.get((cut, kind))
        if found is None:
            found = antecedents(self.discourse, cut, kind)
            if not self._reaches(*[entity.stem for entity in found]):
                found = ()
            self._found[cut, kind] = found
        return found

    def _fresh(self, kind: Type, taken: Sequence[Entity]) -> Entity | None:
        """Return a thing to talk about: mostly a new one; None if the dial for distractors allows none."""
        room, others = self._supply(kind, taken)
        if room > 0 and (not others or self._dice.chance(0.75)):
            drawn = [e for e in self.cast.entities if e.type == kind and e not in others and e not in taken]
            return drawn[0] if drawn else self.cast.draw(kind)
        return self._dice.pick(others) if others else None

    def _supply(self, kind: Type, taken: Sequence[Entity]) -> tuple[int, list[Entity]]:
        """Return how many more things of a type the dialogue may mention, and those it knows but for the taken."""
        known = mentioned(self.discourse, kind) if kind in self._types else []
        pending = sum([entity.type == kind and entity not in known for entity in taken])
        room = self._dials.distractors + 1 - len(known) - pending
        return room, [entity for entity in known if entity not in taken]

    def _answerable(self, clause: Clause) -> bool:
        """Say whether the dialogue may mention what the answer names."""
        kind = NAMING.get(clause.intent.answer)
        if kind is None:
            return True
        room, others = self._supply(kind, clause.fill)
        return room >= 2 if clause.intent.answer in LISTING else room > 0 or bool(others)

    def _reaches(self, *names: str) -> bool:
        """Say whether things that came up are within reach: being named then, in a short talk all of them are."""
        reach = self._dials.reach
        return len(self.discourse) <= reach or all(distance(self.discourse, name) <= reach for name in names)

    def _new_topic(self, clause: Clause) -> bool:
        before = [kind for asked in self.discourse[-1].frame for kind in asked.intent.types]
        return set(before).isdisjoint(clause.intent.types)


@cache
def _touched(intent: Intent) -> frozenset[Type]:
    """Return the types of things that a request and its answer mention."""
    named = NAMING.get(intent.answer)
    return frozenset(intent.types if named is None else (*intent.types, named))


def _can_follow(intent: Intent, slot: int) -> bool:
    """Say whether "what about X?" (of requests: "X too") makes sense for a slot."""
    return slot == 0 or (intent.act == "ask" and intent.types[slot] not in ("count", "nights"))


def _later_shares(dials: Dials, turns: int) -> tuple[float, float, float, float]:
    """Return the shares of unchanged, reference, ellipsis and both among all turns but the first."""
    both = max(0.0, dials.reference + dials.ellipsis + dials.unchanged - 1.0)
    unchanged = max(0.0, dials.unchanged * turns - 1.0) / turns
    return unchanged, dials.reference - both, dials.ellipsis - both, both
