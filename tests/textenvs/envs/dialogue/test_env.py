"""DialogueStrategy as an environment: values mean what they say, every end has its name, nothing trivial pays."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean, stdev
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import textenvs  # noqa: F401 (registers the ids)
from textenvs.envs.dialogue.assess import assess, converse, regret
from textenvs.envs.dialogue.dials import LEVELS, Dials
from textenvs.envs.dialogue.env import DialogueStrategy
from textenvs.envs.dialogue.episode import DialogueEpisode
from textenvs.envs.dialogue.oracle import oracle_of
from textenvs.envs.dialogue.types import TurnTruth
from textenvs.errors import ConfigError, UnknownNameError
from textenvs.messages import Stop
from textenvs.users.core import FREE, Act, Heard, Move, Said

TOY = Dials(slots=2, values=3, candidates=3, turns=8, goals=2, shelves=1, exact=True)


def toy(**settings: Any) -> DialogueStrategy:
    return DialogueStrategy(difficulty=TOY, **settings)


def play(env: DialogueStrategy, act: Any, index: int) -> tuple[float, dict[str, Any]]:
    observation, info = env.reset(options={"index": index})
    total, ended = 0.0, False
    while not ended:
        observation, reward, ended, _, info = env.step(act(observation))
        total += reward
    return total, info


def some_move(env: DialogueStrategy, chance: np.random.Generator) -> str:
    """The oracle's words, or any move."""
    if chance.random() < 0.5:
        return env.oracle_action()
    episode = env._current()
    assert isinstance(episode, DialogueEpisode)
    kinds = ["recommend", "book", "refuse", "offer", "end", "handover", "unclear"]
    others = [Move(kind, FREE, 0) for kind in kinds]  # type: ignore[arg-type]
    moves = [Move("ask", 0), Move("ask", 1), *others]
    return episode.word(moves[chance.integers(len(moves))])


def test_what_an_episode_loses_to_the_optimum_is_the_regret_of_its_moves() -> None:
    # An identity in expectation: the optimum's value before the first move, less the return, is the sum of what each
    # move falls short. It holds for the real users only if their law is the oracle's.
    env, chance = toy(), np.random.default_rng(1)
    gaps, luck = [], []
    for index in range(500):
        truths = converse(env, lambda _: some_move(env, chance), index)
        item = truths[0].item
        oracle = oracle_of(item.catalogue.kb, item.habits, item.mood == "angry")
        earned = play_again(env, truths)
        regrets = [regret(truth) for truth in truths]
        assert min(regrets) >= 0.0
        gaps.append(sum(regrets))
        luck.append(oracle.value(truths[0].belief, truths[0].turns) - sum(regrets) - earned)
    assert fmean(gaps) > 0.1
    assert abs(fmean(luck)) < 4 * stdev(luck) / math.sqrt(len(luck)), fmean(luck)


def play_again(env: DialogueStrategy, truths: list[TurnTruth]) -> float:
    """The return of a dialogue that was played."""
    from textenvs.envs.dialogue.reward import dialogue_reward
    from textenvs.messages import Turn

    return sum(dialogue_reward(Turn("", (), "", (), (), (), truth)).value for truth in truths)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_no_trivial_policy_comes_within_two_fifths_of_the_optimum(language: str, split: Any) -> None:
    env = DialogueStrategy(difficulty="small", language=language, split=split)  # type: ignore[arg-type]
    listeners = ("oracle", "best_known", "describing", "careless")
    trivial = {name: act for name, act in env.baselines().items() if name not in listeners}
    for name, act in {**trivial, "tagged echo": tagged_echo}.items():
        assert fmean(play(env, act, index)[0] for index in range(40)) < 0.1, name
    # Nor does the best guess without a question, by one who knows all that is known and when to refuse and stop.
    guesses = [guess(env, index) for index in range(200)]
    assert fmean(guesses) < 0.6 * OPTIMUM[split]


def tagged_echo(observation: Any) -> str:
    """Have looked up whatever the user has just said."""
    return f"[recommend {observation['history'][-1]['content'][-80:]}]"


OPTIMUM = {"train": 0.86, "test": 0.81}
"""A little less than what the optimum returns in the small world, see the next test."""


def guess(env: DialogueStrategy, index: int) -> float:
    env.reset(options={"index": index})
    menu, total, ended = env.menu(), 0.0, False
    while not ended:
        seen = dict(zip(menu.features, menu.look(), strict=True))
        move = "offer" if seen["waiting"] else "end" if seen["gone"] else "refuse" if seen["impossible"] else "answer"
        _, reward, ended, _, _ = env.step(menu.say(menu.moves.index(move)))
        total += reward
    return total


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_optimum_of_the_small_world_is_high(split: Any) -> None:
    # The best known policy is no better than the optimum, and it earns this much.
    env = DialogueStrategy(difficulty=replace(LEVELS["small"], exact=False), split=split)
    earned = [play(env, env.baselines()["oracle"], index)[0] for index in range(300)]
    assert fmean(earned) > OPTIMUM[split]
    episode = DialogueStrategy(difficulty="small", split=split).make_episode(1)
    assert isinstance(episode, DialogueEpisode)
    assert episode.exact is not None
    assert episode.exact.value(episode.belief, episode.turns) > 0.7
    assert episode.exact.n_states < 1_000_000


