"""Users of rules: they tell what their acts hold and no more, repeat themselves exactly, and have limits."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from textenvs.envs.dialogue.dials import BANKS
from textenvs.envs.dialogue.episode import DialogueEpisode, agenda_user
from textenvs.envs.dialogue.lexicon import Lexicon
from textenvs.envs.dialogue.types import Item
from textenvs.envs.dialogue.world import World
from textenvs.errors import ConfigError
from textenvs.messages import Stop
from textenvs.partition import RESIDUES
from textenvs.seeding import SPLITS, item_generator
from textenvs.users.agenda import TOLD, Course, violated
from textenvs.users.core import FREE, Act, Heard, Move, MoveKind
from textenvs.users.habits import Habits

KINDS: list[MoveKind] = ["ask", "ask", "ask", "recommend", "book", "explain", "refuse", "offer", "unclear"]


def items(language: str, count: int, split: str = "train") -> list[Item]:
    world = World(language, "full", split)  # type: ignore[arg-type]
    return [world.draw(item_generator("test", split, index)) for index in range(count)]  # type: ignore[arg-type]


def moves(item: Item, chance: np.random.Generator) -> Move:
    kind, kb = KINDS[chance.integers(len(KINDS))], item.catalogue.kb
    if kind == "ask":
        return Move(kind, int(chance.integers(len(kb.sizes))))
    return (
        Move(kind, FREE, int(chance.integers(len(kb.rows)))) if kind in ("recommend", "book", "explain") else Move(kind)
    )


def named(item: Item, text: str) -> set[tuple[int, int]]:
    """The values that a text names, longest names first, so that no name is found within another."""
    values = [(v.name, (s, n)) for s, slot in enumerate(item.catalogue.slots) for n, v in enumerate(slot.values)]
    found: set[tuple[int, int]] = set()
    for name, place in sorted(values, key=lambda pair: -len(pair[0])):
        text, times = re.subn(rf"(?<![a-z]){re.escape(name.lower())}(?![a-z])", "_", text.lower())
        found |= {place} if times else set()
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_message_names_exactly_what_its_acts_tell(language: str) -> None:
    chance = np.random.default_rng(0)
    for item in items(language, 150):
        episode = DialogueEpisode(item, "", 12, False)
        stop, kb = Stop.RUNNING, item.catalogue.kb
        stated = item.persona.goals[0].stated
        told = {(s, w) for s, w in enumerate(item.persona.goals[0].wants) if stated[s] and w != FREE}
        assert named(item, episode.opening[0].content) == told
        while stop is Stop.RUNNING:
            move = moves(item, chance)
            out = episode.act(episode.word(move))
            acts: tuple[Act, ...] = out.truth.said
            allowed = {(a.slot, a.value) for a in acts if a.value != FREE}
            allowed |= {(a.slot, a.value + 1) for a in acts if a.kind == "vague"}
            assert named(item, out.replies[0].content) == allowed, (out.replies, acts)
            asked = {move.slot} if move.kind == "ask" else set()
            for act in acts:
                if act.kind in ("inform", "vague", "dont_care", "unknown") and acts[0].kind != "request":
                    way = act.slot in asked or item.persona.goals[out.truth.belief.course.goal].manners[move.slot][2]
                    assert way, "told without having been asked or volunteering"
            stop = out.stop
        assert kb.rows


def test_the_same_moves_meet_the_same_user_and_copies_are_independent() -> None:
    for item in items("mixed", 40):
        one, two = agenda_user(item), agenda_user(item)
        assert one.open() == two.open()
        heard = [Heard("", Move("ask", slot)) for slot in (2, 0, 2, 1)]
        first = [one.hear(each) for each in heard[:2]]
        twin = one.fork()
        assert [*first, *[one.hear(each) for each in heard[2:]]] == [two.hear(each) for each in heard]
        assert twin.hear(heard[2]) == (*first, agenda_replay(item, heard[:3]))[-1]


def agenda_replay(item: Item, heard: list[Heard]):
    user = agenda_user(item)
    user.open()
    return [user.hear(each) for each in heard][-1]


def test_users_leave_when_their_strain_reaches_their_patience() -> None:
    for item in items("en", 60):
        user = agenda_user(item)
        user.open()
        strain = 0
        for _ in range(20):
            said = user.hear(Heard("?", Move("unclear")))
            strain += 2
            assert said.did("leave") == (strain >= item.persona.patience)
            if said.did("leave"):
                break
        assert said.did("leave")


def test_two_in_five_goals_change_and_the_banks_have_nothing_in_common() -> None:
    goals = [goal for item in items("mixed", 1500) for goal in item.persona.goals]
    assert sum(bool(goal.change) for goal in goals) / len(goals) == pytest.approx(0.4, abs=0.03)
    train, others = BANKS["train"], {BANKS["valid"], BANKS["test"]}
    for bank in others:
        same = [f.name for f in dataclasses.fields(Habits) if getattr(bank, f.name) == getattr(train, f.name)]
        assert same == ["most_goals"]
        assert set(range(bank.patience[0], bank.patience[1] + 1)).isdisjoint(
            range(train.patience[0], train.patience[1] + 1)
        )
    numbers = [set(RESIDUES[split]) for split in SPLITS]
    assert sum(map(len, numbers)) == len(set.union(*numbers))


def test_no_sentence_of_one_bank_is_said_by_another() -> None:
    cores: dict[str, set[str]] = {}
    for split in SPLITS:
        cores[split] = set()
        for item in items("mixed", 300, split):
            voice = agenda_user(item)._voice  # type: ignore[attr-defined]
            for kind in ("puzzled", "thank", "leave", "decline", "acknowledge"):
                cores[split].add(voice(0, (Act(kind),)))
            cores[split].add(voice(0, (Act("repeat", 0, 0),)))
    assert cores["train"].isdisjoint(cores["valid"] | cores["test"])
    assert cores["valid"].isdisjoint(cores["test"])


def test_turns_an_answer_down_for_what_it_has_told_before_anything_else() -> None:
    course = Course(0, "goal", (0, TOLD, TOLD))
    assert violated(course, (1, 1, 0), (0, 1, 2)) == (2, True)
    assert violated(course._replace(slipped=2), (1, 1, 0), (0, 1, 2)) == (0, False)
    assert violated(course, (FREE, 1, 0), (0, 1, 0)) == (FREE, False)


@pytest.mark.parametrize("wrong", [{"vague": 1.5}, {"patience": (5, 4)}, {"partings": (0.0, 0.0, 0.0)}])
def test_habits_out_of_range_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Habits(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("split", SPLITS)
def test_what_the_oracle_writes_is_read_as_it_was_meant(split: str) -> None:
    for item in items("mixed", 60, split):
        lexicon, kb = Lexicon(item.catalogue), item.catalogue.kb
        every = [Move("ask", slot) for slot in range(len(kb.sizes))]
        every += [Move(kind, FREE, c) for kind in ("recommend", "book", "explain") for c in range(len(kb.rows))]
        every += [Move(kind) for kind in ("refuse", "handover", "offer", "end")]
        for move in every:
            assert lexicon.read(lexicon.write(move, False)) == move
            assert lexicon.read(lexicon.write(move, True)) == move
