"""Rewards made of others: what each pays, that every tree's parts add up to its value, and what training moves."""

from __future__ import annotations

import itertools
import json
import math
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toy import EchoEnv, broken
from textenvs.errors import RewardSpecError
from textenvs.messages import Turn
from textenvs.rewards import (
    Clip,
    Delayed,
    Gate,
    LengthPenalty,
    Lexicographic,
    Normalize,
    Product,
    Repetition,
    Reward,
    Schedule,
    Score,
    Scored,
    WeightedSum,
)
from textenvs.rewards.fusion import Fusion

TURN = Turn("do", (), "red", truth="red", last=True)


def constant(value: float) -> Scored:
    return Scored(lambda turn: value, "constant")


def by_index(values: Sequence[float]) -> Callable[[Turn], float]:
    return lambda turn: values[turn.index]


# Any tree


def fused_again(reward: Reward, parts: dict[str, float], name: str) -> float:
    """The value of a tree, from nothing but the numbers of its leaves."""
    if not isinstance(reward, Fusion):
        return parts[name]
    values = {
        key: fused_again(child, parts, f"{name}.{key}" if name else key) for key, child in reward.children.items()
    }
    return reward.fuse(values)


def fusions(children: st.SearchStrategy[Reward]) -> st.SearchStrategy[Reward]:
    several = st.lists(children, min_size=1, max_size=3).map(lambda some: {f"c{i}": one for i, one in enumerate(some)})
    weighted = several.flatmap(
        lambda some: st.lists(st.floats(-3, 3), min_size=len(some), max_size=len(some)).map(
            lambda weights: WeightedSum(some, dict(zip(some, weights, strict=True)))
        )
    )
    return st.one_of(
        weighted,
        several.map(Product),
        several.map(Lexicographic),
        st.tuples(children, children).map(lambda two: Gate(*two)),
        children.map(Clip),
        children.map(Delayed),
    )


TREES = st.recursive(st.floats(-2, 2).map(constant), fusions, max_leaves=12)


@given(TREES)
def test_the_parts_of_any_tree_reproduce_its_value(tree: Reward) -> None:
    score = tree(TURN)
    assert score.valid
    parts = dict(score.parts) if isinstance(tree, Fusion) else {"": score.value}
    assert fused_again(tree, parts, "") == pytest.approx(score.value, abs=1e-9)
    assert set(score.parts) == set(tree.part_names)


@given(TREES)
def test_any_tree_scores_a_batch_as_it_scores_each_turn(tree: Reward) -> None:
    turns = [TURN, Turn("do", (), "blue")]
    assert tree.score_batch(turns) == [tree(turn) for turn in turns]


def test_a_tree_is_printed() -> None:
    tree = WeightedSum({"right": constant(1.0), "form": Clip(constant(0.5))})
    assert repr(tree) == "WeightedSum(\n  right: constant\n  form: Clip(\n    reward: constant\n  )\n)"


# Each module


@pytest.mark.parametrize(
    ("values", "value"),
    [((0.0, 1.0, 1.0), 0.0), ((0.5, 1.0, 1.0), 0.5 / 3), ((1.0, 0.2, 1.0), 1.2 / 3), ((1.0, 1.0, 1.0), 1.0)],
)
def test_first_things_first(values: tuple[float, ...], value: float) -> None:
    children = {name: constant(one) for name, one in zip("abc", values, strict=True)}
    assert Lexicographic(children)(TURN).value == pytest.approx(value)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=4))
def test_no_later_child_makes_up_for_an_earlier_one(pairs: list[tuple[float, float]]) -> None:
    def value(which: int) -> float:
        return Lexicographic({f"c{i}": constant(pair[which]) for i, pair in enumerate(pairs)})(TURN).value

    first = next(((a, b) for a, b in pairs if a != b and min(a, b) < 1.0), None)
    before = list(itertools.takewhile(lambda pair: pair[0] == pair[1] == 1.0, pairs))
    if first is not None and pairs.index(first) == len(before):
        assert (value(0) > value(1)) == (first[0] > first[1]) or abs(first[0] - first[1]) < 1e-12


def test_what_is_missing_on_the_way_is_missing() -> None:
    assert not Lexicographic({"a": constant(1.0), "b": broken})(TURN).valid
    assert not Clip(broken)(TURN).valid
    assert not Normalize(broken)(TURN).valid
    assert not Delayed(broken)(TURN).valid


def test_clipped() -> None:
    assert [Clip(constant(v), -1, 2)(TURN).value for v in (-5.0, 0.5, 5.0)] == [-1.0, 0.5, 2.0]


def test_a_delayed_reward_is_asked_once_an_episode_beside_one_by_the_turn() -> None:
    asked: list[int] = []

    def judge(turn: Turn) -> float:
        asked.append(turn.index)
        return float(len(turn.history))

    env = EchoEnv(reward=WeightedSum({"each": constant(1.0), "whole": Delayed(judge)}))
    env.reset(options={"index": 0})
    steps = [env.step("red") for _ in range(3)]
    assert asked == [2]
    assert [step[1] for step in steps] == [1.0, 1.0, 1.0 + 5.0]
    assert steps[0][4]["reward_parts"] == {"each": 1.0, "whole": 0.0, "whole.reward": 0.0}


def test_length_is_charged_beyond_its_limit() -> None:
    charge = LengthPenalty(limit=3, span=4)
    answers = ["one two three", "one two three four", "一二三四五", "a b c d e f g h i", "<think>a b c d e</think> one"]
    assert [charge(Turn("", (), answer)).value for answer in answers] == [0.0, -0.25, -0.5, -1.0, 0.0]


