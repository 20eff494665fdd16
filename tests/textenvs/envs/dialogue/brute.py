"""The optimum by brute force: every user there is, every move, and nothing known but what is read.

It shares no more with the oracle than the environment itself: users are enumerated from what `Habits` documents and
played as they are, and conversations that read alike are one.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from textenvs.envs.dialogue.episode import DialogueEpisode
from textenvs.envs.dialogue.knowledge import KnowledgeBase
from textenvs.envs.dialogue.lexicon import Lexicon
from textenvs.envs.dialogue.reward import dialogue_reward
from textenvs.envs.dialogue.types import Catalogue, Item, SlotWords, ValueWords
from textenvs.messages import Stop, Turn
from textenvs.users.agenda import Goal, Manner, Persona
from textenvs.users.core import FREE, Move
from textenvs.users.habits import Habits

Case = tuple[float, DialogueEpisode]

QUIET = Habits(
    stated=0.4,
    free=0.0,
    impossible=0.0,
    vague=0.0,
    slips=0.0,
    volunteers=0.0,
    clueless=0.0,
    changes=0.0,
    more=0.0,
    eager=0.5,
    angry=0.0,
    chatty=0.0,
    most_goals=1,
    partings=(1.0, 0.0, 0.0),
    patience=(4, 4),
    tolerance=1,
)
"""Users who do nothing but state, answer and thank."""


def catalogue_of(kb: KnowledgeBase) -> Catalogue:
    letters = "abcdefgh"
    slots = tuple(
        SlotWords(f"slot{s}", tuple(ValueWords(f"{letters[s]}{v}", f"with {letters[s]}{v}") for v in range(size)))
        for s, size in enumerate(kb.sizes)
    )
    count = len(kb.rows)
    names = tuple(f"Name{n}" for n in range(count))
    return Catalogue("en", "thing", slots, names, tuple(str(100 + n) for n in range(count)), kb)


def coins(*chances: float) -> Iterator[tuple[float, tuple[bool, ...]]]:
    for flips in itertools.product((False, True), repeat=len(chances)):
        weight = math.prod(p if flip else 1 - p for flip, p in zip(flips, chances, strict=True))
        if weight:
            yield weight, flips


def wishes(kb: KnowledgeBase, habits: Habits) -> Iterator[tuple[float, tuple[int, ...], tuple[bool, ...]]]:
    """Wants and what is stated of them."""
    slots = len(kb.sizes)
    odd: dict[tuple[int, ...], float] = {}
    for p, told in coins(*[habits.stated] * slots):
        for values in itertools.product(*map(range, kb.sizes)):
            wants = tuple(v if one else FREE for v, one in zip(values, told, strict=True))
            if not any(all(w in (FREE, r) for w, r in zip(wants, row, strict=True)) for row in kb.rows):
                odd[wants] = odd.get(wants, 0.0) + p / math.prod(kb.sizes)
    for wants, p in odd.items():
        yield habits.impossible * p / sum(odd.values()), wants, tuple(w != FREE for w in wants)
    possible = 1 - habits.impossible if odd else 1.0
    for row, weight in zip(kb.rows, kb.popularity, strict=True):
        for p, free in coins(*[habits.free] * slots):
            for q, stated in coins(*[habits.stated] * slots):
                wants = tuple(FREE if one else value for one, value in zip(free, row, strict=True))
                yield possible * weight * p * q, wants, stated


def goals(kb: KnowledgeBase, habits: Habits) -> Iterator[tuple[float, Goal]]:
    slots = range(len(kb.sizes))
    manners = [(p, Manner(*flips, False)) for p, flips in coins(habits.vague, habits.slips, habits.volunteers)]
    minds: list[tuple[float, tuple[int, ...], tuple[int, ...]]] = []
    if habits.changes < 1:
        minds.append((1 - habits.changes, (), (1,) * len(kb.sizes)))
    if habits.changes:
        orders = list(itertools.permutations(slots))
        shifts = list(itertools.product(*[range(1, size) for size in kb.sizes]))
        share = habits.changes / len(orders) / len(shifts)
        minds += [(share, order, shift) for order in orders for shift in shifts]
    eager = [(p, flips[0]) for p, flips in coins(habits.eager)] if habits.most_goals > 1 else [(1.0, False)]
    for p, wants, stated in wishes(kb, habits):
        for ways in itertools.product(manners, repeat=len(kb.sizes)):
            weight = p * math.prod(q for q, _ in ways)
            for (q, order, shift), (e, now) in itertools.product(minds, eager):
                if weight * q * e:
                    yield weight * q * e, Goal("recommend", wants, stated, tuple(m for _, m in ways), order, shift, now)


def cases(kb: KnowledgeBase, habits: Habits, turns: int) -> Iterator[Case]:
    """Every user of the bank, about to begin, with its probability."""
    some = list(goals(kb, habits))
    numbers = [(1 - habits.more, 1), (habits.more, 2)] if habits.most_goals == 2 else [(1.0, 1)]
    partings = list(zip(habits.partings, ("thank", "acknowledge", "silent"), strict=True))
    least, most = habits.patience
    for (share, number), (leave, parting) in itertools.product(numbers, partings):
        for chosen in itertools.product(some, repeat=number):
            weight = share * leave / sum(habits.partings) * math.prod(p for p, _ in chosen)
            for patience in range(least, most + 1) if weight else ():
                persona = Persona(tuple(g for _, g in chosen), patience, habits.tolerance, parting)  # type: ignore[arg-type]
                item = Item(catalogue_of(kb), persona, "calm", habits, (0,), 0)
                yield weight / (most - least + 1), DialogueEpisode(item, "", turns, True)


def actions(kb: KnowledgeBase) -> list[str]:
    """Every kind of thing that can be said."""
    lexicon = Lexicon(catalogue_of(kb))
    moves = [Move("ask", slot) for slot in range(len(kb.sizes))]
    moves += [Move("recommend", FREE, candidate) for candidate in range(len(kb.rows))]
    moves += [Move("book", FREE, 0), Move("refuse"), Move("handover"), Move("offer"), Move("end")]
    return [*(lexicon.write(move, False) for move in moves), "Hm."]


def optimum(starting: Iterator[Case], said: list[str]) -> dict[str, tuple[float, float]]:
    """Probability and optimal return of every opening, by what it reads like."""
    alike: dict[str, list[Case]] = defaultdict(list)
    for weight, episode in starting:
        alike[episode.opening[0].content].append((weight, episode))
    return {text: (sum(w for w, _ in group), _best(group, said)) for text, group in alike.items()}


def _best(group: list[Case], said: list[str]) -> float:
    total = sum(weight for weight, _ in group)
    return max(_worth(group, action, said) for action in said) / total


def _worth(group: list[Case], action: str, said: list[str]) -> float:
    value, alike = 0.0, defaultdict[str, list[Case]](list)
    for weight, episode in group:
        twin = episode.fork()
        out = twin.act(action)
        value += weight * dialogue_reward(Turn("", (), action, out.replies, (), (), out.truth)).value
        if out.stop is Stop.RUNNING:
            alike[out.replies[0].content].append((weight, twin))
    return value + sum(sum(w for w, _ in more) * _best(more, said) for more in alike.values())


def habits_with(**settings: object) -> Habits:
    return replace(QUIET, **settings)  # type: ignore[arg-type]
