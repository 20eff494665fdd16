"""Answers by description: looked up in the list, first fit first; never at the price of what was understood before."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from textenvs.envs.dialogue.descriptions import Descriptions, described
from textenvs.envs.dialogue.domains import DOMAINS
from textenvs.envs.dialogue.env import DialogueStrategy
from textenvs.envs.dialogue.episode import DialogueEpisode, Style
from textenvs.envs.dialogue.knowledge import KnowledgeBase
from textenvs.envs.dialogue.lexicon import Lexicon
from textenvs.envs.dialogue.types import Catalogue, Language
from textenvs.tidiness import folded
from textenvs.users.core import ANSWERS, FREE, Move

ROWS = ((0, 0, 0), (0, 1, 0), (1, 0, 2), (2, 2, 2))


def catalogues() -> list[Catalogue]:
    """One of every domain in both languages, over the same four rows."""
    kb = KnowledgeBase((3, 3, 3), ROWS, (0.25,) * 4)
    found: list[Catalogue] = []
    for language, domains in DOMAINS.items():
        for domain in domains:
            names = tuple(domain.heads[n] + (" " if language == "en" else "") + domain.tails[n] for n in range(4))
            details = ("1234", "2345", "3456", "4567")
            found.append(Catalogue(language, domain.noun, domain.slots[:3], names, details, kb))
    return found


@pytest.mark.parametrize("catalogue", catalogues(), ids=lambda one: f"{one.language}-{one.noun}")
def test_every_description_is_the_first_that_has_it_or_that_there_is_none(catalogue: Catalogue) -> None:
    lexicon, every = Lexicon(catalogue), itertools.product((FREE, 0, 1, 2), repeat=3)
    for wants in list(every)[1:]:
        fitting = catalogue.kb.matching(wants)
        for kind, tags in itertools.product(ANSWERS, (False, True)):
            said = lexicon.describe(kind, wants, tags)
            meant = Move(kind, FREE, fitting[0]) if fitting else Move("refuse")
            assert lexicon.read(said) == meant, said
            assert lexicon.tidy(said, meant), said


def lexicon_of(language: Language) -> Lexicon:
    """Of restaurants."""
    return Lexicon(next(one for one in catalogues() if one.language == language))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("I recommend the cheap one in the south.", Move("recommend", FREE, 1)),
        ("Sure. I would suggest something cheap for you.", Move("recommend", FREE, 0)),
        ("I have booked the north restaurant that is moderate.", Move("book", FREE, 2)),
        ("I will give you the number of the expensive restaurant.", Move("explain", FREE, 3)),
        ("[book expensive and east]", Move("book", FREE, 3)),
        ("[recommend in the north, that is moderate]", Move("recommend", FREE, 2)),
    ],
)
def test_people_describe_in_their_own_order_and_words(said: str, meant: Move) -> None:
    lexicon = lexicon_of("en")
    assert lexicon.read(said) == meant
    assert lexicon.tidy(said, meant)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("我推荐便宜的城南的。", Move("recommend", FREE, 1)),
        ("好的。这就为您预订一家适中的。", Move("book", FREE, 2)),
        ("我告诉您偏贵的餐厅的编号。", Move("explain", FREE, 3)),
        ("[预订 偏贵、城东]", Move("book", FREE, 3)),
        ("[推荐 便宜, 城东]", Move("refuse")),
    ],
)
def test_and_in_chinese(said: str, meant: Move) -> None:
    lexicon = lexicon_of("zh")
    assert lexicon.read(said) == meant
    assert lexicon.tidy(said, meant)


@pytest.mark.parametrize(
    "said",
    [
        "[recommend cheap, moderate]",
        "[recommend cheap, moderate, expensive, north, south, east]",
        "[book]",
        "[recommend something nice]",
        "[recommend cheaper]",
        "I recommend a cheap or a moderate one.",
        "I recommend cheap, moderate.",
        "Cheap, please.",
        "Please recommend me a restaurant in the north.",
        "The cheap one.",
    ],
)
def test_contradictions_and_mere_mentions_are_understood_by_nobody(said: str) -> None:
    assert lexicon_of("en").read(said) == Move("unclear")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Would you like a cheap one?", Move("ask")),
        ("What about the price: cheap or moderate?", Move("ask", 0)),
        ("I recommend the cheap Golden Lotus.", Move("recommend", FREE, 0)),
        ("I recommend the cheap one. Goodbye.", Move("end")),
        ("I recommend the cheap one. Is there anything else?", Move("offer")),
    ],
)
def test_what_was_understood_before_is_understood_as_before(said: str, meant: Move) -> None:
    assert lexicon_of("en").read(said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("[book cheap, cheap]", Move("book", FREE, 0)),
        ("[book cheap or whatever]", Move("book", FREE, 0)),
        ("[book I am looking for a restaurant that is cheap]", Move("book", FREE, 0)),
        ("[end cheap]", Move("end")),
        ("[refuse cheap]", Move("refuse")),
        ("[book cheap] [book moderate]", Move("book", FREE, 0)),
    ],
)
def test_padding_is_understood_and_not_tidy(said: str, meant: Move) -> None:
    lexicon = lexicon_of("en")
    assert lexicon.read(said) == meant
    assert not lexicon.tidy(said, meant)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_that_a_user_says_is_an_answer(language: Language) -> None:
    for split in ("train", "valid", "test"):
        env = DialogueStrategy(language=language, difficulty="small", split=split)
        known = env.baselines()["best_known"]
        for index in range(30):
            observation, ended = env.reset(options={"index": index})[0], False
            lexicon = Lexicon(env.make_episode(index).item.catalogue)  # type: ignore[attr-defined]
            while not ended:
                assert lexicon.read(observation["history"][-1]["content"]).kind not in (*ANSWERS, "refuse")
                observation, _, ended, _, _ = env.step(known(observation))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("style", ["plain", "tags"])
def test_an_answer_may_describe_its_candidate_in_any_dialogue(language: Language, style: Style) -> None:
    env, described_answers = DialogueStrategy(language=language, style=style, split="test"), 0
    for index in range(20):
        ended, _ = False, env.reset(options={"index": index})
        while not ended:
            playing = env._current()
            assert isinstance(playing, DialogueEpisode)
            best = playing.best_known()
            if best.candidate != FREE:
                assert playing.does(playing.describe(playing.item.catalogue.kb.rows[best.candidate]), best)
                described_answers += 1
            ended = env.step(playing.word(best))[2]
    assert described_answers > 20


def test_ones_own_words_may_mean_several_slots(tmp_path: Path) -> None:
    slots = [{"name": "lift", "values": ["yes", "no"]}, {"name": "pets", "values": ["yes", "no", "no dogs"]}]
    rows = [("no", "no dogs"), ("no", "no"), ("yes", "no")]
    listed = [
        {"name": f"Flat {'ABC'[n]}", "detail": f"{n}{n}", "values": {"lift": lift, "pets": pets}}
        for n, (lift, pets) in enumerate(rows)
    ]
    goal = {"intent": "book", "wants": {"lift": "yes"}, "split": "train"}
    data = {"language": "en", "noun": "flat", "slots": slots, "candidates": listed, "goals": [goal]}
    (tmp_path / "goals.json").write_text(json.dumps(data), encoding="utf-8")
    env = DialogueStrategy(goals=tmp_path / "goals.json")
    catalogue = env.make_episode(0).item.catalogue  # type: ignore[attr-defined]
    found = Descriptions(catalogue)
    assert found.look_up("no") == (0, 1, 2)
    assert found.look_up("no dogs") == (0,)  # the longest word counts
    assert found.look_up("yes, no") == (2,)
    assert found.look_up("yes, no, no dogs") == ()
    assert found.look_up("know") is None
    assert folded(described(catalogue, (0, 1))) == "flat yes and no"