def test_the_oracle_has_no_regret_and_asks_exactly_when_it_should() -> None:
    env = toy()
    report = assess([converse(env, lambda _: env.oracle_action(), index) for index in range(150)], exact=True)
    assert report.regret == pytest.approx(0.0, abs=1e-9)
    assert (report.asked_when_needed, report.asked_when_not_needed) == (1.0, 0.0)
    assert report.completion > 0.97
    idle = assess([converse(env, lambda _: "Goodbye.", index) for index in range(50)], exact=True)
    assert idle.regret > 0.7
    assert idle.completion == 0.0


class Scripted:
    """A user with a script."""

    def __init__(self, *said: Said) -> None:
        self.said = list(said)

    def open(self) -> Said:
        return self.said.pop(0)

    def hear(self, heard: Heard) -> Said:
        return self.said.pop(0)

    def fork(self) -> Scripted:
        return Scripted(*self.said)


HELLO = Said("Hello.", (Act("request"),))


def test_every_end_has_its_name() -> None:
    def ending(*said: Said, words: str = "Hm.") -> Stop:
        env = toy(make_user=lambda item: Scripted(HELLO, *said), language="en")
        return Stop(play(env, lambda _: words, 0)[1]["stop"])

    puzzled = Said("?", (Act("puzzled"),))
    assert ending(puzzled, Said("Bye.", (Act("leave"),))) is Stop.USER_LEFT
    assert ending(*[puzzled] * 8) is Stop.TURN_BUDGET
    assert ending(words="Goodbye.") is Stop.FAILURE
    assert ending(Said("Thanks.", (Act("thank"),))) is Stop.FAILURE
    env = toy()
    assert {play(env, lambda _: env.oracle_action(), i)[1]["stop"] for i in range(40)} >= {Stop.SUCCESS}


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_best_known_policy_is_nearly_the_optimum_without_computing_it(split: Any) -> None:
    env = DialogueStrategy(difficulty="small", split=split)
    known = env.baselines()["best_known"]
    assert fmean(play(env, known, index)[0] for index in range(300)) > 0.9 * OPTIMUM[split]


@pytest.mark.parametrize(("own", "told"), [("", ""), ("Sell.", "Sell.\n")])
def test_ones_own_instruction_leaves_what_there_is(own: str, told: str) -> None:
    plain, other = (DialogueStrategy(language="en", instruction=words) for words in (None, own))
    full, brief = (env.reset(options={"index": 0})[0]["instruction"] for env in (plain, other))
    catalogue = brief.removeprefix(told)
    assert catalogue.startswith("Slots: ")
    assert f"\n{catalogue}\n" in full


@pytest.mark.parametrize("broken", [0, 1])
def test_an_episode_that_the_user_spoiled_has_no_reward(broken: int) -> None:
    said = [HELLO, Said("What.", (Act("puzzled"),))]
    said[broken] = Said("", said[broken].acts, fault=True)
    for reward in (None, {"completion": 1.0}):
        env = toy(make_user=lambda item: Scripted(*said), reward=reward)
        env.reset(options={"index": 0})
        _, value, ended, _, info = env.step("Hm.")
        assert (value, ended, info["reward_valid"], info["stop"]) == (0.0, True, 0.0, Stop.ERROR)


def test_rewards_are_paid_at_the_end_by_default_and_sum_to_the_same() -> None:
    for index in range(30):
        late, early = toy(), toy(reward_timing="turn")
        paid = [play(env, env.baselines()["oracle"], index)[0] for env in (late, early)]
        assert paid[0] == pytest.approx(paid[1])
        late.reset(options={"index": index})
        assert late.step("Hm.")[1] == 0.0
        early.reset(options={"index": index})
        assert early.step("Hm.")[1] == pytest.approx(-0.02)


NASTY = [
    "",
    "[" * 10_000,
    "[ask",
    "[ask ]",
    "[推荐 ]",
    "\ud800",
    "\0",
    "a" * 100_000,
    "<think>",
    "[ask price][end]",
    "？",
]


@pytest.mark.parametrize("action", NASTY, ids=range(len(NASTY)))
def test_any_text_is_an_action(action: str) -> None:
    for index in range(4):
        env = DialogueStrategy(reward_timing="turn")
        env.reset(options={"index": index})
        _, reward, _, _, info = env.step(action)
        assert env.reward_range[0] <= reward <= env.reward_range[1]
        assert info["reward_valid"] == 1.0


def test_both_styles_and_the_other_bank_play() -> None:
    tagged = gym.make("DialogueStrategy-v0", style="tags", users="test", difficulty="full").unwrapped
    successes = [play(tagged, lambda _: tagged.oracle_action(), i)[1]["success"] for i in range(40)]  # type: ignore[arg-type, attr-defined]
    assert fmean(successes) > 0.9
    assert tagged.oracle_action is not None
    assert "[" in tagged.make_episode(0).oracle()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "error", "named"),
    [
        ({"language": "fr"}, UnknownNameError, "zh"),
        ({"difficulty": "smal"}, UnknownNameError, "small"),
        ({"style": "tag"}, UnknownNameError, "tags"),
        ({"users": "tests"}, UnknownNameError, "test"),
    ],
)
def test_unknown_settings_name_the_nearest(settings: dict[str, Any], error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=named):
        DialogueStrategy(**settings)


def test_dials_out_of_range_are_named() -> None:
    with pytest.raises(ConfigError, match="candidates"):
        Dials(slots=1, values=2, candidates=5)
