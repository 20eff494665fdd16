"""How rewards compose, and what happens to those that fail."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toy import brief, broken, exact, not_a_number
from textenvs import Turn
from textenvs.errors import RewardSpecError, UnknownNameError
from textenvs.faults import Fault
from textenvs.rewards import Gate, Product, Score, Scored, WeightedSum, build_reward

TURN = Turn("do", (), "red", truth="red")


def constant(value: float) -> Scored:
    return Scored(lambda turn: value, "constant")


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1))
def test_weighted_sum_reproduces_its_value_from_its_parts(table: dict[str, tuple[float, float]]) -> None:
    fused = WeightedSum(
        {name: constant(value) for name, (value, _) in table.items()}, {n: weight for n, (_, weight) in table.items()}
    )
    score = fused(TURN)
    assert score.valid
    assert score.parts == {name: value for name, (value, _) in table.items()}
    assert score.value == pytest.approx(sum(w * score.parts[n] for n, (_, w) in table.items()), abs=1e-9)


def test_weighted_sum_leaves_a_missing_part_out_and_says_so() -> None:
    score = WeightedSum({"exact": exact, "broken": broken}, {"exact": 0.5, "broken": 0.5})(TURN)
    assert score.value == 0.5
    assert not score.valid
    assert score.parts["exact"] == 1.0
    assert math.isnan(score.parts["broken"])


def test_product_needs_every_part() -> None:
    assert Product({"a": constant(0.5), "b": constant(0.5)})(TURN).value == 0.25
    score = Product({"a": constant(0.5), "b": broken})(TURN)
    assert (score.value, score.valid) == (0.0, False)


def test_gate_opens_at_its_threshold() -> None:
    assert Gate(constant(0.5), constant(0.8))(TURN).value == 0.8
    assert Gate(constant(0.49), constant(0.8), closed=-0.1)(TURN).value == -0.1
    closed = Gate(broken, constant(0.8))(TURN)
    assert (closed.value, closed.valid) == (0.0, False)


def test_fusions_nest_and_keep_every_part() -> None:
    inner = WeightedSum({"a": constant(1.0), "b": constant(3.0)})
    score = Product({"sum": inner, "half": constant(0.5)})(TURN)
    assert score.value == 2.0
    assert score.parts == {"sum": 4.0, "half": 0.5, "sum.a": 1.0, "sum.b": 3.0}
    assert set(Product({"sum": inner, "half": constant(0.5)}).part_names) == set(score.parts)


class Batched:
    """A reward that only likes batches, and counts them."""

    calls = 0

    def __call__(self, turn: Turn) -> float:
        raise AssertionError("scored one by one")

    def score_batch(self, turns: Sequence[Turn]) -> list[float]:
        self.calls += 1
        return [float(turn.index) for turn in turns]


def test_a_batch_reward_is_asked_once_even_inside_a_fusion() -> None:
    batched = Batched()
    scores = WeightedSum({"b": batched, "x": exact}).score_batch([Turn("", (), "", index=i) for i in range(5)])
    assert [score.parts["b"] for score in scores] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert batched.calls == 1


class Short(Batched):
    def score_batch(self, turns: Sequence[Turn]) -> list[float]:
        return []


def test_a_batch_of_the_wrong_length_is_missing() -> None:
    assert [score.valid for score in Scored(Short()).score_batch([TURN, TURN])] == [False, False]


ODD: dict[str, Any] = {
    "none": None,
    "text": "high",
    "a number in a text": "0.5",
    "infinite": math.inf,
    "no value": Score(math.nan, {"p": 1.0}),
    "an infinite part": Score(1.0, {"p": math.inf}),
    "a part that is a text": Score(1.0, {"p": "x"}),  # type: ignore[dict-item]
    "no parts": Score(1.0, None),  # type: ignore[arg-type]
    "a value that is none": Score(None, {}),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_number_is_missing(name: str) -> None:
    class Odd:
        def __call__(self, turn: Turn) -> Any:
            return ODD[name]

        def score_batch(self, turns: Sequence[Turn]) -> list[Any]:
            return [1.0, ODD[name]]

    sound, odd = Scored(Odd(), "odd").score_batch([TURN, TURN])
    assert sound.valid
    assert str(odd) == str(Scored(lambda turn: ODD[name], "odd")(TURN)), "alone as in a batch"
    assert (odd.value, odd.valid) == (0.0, False)
    assert not any(math.isinf(part) for part in odd.parts.values())


class Made:
    """A reward that is made: as long as its argument."""

    def __init__(self, word: str = "one") -> None:
        self.word = word

    def __call__(self, turn: Turn) -> float:
        return float(len(self.word))


def test_every_way_to_name_a_reward() -> None:
    parts = {"exact": exact}
    for spec in (exact, "exact", "tests.toy:exact", {"exact": 1.0}, {"tests.toy:exact": 1.0}, Scored(exact)):
        assert build_reward(spec, parts)(TURN).value == 1.0
    for spec in ("tests.textenvs.test_rewards_core:Made", {"tests.textenvs.test_rewards_core:Made": 1.0}):
        assert build_reward(spec, parts)(TURN).value == 3.0
    assert build_reward("tests.textenvs.test_rewards_core:Made:four", parts)(TURN).value == 4.0
    assert build_reward("textenvs.rewards:Repetition", parts).name == "repetition"
    mixed = build_reward({"exact": 0.4, "tests.toy:brief": 0.6}, parts)(TURN)
    assert mixed.value == pytest.approx(1.0)
    assert mixed.parts.keys() == {"exact", "tests.toy:brief"}


@pytest.mark.parametrize(
    ("spec", "error", "says"),
    [
        ("exat", UnknownNameError, "exact"),
        ("tests.toy:exat", UnknownNameError, "exact"),
        ("no.such.module:f", RewardSpecError, "no.such.module"),
        ("tests.toy:WORDS", RewardSpecError, "tuple"),
        ({"exact": "much"}, RewardSpecError, "weights"),
        ({"exact": math.nan}, RewardSpecError, "finite"),
        ({}, RewardSpecError, "at least one"),
        (3, RewardSpecError, "int"),
        ("textenvs.rewards:LengthPenalty", RewardSpecError, "limit.*my_module:my_reward"),
        ("textenvs.rewards:LengthPenalty:30", RewardSpecError, "TypeError.*my_module:my_reward"),
    ],
)
def test_bad_specifications_say_what_is_wrong(spec: object, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        build_reward(spec, {"exact": exact})  # type: ignore[arg-type]


def test_a_missing_score_says_at_which_boundary_it_failed() -> None:
    assert Scored(broken)(TURN).fault == Fault.REWARD_FAILED
    assert Scored(not_a_number)(TURN).fault == Fault.REWARD_NOT_FINITE
    assert Scored(brief)(TURN).fault is None
    fused = WeightedSum({"brief": brief, "broken": broken})(TURN)
    assert (fused.valid, fused.fault) == (False, Fault.REWARD_FAILED)
    overflow = Product({"a": lambda turn: 1e200, "b": lambda turn: 1e200})(TURN)
    assert (overflow.valid, overflow.fault) == (False, Fault.REWARD_NOT_FINITE)


def test_a_reward_says_whether_it_gains_from_batches() -> None:
    class Batched:
        def __call__(self, turn: Turn) -> float:
            return 1.0

        def score_batch(self, turns: list[Turn]) -> list[float]:
            return [1.0 for _ in turns]

    assert not WeightedSum({"brief": brief}).batches
    assert WeightedSum({"brief": brief, "network": Batched()}).batches
