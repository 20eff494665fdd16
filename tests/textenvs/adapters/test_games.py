"""Somebody's game in a box: its randomness is its own, whatever happens outside."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from textenvs.adapters.games import SEEDS, Chance, Game, GameEnv, GameStep, library
from textenvs.errors import ConfigError, UnknownNameError
from textenvs.seeding import SPLITS

HOPELESS = 13
"""A seed whose game cannot begin."""


class Dice:
    """Rolls by the global generators, as most games do; the player guesses the next roll."""

    def __init__(self) -> None:
        self.turn = 0

    def begin(self, seed: int) -> str:
        if seed == HOPELESS:
            raise LookupError("\n*****\n  no such list\n  of words" + "\n  Read the manual." * 100 + "\n*****")
        self.seed = seed
        self.next = self.roll()
        return "Guess."

    def roll(self) -> str:
        return f"{random.randint(1, 6)}{np.random.randint(1, 7)}"  # noqa: S311, NPY002

    def step(self, action: str) -> GameStep:
        right, said, self.next = action == self.next, self.next, self.roll()
        self.turn += 1
        return GameStep(said, float(right), self.turn == 4, right, action == "")

    def solution(self) -> str | None:
        return self.next

    def content(self) -> str:
        return str(self.seed)


class DiceEnv(GameEnv):
    family = "dice"

    origin = "game of dice"

    def __init__(self, game: str = "two", **settings: Any) -> None:
        super().__init__(game=game, **settings)

    @classmethod
    def names(cls) -> list[str]:
        return ["two"]

    def make_game(self) -> Game:
        return Dice()


def rolls(env: DiceEnv, index: int) -> list[str]:
    env.reset(options={"index": index})
    return [env.step("x")[0]["history"][-1]["content"] for _ in range(4)]


def test_the_same_item_rolls_the_same_in_any_company() -> None:
    env, other = DiceEnv(), DiceEnv()
    alone = rolls(env, 7)
    env.reset(options={"index": 7})
    mixed: list[str] = []
    for _ in range(4):
        rolls(other, 8)
        random.random()  # noqa: S311
        mixed.append(env.step("x")[0]["history"][-1]["content"])
    assert mixed == alone
    assert rolls(env, 8) != alone
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda index: rolls(DiceEnv(), index % 4), range(64)))
    assert all(found[i] == found[i % 4] for i in range(64))


def test_the_global_generators_are_neither_read_nor_changed() -> None:
    env = DiceEnv()
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002  # type: ignore[index]
    rolls(env, 3)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == expected  # noqa: NPY002  # type: ignore[index]


def test_generators_are_given_back_where_the_game_raises() -> None:
    state = random.getstate()
    with pytest.raises(LookupError), Chance(3).held():
        raise LookupError
    assert random.getstate() == state


def test_a_snapshot_rolls_on_as_the_game_would_have() -> None:
    env = DiceEnv()
    env.reset(options={"index": 5})
    frozen = env.snapshot()
    once = [env.step("x")[0]["history"][-1]["content"] for _ in range(3)]
    env.restore(frozen)
    assert [env.step("x")[0]["history"][-1]["content"] for _ in range(3)] == once


def test_reward_success_and_mistakes_are_the_games() -> None:
    env = DiceEnv()
    env.reset(options={"index": 5})
    _, reward, ended, _, info = env.step(env.oracle_action())
    assert (reward, ended, info["reward_parts"], info["stop"]) == (1.0, False, {"game": 1.0}, "")
    assert env.step("")[4]["invalid_action"] == 1.0
    env.step("x")
    _, reward, ended, _, info = env.step(env.oracle_action())
    assert (reward, ended, info["success"], info["stop"]) == (1.0, True, 1.0, "success")


def test_seeds_are_far_apart_and_no_split_has_anothers() -> None:
    envs = {split: DiceEnv(split=split) for split in SPLITS}
    seeds = {split: {env.seed_of(index) for index in range(2_000)} for split, env in envs.items()}
    assert all(0 <= seed < SEEDS for some in seeds.values() for seed in some)
    assert sum(map(len, seeds.values())) == len(set().union(*seeds.values())) >= 5_999
    assert not any({seed - 1, seed + 1} & some for some in seeds.values() for seed in list(some)[:100])


def test_a_game_that_cannot_begin_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    env = DiceEnv()
    monkeypatch.setattr(env, "seed_of", lambda index: HOPELESS)
    with pytest.raises(ConfigError, match=r"'two' cannot begin: LookupError: no such list of words.* …$") as caught:
        env.reset(seed=0)
    assert len(str(caught.value)) < 350


def test_an_unknown_game_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"game of dice 'tow'.*'two'"):
        DiceEnv("tow")


def test_a_package_that_is_not_there_is_named_with_the_command_that_brings_it() -> None:
    with pytest.raises(ConfigError, match=r"Chess-v0 needs no_such_game: pip install 'textenvs\[chess\]'"):
        library("no_such_game", "Chess-v0", "chess")
