"""TextArena's and GEM's games: played by their ids, by every rule of the conformance kit."""

from __future__ import annotations

import logging
import re
from typing import Any

import gymnasium as gym
import pytest

import textenvs  # noqa: F401 (registers the ids)
from textenvs.checker import EnvContractTests
from textenvs.errors import ConfigError, UnknownNameError

ARENA = (
    *("2048-v0", "Bandit-v0", "Blackjack-v0", "Countdown-v0", "Crosswords-v0", "Cryptarithm-v0", "FifteenPuzzle-v0"),
    *("FrozenLake-v0", "GuessTheNumber-v0", "LightsOut-v0", "LogicPuzzle-v0", "Mastermind-v0", "Minesweeper-v0"),
    *("PegJump-v0", "Secretary-v0", "Set-v0", "Slitherlink-v0", "Sokoban-v0", "Sudoku-v0", "ThreeCardMonte-v0"),
    "TowerOfHanoi-v0",
)
"""Single-player games of TextArena that need neither lists of words from the network nor a key."""

GEM = tuple(
    f"game:{name}-v0-easy"
    for name in ("GuessTheNumber", "Mastermind", "Minesweeper", "FifteenPuzzle", "Sudoku", "TowerofHanoi", "Game2048")
)


def make(env_id: str, game: str, **settings: Any) -> gym.Env[Any, str]:
    return gym.make(env_id, game=game, disable_env_checker=True, **settings)


def transcript(env: gym.Env[Any, str], index: int, actions: tuple[str, ...]) -> list[Any]:
    observation, _ = env.reset(options={"index": index})
    rewards: list[float] = []
    for action in actions:
        observation, reward, ended, _, _ = env.step(action)
        rewards.append(reward)
        if ended:
            break
    return [[message["content"] for message in observation["history"]], rewards]


class Arena:
    """Skips where TextArena is not installed."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("textarena", reason="pip install 'textenvs[textarena]'")


class TestArena(Arena):
    """TextArena's single-player games."""

    @pytest.mark.parametrize("game", ARENA)
    def test_every_game_begins_goes_on_and_repeats_itself(self, game: str) -> None:
        env, again = make("TextArena-v0", game), make("TextArena-v0", game)
        actions = ("[1]", "[up]", "nothing", "nothing", "nothing")
        assert transcript(env, 3, actions) == transcript(again, 3, actions)
        assert len(transcript(env, 3, actions)[0][0]) > 40

    def test_a_game_is_won(self) -> None:
        env = make("TextArena-v0", "GuessTheNumber-v0")
        for index in range(5):
            env.reset(options={"index": index})
            low, high, ended = 1, 20, False
            while not ended:
                guess = (low + high) // 2
                observation, reward, ended, _, info = env.step(f"[{guess}]")
                if not ended:
                    higher = "higher" in observation["history"][-1]["content"]
                    low, high = (guess + 1, high) if higher else (low, guess - 1)
            assert (reward, info["success"], info["stop"]) == (1.0, 1.0, "success")

    def test_a_malformed_action_is_counted_and_the_second_in_a_row_loses(self) -> None:
        env = make("TextArena-v0", "GuessTheNumber-v0")
        env.reset(options={"index": 0})
        assert env.step("no")[4]["invalid_action"] == 1.0
        assert env.step("[3]")[4]["invalid_action"] == 0.0
        env.step("no")
        _, _, ended, _, info = env.step("no")
        assert (ended, info["invalid_action"], info["success"]) == (True, 1.0, 0.0)

    @pytest.mark.parametrize("game", ["Countdown-v0", "Cryptarithm-v0", "Slitherlink-v0", "ThreeCardMonte-v0"])
    def test_reward_and_reason_that_a_game_has_mixed_up_are_told_apart(self, game: str) -> None:
        env = make("TextArena-v0", game)
        env.reset(options={"index": 0})
        env.step("nothing")
        observation, reward, ended, _, info = env.step("nothing")
        assert (ended, info["invalid_action"], info["success"], 0.0 <= reward < 1.0) == (True, 1.0, 0.0, True)
        assert (
            "Bad action" in observation["history"][-1]["content"] or "Invalid" in observation["history"][-1]["content"]
        )

    def test_says_what_it_cannot_play(self) -> None:
        with pytest.raises(ConfigError, match="several players"):
            make("TextArena-v0", "MarketEntryGame-v0")
        with pytest.raises(UnknownNameError, match="Mastermind-v0"):
            make("TextArena-v0", "Mastermnd-v0")
        with pytest.raises(ConfigError, match=r"'Chopsticks-v0' cannot begin.*players"):
            make("TextArena-v0", "Chopsticks-v0")


class TestArenaKeepsEveryRule(Arena, EnvContractTests):
    """Every rule of the conformance kit, for one game."""

    target = "TextArena-v0"
    env_kwargs = {"game": "GuessTheNumber-v0"}  # noqa: RUF012
    items, draws = 4, 50
    skip_rules = ("is_light",)  # it times an import that is not ours


class Gem:
    """Skips where GEM is not installed."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("gem", reason="pip install 'textenvs[gem]'")


class TestGem(Gem):
    """GEM's games."""

    @pytest.mark.parametrize("game", GEM)
    def test_every_game_begins_goes_on_and_repeats_itself(self, game: str) -> None:
        env, again = make("GEM-v0", game), make("GEM-v0", game)
        actions = (r"\boxed{1 2}", r"\boxed{3}", r"\boxed{up}")
        assert transcript(env, 3, actions) == transcript(again, 3, actions)
        assert len(transcript(env, 3, actions)[0][0]) > 40

    def test_a_game_is_won(self) -> None:
        env = make("GEM-v0", "game:GuessTheNumber-v0-easy")
        env.reset(options={"index": 2})
        low, high, ended = 1, 10, False
        while not ended:
            guess = (low + high) // 2
            observation, reward, ended, _, info = env.step(rf"\boxed{{{guess}}}")
            higher = re.search("is higher", observation["history"][-1]["content"])
            low, high = (guess + 1, high) if higher else (low, guess - 1)
        assert (reward, info["success"], info["stop"]) == (1.0, 1.0, "success")

    def test_the_logging_of_the_process_stays_as_it_was(self) -> None:
        root = logging.getLogger()
        before = root.handlers[:], root.level
        make("GEM-v0", GEM[0])
        assert (root.handlers, root.level) == before

    def test_says_what_it_cannot_play(self) -> None:
        with pytest.raises(UnknownNameError, match="game:Mastermind-v0-easy"):
            make("GEM-v0", "game:Mastermind-v0")


class TestGemKeepsEveryRule(Gem, EnvContractTests):
    """Every rule of the conformance kit, for one game."""

    target = "GEM-v0"
    env_kwargs = {"game": "game:Mastermind-v0-easy"}  # noqa: RUF012
    items, draws = 4, 50
    skip_rules = ("is_light",)  # it times an import that is not ours
