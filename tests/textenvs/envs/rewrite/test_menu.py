"""The menu of rewrites: what its moves say, and that they know nothing but what can be seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import textenvs  # noqa: F401 (registers the ids)
from textenvs.envs.rewrite.menu import RewriteMenu
from textenvs.envs.rewrite.reading import PhraseReader, WordingReader
from textenvs.envs.rewrite.types import Language
from textenvs.messages import Message
from textenvs.rewards.measures import normalize


def make(**settings: Any) -> Any:
    return gym.make("MultiTurnRewrite-v0", disable_env_checker=True, **settings).unwrapped


def menu_of(*messages: tuple[str, str], reader: Any = None) -> RewriteMenu:
    history = tuple(Message(role, text) for role, text in messages)
    return RewriteMenu(reader or WordingReader(), lambda: {"instruction": "", "tools": (), "history": history})


def says(menu: RewriteMenu, move: str) -> str:
    return menu.say(menu.moves.index(move))


def number(menu: RewriteMenu, feature: str) -> float:
    return menu.look()[menu.features.index(feature)]


def test_what_the_moves_say() -> None:
    menu = menu_of(
        ("user", "Who is bringing Ms Calcroft's parcel?"),
        ("assistant", "Who is bringing Ms Calcroft's parcel?"),
        ("user", "Service: It is Ms Calson.\nUser: Tell me, where does she live?"),
    )
    assert says(menu, "refer_1") == "Tell me, where does Ms Calson live?"
    assert says(menu, "refer_2") == "Tell me, where does Ms Calcroft live?"
    assert says(menu, "refer_3") == says(menu, "fill_1") == says(menu, "keep") == "Tell me, where does she live?"
    assert says(menu, "continue_last") == "Who is bringing Ms Calcroft's parcel?"
    assert number(menu, "stands") > 0.0
    assert number(menu, "gap") == number(menu, "ordinal") == number(menu, "shell_correction") == 0.0


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("客服:韩若雨先生有包裹A123。给他派送的是许音书女士。\n用户:他家在哪座城市?", "韩若雨先生家在哪座城市?"),
        ("客服:韩若雨先生有包裹A123。给他派送的是许音书女士。\n用户:她家在哪座城市?", "许音书女士家在哪座城市?"),
        ("Service: Ms Calson meets Mr Branman.\nUser: Where does she live?", "Where does Ms Calson live?"),
        ("Service: Ms Calson meets Mr Branman.\nUser: Where does he live?", "Where does Mr Branman live?"),
    ],
)
def test_a_pronoun_stands_for_somebody_of_its_gender(words: str, meant: str) -> None:
    menu = menu_of(("user", words))
    assert says(menu, "refer_1") == meant
    assert says(menu, "refer_2") == says(menu, "keep")


def test_two_places_of_a_request() -> None:
    menu = menu_of(
        ("user", "When is the train from Harton to Calburg on May 12?"),
        ("assistant", "When is the train from Harton to Calburg on May 12?"),
        ("user", "Service: At 04:23.\nUser: And from Stanford?"),
    )
    assert says(menu, "continue_first") == "When is the train from Stanford to Calburg on May 12?"
    assert says(menu, "continue_last") == "When is the train from Harton to Stanford on May 12?"
    assert [number(menu, name) for name in ("many_places", "first_form", "last_form")] == [1.0, 1.0, 0.0]


def test_a_complaint_is_about_the_words_before_it() -> None:
    menu = menu_of(
        ("user", "包裹H216现在到哪了?"),
        ("assistant", "包裹H216现在到哪了?"),
        ("user", "客服:在锦川。\n用户:有哪些酒店?"),
        ("assistant", "嗯"),
        ("user", "客服:抱歉,没听懂您的意思。\n用户:不是这个意思。"),
    )
    assert says(menu, "keep") == "有哪些酒店?"
    assert says(menu, "fill_1") == "锦川有哪些酒店?"
    assert number(menu, "complains") == 1.0


def test_an_ordinal_counts_in_the_last_list() -> None:
    menu = menu_of(
        ("user", "望港能住哪些酒店?"),
        ("assistant", "望港能住哪些酒店?"),
        ("user", "客服:望港有紫苑酒店、青园酒店。\n用户:第二家含早餐吗?"),
    )
    assert says(menu, "refer_1") == says(menu, "restore") == "青园酒店含早餐吗?"
    assert number(menu, "ordinal") == number(menu, "list") == 1.0


def test_real_words_are_put_together_too() -> None:
    menu = menu_of(("user", "用户:西安天气\n客服:多云\n用户:明天他去吗"), reader=PhraseReader())
    assert says(menu, "fill_2") == "西安天气明天他去吗"
    assert says(menu, "refer_2") == "明天西安天气去吗"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_some_move_is_right_at_nearly_every_turn(language: Language, split: str) -> None:
    env, right, turns = make(language=language, split=split), 0, 0
    menu = env.menu()
    for index in range(25):
        env.reset(options={"index": index})
        ended = False
        while not ended:
            said, accepted = [menu.say(move) for move in range(len(menu.moves))], env._current().truth.accepted
            right += any(normalize(text, language) in accepted for text in said)
            turns += 1
            _, _, ended, _, _ = env.step(env.oracle_action())
    assert right / turns > 0.97, right / turns


def test_neither_moves_nor_numbers_know_the_truth() -> None:
    # Two episodes that have been the same so far, and are meant differently from here on.
    env = make(language="en")
    menu = env.menu()
    for index in range(20):
        env.reset(options={"index": index})
        env.step(env.oracle_action())
        if env._ended:
            continue
        shown = menu.look(), [menu.say(move) for move in range(len(menu.moves))]
        other = make(language="en")
        other.reset(options={"index": index + 1})
        env._episode._utterance, env._episode._gold = other._current()._utterance, "a secret"
        env._episode._item = replace(env._episode._item, knowledge=other._current()._item.knowledge)
        assert (menu.look(), [menu.say(move) for move in range(len(menu.moves))]) == shown
        seen = env._observation()
        alone = RewriteMenu(WordingReader(), lambda seen=seen: seen)
        assert (alone.look(), [alone.say(move) for move in range(len(alone.moves))]) == shown


def test_every_number_lies_in_its_range_whatever_is_played() -> None:
    chance = np.random.default_rng(0)
    env = make(difficulty="hard")
    menu, taken = env.menu(), set[str]()
    for index in range(30):
        env.reset(options={"index": index})
        ended = False
        while not ended:
            numbers = menu.look()
            assert len(numbers) == len(menu.features)
            assert all(0.0 <= number <= 1.0 for number in numbers)
            taken |= {name for name, value in zip(menu.features, numbers, strict=True) if value}
            _, _, ended, _, _ = env.step(menu.say(int(chance.integers(len(menu.moves)))))
    assert taken == set(menu.features)