def test_repetition_is_charged_by_its_share() -> None:
    assert Repetition()(Turn("", (), "one two one two")).value == -0.5
    assert Repetition()(Turn("", (), "我我我我")).value == -0.75
    assert Repetition()(Turn("", (), "")).value == 0.0


# What training moves


def test_a_schedule_moves_between_its_points() -> None:
    points = {"form": [(0.0, 1.0), (0.5, 0.0)], "right": [(0.2, 0.0), (0.6, 2.0)]}
    reward = Schedule({"form": constant(1.0), "right": constant(1.0)}, points)
    weights = []
    for progress in (0.0, 0.25, 0.4, 0.5, 1.0):
        reward.set_progress(progress)
        weights.append((reward.weights["form"], reward.weights["right"]))
    assert weights == [pytest.approx(pair) for pair in ((1.0, 0.0), (0.5, 0.25), (0.2, 1.0), (0.0, 1.5), (0.0, 2.0))]
    assert reward(TURN).value == 2.0


def test_progress_reaches_every_child() -> None:
    inner = Schedule({"a": constant(1.0)}, {"a": [(0.0, 0.0), (1.0, 1.0)]})
    tree = Product({"x": Clip(inner), "y": constant(1.0)})
    tree.set_progress(0.5)
    assert tree(TURN).value == 0.5


VALUES = [3.0, -1.0, 0.1, 0.2, 7.5, 1e-3]


def normalized(order: Sequence[int], batch: int) -> Normalize:
    reward = Normalize(by_index(VALUES), clip=100.0)
    for start in range(0, len(order), batch):
        reward.score_batch([Turn("", (), "", index=i) for i in order[start : start + batch]])
    reward.set_progress(0.1)
    return reward


def test_normalised_values_have_mean_0_and_deviation_1() -> None:
    reward = normalized(range(6), 6)
    scaled = [reward(Turn("", (), "", index=i)).value for i in range(6)]
    assert np.mean(scaled) == pytest.approx(0.0, abs=1e-12)
    assert np.std(scaled, ddof=1) == pytest.approx(1.0)


def test_statistics_in_several_updates_are_those_of_all_values() -> None:
    reward = Normalize(by_index(VALUES))
    for chunk in ((0, 1), (2,), (3, 4, 5)):
        reward.score_batch([Turn("", (), "", index=i) for i in chunk])
        reward.set_progress(0.0)
    statistics = reward.state()["statistics"]
    assert statistics["mean"] == pytest.approx(np.mean(VALUES))
    assert statistics["squares"] / 5 == pytest.approx(np.var(VALUES, ddof=1))


@pytest.mark.parametrize("batch", [1, 2, 6])
def test_neither_order_nor_batch_changes_a_bit_of_the_statistics(batch: int) -> None:
    assert normalized([5, 3, 1, 0, 4, 2], batch).state() == normalized(range(6), 3).state()


def test_statistics_stand_still_within_an_update() -> None:
    reward = normalized(range(6), 6)
    turn = Turn("", (), "", index=4)
    assert reward(turn) == reward(turn)
    assert Normalize(by_index(VALUES))(turn).value == 7.5


def test_a_restored_tree_goes_on_bit_for_bit() -> None:
    def tree() -> WeightedSum:
        return WeightedSum({"scaled": Normalize(by_index(VALUES)), "plain": constant(0.0)})

    def go_on(reward: Reward, indices: Sequence[int]) -> list[Score]:
        scores = reward.score_batch([Turn("", (), "", index=i) for i in indices])
        reward.set_progress(0.5)
        return scores

    first = tree()
    go_on(first, [0, 1, 2])
    first.score_batch([Turn("", (), "", index=5)])  # in the middle of an update
    second = tree()
    second.restore(json.loads(json.dumps(first.state())))
    assert go_on(second, [3, 4]) == go_on(first, [3, 4])
    assert go_on(second, [0]) == go_on(first, [0])


# Around them


def test_a_hook_sees_the_scores_until_it_is_taken_away() -> None:
    seen: list[Any] = []
    reward = WeightedSum({"a": constant(2.0)})
    remove = reward.add_hook(lambda fusion, turns, scores: seen.append((fusion.name, len(turns), scores[0].value)))
    reward.score_batch([TURN, TURN])
    remove()
    reward(TURN)
    assert seen == [("weighted_sum", 2, 2.0)]


def test_modules_travel() -> None:
    tree = WeightedSum({"length": LengthPenalty(3), "again": Repetition(), "late": Delayed(Clip(Repetition()))})
    assert pickle.loads(pickle.dumps(tree))(TURN) == tree(TURN)  # noqa: S301 (our own bytes)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Lexicographic({"a": constant(1.0)}, threshold=0.0),
        lambda: Clip(constant(1.0), 1.0, 1.0),
        lambda: Normalize(constant(1.0), clip=0.0),
        lambda: LengthPenalty(-1),
        lambda: Schedule({"a": constant(1.0)}, {"a": []}),
        lambda: Schedule({"a": constant(1.0)}, {"a": [(0.5, 1.0), (0.2, 1.0)]}),
        lambda: Schedule({"a": constant(1.0)}, {"b": [(0.5, 1.0)]}),
    ],
)
def test_mistakes_are_told(make: Callable[[], Reward]) -> None:
    with pytest.raises(RewardSpecError):
        make()


def test_nothing_but_numbers_comes_of_extremes() -> None:
    assert math.isfinite(Normalize(constant(1.0))(TURN).value)
